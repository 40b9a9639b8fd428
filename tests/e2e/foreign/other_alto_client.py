#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small ALTO client (RFC 7285) that shares nothing with the reference one: urllib, a connection for each request, it asks
for everything in its own order, follows redirections as urllib does, and watches by TIPS (RFC 9569) alone. With --fault NAME it
breaks one rule; `--fault list` shows them.

Usage: other_alto_client.py TASK URL RESOURCE INPUT BY SOURCE DESTINATIONS [--fault NAME]
"""
import argparse
import ipaddress
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

TYPE = "application/alto-%s+json"
FAULTS = {
    "always-posts": ("A-HTTP-04", "every resource is asked for by POST"),
    "form-type": ("A-HTTP-03", "input goes out as a form"),
    "query-string": ("A-HTTP-02", "input goes out in the query string"),
    "glues-uris": ("A-IRD-08", "URIs are glued to the server's name"),
    "one-directory": ("A-IRD-19", "linked directories are not read"),
    "needs-everything": ("A-IRD-09", "an entry without capabilities is a failure"),
    "believes-the-directory": ("A-HTTP-07", "the Content-Type of answers is not looked at"),
    "first-match": ("A-NM-11", "the first prefix that covers an address counts"),
    "ipv4-only": ("A-NM-09", "any address type but ipv4 and ipv6 is a failure"),
    "no-empty-groups": ("A-NM-10", "a group without addresses is a failure"),
    "known-members-only": ("A-HTTP-13", "an unknown member is a failure"),
    "whole-cost-type": ("A-FCM-04", "requests repeat the description of the cost type"),
    "one-sided": ("A-FCM-15", "pids has no dsts"),
    "own-metric": ("A-FCM-03", "asks for latency, whatever is offered"),
    "never-again": ("A-FCM-17", "the version of the costs is not looked at"),
    "one-type": ("A-TIPS-26", "items of a view are asked for as maps, patches too"),
    "nobody": ("A-ECS-05", "both lists of endpoints are empty"),
}


class Client:
    def __init__(self, options):
        self.o = options
        self.fault = options.fault
        self.entries = {}
        self.types = {}
        self.default = None

    def ask(self, url, kind, body=None, accepts=None):
        headers = {"Accept": "%s, %s" % (TYPE % kind, TYPE % "error")}
        method = "GET"
        if body is not None:
            method = "POST"
            headers["Content-Type"] = accepts
            if self.fault == "form-type":
                headers["Content-Type"] = "application/x-www-form-urlencoded"
            if self.fault == "query-string":
                url, body, method = url + "?" + urllib.parse.quote(body), None, "GET"
                del headers["Content-Type"]
        elif self.fault == "always-posts" and kind != "directory":
            method, body, headers["Content-Type"] = "POST", "{}", TYPE % "networkmapfilter"
        request = urllib.request.Request(url, None if body is None else body.encode(), headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            seen = answer.headers.get("Content-Type", "").split(";")[0].strip().lower()
            if seen != TYPE % kind and self.fault != "believes-the-directory":
                raise ValueError("%s is %s" % (url, seen))
            return answer.geturl(), json.loads(answer.read())

    def read_directories(self):
        todo, seen = [self.o.url], set()
        while todo and len(seen) < 20:
            url = todo.pop(0)
            if url in seen:
                continue
            seen.add(url)
            base, document = self.ask(url, "directory")
            if self.fault == "known-members-only" and set(document) - {"meta", "resources"}:
                raise ValueError("unknown members")
            meta = document.get("meta", {})
            self.default = self.default or meta.get("default-alto-network-map")
            for name, entry in document["resources"].items():
                if self.fault == "needs-everything":
                    entry["capabilities"]
                if self.fault == "glues-uris" and "://" not in entry["uri"]:
                    parts = urllib.parse.urlsplit(base)
                    entry["uri"] = "%s://%s/%s" % (parts.scheme, parts.netloc, entry["uri"].lstrip("/"))
                else:
                    entry["uri"] = urllib.parse.urljoin(base, entry["uri"])
                names = (entry.get("capabilities") or {}).get("cost-type-names", [])
                entry["types"] = [meta["cost-types"][n] for n in names if n in meta.get("cost-types", {})]
                if entry["media-type"] == TYPE % "directory" and self.fault != "one-directory":
                    todo.append(entry["uri"])
                self.entries.setdefault(name, entry)

    def kind(self, entry):
        return entry["media-type"].split("alto-")[1].split("+")[0]

    def get(self, name):
        entry = self.entries[name]
        body = self.o.input if "accepts" in entry else None
        print(self.ask(entry["uri"], self.kind(entry), body, entry.get("accepts"))[1])

    def item(self, view, first, last, accept):
        request = urllib.request.Request("%s/ug/%d/%d" % (view, first, last), headers={"Accept": accept})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())

    def watch(self, name):
        entry = self.find("tips", "tipsparams", typed=False)
        opened = self.ask(entry["uri"], "tips", json.dumps({"resource-id": name}), entry["accepts"])[1]
        edge = opened["tips-view-summary"]["updates-graph-summary"]["start-edge-rec"]
        whole = self.entries[name]["media-type"]
        patches = entry["capabilities"]["incremental-change-media-types"][name]
        print(self.item(opened["tips-view-uri"], edge["seq-i"], edge["seq-j"], whole))
        accept = whole if self.fault == "one-type" else "%s, %s" % (whole, patches)
        print(self.item(opened["tips-view-uri"], edge["seq-j"], edge["seq-j"] + 1, accept))

    def read_map(self):
        document = self.ask(self.entries[self.default]["uri"], "networkmap")[1]
        self.tag = document["meta"]["vtag"]["tag"]
        self.prefixes = []
        for pid, group in document["network-map"].items():
            if self.fault == "no-empty-groups" and not (set(group) & {"ipv4", "ipv6"}):
                raise ValueError("nobody in " + pid)
            for kind, prefixes in group.items():
                if kind in ("ipv4", "ipv6"):
                    self.prefixes += [(ipaddress.ip_network(p, strict=False), pid) for p in prefixes]
                elif self.fault == "ipv4-only":
                    raise ValueError("address type " + kind)

    def pid(self, address):
        address = ipaddress.ip_address(address)
        covering = [(n.prefixlen, pid) for n, pid in self.prefixes if n.version == address.version and address in n]
        return covering[0][1] if self.fault == "first-match" else max(covering)[1]

    def cost_type(self, entry):
        out = dict(entry["types"][0])
        if self.fault != "whole-cost-type":
            out.pop("description", None)
        if self.fault == "own-metric":
            out["cost-metric"] = "delay-rt"
        return out

    def find(self, answer, accepts, typed=True):
        for name, entry in self.entries.items():
            if entry["media-type"] == TYPE % answer and entry.get("accepts") == (accepts and TYPE % accepts):
                if entry["types"] or not typed:
                    return entry
        return None

    def rank(self):
        destinations = [d for d in self.o.destinations.split(",") if d]
        if self.o.by == "ecs":
            entry = self.find("endpointcost", "endpointcostparams")
            lists = {"srcs": ["ipv4:" + self.o.source], "dsts": ["ipv4:" + d for d in destinations]}
            if self.fault == "nobody":
                lists = {"srcs": [], "dsts": []}
            body = json.dumps({"cost-type": self.cost_type(entry), "endpoints": lists})
            print(self.ask(entry["uri"], "endpointcost", body, entry["accepts"])[1])
            return
        for _ in range(3):
            self.read_map()
            entry = self.find("costmap", None)
            if entry:
                costs = self.ask(entry["uri"], "costmap")[1]
            else:
                entry = self.find("costmap", "costmapfilter")
                pids = {"srcs": [self.pid(self.o.source)], "dsts": [self.pid(d) for d in destinations]}
                if self.fault == "one-sided":
                    del pids["dsts"]
                body = json.dumps({"cost-type": self.cost_type(entry), "pids": pids})
                costs = self.ask(entry["uri"], "costmap", body, entry["accepts"])[1]
            if self.fault == "never-again" or costs["meta"]["dependent-vtags"][0]["tag"] == self.tag:
                print(costs)
                return


def main():
    parser = argparse.ArgumentParser()
    for name in ("task", "url", "resource", "input", "by", "source", "destinations"):
        parser.add_argument(name, nargs="?", default="")
    parser.add_argument("--fault")
    options = parser.parse_args()
    if options.fault == "list":
        for name, (rule, about) in FAULTS.items():
            print("%-24s %-10s %s" % (name, rule, about))
        return 0
    client = Client(options)
    try:
        client.read_directories()
        if options.task == "rank":
            client.rank()
        elif options.task == "watch":
            client.watch(options.resource)
        else:
            client.get(options.resource or client.default)
    except (ValueError, KeyError, IndexError, OSError, urllib.error.URLError) as problem:
        print("cannot go on: %r" % problem, file=sys.stderr)
        return 1
    return 0


sys.exit(main())
