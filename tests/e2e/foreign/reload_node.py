#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small RELOAD node (RFC 6940), client and peer, that shares nothing with the reference one.

Links are TLS-TCP-FH-NO-ICE, routing is symmetric recursive. The topology is TEST: a Resource-ID is the first 16 bytes of
the Resource Name, filled up with zeros; responsible is the peer with the smallest absolute difference; there is no
Update. As a client it works in CHORD-RELOAD overlays too.

Usage: reload_node.py --config URL --https-ca PEM [options] ping | attach | store | fetch [TARGET [VALUE]]
       reload_node.py --config URL --https-ca PEM [options] peer
A TARGET is a Resource Name, resource:HEX or node:HEX. A peer stores one value under its own Node-ID, joins, and leaves
at SIGTERM. Exit codes: 0 answered, 1 refused or nothing there, 3 no answer.
"""
import argparse
import base64
import datetime
import hashlib
import os
import queue
import re
import signal
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import urllib.request
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

TOKEN, VERSION, UNFRAGMENTED = 0xD2454C4F, 10, 0xC0000000
TO_NODE, TO_RESOURCE = 1, 2
TLS_TCP_FH_NO_ICE = 4
CERT_HASH, CERT_HASH_NODE_ID, NO_IDENTITY = 1, 2, 3
HASHES = {2: hashes.SHA1, 4: hashes.SHA256, 5: hashes.SHA384, 6: hashes.SHA512}
DIGESTS = {2: "sha1", 4: "sha256", 5: "sha384", 6: "sha512"}
SHA256, SIGNED_RSA, SIGNED_ECDSA = 4, 1, 3
CODES = {"attach": 3, "store": 7, "fetch": 9, "join": 15, "leave": 17, "ping": 23}
ERROR = 0xFFFF
FORBIDDEN, NOT_FOUND, COUNTER_LOW, OPTION, TOO_LARGE, TOO_OLD, UNKNOWN_KIND, EXTENSION, RESPONSE_LARGE, INVALID = \
    2, 3, 5, 7, 8, 9, 12, 13, 14, 20
SINGLE, ARRAY, DICTIONARY = "SINGLE", "ARRAY", "DICTIONARY"
REGISTRY = {"SIP-REGISTRATION": (1, DICTIONARY, "USER-NODE-MATCH"), "TURN-SERVICE": (2, SINGLE, "NODE-MULTIPLE"),
            "CERTIFICATE_BY_NODE": (3, ARRAY, "NODE-MATCH"), "CERTIFICATE_BY_USER": (16, ARRAY, "USER-MATCH")}
USER_KIND, NODE_KIND = 0xF0000001, 0xF0000004  # of the overlays that the reference node makes
APPEND = 0xFFFFFFFF


def u8(n): return struct.pack(">B", n)
def u16(n): return struct.pack(">H", n)
def u32(n): return struct.pack(">I", n)
def u64(n): return struct.pack(">Q", n)
def op8(b): return u8(len(b)) + b
def op16(b): return u16(len(b)) + b
def op24(b): return u32(len(b))[1:] + b
def op32(b): return u32(len(b)) + b
def number(ident): return int.from_bytes(ident[:16].ljust(16, b"\0"), "big")


class Malformed(Exception):
    """Bytes that are no RELOAD, or are not signed as they should be: dropped without an answer."""


class Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, code, info=b""):
        super().__init__(f"error {code:#x} {info!r}")
        self.code, self.info = code, info


class Reader:
    def __init__(self, data): self.data, self.at = data, 0
    def left(self): return len(self.data) - self.at
    def u8(self): return self.take(1)[0]
    def u16(self): return int.from_bytes(self.take(2), "big")
    def u32(self): return int.from_bytes(self.take(4), "big")
    def u64(self): return int.from_bytes(self.take(8), "big")
    def op8(self): return self.take(self.u8())
    def op16(self): return self.take(self.u16())
    def op32(self): return self.take(self.u32())

    def take(self, n):
        if n > self.left():
            raise Malformed(f"{n} bytes wanted, {self.left()} left")
        self.at += n
        return self.data[self.at - n:self.at]

    def each(self, read):
        while self.left():
            yield read(self)


# ---- certificates (sections 7, 11.3) -------------------------------------------------------------------------------

def verify(key, signature, data, algorithm):
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PKCS1v15(), algorithm)
    else:
        key.verify(signature, data, ec.ECDSA(algorithm))


class Certificate:
    """An X.509 certificate with what RELOAD reads from it."""

    def __init__(self, der):
        self.der, self.x509 = der, x509.load_der_x509_certificate(der)
        names = self.x509.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.user = (names.get_values_for_type(x509.RFC822Name) + [""])[0]
        self.node_ids = []
        for uri in names.get_values_for_type(x509.UniformResourceIdentifier):
            found = re.match(r"reload://01([0-9a-f]{2})([0-9a-f]+)@", uri, re.I)
            if found and int(found[1], 16) == len(found[2]) // 2:
                self.node_ids.append(bytes.fromhex(found[2]))

    def valid_now(self):
        # Aware times are new in cryptography 42, where the naive ones warn.
        now = datetime.datetime.now(datetime.timezone.utc)
        if hasattr(self.x509, "not_valid_before_utc"):
            return self.x509.not_valid_before_utc <= now <= self.x509.not_valid_after_utc
        return self.x509.not_valid_before <= now.replace(tzinfo=None) <= self.x509.not_valid_after

    def trusted(self, config):
        for root in config.roots:
            try:
                verify(root.public_key(), self.x509.signature, self.x509.tbs_certificate_bytes,
                       self.x509.signature_hash_algorithm)
                return self.valid_now()
            except Exception:
                pass
        return False


class Identity:
    """A private key and its certificate."""

    def __init__(self, key, certificate):
        self.key, self.cert = key, Certificate(certificate.public_bytes(serialization.Encoding.DER))
        self.node_id, self.user = self.cert.node_ids[0], self.cert.user

    @classmethod
    def get(cls, config, user, file, ca):
        if file and os.path.exists(file):
            with open(file, "rb") as f:
                pem = f.read()
            return cls(serialization.load_pem_private_key(pem, None), x509.load_pem_x509_certificate(pem))
        key = ec.generate_private_key(ec.SECP256R1())
        me = cls(key, enroll(config, key, user, ca))
        if file:
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
                f.write(me.pem())
        return me

    def pem(self):
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                      serialization.NoEncryption()) + self.cert.x509.public_bytes(serialization.Encoding.PEM)

    def sign(self, data):
        """A Signature over data || SignerIdentity."""
        who = u8(CERT_HASH) + op16(u8(SHA256) + op8(hashlib.sha256(self.cert.der).digest()))
        value = self.key.sign(data + who, ec.ECDSA(hashes.SHA256()))
        return u8(SHA256) + u8(SIGNED_ECDSA) + who + op16(value)


NO_SIGNATURE = u8(0) + u8(0) + u8(NO_IDENTITY) + u16(0) + u16(0)


def read_signature(r):
    """-> (hash code, SignerIdentity, its certificate's key in Node.certs, signature value, all bytes)"""
    start = r.at
    hash_code, _, kind = r.u8(), r.u8(), r.u8()
    who = r.op16()
    inner = Reader(who)
    known_as = bytes([kind, inner.u8()]) + inner.op8() if kind in (CERT_HASH, CERT_HASH_NODE_ID) else None
    return hash_code, u8(kind) + op16(who), known_as, r.op16(), r.data[start:r.at]


def https(url, ca, data=None, headers=None):
    request = urllib.request.Request(url, data, headers or {})
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca), timeout=60) as answer:
        return answer.read()


