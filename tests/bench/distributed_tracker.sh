#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The distributed tracker in figures. First simulations of growing overlays: how evenly registrations are spread, and what
# a CONNECT and a FIND cost, as a table and as plots. Then a storm of CONNECTs against eight trackers (storm.sh).
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
trap 'rm -rf "$dir"' EXIT

echo "== simulation"
"$build/peerscope" simulate distributed-tracker --trackers "$sizes" --peers "$peers" --sample 1000 --table "$dir/1.tsv"
"$build/peerscope" simulate distributed-tracker --trackers "$sizes" --peers "$peers" --sample 200 --shards 16 --table "$dir/16.tsv" >"$dir/16.txt"
grep -E "trackers,|registrations  |beyond|FIND" "$dir/16.txt"
mkdir -p "$plots"
gnuplot -e "one='$dir/1.tsv'; sixteen='$dir/16.tsv'; out='$plots/distributed-tracker.svg'" "$(dirname "$0")/distributed_tracker.gnuplot"
echo "plots: $plots/distributed-tracker.svg"

echo "== storm"
"$(dirname "$0")/storm.sh" "$build" "$storm_seconds" "$storm_rate"
