"""Item 2: a message that comes round again is stopped, and the node is no destination of its own mail."""

import socket

from dns_server import DNSServer
from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Peer
from processes import free_port, wait_for

# How many receptions of one message are too many when it must not come back at all.
FEW = 2


def own_address():
    """An address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return None


def settled(node, seconds=SOON):
    """Waits until an attempt has an end, then returns how often the message was taken in."""
    wait_for(lambda: node.records("Bounce") or node.records("TransientFailure") or len(node.records("Reception")) > 150, seconds, "an end of the attempt")
    return len(node.records("Reception"))


def to_itself(lab, zone, recipient="a@loop.example", listen="127.0.0.1", extra_path=""):
    port = free_port()
    dns = lab.closes(*both(DNSServer(zone)))
    node = Node(lab, dns=dns, listen=f"{listen}:{port}", path=f"smtp_port = {port}, {extra_path}", retry="1s")
    node.inject([recipient])
    times = settled(node)
    check(times <= FEW, f"one message was taken in {times} times")


@case(2, "own-address")
def own(lab):
    """MX records, addresses and literals that lead back to the node itself."""
    mine = own_address()

    def mx(address, kind="A"):
        return {"loop.example": [("MX", 300, (10, "mx.loop.example"))], "mx.loop.example": [(kind, 300, address)]}
    variants = {
        "MX to the listener": lambda lab: to_itself(lab, mx("127.0.0.1")),
        "no MX, own address": lambda lab: to_itself(lab, {"loop.example": [("A", 300, "127.0.0.1")]}),
        "MX by an alias": lambda lab: to_itself(lab, {"loop.example": [("CNAME", 300, "real.example")], "real.example": [("MX", 300, (1, "m.example"))],
                                                      "m.example": [("A", 300, "127.0.0.1")]}),
        "listener on 0.0.0.0, MX to 127.0.0.1": lambda lab: to_itself(lab, mx("127.0.0.1"), listen="0.0.0.0"),
        "listener on 0.0.0.0, MX to 127.0.0.9": lambda lab: to_itself(lab, mx("127.0.0.9"), listen="0.0.0.0"),
        "listener on 0.0.0.0, MX to 0.0.0.0": lambda lab: to_itself(lab, mx("0.0.0.0"), listen="0.0.0.0"),
        "address literal": lambda lab: to_itself(lab, {}, recipient="a@[127.0.0.1]"),
        "all of several MX": lambda lab: to_itself(lab, {"loop.example": [("MX", 300, (n, f"m{n}.example")) for n in (1, 2, 3)],
                                                         **{f"m{n}.example": [("A", 300, "127.0.0.1")] for n in (1, 2, 3)}}),
        "the better MX is another": another,
        "the worse MX is another": lambda lab: another(lab, own_first=True),
        "the policy names it": named,
    }
    if mine:
        variants["listener on 0.0.0.0, MX to the machine's address"] = lambda lab: to_itself(lab, mx(mine), listen="0.0.0.0")
    lab.together(variants)


def another(lab, own_first=False):
    """With another host among the MX the mail goes there (RFC 5321 5.1: only those better than oneself)."""
    port = free_port()
    peer = lab.closes(*both(Peer("127.0.0.5", port)))
    dns = lab.closes(*both(DNSServer()))
    dns.route("loop.example", *(("127.0.0.1", "127.0.0.5") if own_first else ("127.0.0.5", "127.0.0.1")))
    node = Node(lab, dns=dns, listen=f"127.0.0.1:{port}", path=f"smtp_port = {port}", retry="1s")
    node.inject(["a@loop.example"])
    if own_first:
        check(settled_or_taken(node, peer) <= FEW, "the message came round")
    else:
        peer.wait(1)
        wait_for(lambda: node.records("Reception"), SOON, "the record of the reception")
        check(len(node.records("Reception")) == 1, "the message came round")


def settled_or_taken(node, peer):
    wait_for(lambda: peer.recipients() or node.records("Bounce") or node.records("TransientFailure") or len(node.records("Reception")) > 150, SOON,
             "an end of the attempt")
    return len(node.records("Reception"))


def named(lab):
    """What a policy names in mx_list is meant, but a message still has an end."""
    port = free_port()
    node = Node(lab, listen=f"127.0.0.1:{port}", queue=f"protocol = {{ smtp = {{ mx_list = {{ '127.0.0.1:{port}' }} }} }}")
    node.inject(["a@loop.example"])
    wait_for(lambda: node.records("Bounce") or node.records("TransientFailure") or len(node.records("Reception")) > 150, SOON, "an end of the loop")
    check(len(node.records("Reception")) <= 110, "one message was taken in more than 110 times")


@case(2, "two-nodes")
def two(lab):
    """Two nodes that send everything to each other: the message ends in a bounce."""
    ports = [free_port(), free_port()]
    nodes = [Node(lab, listen=f"127.0.0.1:{ports[n]}", path="enable_tls = 'OpportunisticInsecure'", queue=f"protocol = {{ smtp = {{ mx_list = {{ '127.0.0.1:{ports[1 - n]}' }} }} }}") for n in (0, 1)]
    with lab.variant("ends"):
        nodes[0].inject(["a@loop.example"])
        wait_for(lambda: any(n.records("Bounce") for n in nodes) or sum(len(n.records("Reception")) for n in nodes) > 300, 60, "an end of the loop")
        receptions = sum(len(n.records("Reception")) for n in nodes)
        check(receptions <= 110, f"one message was taken in {receptions} times")
    with lab.variant("the record says why"):
        bounce = next((r for n in nodes for r in n.records("Bounce")), None)
        check(bounce, "no node has a record of the bounce")
        check(bounce["response"]["code"] == 554 and "5.4.6" in str(bounce["response"]["enhanced_code"]) + bounce["response"]["content"]
              or bounce["response"]["enhanced_code"] == {"class": 5, "subject": 4, "detail": 6}, f"the bounce says {bounce['response']}")


def received(count, form="Received: from a.example by b{n}.example; Thu, 1 Jan 2026 00:00:00 +0000"):
    return "".join(form.format(n=n) + "\r\n" for n in range(count))


MESSAGES = {
    # name: (headers and body, is to be refused; None where the limit itself lies)
    "99": (received(99) + "Subject: x\r\n\r\nx\r\n", False),
    "100": (received(100) + "Subject: x\r\n\r\nx\r\n", None),
    "101": (received(101) + "Subject: x\r\n\r\nx\r\n", True),
    "1000": (received(1000) + "Subject: x\r\n\r\nx\r\n", True),
    "behind other headers": ("Subject: x\r\n" + "X-A: b\r\n" * 50 + received(120) + "\r\nx\r\n", True),
    "mixed with others": ("".join(f"X-A{n}: b\r\n" + received(1) for n in range(120)) + "\r\nx\r\n", True),
    "small letters": (received(120, "received: by x{n}") + "\r\nx\r\n", True),
    "capitals": (received(120, "RECEIVED: by x{n}") + "\r\nx\r\n", True),
    "a blank before the colon": (received(120, "Received : by x{n}") + "\r\nx\r\n", True),
    "a tab before the colon": (received(120, "Received\t: by x{n}") + "\r\nx\r\n", True),
    "no blank behind the colon": (received(120, "Received:by x{n}") + "\r\nx\r\n", True),
    "empty": (received(120, "Received:") + "\r\nx\r\n", True),
    "folded": (received(120, "Received: from a\r\n\tby b{n}\r\n ; date") + "\r\nx\r\n", True),
    "folded at once": (received(120, "Received:\r\n from a by b{n}") + "\r\nx\r\n", True),
    "no body": (received(120), True),
    "large": (received(1000, "Received: from a by b{n}" + "\r\n " + "x" * 400) + "\r\nx\r\n", True),
    "large body": (received(120) + "\r\n" + ("x" * 76 + "\r\n") * 30_000, True),
    "in the body": ("Subject: x\r\n\r\n" + received(500), False),
    "in folded lines of another": ("Subject: x\r\n" + received(500, " Received: by x{n}") + "\r\nx\r\n", False),
    "other names": (received(500, "X-Received: by x{n}") + received(500, "Received-SPF: pass") + "\r\nx\r\n", False),
    "in an attached message": ("Content-Type: message/rfc822\r\n\r\n" + received(500) + "\r\nx\r\n", False),
}


@case(2, "received-count")
def counts(lab):
    """Received lines in all forms, by DATA, by BDAT and by HTTP: more than 100 are refused with 554 5.4.6."""
    peer = lab.closes(*both(Peer()))
    node = Node(lab, queue=to(peer))
    for name, (text, refused) in MESSAGES.items():
        with lab.variant(f"DATA, {name}"):
            judge(*node.send("a@d.example", text.encode()), refused)
    for name in ("99", "101", "small letters", "large body", "in the body"):
        text, refused = MESSAGES[name]
        with lab.variant(f"BDAT, {name}"):
            judge(*chunked(node, text.encode()), refused)
    for name in ("99", "101", "1000", "small letters", "folded", "in the body"):
        text, refused = MESSAGES[name]
        with lab.variant(f"HTTP, {name}"):
            answer = node.inject_raw("a@d.example", text)
            good = answer.status == 200 and answer.json["fail_count"] == 0
            check(good is not refused, f"answered {answer.status}: {answer.text[:200]}")


def judge(code, text, refused):
    if refused is None:
        return
    check((code >= 400) == refused, f"the reply is {code} {text[:100]}")
    check(not refused or (code == 554 and text.startswith("5.4.6")), f"the reply is {code} {text[:100]}, not 554 5.4.6")


def chunked(node, data):
    client = node.client()
    try:
        client.command("MAIL FROM:<from@field.example>")
        client.command("RCPT TO:<a@d.example>")
        middle = len(data) // 2
        client.write(b"BDAT %d\r\n" % middle + data[:middle])
        code, text = client.reply()
        if code >= 400:
            return code, text
        client.write(b"BDAT %d LAST\r\n" % (len(data) - middle) + data[middle:])
        return client.reply()
    finally:
        client.close()