def enroll(config, key, user, ca):
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    edge, body = "reload-" + os.urandom(8).hex(), b""
    for name, kind, value in (("username", "text/plain", user.encode()),
                              ("csr", "application/pkcs10", request.public_bytes(serialization.Encoding.DER))):
        body += (f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n'
                 f"Content-Type: {kind}\r\n\r\n").encode() + value + b"\r\n"
    der = https(config.enrollment, ca, body + f"--{edge}--\r\n".encode(),
                {"Content-Type": f"multipart/form-data; boundary={edge}", "Accept": "application/pkix-cert"})
    return x509.load_der_x509_certificate(der)


# ---- configuration document (section 11.1) -------------------------------------------------------------------------

class Config:
    def __init__(self, url, ca):
        base = "{urn:ietf:params:xml:ns:p2p:config-base}"
        conf = ET.fromstring(https(url, ca)).find(base + "configuration")
        text = lambda name, default="": (conf.findtext(base + name) or default).strip()
        self.overlay, self.sequence = conf.get("instance-name"), int(conf.get("sequence", 0))
        self.hash = hashlib.sha1(self.overlay.encode()).digest()[-4:]
        self.topology, self.ttl = text("topology-plugin", "CHORD-RELOAD"), int(text("initial-ttl", "100"))
        self.timer = int(text("overlay-reliability-timer", "3000")) / 1000
        self.enrollment = text("enrollment-server")
        self.root_der = [base64.b64decode(e.text) for e in conf.findall(base + "root-cert")]
        self.roots = [x509.load_der_x509_certificate(der) for der in self.root_der]
        self.bootstrap = [(e.get("address"), int(e.get("port", 6084))) for e in conf.findall(base + "bootstrap-node")]
        self.kinds = {code: (model, policy, 100, 10000, 20) for code, model, policy in REGISTRY.values()}
        for e in conf.iter(base + "kind"):
            code, model, policy = REGISTRY.get(e.get("name")) or (
                int(e.get("id")), e.findtext(base + "data-model").strip(), e.findtext(base + "access-control").strip())
            self.kinds[code] = (model, policy, int(e.findtext(base + "max-count")), int(e.findtext(base + "max-size")),
                                int(e.findtext(base + "max-node-multiple") or 0))


