#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The ALTO server over HTTP/1.1 keep-alive against nginx serving the same bytes from a file: whole network maps by GET,
# and 10x10 pairs of a cost map by POST. Both run on core 0, wrk on core 1, one after the other in the same run, several
# rounds; the best round of each counts, because whatever else the machine does only ever takes away. On a busy machine
# look at the ratio by CPU time. Loopback only; everything started here is stopped here.
#
# usage: alto.sh PEERSCOPE [SECONDS] [ROUNDS]     PEERSCOPE: path of the program `peerscope`
set -eu

peerscope=${1:?usage: alto.sh PEERSCOPE [SECONDS] [ROUNDS]}
seconds=${2:-5}
rounds=${3:-3}
connections=32

nginx=$(command -v nginx || command -v /usr/sbin/nginx || true)
for tool in wrk curl taskset python3; do
  command -v "$tool" >/dev/null || { echo "alto.sh: '$tool' is not installed (apt-get install wrk curl util-linux python3)" >&2; exit 2; }
done
[ -n "$nginx" ] || { echo "alto.sh: nginx is not installed (apt-get install nginx-light)" >&2; exit 2; }

dir=$(mktemp -d)
server_pid=
nginx_pid=
cleanup() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  [ -z "$nginx_pid" ] || kill "$nginx_pid" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

wait_for() {  # FILE
  n=0
  while [ ! -s "$1" ]; do
    n=$((n + 1))
    [ $n -lt 300 ] || { echo "alto.sh: no $1 after 30 s" >&2; exit 3; }
    sleep 0.1
  done
}

taskset -c 0 "$peerscope" serve alto --listen 127.0.0.1:0 --ready-file "$dir/ready" --generate pids=1000,prefixes=5000 \
  --log-level error >"$dir/server.log" &
server_pid=$!
wait_for "$dir/ready"
url=$(sed 's#/directory$##' "$dir/ready")

pids() { python3 -c "print(','.join(f'\"pid{i * $1}\"' for i in range(10)))"; }
body="{\"cost-type\":{\"cost-mode\":\"numerical\",\"cost-metric\":\"routingcost\"},\"pids\":{\"srcs\":[$(pids 37)],\"dsts\":[$(pids 41)]}}"
type=application/alto-costmapfilter+json
curl -sf -o "$dir/map.json" "$url/networkmap"
curl -sf -o "$dir/costs.json" -H "Content-Type: $type" -d "$body" "$url/costmap/filtered"

report='function done(summary)
  io.write(string.format("RPS %.0f ERRORS %d\n", summary.requests / summary.duration * 1e6,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.connect))
end'
printf '%s\n' "$report" >"$dir/get.lua"
{
  printf 'wrk.method = "POST"\nwrk.headers["Content-Type"] = "%s"\nwrk.body = [[%s]]\n' "$type" "$body"
  printf '%s\n' "$report"
} >"$dir/post.lua"

nginx_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$dir/nginx.conf" <<CONF
daemon off; master_process off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.err;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=10; default_type application/json;
  server { listen 127.0.0.1:$nginx_port; root $dir; } }
CONF
taskset -c 0 "$nginx" -c "$dir/nginx.conf" -p "$dir" -e "$dir/nginx.err" &
nginx_pid=$!
wait_for "$dir/nginx.pid"

# Prints requests a second, errors, and the server's CPU microseconds per request. The last does not depend on what else runs.
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
measure() {  # PID, then wrk's arguments
  pid=$1
  shift
  before=$(cpu_ticks "$pid")
  taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" "$@" | sed -n 's/^RPS \([0-9]*\) ERRORS \([0-9]*\)$/\1 \2/p' >"$dir/result"
  after=$(cpu_ticks "$pid")
  read -r rps errors <"$dir/result"
  echo "$rps $errors $(awk "BEGIN { printf \"%.2f\", ($after - $before) * 1e6 / $(getconf CLK_TCK) / ($rps * $seconds) }")"
}

status=0
compare() {  # WHAT, FILE, SCRIPT, PATH, BUDGET: the least ratio
  best=0
  best_nginx=0
  least=1000000
  least_nginx=1000000
  round=1
  while [ "$round" -le "$rounds" ]; do
    set -- "$1" "$2" "$3" "$4" "$5" $(measure "$server_pid" -s "$dir/$3" "$url$4") $(measure "$nginx_pid" -s "$dir/get.lua" "http://127.0.0.1:$nginx_port/$2")
    [ "$7" -eq 0 ] && [ "${10}" -eq 0 ] || { echo "alto.sh: $7 errors from the server, ${10} from nginx" >&2; exit 3; }
    echo "round $round: $1 $6/s at $8 us of CPU, nginx static $9/s at ${11} us"
    [ "$6" -le "$best" ] || best=$6
    [ "$9" -le "$best_nginx" ] || best_nginx=$9
    least=$(awk "BEGIN { print ($8 < $least) ? $8 : $least }")
    least_nginx=$(awk "BEGIN { print (${11} < $least_nginx) ? ${11} : $least_nginx }")
    round=$((round + 1))
  done
  awk "BEGIN {
    printf \"$1, %d bytes: %d/s, nginx %d/s, ratio %.2f (budget $5); ratio by CPU time %.2f\n\",
      $(wc -c <"$dir/$2"), $best, $best_nginx, $best / $best_nginx, $least_nginx / $least
    exit !($best >= $best_nginx * $5)
  }" || status=1
}
compare "whole network map" map.json get.lua /networkmap 0.5
compare "10x10 pairs" costs.json post.lua /costmap/filtered 0.25
exit $status
