"""A small authoritative DNS server on loopback, UDP and TCP, with a log of its queries. For script/field.

A zone is a dictionary of names. Each name has a list of records `(type, ttl, value)`, or one of the words "servfail" and "silent".
What is not there is NXDOMAIN, a name without the type asked for is no-data; both come with the SOA of the server.
"""

import socket
import struct
import threading
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "MX": 15, "TXT": 16, "AAAA": 28}
NAMES = {number: name for name, number in TYPES.items()}
NXDOMAIN, SERVFAIL = 3, 2


def encode_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def encode_value(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "MX":
        preference, host = value
        return struct.pack(">H", preference) + encode_name(host)
    if kind in ("CNAME", "NS"):
        return encode_name(value)
    if kind == "TXT":
        return bytes([len(value)]) + value.encode()
    raise ValueError(kind)


class DNSServer:
    """Answers until it is closed. `zone`, `soa_ttl` and `soa_minimum` may be changed while it runs."""

    def __init__(self, zone=None, soa_minimum=1, soa_ttl=3600):
        self.zone, self.soa_minimum, self.soa_ttl = dict(zone or {}), soa_minimum, soa_ttl
        self.queries = []
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket()
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for attempt in range(20):
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            try:
                self.tcp.bind(("127.0.0.1", self.port))
                break
            except OSError:  # somebody has this port for TCP: another one
                self.udp.close()
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp.listen(50)
        threading.Thread(target=self._datagrams, daemon=True).start()
        threading.Thread(target=self._streams, daemon=True).start()

    @property
    def address(self):
        """As `apus serve --resolver` takes it."""
        return f"127.0.0.1@{self.port}"

    def asked(self, name, kind=None):
        """How many queries came for a name."""
        return sum(1 for _, n, k in list(self.queries) if n == name.lower() and kind in (None, k))

    def route(self, domain, *hosts, ttl=300, mx_ttl=None):
        """MX records of a domain to hosts with these addresses, in this order of preference."""
        self.zone[domain] = [("MX", ttl if mx_ttl is None else mx_ttl, (10 * (n + 1), f"mx{n}.{domain}")) for n in range(len(hosts))]
        for n, address in enumerate(hosts):
            self.zone[f"mx{n}.{domain}"] = [("AAAA" if ":" in address else "A", ttl, address)]

    def close(self):
        for each in (self.udp, self.tcp):
            each.close()

    def _datagrams(self):
        while True:
            try:
                data, peer = self.udp.recvfrom(4096)
            except OSError:
                return
            answer = self._answer(data)
            if answer:
                try:
                    self.udp.sendto(answer, peer)
                except OSError:
                    return

    def _streams(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._stream, args=(connection,), daemon=True).start()

    def _stream(self, connection):
        with connection, connection.makefile("rb") as reader:
            connection.settimeout(30)
            try:
                while True:
                    size = reader.read(2)
                    if len(size) < 2:
                        return
                    answer = self._answer(reader.read(struct.unpack(">H", size)[0]))
                    if answer:
                        connection.sendall(struct.pack(">H", len(answer)) + answer)
            except OSError:
                return

    def _answer(self, query):
        if len(query) < 12:
            return None
        identity, flags, questions = struct.unpack(">HHH", query[:6])
        if questions != 1 or flags & 0x8000:
            return None
        position, labels = 12, []
        while query[position]:
            labels.append(query[position + 1:position + 1 + query[position]].decode("latin-1"))
            position += query[position] + 1
        kind = NAMES.get(struct.unpack(">H", query[position + 1:position + 3])[0], "?")
        question = query[12:position + 5]
        name = ".".join(labels).lower()
        self.queries.append((time.monotonic(), name, kind))
        if self.zone.get(name) == "silent":
            return None
        code, answers, authority = self._look(name, kind)
        head = struct.pack(">HHHHHH", identity, 0x8580 | (flags & 0x0100) | code, 1, len(answers), len(authority), 0)
        return head + question + b"".join(answers) + b"".join(authority)

    def _look(self, name, kind):
        """Code, answers and authority; follows a CNAME inside the zone."""
        answers = []
        for _ in range(8):
            records = self.zone.get(name)
            if records == "servfail":
                return SERVFAIL, [], []
            if records is None:
                return (0 if any(other.endswith("." + name) for other in list(self.zone)) else NXDOMAIN), answers, [self._soa()]
            found = [r for r in records if r[0] == kind]
            alias = [r for r in records if r[0] == "CNAME"]
            for record in found or alias:
                answers.append(self._record(name, record))
            if found or not alias:
                return 0, answers, [] if found else [self._soa()]
            name = alias[0][2].lower()
        return SERVFAIL, [], []

    @staticmethod
    def _record(name, record):
        kind, ttl, value = record
        data = encode_value(kind, value)
        return encode_name(name) + struct.pack(">HHIH", TYPES[kind], 1, ttl, len(data)) + data

    def _soa(self):
        """One SOA for everything, at the root: RFC 2308 takes the lesser of its TTL and its minimum."""
        data = encode_name("ns.test") + encode_name("root.test") + struct.pack(">IIIII", 1, 3600, 600, 86400, self.soa_minimum)
        return b"\0" + struct.pack(">HHIH", TYPES["SOA"], 1, self.soa_ttl, len(data)) + data
