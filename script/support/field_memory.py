"""Items 19 and 21: what clients make the node hold has a budget, and those who do not read delay nobody."""

import time

from field_clocks import both
from field_crowd import Crowd
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Client, Peer
from processes import wait_for

MIB = 1 << 20
# What the process may have resident, whatever clients hold open: its budget for content, itself, and what the allocator has not given back yet
# (860 to 960 MiB in the same build, run by run). Without a budget it would be the 2,000 MiB that are sent.
BOUND = 1150 * MIB
# Seconds after which a session is given up.
PATIENCE = 10.0
BEGIN = b"EHLO x.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nSubject: x\r\n\r\n"
LINE = b"x" * 76 + b"\r\n"


def held(lab, port, data, count):
    """So many clients send all this and then nothing."""
    peer = lab.closes(*both(Peer()))
    node = Node(lab, queue=to(peer), listener="max_connections = 10000")
    empty = node.resident()
    crowd = lab.closes(*both(Crowd(getattr(node, port), count, data, wait=SOON)))
    most, last, since = 0, -1, time.monotonic()
    # Until nothing more is taken.
    while time.monotonic() - since < 2 and node.is_alive:
        most = max(most, node.resident())
        check(most < 2 * BOUND, f"{most // MIB} MiB resident and growing, {crowd.sent // MIB} MiB sent by {count} clients")
        if crowd.sent != last:
            last, since = crowd.sent, time.monotonic()
        time.sleep(0.1)
    check(node.is_alive, f"the node ended:\n{node.process.tail()}")
    check(most < BOUND, f"{most // MIB} MiB resident ({empty // MIB} at first) for {crowd.sent // MIB} MiB that {count} clients sent")
    crowd.close()
    wait_for(lambda: node.request("GET", "/readyz").status == 200, SOON, "readiness")
    check(node.send("after@d.example")[0] == 250, "mail is refused when they have left")
    peer.wait(1)


@case(19, "unfinished-content", alone=True)
def unfinished(lab):
    """Clients by the thousand that send a part and wait: DATA, BDAT, HTTP bodies, command lines."""
    body = LINE * (MIB // len(LINE))
    http = b"POST /api/inject HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n"
    variants = {
        "2,000 times 1 MiB of DATA": ("smtp_port", BEGIN + body[:-100], 2000),
        "700 times 2.5 MiB of DATA": ("smtp_port", BEGIN + body * 2 + body[:MIB // 2], 700),
        "2,000 times 1 MiB of BDAT": ("smtp_port", BEGIN.replace(b"DATA\r\nSubject: x\r\n\r\n", b"BDAT 1200000 LAST\r\n") + body, 2000),
        "900 HTTP bodies of 1.9 MiB": ("http_port", http + b'{"from": "a@b.example", "body": "' + b"x" * 1_900_000, 900),
        "3,000 long command lines": ("smtp_port", b"EHLO x\r\nMAIL FROM:<" + b"x" * 100_000, 3000),
        "2,000 long HTTP headers": ("http_port", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"x" * 500_000, 2000),
    }
    for name in lab.draw(variants, ("2,000 times 1 MiB of DATA", "900 HTTP bodies of 1.9 MiB"), 2):
        with lab.variant(name):
            held(lab, *variants[name])
    with lab.variant("a metric"):
        node = Node(lab)
        names = [n for n in node.metrics() if "bytes" in n and ("budget" in n or "resident" in n or "held" in n or "unfinished" in n)]
        check(names, "no metric of what clients hold")


def latency(node, count=12):
    """Seconds of whole sessions that send one message, the worst and the median."""
    took = []
    for n in range(count):
        start = time.monotonic()
        try:
            client = Client(node.smtp_port, timeout=PATIENCE)
            code, text = client.send(f"l{n}@d.example")
            client.close()
        except TimeoutError:
            raise AssertionError(f"a session takes longer than {PATIENCE:.0f} s") from None
        check(code == 250, f"mail is answered {code} {text}")
        took.append(time.monotonic() - start)
    took.sort()
    return took[-1], took[len(took) // 2]


HOGS = {
    "refused, pipelined": (b"GET /api/queues HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200, "127.0.0.1", False),
    "refused, pipelined bodies": (b"POST /api/inject HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n" + b"x" * 20, "127.0.0.1", False),
    "probes, pipelined": (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200, "127.0.0.1", False),
    "probes, read": (b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50, "127.0.0.1", True),
    "nothing that exists": (b"GET /" + b"a" * 2000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", "127.0.0.1", False),
    "trusted, metrics, pipelined": (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50, "127.0.0.9", False),
    "trusted, queues, pipelined": (b"GET /api/queues HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200, "127.0.0.9", False),
}


@case(21, "pipelining", alone=True)
def pipelining(lab):
    """200 HTTP connections that pipeline requests without end and read nothing: mail by SMTP is as quick as before, nearly."""
    for name in lab.draw(HOGS, ("refused, pipelined", "probes, pipelined"), 3):
        data, source, read = HOGS[name]
        with lab.variant(name):
            peer = lab.closes(*both(Peer()))
            node = Node(lab, queue=to(peer), http="trusted_hosts = { '127.0.0.9' }")
            before, usual = latency(node)
            crowd = lab.closes(*both(Crowd(node.http_port, 200, data, wait=5, repeat=True, read=read, source=source)))
            time.sleep(0.5)
            worst, median = latency(node)
            crowd.close()
            check(node.is_alive, f"the node ended:\n{node.process.tail()}")
            check(worst < max(2.0, 20 * before), f"a session took {worst:.2f} s, before {before:.3f} s")
            check(median < max(0.7, 20 * usual), f"half of the sessions took {median:.2f} s, before {usual:.3f} s")
            check(node.resident() < BOUND, f"{node.resident() // MIB} MiB resident")