# ---- messages (section 6.3) ----------------------------------------------------------------------------------------

def to_node(ident): return u8(TO_NODE) + op8(ident)
def to_resource(ident): return u8(TO_RESOURCE) + op8(op8(ident))


def read_destination(r):
    first = r.u8()
    return u8(first) + (r.take(1) if first & 0x80 else op8(r.op8()))


def destination_id(entry):
    """-> (type, identifier)"""
    if entry[0] == TO_RESOURCE:
        return TO_RESOURCE, Reader(entry[2:]).op8()
    return entry[0], entry[2:]


@dataclass
class Message:
    code: int = 0
    body: bytes = b""
    dest: list = field(default_factory=list)
    via: list = field(default_factory=list)
    options: list = field(default_factory=list)     # (type, flags, value)
    extensions: list = field(default_factory=list)  # (type, critical, value)
    transaction: int = 0
    overlay: bytes = b""
    sequence: int = 0
    ttl: int = 100
    max_response: int = 0
    certs: list = field(default_factory=list)       # DER
    contents: bytes = b""
    signature: tuple = ()
    payload: bytes = b""                            # what follows the forwarding header
    signer: bytes = b""

    def encode(self):
        via, dest = b"".join(self.via), b"".join(self.dest)
        options = b"".join(u8(t) + u8(f) + op16(v) for t, f, v in self.options)
        size = 38 + len(via) + len(dest) + len(options) + len(self.payload)
        return (u32(TOKEN) + self.overlay + u16(self.sequence) + u8(VERSION) + u8(self.ttl) + u32(UNFRAGMENTED) + u32(size)
                + u64(self.transaction) + u32(self.max_response) + u16(len(via)) + u16(len(dest)) + u16(len(options))
                + via + dest + options + self.payload)

    def seal(self, me):
        """Writes contents and security block, signed by `me`."""
        self.contents = u16(self.code) + op32(self.body) + op32(b"")
        certs = b"".join(u8(0) + op16(der) for der in self.certs or [me.cert.der])
        self.payload = self.contents + op16(certs) + me.sign(self.overlay + u64(self.transaction) + self.contents)
        return self

    @classmethod
    def decode(cls, data):
        r, m = Reader(data), cls()
        token, m.overlay, m.sequence, version, m.ttl = r.u32(), r.take(4), r.u16(), r.u8(), r.u8()
        fragment, length, m.transaction, m.max_response = r.u32(), r.u32(), r.u64(), r.u32()
        sizes = r.u16(), r.u16(), r.u16()
        if (token, version, fragment, length) != (TOKEN, VERSION, UNFRAGMENTED, len(data)):
            raise Malformed("forwarding header")
        m.via = list(Reader(r.take(sizes[0])).each(read_destination))
        m.dest = list(Reader(r.take(sizes[1])).each(read_destination))
        m.options = list(Reader(r.take(sizes[2])).each(lambda o: (o.u8(), o.u8(), o.op16())))
        m.payload = r.take(r.left())
        return m

    def open(self):
        """Parses contents and security block."""
        r = Reader(self.payload)
        self.code, self.body = r.u16(), r.op32()
        self.extensions = list(Reader(r.op32()).each(lambda e: (e.u16(), e.u8(), e.op32())))
        self.contents = self.payload[:r.at]
        self.certs = [der for kind, der in Reader(r.op16()).each(lambda c: (c.u8(), c.op16())) if kind == 0]
        self.signature = read_signature(r)
        if r.left():
            raise Malformed("bytes behind the signature")


# ---- links (section 6.6) -------------------------------------------------------------------------------------------

