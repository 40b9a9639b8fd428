#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `peerscope check` against `tshark -r` with the plugin loaded, on the same capture: wall time, CPU time (children
# included) and the harness's own peak of memory. The two run in turn; the ratio is taken in each pair, and the median of
# the pairs counts, so that what else the machine does meets both. Then the same for a capture of 44 messages, where
# tshark's start is all there is. At last 1,000 copies of the small capture, two at a time, against as many runs of tshark.
#
# usage: check.sh BUILD_FOLDER [EXCHANGES] [PAIRS] [CAPTURES]
set -euo pipefail
build=${1:?usage: check.sh BUILD_FOLDER [EXCHANGES] [PAIRS] [CAPTURES]}
count=${2:-10000}
pairs=${3:-9}
here=$(dirname "$(readlink -f "$0")")
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/home"
chmod 777 "$dir/home"
cp -r "$build/plugins" "$dir/plugins"
"$build/tests/bench/make_bodies" "$count" "$dir/large.pcapng" "$dir/json.pcapng"
cp "$here/../../captures/ppstp/session/flow.pcapng" "$dir/small.pcapng"

# As root Wireshark ignores the plugin folder: another uid runs it.
drop=()
[ "$(id -u)" -ne 0 ] || drop=(setpriv --reuid 65534 --regid 65534 --clear-groups)
# Without the plugin, or with one of another version, there would be nothing to compare.
"${drop[@]}" env HOME="$dir/home" WIRESHARK_PLUGIN_DIR="$dir/plugins" tshark -G plugins 2>/dev/null | grep -q peerscope.so

# "wall cpu" of a command, appended to a file.
measure() {  # FILE COMMAND...
  local file=$1
  shift
  TIMEFORMAT='%R %U %S'
  { time "$@" >/dev/null 2>"$dir/errors"; } 2>"$dir/time" || { cat "$dir/errors" >&2; exit 1; }
  awk '{print $1, $2 + $3}' "$dir/time" >>"$file"
}
median() { sort -n | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }
column() { awk -v k="$1" '{print $k}' "$2" | median; }

for size in large small; do
  rm -f "$dir/check" "$dir/tshark"
  for _ in $(seq "$pairs"); do
    measure "$dir/check" "$build/peerscope" check "$dir/$size.pcapng"
    measure "$dir/tshark" "${drop[@]}" env HOME="$dir/home" WIRESHARK_PLUGIN_DIR="$dir/plugins" tshark -n -r "$dir/$size.pcapng"
  done
  paste "$dir/check" "$dir/tshark" | awk '{print $1 / $3, $2 / $4}' >"$dir/ratios"
  printf '%s capture: check %.2f s (CPU %.2f s), tshark -r %.2f s (CPU %.2f s): ratio %.2f, by CPU time %.2f; pairs from %.2f to %.2f (budget 1.3)\n' \
    "$size" "$(column 1 "$dir/check")" "$(column 2 "$dir/check")" "$(column 1 "$dir/tshark")" "$(column 2 "$dir/tshark")" \
    "$(column 1 "$dir/ratios")" "$(column 2 "$dir/ratios")" \
    "$(awk '{print $1}' "$dir/ratios" | sort -n | head -1)" "$(awk '{print $1}' "$dir/ratios" | sort -n | tail -1)"
done

# Many small captures, as many at a time in both cases.
mkdir "$dir/many"
many=${4:-1000}
for i in $(seq "$many"); do ln -s ../small.pcapng "$dir/many/$i.pcapng"; done
chmod 755 "$dir/many"
jobs=2
rm -f "$dir/check" "$dir/tshark"
for _ in $(seq $((pairs < 3 ? pairs : 3))); do
  measure "$dir/check" "$build/peerscope" check -q -j "$jobs" "$dir/many"
  measure "$dir/tshark" "${drop[@]}" env HOME="$dir/home" WIRESHARK_PLUGIN_DIR="$dir/plugins" \
    sh -c 'find "$1" -name "*.pcapng" -print0 | xargs -0 -n 1 -P "$2" tshark -n -r' sh "$dir/many" "$jobs"
done
paste "$dir/check" "$dir/tshark" | awk '{print $1 / $3, $2 / $4}' >"$dir/ratios"
printf '%d small captures, %d at a time: check %.1f s, tshark -r %.1f s: ratio %.2f, by CPU time %.2f (budget 1.3)\n' \
  "$many" "$jobs" "$(column 1 "$dir/check")" "$(column 1 "$dir/tshark")" "$(column 1 "$dir/ratios")" "$(column 2 "$dir/ratios")"

# The harness's own memory: tshark is another process, so the kernel's figure for the children is not wanted.
"$build/peerscope" check "$dir/large.pcapng" >/dev/null &
own=$!
peak=0
while kill -0 "$own" 2>/dev/null; do
  now=$(awk '/VmHWM/ {print $2}' "/proc/$own/status" 2>/dev/null || true)
  peak=${now:-$peak}
  sleep 0.02
done
wait "$own"
printf 'the harness at its peak: %d MiB for %d messages\n' "$((peak / 1024))" "$((2 * count))"
