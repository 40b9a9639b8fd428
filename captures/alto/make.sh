#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Makes session_tls and session_h2: curl asks the reference server over TLS on the loopback interface, dumpcap listens.
# Needs curl, dumpcap, editcap and the right to capture on lo.
#
# Usage: make.sh PEERSCOPE
set -eu
[ $# -eq 1 ] || { sed -n 's/^# Usage: /usage: /p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
listener=
cleanup() {
  [ -z "$listener" ] || kill "$listener" 2>/dev/null || :
  [ -z "$server" ] || kill "$server" 2>/dev/null || :
  rm -rf "$work"
}
trap cleanup EXIT

alto() { echo "Content-Type: application/alto-$1+json"; }

# One connection: curl keeps it over all its URLs.
ask() {
  cost='{"cost-mode":"numerical","cost-metric":"routingcost"}'
  set -- "$1" -s -k -o /dev/null
  curl "$@" "$url" --next "$@" "$base/networkmap" --next "$@" "$base/costmap/num-routingcost" \
    --next "$@" --compressed "$base/networkmap" \
    --next "$@" -H "$(alto networkmapfilter)" -d '{"pids":["mypid1","peeringpid2"],"address-types":["ipv4"]}' "$base/networkmap/filtered" \
    --next "$@" -H "$(alto costmapfilter)" -d "{\"cost-type\":$cost,\"pids\":{\"srcs\":[\"mypid1\"],\"dsts\":[\"mypid2\",\"transitpid1\"]}}" "$base/costmap/filtered" \
    --next "$@" -H "$(alto endpointpropparams)" -d '{"properties":["networkmap.pid"],"endpoints":["ipv4:192.168.10.1","ipv6:2001:db8::1"]}' "$base/endpointprop" \
    --next "$@" -H "$(alto endpointcostparams)" -d "{\"cost-type\":$cost,\"endpoints\":{\"srcs\":[\"ipv4:10.0.0.1\"],\"dsts\":[\"ipv4:132.0.0.1\"]}}" "$base/endpointcost" \
    --next "$@" -H "$(alto costmapfilter)" -d '{"cost-type":{"cost-mode":"priv:none","cost-metric":"routingcost"}}' "$base/costmap/filtered"
  # A stream that the client leaves.
  curl "$@" -N --max-time 1 -H "$(alto updatestreamparams)" -d '{"add":{"n":{"resource-id":"networkmap"}}}' "$base/updates" || :
}

# make NAME CURL-OPTION
make() {
  "$1" serve alto --tls --listen 127.0.0.1:0 --key-log "$work/$2.keys" --ready-file "$work/$2.url" >"$work/$2.log" &
  server=$!
  until [ -s "$work/$2.url" ]; do sleep 0.1; done
  url=$(cat "$work/$2.url")
  base=${url%/directory}
  dumpcap -q -i lo -f "tcp port ${base##*:}" -w "$work/$2.pcapng" 2>"$work/$2.dumpcap" &
  listener=$!
  until grep -q 'File:' "$work/$2.dumpcap"; do sleep 0.1; done
  sleep 0.5
  ask "$3"
  sleep 0.5
  kill "$listener"
  wait "$listener" || :
  listener=
  kill "$server"
  wait "$server" || :
  server=
  mkdir -p "$here/$2"
  editcap --inject-secrets "tls,$work/$2.keys" "$work/$2.pcapng" "$here/$2/flow.pcapng"
}

make "$1" session_tls --http1.1
make "$1" session_h2 --http2
