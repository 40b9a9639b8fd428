#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The whole PPSTP suite against each of eight trackers of one overlay, over TLS on loopback; then two of them are killed,
# and the suite runs against each of the six that are left. One line for each run; fails when one of them does.
#
# usage: distributed_tracker_suite.sh BUILD_FOLDER [FOLDER_FOR_RESULTS]
set -euo pipefail
usage="usage: distributed_tracker_suite.sh BUILD_FOLDER [FOLDER_FOR_RESULTS]"
build=$(readlink -f "${1:?$usage}")
dir=$(mktemp -d)
results=${2:-$dir}
mkdir -p "$results"
pids=()
stop() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop EXIT

tracker() {  # NUMBER ARGUMENTS...
  local number=$1
  shift
  "$build/peerscope" serve distributed-tracker --key-type p256 --hold-down 1 --no-certificate --log-level warning \
    --track-timer 1.5 --init-timer 1 --ready-file "$dir/url$number" "$@" >"$dir/log$number" 2>&1 &
  pids+=($!)
  disown  # no message of the shell when it is killed
  for _ in $(seq 600); do [ -f "$dir/url$number" ] && return; sleep 0.05; done
  cat "$dir/log$number" >&2
  exit 1
}

failed=0
suite() {  # WHEN NUMBER
  local name="$1-$2" began=$SECONDS code=0
  cat >"$dir/$name.yaml" <<EOF
iut: distributed-tracker-$2
role: tracker
attach:
  url: $(cat "$dir/url$2")
features: [ppstp.v1, ppstp.tls, ppstp.short-timers, ppstp.http-1, ppstp.ipv6]
not: [ppstp.auth-digest, ppstp.auth-bearer, ppstp.overload]
facts: {track_timer: 1.5s}
EOF
  "$build/peerscope" run --iut "$dir/$name.yaml" --out "$results/$name" ppstp/tracker >"$dir/$name.txt" 2>&1 || code=$?
  echo "$1, tracker $2: exit code $code, $((SECONDS - began)) s; $(grep "^summary" "$dir/$name.txt" || true)"
  [ "$code" -eq 0 ] && return
  failed=$((failed + 1))
  cat "$dir/$name.txt" >&2
}

tracker 0 --overlay suite.example.org --enrollment 127.0.0.1:0 --https-ca-out "$dir/ca.pem" --config-out "$dir/overlay.xml"
for number in 1 2 3 4 5 6 7; do
  tracker "$number" --config "$dir/overlay.xml" --https-ca "$dir/ca.pem" --user "t$number@suite.example.org"
done
for number in 0 1 2 3 4 5 6 7; do suite eight "$number"; done
kill -9 "${pids[1]}" "${pids[5]}"
for number in 0 2 3 4 6 7; do suite six "$number"; done
echo "$((14 - failed)) of 14 runs passed"
[ "$failed" -eq 0 ]
