#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A PPSP tracker in sixty lines, as the example of docs/how-to/first-test.md. Usage: tiny_tracker.py PORT"""
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

swarms = {}  # swarm_id -> {peer_id: peer_addr}


def answer(request):
    """Error code and the results of each swarm (RFC 7846 section 4)."""
    peer, kind = request["peer_id"], request["request_type"]
    if kind == "CONNECT":
        results = []
        for action in request["connect"]["swarm_action"]:
            members = swarms.setdefault(action["swarm_id"], {})
            joined = action["action"] == "JOIN"
            if joined:
                members[peer] = request["connect"]["peer_addr"][0]
            else:
                members.pop(peer, None)
            leech = joined and action["peer_mode"] == "LEECH"
            results.append(result(action["swarm_id"], peer if leech else None))
        return results
    if kind == "FIND":
        return [result(request["find"]["swarm_id"], peer)]
    return [result(one["swarm_id"], None) for one in request.get("stat_report", {}).get("stat", [])]


def result(swarm, asker):
    out = {"swarm_id": swarm, "result": 0}
    others = [{"peer_id": p, "peer_addr": a} for p, a in swarms.get(swarm, {}).items() if p != asker]
    if asker and others:
        out["peer_group"] = {"peer_info": others[:29]}
    return out


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        reply = {"version": 1, "response_type": 0, "error_code": 0}
        try:
            request = json.loads(body)["PPSPTrackerProtocol"]
            reply["transaction_id"] = request["transaction_id"]
            results = answer(request)
            if results:
                reply["swarm_result"] = results
        except (ValueError, KeyError, TypeError, IndexError):
            reply.update(response_type=1, error_code=1)
        text = json.dumps({"PPSPTrackerProtocol": reply}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/ppsp-tracker+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
