#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# FIND over HTTP/1.1 keep-alive against nginx serving a static body of the same size: the tracker must reach at least
# half of nginx's requests per second. Both run on core 0, wrk on core 1, one after the other in the same run, several
# rounds; the best round of each counts, because whatever else the machine does only ever takes away. On a busy machine
# look at the ratio by CPU time. Loopback only; everything started here is stopped here.
#
# usage: tracker.sh PEERSCOPE [SECONDS] [ROUNDS]     PEERSCOPE: path of the program `peerscope`
set -eu

peerscope=${1:?usage: tracker.sh PEERSCOPE [SECONDS] [ROUNDS]}
seconds=${2:-5}
rounds=${3:-3}
connections=32
swarm=1000

nginx=$(command -v nginx || command -v /usr/sbin/nginx || true)
for tool in wrk curl taskset python3; do
  command -v "$tool" >/dev/null || { echo "tracker.sh: '$tool' is not installed (apt-get install wrk curl util-linux python3)" >&2; exit 2; }
done
[ -n "$nginx" ] || { echo "tracker.sh: nginx is not installed (apt-get install nginx-light)" >&2; exit 2; }

dir=$(mktemp -d)
tracker_pid=
nginx_pid=
cleanup() {
  [ -z "$tracker_pid" ] || kill "$tracker_pid" 2>/dev/null || true
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
    [ $n -lt 100 ] || { echo "tracker.sh: no $1 after 10 s" >&2; exit 3; }
    sleep 0.1
  done
}

taskset -c 0 "$peerscope" serve tracker --http --listen 127.0.0.1:0 --ready-file "$dir/ready" --track-timer 3600 \
  --log-level error >"$dir/tracker.log" &
tracker_pid=$!
wait_for "$dir/ready"
url=$(cat "$dir/ready")

# Fills the swarm over one connection, then fetches one answer: its size is what nginx will serve.
python3 - "$url" "$swarm" "$dir/body.json" <<'PY'
import http.client, json, sys, urllib.parse
url, swarm, path = urllib.parse.urlsplit(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
connection = http.client.HTTPConnection(url.hostname, url.port)
def post(message):
    connection.request("POST", "/", json.dumps({"PPSPTrackerProtocol": message}), {"Content-Type": "application/ppsp-tracker+json"})
    answer = connection.getresponse().read()
    assert json.loads(answer)["PPSPTrackerProtocol"]["error_code"] == 0, answer
    return answer
for i in range(swarm):
    post({"version": 1, "request_type": "CONNECT", "transaction_id": f"c{i}", "peer_id": f"peer-{i:04}", "connect": {
        "peer_addr": [{"ip_address": {"address_type": "ipv4", "address": f"192.0.2.{i % 250 + 1}"}, "port": 6778, "priority": 1, "type": "HOST",
                       "connection": "wired", "asn": "64496", "peer_protocol": "PPSP-PP"}],
        "swarm_action": [{"swarm_id": "sw-a", "action": "JOIN", "peer_mode": "LEECH"}]}})
answer = post({"version": 1, "request_type": "FIND", "transaction_id": "0000000", "peer_id": "peer-0000", "find": {"swarm_id": "sw-a"}})
open(path, "wb").write(answer)
PY

# Every request has a transaction_id of its own, so that none is answered from the store of repeated requests.
cat >"$dir/find.lua" <<'LUA'
local n = 0
local head = '{"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","transaction_id":"'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/ppsp-tracker+json"
function request()
  n = n + 1
  return wrk.format(nil, "/", nil, string.format('%s%07d","peer_id":"peer-%04d","find":{"swarm_id":"sw-a"}}}', head, n, n % 1000))
end
function done(summary)
  io.write(string.format("RPS %.0f ERRORS %d\n", summary.requests / summary.duration * 1e6,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.connect))
end
LUA
cat >"$dir/get.lua" <<'LUA'
function done(summary)
  io.write(string.format("RPS %.0f ERRORS %d\n", summary.requests / summary.duration * 1e6,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout + summary.errors.connect))
end
LUA

nginx_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$dir/nginx.conf" <<CONF
daemon off; master_process off; worker_processes 1; pid $dir/nginx.pid; error_log $dir/nginx.err;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; open_file_cache max=10; default_type application/ppsp-tracker+json;
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

best_tracker=0
best_nginx=0
least_tracker=1000000
least_nginx=1000000
round=1
while [ "$round" -le "$rounds" ]; do
  set -- $(measure "$tracker_pid" -s "$dir/find.lua" "$url")
  [ "$2" -eq 0 ] || { echo "tracker.sh: $2 errors from the tracker" >&2; exit 3; }
  tracker=$1
  tracker_cpu=$3
  set -- $(measure "$nginx_pid" -s "$dir/get.lua" "http://127.0.0.1:$nginx_port/body.json")
  [ "$2" -eq 0 ] || { echo "tracker.sh: $2 errors from nginx" >&2; exit 3; }
  echo "round $round: tracker FIND $tracker/s at $tracker_cpu us of CPU, nginx static $1/s at $3 us"
  [ "$tracker" -le "$best_tracker" ] || best_tracker=$tracker
  [ "$1" -le "$best_nginx" ] || best_nginx=$1
  least_tracker=$(awk "BEGIN { print ($tracker_cpu < $least_tracker) ? $tracker_cpu : $least_tracker }")
  least_nginx=$(awk "BEGIN { print ($3 < $least_nginx) ? $3 : $least_nginx }")
  round=$((round + 1))
done
awk "BEGIN {
  printf \"body %d bytes, swarm of %d: tracker %d/s, nginx %d/s, ratio %.2f (budget 0.50); ratio by CPU time %.2f\n\",
    $(wc -c <"$dir/body.json"), $swarm, $best_tracker, $best_nginx, $best_tracker / $best_nginx, $least_nginx / $least_tracker
  exit !($best_tracker >= $best_nginx / 2)
}"
