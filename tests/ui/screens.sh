#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes the pictures of the report page in docs/images: three runs of the reference tracker, of which the last two have
# defects, beside one without. tests/ui/screens.sh [BUILD]; needs chromium.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
build=$(readlink -f "${1:-build/default}")
cmake --build "$build" --target peerscope page_screens >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# iut NAME VERSION [DEFECT...]: its IUT file.
iut() {
  local name=$1 version=$2 defects="" defect
  shift 2
  for defect in "$@"; do defects+=", --defect, $defect"; done
  cat <<TEXT
iut: $name
version: "$version"
role: tracker
start:
  exec: ["\${peerscope}", serve, tracker, --listen, "\${addr}:\${port}", --http$defects]
  url: http://127.0.0.1:\${port}/
  ready: {line: "listening on", within: 10s}
features: [ppstp.v1, ppstp.http-1, ppstp.ipv6]
not: [ppstp.tls, ppstp.short-timers, ppstp.auth-digest, ppstp.auth-bearer, ppstp.overload]
TEXT
}

# judge FOLDER: its results. That some fail is the point.
judge() {
  (cd "$work" && "$build/peerscope" run ppstp/tracker --iut "$1.yaml" --out "$1" --no-slow --quiet) || [ $? -eq 1 ]
}

iut small-tracker 0.1 >"$work/v1.yaml"
iut small-tracker 0.2 version-two-in-answers >"$work/v2.yaml"
iut small-tracker 0.3 version-two-in-answers list-over-peer-count missing-port >"$work/v3.yaml"
iut careful-tracker 1.0 >"$work/other.yaml"
for run in v1 v2 v3 other; do judge "$run"; done
(cd "$work" && "$build/peerscope" report v1 v2 --history h.db --out before.html &&
  "$build/peerscope" report v3 other --history h.db --out page.html) >/dev/null
"$build/tests/page_screens" "$work/page.html" docs/images P-FIND P-VER-03
ls -l docs/images/report-*.png
