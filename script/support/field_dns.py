"""Item 9: what DNS does not know is kept as long as RFC 2308 says, and an answer from the cache does not spend an attempt."""

import time

from dns_server import DNSServer
from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node
from field_smtp import Peer
from processes import wait_for

# How long messages are watched that keep asking.
WATCH = 6.0


def setting(lab, minimum, soa_ttl=3600, zone=None):
    peer = lab.closes(*both(Peer("127.0.0.2")))
    dns = lab.closes(*both(DNSServer(zone, soa_minimum=minimum, soa_ttl=soa_ttl)))
    return peer, dns, Node(lab, dns=dns, path=f"smtp_port = {peer.port}", retry="1s")


def attempts(node):
    return max((r["num_attempts"] for r in node.records("TransientFailure") + node.records("Delivery")), default=0)


# name: the zone of what is asked. The domain is d.example.
NOTHING = {
    "NXDOMAIN": {},
    "no-data": {"d.example": [("TXT", 300, "x")]},
    "an MX whose host is NXDOMAIN": {"d.example": [("MX", 300, (10, "mx.d2.example"))]},
    "an MX whose host has no address": {"d.example": [("MX", 300, (10, "mx.d2.example"))], "mx.d2.example": [("TXT", 300, "x")]},
    "an alias to nothing": {"d.example": [("CNAME", 300, "nothing.example")]},
}


def appears(lab, zone, minimum, soa_ttl=3600):
    """The domain is there a moment after the first attempt: found as soon as the SOA allows."""
    peer, dns, node = setting(lab, minimum, soa_ttl, dict(zone))
    node.inject(["a@d.example"])
    node.await_record("TransientFailure")
    dns.route("d.example", "127.0.0.2")
    dns.zone["mx.d2.example"] = [("A", 300, "127.0.0.2")]
    dns.zone["nothing.example"] = [("A", 300, "127.0.0.2")]
    start = time.monotonic()
    peer.wait(1, SOON, f"delivery to a domain that appeared; the SOA said {min(minimum, soa_ttl)} s")
    return time.monotonic() - start


def spared(lab, zone, minimum, wanted_kind="TransientFailure"):
    """Over some seconds no attempt is spent that asked nothing."""
    _, dns, node = setting(lab, minimum, zone=zone)
    node.inject(["a@d.example"])
    node.await_record(wanted_kind, 60)
    end = time.monotonic() + WATCH
    while time.monotonic() < end:
        time.sleep(0.2)
    asked = len(dns.queries)
    check(attempts(node) <= asked, f"{attempts(node)} attempts, {asked} queries")
    check(minimum < 60 or attempts(node) <= 2, f"{attempts(node)} attempts although the answer is kept for {minimum} s")
    return node, dns


@case(9, "negative-answers", weight=35)
def negative(lab):
    """NXDOMAIN and no-data with an SOA minimum (or TTL) of 0 to an hour: how soon a domain is found, and what attempts cost."""
    variants = {}
    for name, zone in NOTHING.items():
        variants[f"{name}, SOA 0, appears"] = lambda lab, zone=zone: appears(lab, zone, 0)
        variants[f"{name}, SOA 3600, attempts"] = lambda lab, zone=zone: spared(lab, dict(zone), 3600)
    variants["NXDOMAIN, SOA 3, appears"] = lambda lab: appears(lab, {}, 3)
    variants["no-data, SOA 3, appears"] = lambda lab: appears(lab, NOTHING["no-data"], 3)
    variants["NXDOMAIN, minimum 3600, TTL of the SOA 2, appears"] = lambda lab: appears(lab, {}, 3600, soa_ttl=2)
    variants["NXDOMAIN, SOA 0, asks again"] = asks_again
    lab.together(variants, width=6)


def asks_again(lab):
    """Nothing may be kept: each attempt asks."""
    _, dns, node = setting(lab, 0)
    node.inject(["a@d.example"])
    wait_for(lambda: attempts(node) >= 3, SOON, "the third attempt")
    check(dns.asked("d.example") >= 3, f"{dns.asked('d.example')} queries for {attempts(node)} attempts")


@case(9, "dns-failures", weight=40)
def failures(lab):
    """SERVFAIL and servers that do not answer: attempts are spent only for queries, and mail goes when DNS is back."""
    def servfail(lab):
        node, dns = spared(lab, {"d.example": "servfail"}, 5)
        check(attempts(node) <= 5, f"{attempts(node)} attempts within {WATCH + 2:.0f} s")

    def back(lab):
        peer, dns, node = setting(lab, 5, zone={"d.example": "servfail"})
        node.inject(["a@d.example"])
        node.await_record("TransientFailure", 60)
        dns.route("d.example", "127.0.0.2")
        peer.wait(1, 75, "delivery after SERVFAIL is over")

    def silent(lab):
        peer, dns, node = setting(lab, 5, zone={"slow.example": "silent"})
        dns.route("d.example", "127.0.0.2")
        node.inject(["a@slow.example"])
        wait_for(lambda: dns.asked("slow.example"), SOON, "a query")
        start = time.monotonic()
        node.inject([f"m{n}@d.example" for n in range(10)])
        peer.wait(10, what="mail to another domain while DNS is silent")
        check(time.monotonic() - start < 20, "mail for others waited for a silent domain")

    lab.together({"SERVFAIL, attempts": servfail, "SERVFAIL, then an answer": back, "silent, others go on": silent})


@case(9, "positive-answers", weight=15)
def positive(lab):
    """Answers are kept for their TTL and no longer; a change of the MX is followed."""
    def moves(lab):
        first = lab.closes(*both(Peer("127.0.0.2")))
        second = lab.closes(*both(Peer("127.0.0.3", first.port)))
        dns = lab.closes(*both(DNSServer()))
        dns.route("d.example", "127.0.0.2", ttl=2)
        node = Node(lab, dns=dns, path=f"smtp_port = {first.port}, max_deliveries_per_connection = 1", retry="1s")
        node.inject(["a@d.example"])
        first.wait(1)
        dns.route("d.example", "127.0.0.3", ttl=2)
        start = time.monotonic()
        n = 0
        while not second.recipients():
            check(time.monotonic() - start < 60, "60 s after a change of the MX with a TTL of 2 s mail still goes to the old host")
            node.inject([f"n{n}@d.example"])
            n += 1
            time.sleep(0.3)

    def kept(lab):
        peer, dns, node = setting(lab, 5)
        dns.route("d.example", "127.0.0.2", ttl=300)
        for n in range(10):
            node.inject([f"m{n}@d.example"])
        peer.wait(10)
        check(dns.asked("d.example", "MX") <= 3, f"{dns.asked('d.example', 'MX')} questions for the MX with a TTL of 300 s")

    def null(lab):
        peer, dns, node = setting(lab, 5, zone={"d.example": [("MX", 300, (0, "."))]})
        node.inject(["a@d.example"])
        record = node.await_record("Bounce")
        check(record["response"]["code"] == 556, f"a null MX gave {record['response']}")

    lab.together({"a change of the MX": moves, "kept": kept, "null MX": null})
