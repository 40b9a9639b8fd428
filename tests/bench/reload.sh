#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The plugin's own time per RELOAD message against Wireshark's built-in RELOAD dissector on the same capture: user CPU
# time of tshark, minus that of the same capture with the dissector in question off. Signatures off, then on. The note on
# clear text is off: a capture over TLS has none, and TLS would cover what is measured here. Pairs are run in turn;
# medians count.
#
# usage: reload.sh BUILD_FOLDER [MESSAGES] [ROUNDS]
set -euo pipefail
build=${1:?usage: reload.sh BUILD_FOLDER [MESSAGES] [ROUNDS]}
count=${2:-100000}
rounds=${3:-3}
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/home" "$dir/none"
chmod 777 "$dir/home"
cp -r "$build/plugins" "$dir/plugins"
"$build/tests/bench/make_reload" "$count" "$dir/reload.pcap"

# As root Wireshark ignores the plugin folder: another uid runs it.
drop=()
[ "$(id -u)" -ne 0 ] || drop=(setpriv --reuid 65534 --regid 65534 --clear-groups)
TIMEFORMAT=%U
tshark_seconds() {  # PLUGINS ARGUMENTS...: user CPU seconds of tshark
  local plugins=$1
  shift
  { time "${drop[@]}" env HOME="$dir/home" WIRESHARK_PLUGIN_DIR="$plugins" tshark "$@" >/dev/null 2>"$dir/errors"; } 2>&1 || { cat "$dir/errors" >&2; exit 1; }
}
median() { sort -n | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }

off=(--disable-protocol reload --disable-protocol reload-framing)
for mode in "no tree:-t a" "full tree:-V"; do
  flag=${mode##*:}
  : >"$dir/a" && : >"$dir/b" && : >"$dir/c" && : >"$dir/d" && : >"$dir/e"
  for _ in $(seq "$rounds"); do
    tshark_seconds "$dir/plugins" -n $flag -o relo.verify_signatures:FALSE -o relo.clear_text_note:FALSE -r "$dir/reload.pcap" >>"$dir/a"
    tshark_seconds "$dir/plugins" -n $flag --disable-protocol relo "${off[@]}" -r "$dir/reload.pcap" >>"$dir/b"
    tshark_seconds "$dir/none" -n $flag -r "$dir/reload.pcap" >>"$dir/c"
    tshark_seconds "$dir/none" -n $flag "${off[@]}" -r "$dir/reload.pcap" >>"$dir/d"
    tshark_seconds "$dir/plugins" -n $flag -o relo.clear_text_note:FALSE -r "$dir/reload.pcap" >>"$dir/e"
  done
  awk -v m="${mode%%:*}" -v a="$(median <"$dir/a")" -v b="$(median <"$dir/b")" -v c="$(median <"$dir/c")" -v d="$(median <"$dir/d")" -v e="$(median <"$dir/e")" -v n="$count" \
    'BEGIN{o=a-b; s=c-d; printf "%-9s  ours %.1f us a message (%.2f s - %.2f s), built in %.1f us (%.2f s - %.2f s): ratio %.2f (budget 0.33 without tree); whole run %.2f; with signatures %.1f us, %.0f messages/s\n", m, o/n*1e6, a, b, s/n*1e6, c, d, o/s, a/c, (e-b)/n*1e6, n/(e-b)}'
done
