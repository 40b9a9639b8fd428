#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A tracker that trusts its clients, for fuzzing: it dies of a body above 64 KiB and hangs on a peer_count below zero.

Otherwise it answers success to everything. Usage: fragile_tracker.py PORT
"""
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

MEDIA = "application/ppsp-tracker+json"
LARGEST = 65536


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if len(text) > LARGEST:
            os._exit(3)
        try:
            request = json.loads(text)["PPSPTrackerProtocol"]
            count = request["connect"]["peer_num"]["peer_count"]
            while isinstance(count, int) and count < 0:
                time.sleep(1)
        except (ValueError, KeyError, TypeError, AttributeError):
            request = {}
        answer = {"version": 1, "response_type": 0, "error_code": 0}
        if isinstance(request, dict) and "transaction_id" in request:
            answer["transaction_id"] = request["transaction_id"]
        body = json.dumps({"PPSPTrackerProtocol": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Type", MEDIA)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
