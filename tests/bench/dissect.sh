#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The plugin's own time per PPSTP body against the built-in JSON dissector's on the same bodies: user CPU time of tshark,
# minus that of the same capture with the dissector in question off. Then a capture that is not ours with and without the
# plugin. Pairs are run in turn; medians count.
#
# usage: dissect.sh BUILD_FOLDER [EXCHANGES] [ROUNDS]
set -euo pipefail
build=${1:?usage: dissect.sh BUILD_FOLDER [EXCHANGES] [ROUNDS]}
count=${2:-20000}
rounds=${3:-5}
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/home"
chmod 777 "$dir/home"
cp -r "$build/plugins" "$dir/plugins"
"$build/tests/bench/make_bodies" "$count" "$dir/ppstp.pcapng" "$dir/json.pcapng"

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

# Without -V tshark prints one line a packet and builds no tree.
for mode in "no tree:-t a" "full tree:-V"; do
  flag=${mode##*:}
  : >"$dir/a" && : >"$dir/b" && : >"$dir/c" && : >"$dir/d"
  for _ in $(seq "$rounds"); do
    tshark_seconds "$dir/plugins" -n $flag -r "$dir/ppstp.pcapng" >>"$dir/a"
    tshark_seconds "$dir/plugins" -n $flag --disable-protocol ppstp -r "$dir/ppstp.pcapng" >>"$dir/b"
    tshark_seconds "$dir/plugins" -n $flag -r "$dir/json.pcapng" >>"$dir/c"
    tshark_seconds "$dir/plugins" -n $flag --disable-protocol json -r "$dir/json.pcapng" >>"$dir/d"
  done
  awk -v m="${mode%%:*}" -v a="$(median <"$dir/a")" -v b="$(median <"$dir/b")" -v c="$(median <"$dir/c")" -v d="$(median <"$dir/d")" -v n="$((2 * count))" \
    'BEGIN{o=a-b; j=c-d; printf "%-9s  PPSTP %.1f us a body (%.2f s - %.2f s), JSON %.1f us (%.2f s - %.2f s): ratio %.2f (budget 1)\n", m, o/n*1e6, a, b, j/n*1e6, c, d, o/j}'
done

# Traffic that is not ours: the JSON capture with and without the plugin.
mkdir "$dir/none"
: >"$dir/a" && : >"$dir/b"
for _ in $(seq "$rounds"); do
  tshark_seconds "$dir/plugins" -n -r "$dir/json.pcapng" >>"$dir/a"
  tshark_seconds "$dir/none" -n -r "$dir/json.pcapng" >>"$dir/b"
done
awk -v a="$(median <"$dir/a")" -v b="$(median <"$dir/b")" 'BEGIN{printf "JSON that is not ours: %.2f s with the plugin, %.2f s without: ratio %.3f (budget 1.01)\n", a, b, a/b}'