class Link:
    """A TLS connection with frames: 0x80 sequence message, 0x81 sequence received."""

    def __init__(self, tls, deliver, closed):
        self.tls, self.deliver, self.on_close = tls, deliver, closed
        self.peer = Certificate(tls.getpeercert(True)).node_ids[0]
        self.next, self.seen, self.open = 0, set(), True
        self.lock = threading.Lock()

    def start(self):
        self.tls.settimeout(0.5)
        threading.Thread(target=self.run, daemon=True).start()
        return self

    def send(self, message):
        with self.lock:
            self.write(u8(0x80) + u32(self.next) + op24(message))
            self.next += 1

    def write(self, data):
        try:
            self.tls.sendall(data)
        except OSError:
            self.close()

    def run(self):
        buffer = b""
        while self.open:
            try:
                data = self.tls.recv(65536)
                if not data:
                    break
                buffer = self.take_frames(buffer + data)
            except (TimeoutError, ssl.SSLWantReadError):
                continue
            except (OSError, ValueError, Malformed):
                break
        self.close()
        self.tls.close()  # here only: nobody reads from the descriptor any more

    def take_frames(self, buffer):
        while buffer:
            if buffer[0] == 0x81 and len(buffer) >= 9:
                buffer = buffer[9:]
            elif buffer[0] == 0x80 and len(buffer) >= 8 + int.from_bytes(buffer[5:8].ljust(3, b"\xff"), "big"):
                sequence, size = int.from_bytes(buffer[1:5], "big"), int.from_bytes(buffer[5:8], "big")
                message, buffer = buffer[8:8 + size], buffer[8 + size:]
                received = sum(1 << (sequence - m) for m in self.seen if sequence - 32 < m < sequence)
                self.seen = {m for m in self.seen if m > sequence - 32} | {sequence}
                with self.lock:
                    self.write(u8(0x81) + u32(sequence) + u32(received))
                self.deliver(self, message)
            elif buffer[0] not in (0x80, 0x81):
                raise Malformed("no frame")
            else:
                break
        return buffer

    def close(self):
        if self.open:
            self.open = False
            self.on_close(self)
            try:
                socket.socket.shutdown(self.tls, socket.SHUT_RDWR)
            except OSError:
                pass


# ---- stored values (section 7) -------------------------------------------------------------------------------------

@dataclass
class Value:
    key: bytes = b""  # as on the wire: nothing, index, or key with its length
    exists: int = 1
    data: bytes = b""
    stored_at: int = 0
    lifetime: int = 3600
    signature: bytes = NO_SIGNATURE
    since: float = field(default_factory=time.time)

    def plain(self): return self.key + u8(self.exists) + op32(self.data)

    def signed(self, resource, kind, model):
        """What the signature covers, without the SignerIdentity; an array index counts as zero."""
        key = u32(0) if model == ARRAY else self.key
        return resource + u32(kind) + u64(self.stored_at) + key + u8(self.exists) + op32(self.data)

    def left(self): return max(0, int(self.lifetime - (time.time() - self.since)))
    def encode(self): return op32(u64(self.stored_at) + u32(self.left()) + self.plain() + self.signature)

    @classmethod
    def read(cls, r, model):
        r = Reader(r.op32())
        v = cls(stored_at=r.u64(), lifetime=r.u32())
        v.key = {SINGLE: lambda: b"", ARRAY: lambda: r.take(4), DICTIONARY: lambda: op16(r.op16())}[model]()
        v.exists, v.data = r.u8(), r.op32()
        v.signature = read_signature(r)[4]
        if r.left() or v.exists > 1:
            raise Malformed("StoredData")
        return v


# ---- the node ------------------------------------------------------------------------------------------------------

