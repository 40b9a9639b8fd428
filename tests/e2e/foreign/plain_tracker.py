#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small honest PPSTP tracker (RFC 7846) that shares nothing with the reference one.

HTTP/1.0, one request per connection, errors mapped to 4xx, no optional member in answers, the asker stands in its own
list, expiry is looked at when somebody asks. Usage: plain_tracker.py PORT TRACK_TIMER
"""
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

MEDIA = "application/ppsp-tracker+json"
STATUS = {1: 400, 2: 400, 3: 403}
WORDS = {"action": ("JOIN", "LEAVE"), "peer_mode": ("SEEDER", "LEECH")}


class Refusal(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


def need(ok, code=1):
    if not ok:
        raise Refusal(code)


class Table:
    """peer_id -> {"seen": time, "addr": {...}, "swarms": {swarm_id: mode}}"""

    def __init__(self, timer):
        self.timer = timer
        self.peers = {}

    def drop_expired(self):
        now = time.monotonic()
        for peer_id in [p for p, entry in self.peers.items() if now - entry["seen"] > self.timer]:
            del self.peers[peer_id]

    def listing(self, swarm_id, most):
        out = []
        for peer_id, entry in self.peers.items():
            if swarm_id in entry["swarms"] and len(out) < most:
                out.append({"peer_id": peer_id, "peer_addr": entry["addr"]})
        return out

    def connect(self, peer_id, body, source):
        data = body.get("connect")
        need(isinstance(data, dict) and "find" not in body)
        actions = data.get("swarm_action")
        need(isinstance(actions, list) and actions)
        for action in actions:
            need(isinstance(action, dict) and isinstance(action.get("swarm_id"), str))
            for member, words in WORDS.items():
                need(action.get(member) in words)
        known = peer_id in self.peers
        leaves = [a for a in actions if a["action"] == "LEAVE"]
        need(known or not leaves, 3)
        mine = self.peers[peer_id]["swarms"] if known else {}
        need(not known or any(a["action"] == "JOIN" or a["swarm_id"] in mine for a in actions), 3)
        addr = {"ip_address": {"address_type": "ipv4", "address": source[0]}, "port": source[1], "priority": 0, "type": "REFLEXIVE"}
        if data.get("peer_addr"):
            best = max(data["peer_addr"], key=lambda a: a.get("priority", 0))
            addr = {k: best[k] for k in ("ip_address", "port", "priority", "type")}
        entry = self.peers.setdefault(peer_id, {"addr": addr, "swarms": {}})
        entry["seen"] = time.monotonic()
        if data.get("peer_addr"):
            entry["addr"] = addr
        results = []
        for action in actions:
            swarm_id = action["swarm_id"]
            if action["action"] == "LEAVE":
                results.append({"swarm_id": swarm_id, "result": 0 if entry["swarms"].pop(swarm_id, None) else 1})
                continue
            entry["swarms"][swarm_id] = action["peer_mode"]
            result = {"swarm_id": swarm_id, "result": 0}
            if action["peer_mode"] == "LEECH" or "peer_num" in data:
                peers = self.listing(swarm_id, self.most(data))
                if peers:
                    result["peer_group"] = {"peer_info": peers}
            results.append(result)
        if not entry["swarms"]:
            del self.peers[peer_id]
        return results

    @staticmethod
    def most(data):
        return min(29, data.get("peer_num", {}).get("peer_count", 29))

    def registered(self, peer_id):
        need(peer_id in self.peers, 3)
        entry = self.peers[peer_id]
        entry["seen"] = time.monotonic()
        return entry

    def find(self, peer_id, body):
        data = body.get("find")
        need(isinstance(data, dict) and isinstance(data.get("swarm_id"), str) and "connect" not in body)
        entry = self.registered(peer_id)
        need(data["swarm_id"] in entry["swarms"], 3)
        return [{"swarm_id": data["swarm_id"], "result": 0, "peer_group": {"peer_info": self.listing(data["swarm_id"], self.most(data))}}] \
            if self.most(data) else [{"swarm_id": data["swarm_id"], "result": 0}]

    def report(self, peer_id, body):
        need("connect" not in body and "find" not in body)
        entry = self.registered(peer_id)
        stats = body.get("stat_report", {}).get("stat", [])
        need(all(s.get("swarm_id") in entry["swarms"] for s in stats), 3)
        return [{"swarm_id": s["swarm_id"], "result": 0} for s in stats] or [{"swarm_id": s, "result": 0} for s in entry["swarms"]]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        tid, code, results = "", 0, None
        try:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            need(self.headers.get_content_type() == MEDIA)
            try:
                body = json.loads(raw.decode("utf-8"))
            except ValueError:
                raise Refusal(1) from None
            need(isinstance(body, dict) and isinstance(body.get("PPSPTrackerProtocol"), dict))
            body = body["PPSPTrackerProtocol"]
            if isinstance(body.get("transaction_id"), str):
                tid = body["transaction_id"]
            need(type(body.get("version")) is int and 0 <= body["version"] <= 255)
            need(body["version"] == 1, 2)
            need("transaction_id" in body and isinstance(body.get("peer_id"), str))
            table.drop_expired()
            kind = body.get("request_type")
            if kind == "CONNECT":
                results = table.connect(body["peer_id"], body, self.client_address)
            elif kind == "FIND":
                results = table.find(body["peer_id"], body)
            elif kind == "STAT_REPORT":
                results = table.report(body["peer_id"], body)
            else:
                raise Refusal(1)
        except Refusal as refusal:
            code = refusal.code
        answer = {"version": 1, "response_type": 1 if code else 0, "error_code": code, "transaction_id": tid}
        if results:
            answer["swarm_result"] = results
        text = json.dumps({"PPSPTrackerProtocol": answer}).encode()
        self.send_response(STATUS.get(code, 200))
        self.send_header("Content-Type", MEDIA)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    table = Table(float(sys.argv[2]))
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
