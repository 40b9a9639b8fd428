#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A storm of CONNECTs against eight trackers on loopback, with churn: two are killed, one of them and a ninth join while
# the storm blows. Every answer must be right or 05, nothing unanswered but what the killed ones took along, no
# registration that was answered OK missing afterwards, and memory bounded.
#
# usage: storm.sh BUILD_FOLDER [SECONDS] [RATE] [connect_storm's options]
set -euo pipefail
build=$(readlink -f "${1:?usage: storm.sh BUILD_FOLDER [SECONDS] [RATE] [OPTIONS]}")
seconds=${2:-30}
rate=${3:-10000}
shift $(($# < 3 ? $# : 3))
most_mib=256  # of one tracker
dir=$(mktemp -d)
declare -A pids=()
stop() {
  exec 2>/dev/null  # bash tells of each
  for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap stop EXIT

tracker() {  # NAME ARGUMENTS...
  local name=$1
  shift
  "$build/peerscope" serve distributed-tracker --http --key-type p256 --hold-down 1 --no-certificate --log-level off \
    --metrics "$dir/metrics-$name" --ready-file "$dir/url-$name" "$@" >"$dir/log-$name" 2>&1 &
  pids[$name]=$!
  for _ in $(seq 1200); do
    [ -f "$dir/url-$name" ] && return
    kill -0 "${pids[$name]}" 2>/dev/null || break
    sleep 0.05
  done
  cat "$dir/log-$name" >&2
  exit 1
}
join() {  # NAME ARGUMENTS...
  tracker "$1" --config "$dir/overlay.xml" --https-ca "$dir/ca.pem" --user "t$1@storm.example.org" "${@:2}"
}
# Peaks are kept: a tracker that is killed has no status file any more.
peak() {
  for name in "${!pids[@]}"; do
    local now
    now=$(awk '/VmHWM/ {print int($2 / 1024)}' "/proc/${pids[$name]}/status" 2>/dev/null) || continue
    [ -z "$now" ] || echo "$now" >"$dir/peak-$name"
    used "${pids[$name]}" "$name"
  done
}
# CPU time in hundredths of a second.
used() {  # PID NAME
  awk '{print $14 + $15}' "/proc/$1/stat" >"$dir/now" 2>/dev/null && mv "$dir/now" "$dir/cpu-$2" || true
}
busy() { awk '/^cpu / {print $2 + $3 + $4 + $7 + $8}' /proc/stat; }
end_of() {  # NAME
  peak
  kill -9 "${pids[$1]}"
  wait "${pids[$1]}" 2>/dev/null || true
  unset "pids[$1]"
}
at() { sleep "$(awk -v s="$seconds" -v share="$1" -v begun="$begun" -v now="$(date +%s.%N)" \
  'BEGIN { d = begun + s * share - now; print (d > 0 ? d : 0) }')"; }

tracker 0 --overlay storm.example.org --enrollment 127.0.0.1:0 --https-ca-out "$dir/ca.pem" \
  --config-out "$dir/overlay.xml" --max-entries 10000 --max-message-size 1000000
for name in 1 2 3 4 5 6 7; do join "$name"; done
urls=()
for name in 0 1 2 3 4 5 6 7; do urls+=("$(cat "$dir/url-$name")"); done
peak
cp "$dir/peak-0" "$dir/before"
ours_before=$(cat "$dir"/cpu-* | awk '{sum += $1} END {print sum}')
busy_before=$(busy)
echo "storm: $rate CONNECTs a second for $seconds s, eight trackers, $(nproc) cores, load $(cut -d' ' -f1 /proc/loadavg)"
"$build/tests/bench/connect_storm" --rate "$rate" --seconds "$seconds" --doomed 4,6 "$@" "${urls[@]}" &
storm=$!
begun=$(date +%s.%N)
at 0.2 && end_of 4 && echo "  tracker 4 is killed"
at 0.35 && join 8 && echo "  tracker 8 has joined"
at 0.5 && end_of 6 && echo "  tracker 6 is killed"
address=${urls[4]#http://}
at 0.65 && join 4again --listen "${address%%/*}" && echo "  tracker 4 is back, as another node"
code=0
while kill -0 "$storm" 2>/dev/null && [ "$(awk -v s="$seconds" -v begun="$begun" -v now="$(date +%s.%N)" \
  'BEGIN { print (now - begun < s) }')" = 1 ]; do
  peak
  used "$storm" storm
  sleep 0.2
done
busy_after=$(busy)
wait "$storm" || code=$?
peak
awk -v ours="$(cat "$dir"/cpu-* | awk '{sum += $1} END {print sum}')" -v before="$ours_before" \
  -v all=$((busy_after - busy_before)) -v storm="$(cat "$dir/cpu-storm")" \
  'BEGIN { printf "CPU time            trackers %.1f s, this program %.1f s, others on this machine %.1f s\n",
           (ours - before - storm) / 100, storm / 100, (all - ours + before) / 100 }'
echo "memory              $(cat "$dir/before") MiB before; at its most, by tracker:$(
  for name in 0 1 2 3 4 4again 5 6 7 8; do printf ' %s' "$(cat "$dir/peak-$name")"; done) MiB"
kill -USR1 "${pids[@]}"
sleep 1
counted() { cat "$dir"/metrics-* | grep -o "\"$1\":[0-9]*" | cut -d: -f2 | awk '{sum += $1} END {print sum + 0}'; }
echo "overlay             $(counted stores) registrations in $(counted store_requests) StoreReqs (with removals and" \
  "statuses), $(counted fetches) Fetches, $(counted repeats) repeats"
for name in 0 1 2 3 4 4again 5 6 7 8; do
  if [ "$(cat "$dir/peak-$name")" -gt "$most_mib" ]; then
    echo "tracker $name grew above $most_mib MiB"
    code=1
  fi
done
exit "$code"