class Node:
    def __init__(self, config, me):
        self.config, self.me, self.peer = config, me, False
        self.links, self.peers, self.waiting = {}, set(), {}
        self.certs = {}                    # identity code, hash code and hash -> (Certificate, Node-ID)
        self.store, self.answers = {}, {}  # resource -> kind -> [counter, {key: Value}]
        self.lock = threading.RLock()
        self.pem = tempfile.NamedTemporaryFile(prefix="reload-")
        self.pem.write(me.pem())
        self.pem.flush()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.learn(me.cert.der)
        threading.Thread(target=self.accept, daemon=True).start()

    @staticmethod
    def log(*what): print(*what, flush=True)

    # -- links

    def context(self, server):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
        c.check_hostname, c.verify_mode = False, ssl.CERT_REQUIRED
        c.load_verify_locations(cadata=b"".join(self.config.root_der))
        c.load_cert_chain(self.pem.name)
        return c

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.incoming, args=(sock,), daemon=True).start()

    def incoming(self, sock):
        try:
            sock.settimeout(30)
            self.add(self.context(True).wrap_socket(sock, server_side=True))
        except (OSError, ValueError, Malformed) as e:
            self.log("incoming link:", e)
            sock.close()

    def connect(self, address, expect=None):
        return self.add(self.context(False).wrap_socket(socket.create_connection(address, 30)), expect)

    def add(self, tls, expect=None):
        certificate = Certificate(tls.getpeercert(True))
        if not certificate.trusted(self.config) or expect and expect not in certificate.node_ids:
            tls.close()
            raise Malformed("certificate of the link")
        self.learn(certificate.der)
        link = Link(tls, self.received, self.lost)
        self.links[link.peer] = link  # before anything can come in on it
        return link.start()

    def lost(self, link):
        if self.links.get(link.peer) is link:
            del self.links[link.peer]
            self.peers.discard(link.peer)

    def learn(self, der):
        try:
            c = Certificate(der)
        except Exception:
            return
        for code, name in DIGESTS.items():
            if len(c.node_ids) == 1:
                self.certs[bytes([CERT_HASH, code]) + hashlib.new(name, der).digest()] = (c, c.node_ids[0])
            for ident in c.node_ids:
                self.certs[bytes([CERT_HASH_NODE_ID, code]) + hashlib.new(name, ident + der).digest()] = (c, ident)

    # -- identities

    def resource(self, name):
        name = name.encode() if isinstance(name, str) else name
        return name[:16].ljust(16, b"\0") if self.config.topology == "TEST" else hashlib.sha1(name).digest()[:16]

    def responsible(self, ident):
        """The peer nearest to an identifier, of those known."""
        known = self.peers | ({self.me.node_id} if self.peer else set())
        return min(known, key=lambda p: (abs(number(p) - number(ident)), p)) if known else None

    def check(self, signature, data):
        """Verifies a Signature -> (Certificate, Node-ID) of the signer."""
        hash_code, who, known_as, value, _ = signature
        found = self.certs.get(known_as)
        if not found or hash_code not in HASHES or not found[0].trusted(self.config):
            raise Malformed("signer unknown or not trusted")
        try:
            verify(found[0].x509.public_key(), value, data + who, HASHES[hash_code]())
        except Exception as e:
            raise Malformed("signature is wrong") from e
        return found

    # -- sending

    def message(self, code, body, dest, **fields):
        fields.setdefault("transaction", int.from_bytes(os.urandom(8), "big"))
        return Message(code, body, dest if isinstance(dest, list) else [dest], overlay=self.config.hash,
                       sequence=self.config.sequence, ttl=self.config.ttl, **fields)

    def next_hop(self, entry):
        kind, ident = destination_id(entry)
        if kind == TO_NODE and ident in self.links:
            return self.links[ident]
        return self.links.get(self.responsible(ident)) or (None if self.peer else next(iter(self.links.values()), None))

    def request(self, name, body, dest, link=None, **fields):
        """-> the answer; raises Refused with its error, TimeoutError without any."""
        message = self.message(CODES[name], body, dest, **fields).seal(self.me)
        answers = self.waiting[message.transaction] = queue.Queue()
        try:
            for _ in range(5):  # section 6.2.1
                link = link if link and link.open else self.next_hop(message.dest[0])
                if link:
                    link.send(message.encode())
                try:
                    answer = answers.get(timeout=self.config.timer)
                except queue.Empty:
                    continue
                if answer.code == ERROR:
                    r = Reader(answer.body)
                    raise Refused(r.u16(), r.op16())
                if answer.code != CODES[name] + 1:
                    raise Malformed(f"answer {answer.code}")
                return answer
            raise TimeoutError("no answer")
        finally:
            del self.waiting[message.transaction]

    # -- receiving (section 6.1)

    def received(self, link, data):
        try:
            m = Message.decode(data)
            if m.overlay != self.config.hash:
                raise Malformed("other overlay")
            self.route(m, link)
        except (Malformed, IndexError) as e:
            self.log("dropped:", e)

    def route(self, m, link):
        while m.dest:
            kind, ident = destination_id(m.dest[0])
            mine = kind == TO_NODE and ident in (self.me.node_id, b"\xff" * 16)
            if kind == TO_RESOURCE and self.peer:
                mine = self.responsible(ident) == self.me.node_id
            if not mine:
                break
            if len(m.dest) == 1:
                return self.arrived(m, link)
            m.dest.pop(0)
        to = self.next_hop(m.dest[0]) if m.dest and self.peer else None
        if to is None or to is link or not m.ttl:
            raise Malformed("no way to " + b"".join(m.dest).hex())
        m.ttl -= 1
        code = int.from_bytes(m.payload[:2], "big")
        if code & 1 and code != ERROR:  # requests remember the way
            m.via.append(to_node(link.peer))
        to.send(m.encode())

    def arrived(self, m, link):
        m.open()
        for der in m.certs:
            self.learn(der)
        m.signer = self.check(m.signature, m.overlay + u64(m.transaction) + m.contents)[1]
        if m.code != ERROR and m.code & 1:
            threading.Thread(target=self.serve, args=(m, link), daemon=True).start()
        elif m.transaction in self.waiting:
            self.waiting[m.transaction].put(m)

    # -- answering

    def serve(self, m, link):
        key, after = (m.transaction, m.signer), None
        if key not in self.answers:
            try:
                code, body, certs, after = self.answer(m, link)
            except Refused as e:
                code, body, certs = ERROR, u16(e.code) + op16(e.info), []
            except (Malformed, KeyError) as e:
                return self.log("dropped:", e)
            self.answers[key] = (code, body, list(dict.fromkeys([self.me.cert.der] + certs)))
        code, body, certs = self.answers[key]
        answer = self.message(code, body, [to_node(link.peer)] + m.via[::-1], transaction=m.transaction, certs=certs)
        if m.max_response and len(answer.seal(self.me).encode()) > m.max_response:
            answer = self.message(ERROR, u16(RESPONSE_LARGE) + op16(b""), answer.dest, transaction=m.transaction)
        link.send(answer.seal(self.me).encode())
        if after:
            after()

    def answer(self, m, link):
        """-> code, body, certificates, what is to be done behind it"""
        if any(flags & 3 for _, flags, _ in m.options):
            raise Refused(OPTION)
        if any(critical for _, critical, _ in m.extensions):
            raise Refused(EXTENSION)
        name = next((n for n, code in CODES.items() if code == m.code), None)
        if name is None:
            raise Refused(INVALID, b"a method that this node does not have")
        with self.lock:
            body, certs, after = (getattr(self, "on_" + name)(m, link) + (None, None))[:3]
        return m.code + 1, body, certs or [], after

    def on_ping(self, m, link):
        Reader(m.body).op16()
        return (os.urandom(8) + u64(int(time.time() * 1000)),)

    def attach_body(self, role):
        host = op8(b"1") + u32(2130706431) + u8(1) + op16(b"")
        candidate = u8(1) + op8(socket.inet_aton(self.address[0]) + u16(self.address[1])) + u8(TLS_TCP_FH_NO_ICE) + host
        return op8(b"") + op8(b"") + op8(role) + op16(candidate) + u8(0)

    def on_attach(self, m, link):
        r = Reader(m.body)
        r.op8(), r.op8(), r.op8()
        r = Reader(r.op16())
        kind, where = r.u8(), r.op8()
        if kind != 1 or len(where) != 6 or r.u8() != TLS_TCP_FH_NO_ICE:
            raise Refused(INVALID, b"candidate")

        def call():
            try:
                if m.signer not in self.links:
                    self.connect((socket.inet_ntoa(where[:4]), int.from_bytes(where[4:], "big")), m.signer)
            except (OSError, Malformed) as e:
                self.log("attach:", e)
        return self.attach_body(b"active"), None, call

    def on_join(self, m, link):
        who = Reader(m.body).take(16)
        if not self.peer or who != m.signer or link.peer != who:
            raise Refused(FORBIDDEN)
        others = b"".join(self.peers - {who})
        self.peers.add(who)
        return op16(others), None, lambda: self.hand_over(lambda r: who if self.responsible(r) == who else None)

    def on_leave(self, m, link):
        if Reader(m.body).take(16) != m.signer or link.peer != m.signer:
            raise Refused(FORBIDDEN)
        self.peers.discard(m.signer)
        return (b"",)

    def allowed(self, policy, cert, signer, resource, key, multiple):
        """Access control policies, section 7.3."""
        by_user, by_node = self.resource(cert.user) == resource, self.resource(signer) == resource
        if policy == "NODE-MULTIPLE":
            return any(self.resource(signer + u8(i)) == resource for i in range(1, multiple + 1))
        return {"USER-MATCH": by_user, "NODE-MATCH": by_node, "USER-NODE-MATCH": by_user and key == op16(signer)}[policy]

    def on_store(self, m, link):
        r = Reader(m.body)
        resource, replica, kinds = r.op8(), r.u8(), Reader(r.op32())
        if not replica and self.responsible(resource) != self.me.node_id:
            raise Refused(NOT_FOUND)
        if replica and m.signer not in self.peers:
            raise Refused(FORBIDDEN, b"replica")
        new, answer = {}, b""
        for code, counter, data in kinds.each(lambda r: (r.u32(), r.u64(), r.op32())):
            if code not in self.config.kinds:
                raise Refused(UNKNOWN_KIND, op8(u32(code)))
            old, values = self.store.get(resource, {}).get(code, [0, {}])
            if not replica and counter and counter != old:
                raise Refused(COUNTER_LOW, op16(u32(code) + u64(old) + op16(b"")))
            values = dict(values)
            for v in Reader(data).each(lambda r: Value.read(r, self.config.kinds[code][0])):
                self.put(m, resource, code, values, v, replica)
            new[code] = [counter if replica else old + 1, values]
            answer += u32(code) + u64(new[code][0]) + op16(b"")
        self.store.setdefault(resource, {}).update(new)
        self.log("stored", resource.hex(), "replica", replica)
        return (op16(answer),)

    def put(self, m, resource, code, values, v, replica):
        model, policy, count, size, multiple = self.config.kinds[code]
        try:
            cert, signer = self.check(read_signature(Reader(v.signature)), v.signed(resource, code, model))
        except Malformed as e:
            raise Refused(FORBIDDEN, str(e).encode()) from e
        if not self.allowed(policy, cert, signer, resource, v.key, multiple) or not replica and m.signer != signer:
            raise Refused(FORBIDDEN, policy.encode())
        if model == ARRAY and v.key == u32(APPEND):
            v.key = u32(max((int.from_bytes(k, "big") + 1 for k in values), default=0))
        old = values.get(v.key)
        if replica and old and (v.stored_at, v.plain()) == (old.stored_at, old.plain()):
            return  # the copy is here already
        if old and v.stored_at <= old.stored_at:
            raise Refused(TOO_OLD)
        values[v.key] = v
        if len(v.data) > size or len(values) > count:
            raise Refused(TOO_LARGE)

    def certificate_of(self, value):
        found = self.certs.get(read_signature(Reader(value.signature))[2])
        return [found[0].der] if found else []

    def on_fetch(self, m, link):
        r, out, certs = Reader(m.body), b"", []
        resource = r.op8()
        for code, generation, spec in Reader(r.op16()).each(lambda r: (r.u32(), r.u64(), r.op16())):
            if code not in self.config.kinds:
                raise Refused(UNKNOWN_KIND, op8(u32(code)))
            model = self.config.kinds[code][0]
            counter, values = self.store.get(resource, {}).get(code, [0, {}])
            values = {k: v for k, v in values.items() if v.left()}
            if model == SINGLE:
                found = [values.get(b"", Value(exists=0))]
            elif model == ARRAY:
                ranges = list(Reader(Reader(spec).op16()).each(lambda r: (r.u32(), r.u32())))
                found = [v for k, v in sorted(values.items()) if any(a <= int.from_bytes(k, "big") <= b for a, b in ranges)]
            else:
                keys = [op16(k) for k in Reader(Reader(spec).op16()).each(Reader.op16)]
                found = [values.get(k, Value(k, 0)) for k in keys] if keys else list(values.values())
            if generation and generation == counter:
                found = []
            out += u32(code) + u64(counter) + op32(b"".join(v.encode() for v in found))
            certs += [der for v in found for der in self.certificate_of(v)]
        self.log("fetched", resource.hex())
        return op32(out), certs

    # -- a peer's life

    def bootstrap(self, addresses):
        for address in addresses or self.config.bootstrap:
            try:
                link = self.connect(address)
                self.peers.add(link.peer)
                return
            except OSError as e:
                self.log("bootstrap", address, e)
        raise TimeoutError("no bootstrap node")

    def attach(self, dest):
        """Attach to a destination: who answers connects to us -> its Node-ID."""
        who = self.request("attach", self.attach_body(b"passive"), dest).signer
        end = time.time() + 30
        while who not in self.links:
            if time.time() > end:
                raise TimeoutError("nobody connected")
            time.sleep(0.05)
        return who

    def join(self):
        admitting = self.attach(to_resource(self.me.node_id))
        self.peers = {admitting}
        self.peer = True  # before the answer: the data may come first
        answer = self.request("join", self.me.node_id + op16(b""), to_node(admitting))
        for other in Reader(Reader(answer.body).op16()).each(lambda r: r.take(16)):
            if other != self.me.node_id:  # others that the admitting peer knows
                if other not in self.links:
                    self.attach([to_node(admitting), to_node(other)])
                self.peers.add(other)
                self.request("join", self.me.node_id + op16(b""), to_node(other))

    def hand_over(self, to):
        """Stores, as replica 1, what now belongs to somebody else."""
        for resource, kinds in list(self.store.items()):
            who = to(resource)
            if not who:
                continue
            data, certs = b"", [self.me.cert.der]
            for code, (counter, values) in kinds.items():
                data += u32(code) + u64(counter) + op32(b"".join(v.encode() for v in values.values()))
                certs += [der for v in values.values() for der in self.certificate_of(v)]
            try:
                self.request("store", op8(resource) + u8(1) + op32(data), to_node(who), certs=list(dict.fromkeys(certs)))
                self.log("handed over", resource.hex())
            except (Refused, TimeoutError, Malformed) as e:
                self.log("hand over:", e)

    def leave(self):
        self.peer = False
        self.hand_over(self.responsible)
        for peer in list(self.peers):
            try:
                self.request("leave", self.me.node_id + op16(b""), to_node(peer))
            except (Refused, TimeoutError, Malformed) as e:
                self.log("leave:", e)
        self.close()

    def close(self):
        self.listener.close()
        for link in list(self.links.values()):
            link.close()

    # -- what a client asks

    def store_value(self, resource, kind, data):
        v = Value(data=data, stored_at=int(time.time() * 1000))
        v.signature = self.me.sign(v.signed(resource, kind, self.config.kinds[kind][0]))
        body = op8(resource) + u8(0) + op32(u32(kind) + u64(0) + op32(v.encode()))
        return self.request("store", body, to_resource(resource))

    def fetch_value(self, resource, kind):
        """The value of a single-value Kind, verified; None where nothing is."""
        answer = self.request("fetch", op8(resource) + op16(u32(kind) + u64(0) + op16(b"")), to_resource(resource))
        _, _, data = next(Reader(Reader(answer.body).op32()).each(lambda r: (r.u32(), r.u64(), r.op32())))
        v = Value.read(Reader(data), SINGLE)
        if v.signature != NO_SIGNATURE:
            self.check(read_signature(Reader(v.signature)), v.signed(resource, kind, SINGLE))
        elif v.exists:
            raise Malformed("unsigned value")
        return v.data if v.exists else None


