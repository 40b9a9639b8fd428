#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The distributed tracker in figures. First simulations of growing overlays: how evenly registrations are spread, and what
# a CONNECT and a FIND cost, as a table and as plots. Then a storm of CONNECTs against eight trackers on loopback, of
# which one is killed and one joins meanwhile: every answer must be right or 05, and memory bounded.
#
# usage: distributed_tracker.sh BUILD_FOLDER [FOLDER_FOR_PLOTS] [SIZES] [PEERS] [STORM_SECONDS] [STORM_RATE]
set -euo pipefail
build=$(readlink -f "${1:?usage: distributed_tracker.sh BUILD_FOLDER [FOLDER_FOR_PLOTS] [SIZES] [PEERS] [STORM_SECONDS] [STORM_RATE]}")
plots=${2:-.}
sizes=${3:-8,30,100,300,1000,3000,10000}
peers=${4:-1000000}
storm_seconds=${5:-30}
storm_rate=${6:-10000}
dir=$(mktemp -d)
pids=()
stop() {
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  rm -rf "$dir"
}
trap stop EXIT

echo "== simulation"
"$build/peerscope" simulate distributed-tracker --trackers "$sizes" --peers "$peers" --sample 1000 --table "$dir/1.tsv"
"$build/peerscope" simulate distributed-tracker --trackers "$sizes" --peers "$peers" --sample 200 --shards 16 --table "$dir/16.tsv" >"$dir/16.txt"
grep -E "trackers,|registrations  |beyond|FIND" "$dir/16.txt"
mkdir -p "$plots"
gnuplot -e "one='$dir/1.tsv'; sixteen='$dir/16.tsv'; out='$plots/distributed-tracker.svg'" "$(dirname "$0")/distributed_tracker.gnuplot"
echo "plots: $plots/distributed-tracker.svg"

echo "== storm: $storm_rate CONNECTs a second for $storm_seconds s, eight trackers"
tracker() {  # NUMBER ARGUMENTS...
  local number=$1
  shift
  "$build/peerscope" serve distributed-tracker --http --key-type p256 --hold-down 1 --no-certificate --log-level off \
    --metrics "$dir/metrics$number" --ready-file "$dir/url$number" "$@" >"$dir/log$number" 2>&1 &
  pids+=($!)
  for _ in $(seq 1200); do [ -f "$dir/url$number" ] && return; sleep 0.05; done
  cat "$dir/log$number" >&2
  exit 1
}
tracker 0 --overlay storm.example.org --enrollment 127.0.0.1:0 --https-ca-out "$dir/ca.pem" --config-out "$dir/overlay.xml" \
  --max-entries 1000 --max-message-size 1000000
for number in 1 2 3 4 5 6 7; do
  tracker "$number" --config "$dir/overlay.xml" --https-ca "$dir/ca.pem" --user "t$number@storm.example.org"
done
(
  sleep "$((storm_seconds / 3))"
  kill -9 "${pids[4]}"
) &
memory() { for pid in "${pids[@]}"; do awk '/VmHWM/ {print $2}' "/proc/$pid/status" 2>/dev/null || true; done | sort -n | tail -1; }
before=$(memory)
urls=()
for number in 0 1 2 3 4 5 6 7; do urls+=("$(cat "$dir/url$number")"); done
"$build/tests/bench/connect_storm" "$storm_rate" "$storm_seconds" 4000 "${urls[@]}" &
storm=$!
sleep "$((storm_seconds * 2 / 3))"
tracker 8 --config "$dir/overlay.xml" --https-ca "$dir/ca.pem" --user t8@storm.example.org
code=0
wait "$storm" || code=$?
echo "largest tracker: $((before / 1024)) MiB before, $(($(memory) / 1024)) MiB at its most"
kill -USR1 "${pids[0]}"
sleep 1
cat "$dir/metrics0"
exit "$code"
