#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A large ALTO cost map in one HTTP/1.1 response: CPU time (user and system) and peak memory of tshark with the plugin
# beside those of the built-in JSON dissector on the same bytes, whole runs; medians count. Then the plugin with its tree,
# which holds the first entries; the built-in dissector's takes minutes and more memory than most machines have.
#
# usage: cost_map.sh BUILD_FOLDER [MEGABYTES] [ROUNDS]
set -euo pipefail
build=${1:?usage: cost_map.sh BUILD_FOLDER [MEGABYTES] [ROUNDS]}
size=${2:-50}
rounds=${3:-3}
dir=$(mktemp -d)
chmod 755 "$dir"
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/home" "$dir/none"
chmod 777 "$dir/home"
cp -r "$build/plugins" "$dir/plugins"
"$build/tests/bench/make_cost_map" "$size" "$dir/alto.pcap" "$dir/json.pcap"

# As root Wireshark ignores the plugin folder: another uid runs it.
drop=()
[ "$(id -u)" -ne 0 ] || drop=(setpriv --reuid 65534 --regid 65534 --clear-groups)
run() {  # PLUGINS ARGUMENTS...: CPU seconds and MiB at most of tshark
  local plugins=$1
  shift
  /usr/bin/time -o "$dir/used" -f '%U %S %M' "${drop[@]}" env HOME="$dir/home" WIRESHARK_PLUGIN_DIR="$plugins" \
    tshark -n "$@" >/dev/null 2>"$dir/errors" || { cat "$dir/errors" >&2; exit 1; }
  awk 'END{print $1 + $2, $3 / 1024}' "$dir/used"
}
median() { cut -d' ' -f"$2" "$1" | sort -n | awk '{v[NR]=$1} END{print v[int((NR+1)/2)]}'; }

for _ in $(seq "$rounds"); do
  run "$dir/plugins" -r "$dir/alto.pcap" >>"$dir/a"
  run "$dir/none" -r "$dir/json.pcap" >>"$dir/b"
  run "$dir/plugins" -V -r "$dir/alto.pcap" >>"$dir/c"
done
awk -v s="$size" -v at="$(median "$dir/a" 1)" -v am="$(median "$dir/a" 2)" -v bt="$(median "$dir/b" 1)" -v bm="$(median "$dir/b" 2)" \
  -v ct="$(median "$dir/c" 1)" -v cm="$(median "$dir/c" 2)" 'BEGIN{
    printf "cost map of %d MB: ALTO %.2f s, %.0f MiB; JSON %.2f s, %.0f MiB: time %.2f, memory %.2f (goal 0.5 each)\n", s, at, am, bt, bm, at/bt, am/bm
    printf "with the tree (-V): ALTO %.2f s, %.0f MiB\n", ct, cm}'
