#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An honest PPSTP tracker on bare sockets: a thread per connection, keep-alive, chunked answers, pretty-printed JSON.

It takes the other choices where RFC 7846 leaves one: status 200 for every answer, error 06 for peers that it does not
know, the requester's address in every answer, asn and connection in every listed address, members of its own, random
samples, no entry of the asker, an empty answer list left out, no swarm_result for LEAVE in a channel switch, names with
\\u escapes, HTTP header names in lower case. With --fault NAME it breaks one rule; `--fault list` shows them.

Usage: rich_tracker.py PORT TRACK_TIMER [--fault NAME]
"""
import argparse
import json
import os
import random
import select
import socket
import sys
import threading
import time

MEDIA = "application/ppsp-tracker+json"

# name -> (requirement, what it does). Kept apart from the code of the honest tracker: see the class Broken.
FAULTS = {
    "lower-cases-transaction": ("P-RESP-05", "transaction_id comes back in lower case"),
    "trims-transaction": ("P-RESP-05", "transaction_id comes back without its blanks"),
    "peer-info-is-a-string": ("P-RESP-11", "peer_addr of a listed peer is a text such as 192.0.2.2:6778"),
    "list-of-strings": ("P-FIND-03", "peer_info is a list of peer IDs"),
    "port-minus-one": ("P-ADDR-04", "ports are -1"),
    "port-next": ("P-CONN-11", "ports are one too large"),
    "priority-is-a-word": ("P-ADDR-05", "priority is high"),
    "error-code-word": ("P-RESP-02", "error_code is NO_ERROR or FORBIDDEN"),
    "response-type-true": ("P-RESP-01", "response_type is true or false"),
    "trailing-line": ("P-HTTP-04", "a line of text follows the JSON text"),
    "utf-16": ("P-HTTP-04", "the body is UTF-16"),
    "byte-order-mark": ("P-HTTP-04", "the body begins with a byte order mark"),
    "subtype": ("P-HTTP-03", "Content-Type is application/ppsp-tracker"),
    "html": ("P-HTTP-03", "everything is a web page with status 200"),
    "answers-twice": ("P-HTTP-06", "every answer is sent twice"),
    "swaps-pipelined": ("P-HTTP-06", "two requests that arrive together are answered in the other order"),
    "ignores-leave": ("P-CONN-22", "LEAVE succeeds and removes nobody"),
    "never-expires": ("P-FSM-02", "registrations stay"),
    "expires-early": ("P-FSM-01", "registrations last a third of the track timer"),
    "one-more": ("P-PNUM-03", "lists hold one peer more than peer_count"),
    "nan": ("P-HTTP-04", "the answer holds NaN"),
    "wrapped": ("P-RESP-01", "the members stand in an object Response"),
    "version-text": ("P-JSON-04", "version is the text 1"),
    "cuts-body": ("P-ERR-09", "the second answer to the same transaction ends in the middle"),
    "hangs-on-find": ("P-FIND-03", "FIND gets no answer"),
    "endless-on-report": ("P-STAT-07", "the body of an answer to STAT_REPORT does not end"),
    "dies-of-unknown-member": ("P-JSON-02", "an unknown member ends the program"),
    "lists-other-case": ("P-FIND-04", "swarm IDs in answers are in upper case"),
    "escapes-twice": ("P-HTTP-05", "texts beyond ASCII come back as escapes in the text"),
    "success-for-version-2": ("P-VER-04", "any version is served"),
    "forbids-malformed": ("P-ERR-01", "malformed requests get error 03"),
    "errors-with-results": ("P-ERR-03", "error 03 or 06 comes with swarm_result"),
}


class Refusal(Exception):
    pass


class Tracker:
    def __init__(self, timer):
        self.timer = timer
        self.lock = threading.Lock()
        self.members = {}   # swarm_id -> {peer_id: mode}
        self.deadline = {}  # peer_id -> time
        self.address = {}   # peer_id -> peer_addr

    def registered(self, peer_id):
        return peer_id in self.deadline

    def of(self, peer_id):
        return {s for s, peers in self.members.items() if peer_id in peers}

    def forget(self, peer_id):
        self.deadline.pop(peer_id, None)
        self.address.pop(peer_id, None)
        for swarm_id in self.of(peer_id):
            self.leave(peer_id, swarm_id)

    def leave(self, peer_id, swarm_id):
        self.members[swarm_id].pop(peer_id)
        if not self.members[swarm_id]:
            del self.members[swarm_id]

    def sweep(self):
        now = time.monotonic()
        for peer_id in [p for p, end in self.deadline.items() if end < now]:
            self.forget(peer_id)

    def touch(self, peer_id):
        self.deadline[peer_id] = time.monotonic() + self.timer

    def group(self, swarm_id, asker, num):
        count = 29 if num is None else max(0, min(29, num.get("peer_count", 29)))
        others = [p for p in self.members.get(swarm_id, {}) if p != asker]
        random.shuffle(others)
        return [{"peer_id": p, "peer_addr": self.address[p]} for p in others[:self.limit(count)]]

    def limit(self, count):
        return count

    def handle(self, raw, content_type, source):
        """The answer as (members of the response object)."""
        tid = ""
        with self.lock:
            self.sweep()
            try:
                if content_type.split(";")[0].strip().lower() != MEDIA:
                    raise Refusal(1)
                m = self.parse(raw)
                tid = m["transaction_id"] if isinstance(m.get("transaction_id"), str) else ""
                self.check(m)
                results = getattr(self, m["request_type"].lower())(m, source)
                answer = {"x_server": {"name": "rich", "load": [0.25, 1]}, "transaction_id": tid, "version": 1}
                if results:
                    answer["swarm_result"] = results
                if not self.uses_stun(m):
                    answer["peer_addr"] = {"type": "REFLEXIVE", "priority": 5, "port": source[1], "asn": "64500",
                                           "ip_address": {"address": source[0], "address_type": "ipv4"}}
                answer.update({"error_code": 0, "response_type": 0})
                return answer
            except Refusal as why:
                return {"transaction_id": tid, "error_code": why.args[0], "response_type": 1, "version": 1, "x_hint": "see RFC 7846"}

    def parse(self, raw):
        try:
            root = json.loads(raw.decode("utf-8"))["PPSPTrackerProtocol"]
            if isinstance(root, dict):
                return root
        except (ValueError, KeyError, TypeError):
            pass
        raise Refusal(1)

    def check(self, m):
        version = m.get("version")
        if type(version) is not int or not 0 <= version <= 255:
            raise Refusal(1)
        if version != 1:
            raise Refusal(2)
        for name in ("request_type", "transaction_id", "peer_id"):
            if not isinstance(m.get(name), str):
                raise Refusal(1)
        data = {"CONNECT": "connect", "FIND": "find", "STAT_REPORT": "stat_report"}
        if m["request_type"] not in data:
            raise Refusal(1)
        mine = data[m["request_type"]]
        if any(name in m for name in data.values() if name != mine) or (mine not in m and mine != "stat_report"):
            raise Refusal(1)

    @staticmethod
    def uses_stun(m):
        addresses = m.get("connect", {}).get("peer_addr", [])
        return any(a.get("type") in ("REFLEXIVE", "PROXY") for a in addresses)

    def connect(self, m, source):
        peer_id, data = m["peer_id"], m["connect"]
        actions = data.get("swarm_action")
        if not isinstance(actions, list) or not actions:
            raise Refusal(1)
        for a in actions:
            if a.get("action") not in ("JOIN", "LEAVE") or a.get("peer_mode") not in ("LEECH", "SEEDER") or not isinstance(a.get("swarm_id"), str):
                raise Refusal(1)
        joins = [a for a in actions if a["action"] == "JOIN"]
        leaves = [a for a in actions if a["action"] == "LEAVE"]
        if not self.registered(peer_id):
            if leaves:
                raise Refusal(3)
        elif any(a["swarm_id"] not in self.of(peer_id) for a in leaves):
            self.touch(peer_id)
            raise Refusal(3)
        self.touch(peer_id)
        if data.get("peer_addr") or peer_id not in self.address:
            best = sorted(data.get("peer_addr", []), key=lambda a: -a["priority"])[:1]
            self.address[peer_id] = dict(best[0] if best else {"ip_address": {"address_type": "ipv4", "address": source[0]}, "port": source[1], "priority": 1, "type": "REFLEXIVE"},
                                         asn="64501", connection="wired", x_seen=int(time.time()))
        results = []
        for a in leaves:
            self.drop(peer_id, a["swarm_id"])
            if not joins:
                results.append({"result": 0, "swarm_id": a["swarm_id"]})
        for a in joins:
            self.members.setdefault(a["swarm_id"], {})[peer_id] = a["peer_mode"]
            results.append({"result": 0, "swarm_id": a["swarm_id"]})
            group = self.group(a["swarm_id"], peer_id, data.get("peer_num"))
            if group and (a["peer_mode"] == "LEECH" or "peer_num" in data):
                results[-1]["peer_group"] = {"peer_info": group}
        if not self.of(peer_id):
            self.forget(peer_id)
        return results

    def drop(self, peer_id, swarm_id):
        self.leave(peer_id, swarm_id)

    def find(self, m, _):
        data = m["find"]
        if not isinstance(data, dict) or not isinstance(data.get("swarm_id"), str):
            raise Refusal(1)
        if not self.registered(m["peer_id"]):
            raise Refusal(6)
        self.touch(m["peer_id"])
        if data["swarm_id"] not in self.members:
            raise Refusal(3)
        result = {"result": 0, "swarm_id": data["swarm_id"]}
        group = self.group(data["swarm_id"], m["peer_id"], data.get("peer_num"))
        if group:
            result["peer_group"] = {"peer_info": group}
        return [result]

    def stat_report(self, m, _):
        if not self.registered(m["peer_id"]):
            raise Refusal(6)
        self.touch(m["peer_id"])
        stats = m.get("stat_report", {}).get("stat", [])
        if any(s.get("swarm_id") not in self.of(m["peer_id"]) for s in stats):
            raise Refusal(3)
        return [{"result": 0, "swarm_id": s["swarm_id"]} for s in stats] or [{"result": 0, "swarm_id": s} for s in self.of(m["peer_id"])]


class Broken(Tracker):
    """One fault, each where it is least work."""

    def __init__(self, timer, fault):
        super().__init__(timer / 3 if fault == "expires-early" else timer)
        self.fault = fault
        self.seen = set()

    def sweep(self):
        if self.fault != "never-expires":
            super().sweep()

    def limit(self, count):
        return count + 1 if self.fault == "one-more" else count

    def drop(self, peer_id, swarm_id):
        if self.fault != "ignores-leave":
            super().drop(peer_id, swarm_id)

    def check(self, m):
        if self.fault == "success-for-version-2":
            m["version"] = 1
        if self.fault == "dies-of-unknown-member" and any(k.startswith("x_") for k in m):
            os._exit(70)
        super().check(m)

    def handle(self, raw, content_type, source):
        answer = super().handle(raw, content_type, source)
        fault = self.fault
        if fault == "lower-cases-transaction":
            answer["transaction_id"] = answer["transaction_id"].lower()
        if fault == "trims-transaction":
            answer["transaction_id"] = answer["transaction_id"].strip()
        if fault == "error-code-word":
            answer["error_code"] = ["NO_ERROR", "BAD_REQUEST", "VERSION", "FORBIDDEN", "", "", "AUTHENTICATE"][answer["error_code"]]
        if fault == "response-type-true":
            answer["response_type"] = answer["response_type"] == 1
        if fault == "version-text":
            answer["version"] = "1"
        if fault == "nan":
            answer["x_load"] = float("nan")
        if fault == "forbids-malformed" and answer["error_code"] == 1:
            answer["error_code"] = 3
        if fault == "errors-with-results" and answer["error_code"] in (3, 6):
            answer.update(error_code=3, swarm_result=[{"swarm_id": "?", "result": 1}])
        for result in answer.get("swarm_result", []):
            if fault == "lists-other-case":
                result["swarm_id"] = result["swarm_id"].upper() + "-"
            if fault == "escapes-twice":
                result["swarm_id"] = result["swarm_id"].encode("unicode_escape").decode()
            infos = result.get("peer_group", {}).get("peer_info", [])
            for i, info in enumerate(infos):
                infos[i] = self.distort(dict(info, peer_addr=dict(info["peer_addr"])))
        return {"Response": answer} if fault == "wrapped" else answer

    def distort(self, info):
        addr = info["peer_addr"]
        if self.fault == "port-minus-one":
            addr["port"] = -1
        if self.fault == "port-next":
            addr["port"] += 1
        if self.fault == "priority-is-a-word":
            addr["priority"] = "high"
        if self.fault == "peer-info-is-a-string":
            info["peer_addr"] = f'{addr["ip_address"]["address"]}:{addr["port"]}'
        return info["peer_id"] if self.fault == "list-of-strings" else info

    def send(self, connection, answer, request):
        fault = self.fault
        text = json.dumps({"PPSPTrackerProtocol": answer}, indent=1).encode()
        if fault == "hangs-on-find" and b'"FIND"' in request:
            time.sleep(3600)
        if fault == "html":
            return write(connection, b"<html><body>It works!</body></html>", "text/html")
        if fault == "endless-on-report" and b'"STAT_REPORT"' in request:
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/ppsp-tracker+json\r\ntransfer-encoding: chunked\r\n\r\n")
            while True:
                connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
        if fault == "trailing-line":
            text += b"\n-- generated by tracker --\n"
        if fault == "byte-order-mark":
            text = b"\xef\xbb\xbf" + text
        if fault == "utf-16":
            text = text.decode().encode("utf-16")
        if fault == "cuts-body":
            if request in self.seen:
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/ppsp-tracker+json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(text[:40]) + text[:40])
                raise OSError("done")
            self.seen.add(request)
        media = "application/ppsp-tracker" if fault == "subtype" else MEDIA
        write(connection, text, media)
        if fault == "answers-twice":
            write(connection, text, media)


def write(connection, text, media=MEDIA):
    half = len(text) // 2 or 1
    chunks = b"".join(b"%x;x=1\r\n%s\r\n" % (len(part), part) for part in (text[:half], text[half:]) if part)
    connection.sendall(b"HTTP/1.1 200 OK\r\nserver: rich/1.0\r\ncontent-type: " + media.encode() +
                       b"\r\nset-cookie: visitor=1\r\ntransfer-encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")


def read_request(stream):
    line = stream.readline(8192).split()
    if len(line) < 3:
        return None
    headers = {}
    while (row := stream.readline(8192)) not in (b"\r\n", b"\n", b""):
        name, _, value = row.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while (size := int(stream.readline(100).split(b";")[0], 16)) > 0:
            body += stream.read(size)
            stream.readline(10)
        while stream.readline(8192).strip():
            pass
    else:
        body = stream.read(int(headers.get("content-length", "0")))
    return line[0].decode(), headers, body


def serve(connection, source, tracker):
    stream = connection.makefile("rb")
    fault = getattr(tracker, "fault", None)
    try:
        while True:
            together = fault == "swaps-pipelined" and several_waiting(connection)
            request = read_request(stream)
            if request is None:
                break
            method, headers, body = request
            if method != "POST":
                connection.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nallow: POST\r\ncontent-length: 0\r\n\r\n")
                continue
            answer = tracker.handle(body, headers.get("content-type", ""), source)
            if fault is None:
                write(connection, json.dumps({"PPSPTrackerProtocol": answer}, indent=1).encode())
                continue
            if together:
                _, more_headers, more = read_request(stream)
                tracker.send(connection, tracker.handle(more, more_headers.get("content-type", ""), source), more)
            tracker.send(connection, answer, body)
    except (OSError, ValueError, IndexError):
        pass
    finally:
        connection.close()


def several_waiting(connection):
    select.select([connection], [], [], 1)
    time.sleep(0.05)
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(65536, socket.MSG_PEEK).count(b"POST ") > 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", nargs="?", type=int)
    parser.add_argument("timer", nargs="?", type=float, default=180)
    parser.add_argument("--fault")
    options = parser.parse_args()
    if options.fault == "list":
        for name, (requirement, about) in FAULTS.items():
            print(f"{name:28} {requirement:10} {about}")
        return
    if options.fault and options.fault not in FAULTS:
        sys.exit(f"no fault {options.fault}")
    tracker = Broken(options.timer, options.fault) if options.fault else Tracker(options.timer)
    listener = socket.create_server(("127.0.0.1", options.port), backlog=64)
    while True:
        connection, source = listener.accept()
        threading.Thread(target=serve, args=(connection, source, tracker), daemon=True).start()


if __name__ == "__main__":
    main()
