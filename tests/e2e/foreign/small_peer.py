#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small PPSTP peer (RFC 7846) that shares nothing with the reference one: a connection per request, ids that are UUIDs,
keep-alive reports without statistics, no peer_num, no addresses. With --fault NAME it breaks one rule; `--fault list`
shows them.

Usage: small_peer.py URL SWARM MODE STAY FINDS INTERVAL [CAFILE] [--fault NAME]
"""
import argparse
import http.client
import json
import ssl
import sys
import time
import urllib.parse
import uuid

MEDIA = "application/ppsp-tracker+json"
FAULTS = {
    "get-for-find": ("P-HTTP-01", "FIND goes out with GET"),
    "content-type-parameter-only": ("P-HTTP-02", "requests are labelled text/json"),
    "two-texts": ("P-HTTP-04", "two JSON texts in one body"),
    "version-in-words": ("P-JSON-04", "version is the text one"),
    "peer-id-number": ("P-JSON-05", "peer_id is a number"),
    "join-as-peer": ("P-CONN-06", "peer_mode is PEER"),
    "find-of-nothing": ("P-FIND-01", "FIND has no swarm_id"),
    "same-transaction": ("P-ERR-08", "every request has transaction_id 1"),
    "accepts-garbage": ("P-ERR-07", "whatever comes back is taken for success"),
    "new-body-on-retry": ("P-ERR-07", "a repeated request has a new transaction_id"),
    "vanishes": ("P-CONN-10", "goes without LEAVE"),
    "reports-once": ("P-STAT-01", "one report, then silence"),
    "stops-when-forbidden": ("P-FSM-12", "ends when the tracker has forgotten it"),
    "strict-members": ("P-JSON-02", "an unknown member of an answer makes it invalid"),
    "one-id-for-all": ("P-REQ-11", "every instance has the same peer_id"),
}
KNOWN = {"version", "response_type", "error_code", "transaction_id", "peer_addr", "swarm_result"}


class Peer:
    def __init__(self, options):
        self.o = options
        self.url = urllib.parse.urlsplit(options.url)
        self.id = "00000000" if options.fault == "one-id-for-all" else str(uuid.uuid4())
        self.context = ssl.create_default_context(cafile=options.cafile) if self.url.scheme == "https" else None

    def post(self, body, method):
        if self.context:
            connection = http.client.HTTPSConnection(self.url.hostname, self.url.port, timeout=5, context=self.context)
        else:
            connection = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=5)
        try:
            media = "text/json" if self.o.fault == "content-type-parameter-only" else MEDIA
            connection.request(method, self.url.path or "/", body, {"Content-Type": media, "User-Agent": "small-peer"})
            return connection.getresponse().read()
        finally:
            connection.close()

    def valid(self, answer, tid):
        message = json.loads(answer)["PPSPTrackerProtocol"]
        if message["transaction_id"] != tid or message["version"] != 1:
            raise ValueError("not mine")
        if self.o.fault == "strict-members" and set(message) - KNOWN:
            raise ValueError("unknown member")
        return message

    def ask(self, kind, **data):
        fault = self.o.fault
        message = {"request_type": kind, "peer_id": self.id, "transaction_id": uuid.uuid4().hex, "version": 1, **data}
        if fault == "same-transaction":
            message["transaction_id"] = "1"
        if fault == "version-in-words":
            message["version"] = "one"
        if fault == "peer-id-number":
            message["peer_id"] = 77
        method = "GET" if fault == "get-for-find" and kind == "FIND" else "POST"
        for _ in range(6):
            body = json.dumps({"PPSPTrackerProtocol": message}, ensure_ascii=False).encode()
            try:
                answer = self.post(body * 2 if fault == "two-texts" else body, method)
                return {"error_code": 0} if fault == "accepts-garbage" else self.valid(answer, message["transaction_id"])
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
                if fault == "new-body-on-retry":
                    message["transaction_id"] = uuid.uuid4().hex
                time.sleep(0.3)
        sys.exit("the tracker gives no valid answer")

    def act(self, action):
        mode = "PEER" if self.o.fault == "join-as-peer" else self.o.mode
        return self.ask("CONNECT", connect={"swarm_action": [{"action": action, "swarm_id": self.o.swarm, "peer_mode": mode}]})

    def run(self):
        if self.act("JOIN")["error_code"]:
            sys.exit("refused")
        for _ in range(int(self.o.finds)):
            self.ask("FIND", find={} if self.o.fault == "find-of-nothing" else {"swarm_id": self.o.swarm})
        end = time.monotonic() + self.o.stay
        while time.monotonic() + self.o.interval < end:
            time.sleep(self.o.interval)
            if self.ask("STAT_REPORT")["error_code"]:
                if self.o.fault == "stops-when-forbidden":
                    return
                self.act("JOIN")
            if self.o.fault == "reports-once":
                break
        time.sleep(max(0, end - time.monotonic()))
        if self.o.fault != "vanishes":
            self.act("LEAVE")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url", nargs="?")
    parser.add_argument("swarm", nargs="?")
    parser.add_argument("mode", nargs="?")
    parser.add_argument("stay", nargs="?", type=float)
    parser.add_argument("finds", nargs="?", type=float)
    parser.add_argument("interval", nargs="?", type=float)
    parser.add_argument("cafile", nargs="?")
    parser.add_argument("--fault")
    options = parser.parse_args()
    if options.fault == "list":
        for name, (requirement, about) in FAULTS.items():
            print(f"{name:28} {requirement:10} {about}")
        return
    if options.fault and options.fault not in FAULTS:
        sys.exit(f"no fault {options.fault}")
    Peer(options).run()


if __name__ == "__main__":
    main()