def be_peer(node, options):
    stop = threading.Event()
    for number_of in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number_of, lambda *_: stop.set())
    node.bootstrap(options.bootstrap)
    node.store_value(node.me.node_id, NODE_KIND, b"of the foreign peer")
    node.join()
    if options.ready_file:
        with open(options.ready_file + ".new", "w") as f:
            f.write("%s:%d %s" % (*node.address, node.me.node_id.hex()))
        os.rename(options.ready_file + ".new", options.ready_file)
    stop.wait()
    node.leave()
    return 0


def ask(node, options):
    if options.target.startswith("node:"):
        ident = bytes.fromhex(options.target[5:])
        dest = to_node(ident)
    else:
        named = options.target.startswith("resource:")
        ident = bytes.fromhex(options.target[9:]) if named else node.resource(options.target)
        dest = to_resource(ident)
    try:
        node.bootstrap(options.bootstrap)
        if options.what == "ping":
            print("answer of", node.request("ping", op16(b""), dest).signer.hex())
        elif options.what == "attach":
            who = node.attach(dest)
            node.request("ping", op16(b""), to_node(who), node.links[who])
            print("linked with", who.hex())
        elif options.what == "store":
            print("stored by", node.store_value(ident, options.kind, options.value.encode()).signer.hex())
        else:
            value = node.fetch_value(ident, options.kind)
            print("nothing there" if value is None else repr(value.decode()))
            return int(value is None)
        return 0
    except (Refused, Malformed) as e:
        print(e)
        return 1
    except TimeoutError as e:
        print(e)
        return 3
    finally:
        node.close()


def host_port(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--config", required=True, help="URL of the configuration document")
    p.add_argument("--https-ca", required=True, help="PEM certificate of the HTTPS server")
    p.add_argument("--user", default="foreign@example.org")
    p.add_argument("--identity", default="", help="PEM file of key and certificate, written when it is not there")
    p.add_argument("--bootstrap", action="append", type=host_port, default=[], metavar="HOST:PORT")
    p.add_argument("--kind", type=lambda s: int(s, 0), default=USER_KIND)
    p.add_argument("--ready-file", default="", help="peer: address and Node-ID, written when it has joined")
    p.add_argument("what", choices=("ping", "attach", "store", "fetch", "peer"))
    p.add_argument("target", nargs="?", default="")
    p.add_argument("value", nargs="?", default="")
    options = p.parse_args()
    config = Config(options.config, options.https_ca)
    node = Node(config, Identity.get(config, options.user, options.identity, options.https_ca))
    return be_peer(node, options) if options.what == "peer" else ask(node, options)


if __name__ == "__main__":
    sys.exit(main())
