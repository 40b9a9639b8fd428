#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An honest ALTO server on Python's http.server, for RFC 7285 and RFC 8189.

It takes the other choices where the RFCs leave one: the directory is not at the root and links a second one, URIs are
relative with queries, GET resources redirect once, a filtered map may be answered 303, media types have a charset,
answers are chunked and pretty-printed with members of its own, the map covers IPv6 in part only and has an empty PID,
not all costs are defined, errors carry neither field nor value where those are optional, empty rows are kept.
With --fault NAME it breaks one rule; `--fault list` shows them.

Usage: other_alto.py PORT [--fault NAME]
"""
import argparse
import ipaddress
import json
import operator
import random
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# name -> (requirement, what it does). Kept apart from the code of the honest server: see the class Broken.
FAULTS = {
    "no-network-map": ("A-IRD-21", "the directory lists no network map"),
    "no-routingcost": ("A-IRD-22", "the cost maps are of other metrics"),
    "own-mode-only": ("A-IRD-23", "the only cost mode is a private one"),
    "ids-change": ("A-IRD-06", "resource IDs are made up for each answer"),
    "get-for-post": ("A-IRD-12", "a filter answers GET with the whole map"),
    "post-for-get": ("A-IRD-12", "the network map answers POST"),
    "refuses-post": ("A-IRD-11", "POST is 405 everywhere"),
    "redirect-loop": ("A-HTTP-16", "the network map redirects to itself"),
    "exact-media-type": ("A-HTTP-21", "a request with a charset is 415"),
    "always-404": ("A-HTTP-20", "a wrong method is 404"),
    "believes-headers": ("A-HTTP-23", "X-Forwarded-For is the client's address"),
    "unknown-member-refused": ("A-HTTP-13", "members of no RFC are an error"),
    "crashes-on-syntax": ("A-ERR-04", "a body that is no JSON is 500"),
    "syntax-is-type": ("A-ERR-04", "a body that is no JSON is E_INVALID_FIELD_TYPE"),
    "missing-is-value": ("A-ERR-06", "a missing member is E_INVALID_FIELD_VALUE"),
    "type-is-value": ("A-ERR-07", "a wrong type is E_INVALID_FIELD_VALUE"),
    "value-is-syntax": ("A-ERR-08", "a wrong value is E_SYNTAX"),
    "short-path": ("A-ERR-11", "field names the inner member alone"),
    "index-in-path": ("A-ERR-12", "field has the number of the element"),
    "element-is-type": ("A-ERR-13", "an element of the wrong type is E_INVALID_FIELD_TYPE"),
    "made-up-fault": ("A-ERR-14", "the error is about a member that is right"),
    "pid-missing": ("A-NM-08", "the network map lacks a PID"),
    "shortest-prefix": ("A-NM-11", "an address is in the PID of its shortest prefix"),
    "compares-text": ("A-TYP-15", "an address in another form is in no PID"),
    "cost-missing": ("A-CM-08", "the cost map lacks a pair"),
    "cost-arrays": ("A-MC-21", "costs of the whole map are arrays of one"),
    "empty-is-nothing": ("A-FNM-03", "no PIDs are asked for, none are given"),
    "refuses-repeated": ("A-FNM-04", "a repeated PID is an error"),
    "no-types-nothing": ("A-FNM-05", "an empty list of address types gives no prefixes"),
    "unknown-pid-refused": ("A-FNM-07", "a PID that does not exist is an error"),
    "all-unknown-all": ("A-FNM-07", "only PIDs that do not exist give the whole map"),
    "unknown-type-refused": ("A-FNM-09", "an address type that does not exist is an error"),
    "own-tag": ("A-FNM-10", "a filtered map has a version of its own"),
    "refuses-description": ("A-FCM-05", "a description in the request is an error"),
    "one-constraint": ("A-FCM-08", "the first constraint alone counts"),
    "any-constraint": ("A-FCM-08", "one constraint that holds is enough"),
    "ge-is-gt": ("A-FCM-11", "ge compares as gt"),
    "no-sources": ("A-FCM-13", "an empty list of sources is none"),
    "unknown-cost-refused": ("A-FCM-14", "a PID that does not exist in pids is an error"),
    "backward-ranks": ("A-FCM-18", "of a part of the map the highest cost is ranked first"),
    "any-cost-type": ("A-FCM-03", "an unknown metric is taken for routingcost"),
    "any-mode": ("A-MODE-04", "an unknown mode is taken for numerical"),
    "refuses-repeated-endpoint": ("A-EPS-04", "a repeated endpoint is an error"),
    "all-or-nothing": ("A-EPS-06", "an endpoint without a PID is an error"),
    "any-property": ("A-EPS-03", "an unknown property is left out"),
    "needs-sources": ("A-ECS-04", "a list of sources that is absent or empty is an error"),
    "endpoint-pids": ("A-ECS-11", "endpoint costs are between PIDs"),
    "refuses-repeated-cost": ("A-ECS-06", "a repeated endpoint is an error"),
    "costs-of-nobody": ("A-ECS-05", "two empty lists get an empty map"),
    "array-for-one": ("A-MC-19", "a request for one cost type gets arrays"),
    "other-order": ("A-MC-15", "the costs come in another order than the types"),
    "or-is-and": ("A-MC-22", "all lists of or-constraints have to hold"),
    "index-ignored": ("A-MC-12", "an index beyond the cost types is the first one"),
}

TYPE = "application/alto-%s+json"
MAP = {
    "isp:west@1": {"ipv4": ["198.51.100.0/24", "127.0.0.0/8"]},
    "isp_east": {"ipv4": ["203.0.113.0/25"], "ipv6": ["2001:db8:e::/48"]},
    "nested": {"ipv4": ["203.0.113.0/28"], "ipv6": ["2001:db8:e:5::/64"]},
    "empty": {},
    "rest": {"ipv4": ["0.0.0.0/0"], "ipv6": ["2001:db8::/32"]},
}
COSTS = {
    "routingcost": {
        "isp:west@1": {"isp:west@1": 0.5, "isp_east": 4, "nested": 4.25, "rest": 20},
        "isp_east": {"isp:west@1": 5, "isp_east": 1, "nested": 1, "rest": 12.5},
        "nested": {"isp:west@1": 6, "isp_east": 2, "nested": 1},
        "rest": {"isp:west@1": 22, "isp_east": 14, "rest": 30},
    },
    "hopcount": {
        "isp:west@1": {"isp:west@1": 1, "isp_east": 3, "nested": 4},
        "isp_east": {"isp:west@1": 3, "isp_east": 1, "nested": 2, "rest": 7},
    },
}
TYPES = {
    "num": {"cost-mode": "numerical", "cost-metric": "routingcost", "description": "the usual one"},
    "hops": {"cost-mode": "numerical", "cost-metric": "hopcount"},
    "ord": {"cost-mode": "ordinal", "cost-metric": "routingcost"},
}
OPERATORS = {"gt": operator.gt, "lt": operator.lt, "ge": operator.ge, "le": operator.le, "eq": operator.eq}


class Fault(Exception):
    """What is wrong with a request."""

    def __init__(self, code, field=None, value=None):
        super().__init__(code)
        self.meta = {"code": code}
        if field is not None:
            self.meta["field"] = field
        if value is not None:
            self.meta["value"] = value if isinstance(value, str) else json.dumps(value)


def unique(values):
    return list(dict.fromkeys(values))


class Server:
    fault = None
    tag = "2026-11-21.1"

    # -- requests

    def parse(self, body):
        try:
            asked = json.loads(body)
        except ValueError:
            raise Fault("E_SYNTAX") from None
        if not isinstance(asked, dict):
            raise Fault("E_INVALID_FIELD_TYPE")
        return asked

    def member(self, asked, name, kind, path="", needed=True):
        if name not in asked:
            if needed:
                raise Fault("E_MISSING_FIELD")
            return None
        if not isinstance(asked[name], kind):
            raise Fault("E_INVALID_FIELD_TYPE", path + name)
        return asked[name]

    def texts(self, asked, name, path="", needed=True):
        values = self.member(asked, name, list, path, needed)
        for value in values or []:
            if not isinstance(value, str):
                raise Fault("E_INVALID_FIELD_VALUE", path + name, value)
        return values

    def cost_type(self, asked, path):
        metric = self.member(asked, "cost-metric", str, path + "/")
        mode = self.member(asked, "cost-mode", str, path + "/")
        if metric not in [one["cost-metric"] for one in TYPES.values()]:
            raise Fault("E_INVALID_FIELD_VALUE", path + "/cost-metric", metric)
        if (mode, metric) not in [(one["cost-mode"], one["cost-metric"]) for one in TYPES.values()]:
            raise Fault("E_INVALID_FIELD_VALUE", path + "/cost-mode", mode)
        return (mode, metric)

    def address(self, text, path):
        kind, _, value = text.partition(":")
        try:
            if kind == "ipv4":
                return ipaddress.IPv4Address(value)
            if kind == "ipv6":
                return ipaddress.IPv6Address(value)
        except ValueError:
            pass
        raise Fault("E_INVALID_FIELD_VALUE", path, text)

    # -- data

    def pid_of(self, address):
        best = None
        for pid, group in MAP.items():
            for prefixes in group.values():
                for prefix in map(ipaddress.ip_network, prefixes):
                    if address.version == prefix.version and address in prefix:
                        if best is None or self.better(prefix.prefixlen, best[0]):
                            best = (prefix.prefixlen, pid)
        return best[1] if best else None

    def better(self, length, other):
        return length > other

    def vtag(self):
        return {"resource-id": "net", "tag": self.tag}

    def network_map(self, pids=None, types=None):
        groups = {}
        for pid in pids or MAP:
            if pid in MAP:
                groups[pid] = {kind: prefixes for kind, prefixes in MAP[pid].items() if not types or kind in types}
        return {"meta": {"vtag": self.vtag(), "x-made-by": "other"}, "network-map": groups}

    def cost(self, kind, source, destination, pairs):
        value = COSTS[kind[1]].get(source, {}).get(destination)
        if value is None or kind[0] == "numerical":
            return value
        known = {COSTS[kind[1]].get(a, {}).get(b) for a, b in pairs} - {None}
        return self.rank(sorted(known), value)

    def rank(self, known, value):
        return 10 * (known.index(value) + 1)  # gaps are legal

    def holds(self, texts, costs):
        return all(self.test(text, costs) for text in texts)

    def test(self, text, costs):
        words = text.split()
        index = int(words.pop(0)[1:-1]) if words[0].startswith("[") else 0
        value = costs[index]
        return value is not None and self.compare(words[0], value, float(words[1]))

    def compare(self, name, value, limit):
        return OPERATORS[name](value, limit)

    def check_constraint(self, text, path, count):
        words = text.split()
        index = words.pop(0) if words and words[0].startswith("[") else "[0]"
        try:
            if words[0] in OPERATORS and len(words) == 2 and float(words[1]) is not None and int(index[1:-1]) < count:
                return
        except (ValueError, IndexError):
            pass
        raise Fault("E_INVALID_FIELD_VALUE", path, text)

    def wanted(self, asked):
        """What a request for costs asks for: types, whether arrays, and a test of the costs of a pair."""
        several = self.member(asked, "multi-cost-types", list, needed=False)
        one = self.member(asked, "cost-type", dict, needed=several is None)
        if several is not None and one:
            raise Fault("E_INVALID_FIELD_VALUE", "cost-type")
        types = [self.cost_type(kind, "multi-cost-types") for kind in several] if several else [self.cost_type(one, "cost-type")]
        testable = self.member(asked, "testable-cost-types", list, needed=False)
        tested = [self.cost_type(kind, "testable-cost-types") for kind in testable] if testable else types
        lists = []
        constraints = self.texts(asked, "constraints", needed=False)
        if constraints is not None:
            lists = [constraints]
        either = self.member(asked, "or-constraints", list, needed=False)
        if either is not None:
            if constraints is not None:
                raise Fault("E_INVALID_FIELD_VALUE", "or-constraints")
            lists = either
        for texts in lists:
            for text in texts:
                self.check_constraint(text, "constraints" if constraints is not None else "or-constraints", len(tested))
        return types, several, tested, lists

    def passes(self, lists, costs):
        return not lists or any(self.holds(texts, costs) for texts in lists)

    def costs(self, asked, sources, destinations):
        """Sources and destinations are pairs of name and PID."""
        types, several, tested, lists = self.wanted(asked)
        pairs = [(a, b) for _, a in sources for _, b in destinations]
        out = {}
        for name, source in sources:
            row = {}
            for other, destination in destinations:
                if not self.passes(lists, [self.cost(kind, source, destination, pairs) for kind in tested]):
                    continue
                values = [self.cost(kind, source, destination, pairs) for kind in types]
                if any(value is not None for value in values):
                    row[other] = self.several(values) if several else self.single(values[0])
            out[name] = row
        if several:
            return {"cost-type": {}, "multi-cost-types": several}, out
        return {"cost-type": {"cost-mode": types[0][0], "cost-metric": types[0][1]}}, out

    def several(self, values):
        return values

    def single(self, value):
        return value

    def full(self, kind):
        everything = [(pid, pid) for pid in MAP]
        meta, costs = self.costs({"cost-type": kind}, everything, everything)
        meta["dependent-vtags"] = [self.vtag()]
        return {"meta": meta, "cost-map": costs}

    # -- resources

    def directory(self):
        return {
            "meta": {"cost-types": TYPES, "default-alto-network-map": "net"},
            "resources": {
                "net": {"uri": "../maps/net?v=1", "media-type": TYPE % "networkmap"},
                "costs": {"uri": "../maps/costs?of=num", "media-type": TYPE % "costmap", "uses": ["net"],
                          "capabilities": {"cost-type-names": ["num"]}},
                "ranks": {"uri": "../maps/costs?of=ord", "media-type": TYPE % "costmap", "uses": ["net"],
                          "capabilities": {"cost-type-names": ["ord"]}},
                "services": {"uri": "services", "media-type": TYPE % "directory", "x-comment": "POST"},
            },
        }

    def services(self):
        some = {"cost-type-names": ["num", "hops", "ord"], "cost-constraints": True, "max-cost-types": 3}
        return {
            "meta": {"cost-types": TYPES},
            "resources": {
                "net-filter": {"uri": "/f/net", "media-type": TYPE % "networkmap", "accepts": TYPE % "networkmapfilter",
                               "uses": ["net"]},
                "cost-filter": {"uri": "/f/costs", "media-type": TYPE % "costmap", "accepts": TYPE % "costmapfilter",
                                "uses": ["net"], "capabilities": some},
                "properties": {"uri": "/e/p", "media-type": TYPE % "endpointprop", "accepts": TYPE % "endpointpropparams",
                               "capabilities": {"prop-types": ["net.pid", "priv:tier"]}},
                "endpoint-costs": {"uri": "/e/c", "media-type": TYPE % "endpointcost",
                                   "accepts": TYPE % "endpointcostparams", "capabilities": some},
            },
        }

    def gets(self):
        return {
            "/alto/root": ("directory", self.directory),
            "/alto/services": ("directory", self.services),
            "/maps/net?v=1": "/maps/net-1",
            "/maps/net-1": ("networkmap", self.network_map),
            "/maps/costs?of=num": ("costmap", lambda: self.full(TYPES["num"])),
            "/maps/costs?of=ord": ("costmap", lambda: self.full(TYPES["ord"])),
        }

    def posts(self):
        return {
            "/f/net": ("networkmap", "networkmapfilter", self.filter_map),
            "/f/costs": ("costmap", "costmapfilter", self.filter_costs),
            "/e/p": ("endpointprop", "endpointpropparams", self.properties),
            "/e/c": ("endpointcost", "endpointcostparams", self.endpoint_costs),
        }

    def filter_map(self, asked, _):
        pids = self.texts(asked, "pids")
        types = self.texts(asked, "address-types", needed=False)
        return self.network_map(pids, types)

    def filter_costs(self, asked, _):
        pids = self.member(asked, "pids", dict, needed=False)
        ends = [list(MAP), list(MAP)]
        if pids is not None:
            ends = [self.texts(pids, name, "pids/") or list(MAP) for name in ("srcs", "dsts")]
        ends = [[(pid, pid) for pid in unique(names) if pid in MAP] for names in ends]
        meta, costs = self.costs(asked, *ends)
        meta["dependent-vtags"] = [self.vtag()]
        return {"meta": meta, "cost-map": costs}

    def property(self, name, address):
        if name == "net.pid":
            return self.pid_of(address)
        return "gold" if address.is_private else None

    def properties(self, asked, _):
        names = self.texts(asked, "properties")
        endpoints = self.texts(asked, "endpoints")
        if not names or not endpoints:
            raise Fault("E_INVALID_FIELD_VALUE")
        for name in names:
            if name not in ("net.pid", "priv:tier"):
                raise Fault("E_INVALID_FIELD_VALUE", "properties", name)
        out = {}
        for text in endpoints:
            address = self.address(text, "endpoints")
            values = {name: self.property(name, address) for name in names}
            out[text] = {name: value for name, value in values.items() if value is not None}
        return {"meta": {"dependent-vtags": [self.vtag()]}, "endpoint-properties": out}

    def own_address(self, handler):
        return handler.client_address[0]

    def endpoint_costs(self, asked, handler):
        endpoints = self.member(asked, "endpoints", dict)
        lists = [self.texts(endpoints, name, "endpoints/", needed=False) or [] for name in ("srcs", "dsts")]
        if not lists[0] and not lists[1]:
            raise Fault("E_INVALID_FIELD_VALUE", "endpoints")
        own = ["ipv4:" + self.own_address(handler)]
        ends = [[(text, self.pid_of(self.address(text, "endpoints"))) for text in unique(texts or own)] for texts in lists]
        meta, costs = self.costs(asked, *ends)
        return {"meta": meta, "endpoint-cost-map": costs}

    # -- HTTP

    def media_type_fits(self, header, wanted):
        return header.partition(";")[0].strip().lower() == wanted

    def handle(self, handler, method, target, body):
        """Status, media type, body or None, and headers."""
        if target in self.gets():
            page = self.gets()[target]
            if method not in ("GET", "HEAD"):
                return 405, None, None, {"Allow": "GET, HEAD"}
            if isinstance(page, str):
                return 307, None, None, {"Location": page}
            accept = handler.headers.get("Accept", "*/*")
            if not any(one in accept for one in ("*/*", TYPE % page[0])):
                return 406, None, None, {}
            return 200, page[0], page[1](), {"Cache-Control": "max-age=60"}
        if target not in self.posts():
            return 404, None, None, {}
        if method != "POST":
            return 405, None, None, {"Allow": "POST"}
        kind, accepts, answer = self.posts()[target]
        if not self.media_type_fits(handler.headers.get("Content-Type", ""), TYPE % accepts):
            return 415, None, None, {}
        try:
            return 200, kind, answer(self.parse(body), handler), {}
        except Fault as fault:
            return 400, "error", {"meta": self.told(fault.meta)}, {}

    def told(self, meta):
        return meta


class Broken(Server):
    """The same, but one rule is broken."""

    def __init__(self, fault):
        self.fault = fault

    def is_(self, *names):
        return self.fault in names

    def parse(self, body):
        if self.is_("crashes-on-syntax", "syntax-is-type"):
            try:
                json.loads(body)
            except ValueError:
                if self.is_("crashes-on-syntax"):
                    raise
                raise Fault("E_INVALID_FIELD_TYPE") from None
        asked = super().parse(body)
        if self.is_("unknown-member-refused") and any(name.startswith("x-") for name in asked):
            raise Fault("E_INVALID_FIELD_VALUE")
        if self.is_("refuses-description") and "description" in asked.get("cost-type", {}):
            raise Fault("E_INVALID_FIELD_VALUE", "cost-type/description")
        return asked

    def told(self, meta):
        swaps = {"missing-is-value": ("E_MISSING_FIELD", "E_INVALID_FIELD_VALUE"),
                 "type-is-value": ("E_INVALID_FIELD_TYPE", "E_INVALID_FIELD_VALUE"),
                 "value-is-syntax": ("E_INVALID_FIELD_VALUE", "E_SYNTAX")}
        if self.fault in swaps and meta["code"] == swaps[self.fault][0]:
            return {"code": swaps[self.fault][1]}
        if self.is_("short-path") and "/" in meta.get("field", ""):
            meta["field"] = meta["field"].rpartition("/")[2]
        if self.is_("index-in-path") and meta.get("field") == "constraints":
            meta["field"] = "constraints/0"
        if self.is_("made-up-fault"):
            return {"code": "E_INVALID_FIELD_VALUE", "field": "pids", "value": "x"}
        return meta

    def texts(self, asked, name, path="", needed=True):
        if self.is_("element-is-type") and any(not isinstance(one, str) for one in asked.get(name) or []):
            raise Fault("E_INVALID_FIELD_TYPE", name)
        values = super().texts(asked, name, path, needed)
        repeated = values is not None and len(unique(values)) != len(values)
        if repeated and self.is_("refuses-repeated", "refuses-repeated-endpoint", "refuses-repeated-cost"):
            raise Fault("E_INVALID_FIELD_VALUE", path + name)
        return values

    def cost_type(self, asked, path):
        if self.is_("any-cost-type"):
            asked = {**asked, "cost-metric": "routingcost"}
        if self.is_("any-mode") and asked.get("cost-mode") not in ("numerical", "ordinal"):
            asked = {**asked, "cost-mode": "numerical"}
        return super().cost_type(asked, path)

    def address(self, text, path):
        address = super().address(text, path)
        if self.is_("compares-text") and str(address) != text.partition(":")[2]:
            return ipaddress.IPv6Address("ff02::1")
        return address

    def better(self, length, other):
        return length < other if self.is_("shortest-prefix") else length > other

    def network_map(self, pids=None, types=None):
        if pids is not None and self.is_("own-tag"):
            self.tag = "filtered-" + str(random.random())
            out = super().network_map(pids, types)
            del self.tag
            return out
        if self.is_("empty-is-nothing") and pids == []:
            pids = ["nobody"]
        if self.is_("no-types-nothing") and types == []:
            types = ["none"]
        if self.is_("unknown-pid-refused") and any(pid not in MAP for pid in pids or []):
            raise Fault("E_INVALID_FIELD_VALUE", "pids")
        if self.is_("all-unknown-all") and not any(pid in MAP for pid in pids or []):
            pids = None
        if self.is_("unknown-type-refused") and any(kind not in ("ipv4", "ipv6") for kind in types or []):
            raise Fault("E_INVALID_FIELD_VALUE", "address-types")
        out = super().network_map(pids, types)
        if self.is_("pid-missing"):
            out["network-map"].pop("nested", None)
        return out

    def rank(self, known, value):
        whole = len(known) > 5
        return 10 * (len(known) - known.index(value)) if self.is_("backward-ranks") and not whole else super().rank(known, value)

    def holds(self, texts, costs):
        if self.is_("one-constraint"):
            texts = texts[:1]
        if self.is_("any-constraint"):
            return any(self.test(text, costs) for text in texts)
        return super().holds(texts, costs)

    def passes(self, lists, costs):
        if self.is_("or-is-and"):
            return all(self.holds(texts, costs) for texts in lists)
        return super().passes(lists, costs)

    def test(self, text, costs):
        if self.is_("index-ignored") and text.startswith("["):
            text = text.partition(" ")[2]
        return super().test(text, costs)

    def check_constraint(self, text, path, count):
        super().check_constraint(text, path, 100 if self.is_("index-ignored") else count)

    def compare(self, name, value, limit):
        return super().compare("gt" if name == "ge" and self.is_("ge-is-gt") else name, value, limit)

    def several(self, values):
        return values[::-1] if self.is_("other-order") else values

    def single(self, value):
        return [value] if self.is_("array-for-one") else value

    def full(self, kind):
        out = super().full(kind)
        if self.is_("cost-missing"):
            del out["cost-map"]["isp_east"]["rest"]
        if self.is_("cost-arrays"):
            out["cost-map"] = {a: {b: [value] for b, value in row.items()} for a, row in out["cost-map"].items()}
        return out

    def directory(self):
        out = super().directory()
        resources = out["resources"]
        if self.is_("no-network-map"):
            del resources["net"]
        if self.is_("no-routingcost"):
            del resources["costs"], resources["ranks"]
        if self.is_("own-mode-only"):
            out["meta"]["cost-types"] = {name: {**kind, "cost-mode": "priv:own"} for name, kind in TYPES.items()}
        if self.is_("ids-change"):
            out["resources"] = {f"{name}-{random.randrange(10**9)}": entry for name, entry in resources.items()}
        return out

    def filter_costs(self, asked, handler):
        pids = asked.get("pids", {})
        if self.is_("unknown-cost-refused") and any(pid not in MAP for pid in pids.get("srcs", []) + pids.get("dsts", [])):
            raise Fault("E_INVALID_FIELD_VALUE", "pids")
        if self.is_("no-sources") and pids.get("srcs") == []:
            pids["srcs"] = ["nobody"]
        return super().filter_costs(asked, handler)

    def properties(self, asked, handler):
        if self.is_("any-property"):
            asked["properties"] = ["net.pid"]
        out = super().properties(asked, handler)
        if self.is_("all-or-nothing") and any(not values for values in out["endpoint-properties"].values()):
            raise Fault("E_INVALID_FIELD_VALUE", "endpoints")
        return out

    def own_address(self, handler):
        own = super().own_address(handler)
        return handler.headers.get("X-Forwarded-For", own) if self.is_("believes-headers") else own

    def endpoint_costs(self, asked, handler):
        endpoints = asked.get("endpoints", {})
        if self.is_("needs-sources") and not endpoints.get("srcs"):
            raise Fault("E_MISSING_FIELD", "endpoints/srcs")
        if self.is_("costs-of-nobody") and not endpoints.get("srcs") and not endpoints.get("dsts"):
            return {"meta": {"cost-type": asked["cost-type"]}, "endpoint-cost-map": {}}
        out = super().endpoint_costs(asked, handler)
        if self.is_("endpoint-pids"):
            out["endpoint-cost-map"] = COSTS["routingcost"]
        return out

    def media_type_fits(self, header, wanted):
        return header == wanted if self.is_("exact-media-type") else super().media_type_fits(header, wanted)

    def handle(self, handler, method, target, body):
        if self.is_("refuses-post") and method == "POST":
            return 405, None, None, {"Allow": "GET"}
        if self.is_("get-for-post") and target == "/f/net" and method == "GET":
            return 200, "networkmap", self.network_map(), {}
        if self.is_("post-for-get") and target == "/maps/net?v=1" and method == "POST":
            return 200, "networkmap", self.network_map(), {}
        if self.is_("redirect-loop") and target == "/maps/net-1":
            return 307, None, None, {"Location": "/maps/net-1"}
        if self.is_("always-404") and method == "DELETE":
            return 404, None, None, {}
        return super().handle(handler, method, target, body)


def serve(port, server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            try:
                status, kind, out, headers = server.handle(self, self.command, self.path, body)
            except Exception:  # a fault may be to crash
                status, kind, out, headers = 500, None, None, {}
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if out is None:
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_header("Content-Type", TYPE % kind + "; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            text = json.dumps(out, indent=1).encode()
            for at in range(0, len(text), 1000):
                piece = text[at:at + 1000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        do_GET = do_POST = do_DELETE = do_OPTIONS = do_HEAD = answer

        def log_message(self, *_):
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", nargs="?", type=int)
    parser.add_argument("--fault")
    options = parser.parse_args()
    if options.fault == "list":
        for name, (requirement, about) in FAULTS.items():
            print(f"{name:28} {requirement:10} {about}")
        return
    if options.fault and options.fault not in FAULTS:
        sys.exit(f"no fault {options.fault}")
    serve(options.port, Broken(options.fault) if options.fault else Server())


if __name__ == "__main__":
    main()
