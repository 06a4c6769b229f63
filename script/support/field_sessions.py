"""Items 8, 12 and 13: sessions that break between messages, replies in odd forms, and what is told of refusals."""

import socket

from dns_server import DNSServer
from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import CLOSE, HANG, Peer
from processes import free_port, wait_for

# Where a peer breaks. Nobody has sent MAIL for the next message then, so nobody pays.
BREAKS = {
    "RSET unanswered": dict(rset=lambda s, line: HANG),
    "RSET refused 500": dict(rset=lambda s, line: "500 5.5.1 what?"),
    "RSET refused 502": dict(rset=lambda s, line: "502 5.5.1 not here"),
    "RSET refused 421": dict(rset=lambda s, line: "421 4.3.2 enough"),
    "RSET refused 450": dict(rset=lambda s, line: "450 4.3.2 enough"),
    "RSET answered by nonsense": dict(rset=lambda s, line: b"what is this\r\n"),
    "RSET closes": dict(rset=lambda s, line: CLOSE),
    "421 behind the final reply": dict(dot=lambda s, line: b"250 2.0.0 taken\r\n421 4.3.2 enough\r\n"),
    "421 a moment after the final reply": dict(dot=lambda s, line: later(s, b"421 4.3.2 idle\r\n")),
    "closed a moment after the final reply": dict(dot=lambda s, line: later(s, None)),
    "reset a moment after the final reply": dict(dot=lambda s, line: later(s, b"")),
}


def later(session, data):
    """The usual reply, and soon afterwards something else."""
    session.answered = True
    session.socket.sendall(b"250 2.0.0 taken\r\n")
    if data == b"":
        session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    elif data:
        session.socket.sendall(data)
    return CLOSE


def broken(lab, script, count, extensions, every=1):
    """`count` messages at once over one connection that breaks after each; all arrive soon and none is charged."""
    def wrap(stage, function):
        return lambda s, line: function(s, line) if s.messages % every == 0 else None
    peer = lab.closes(*both(Peer(script={stage: wrap(stage, f) for stage, f in script.items()}, extensions=extensions)))
    node = Node(lab, queue=to(peer), retry="1h", path="connection_limit = 1, rset_timeout = '1s', idle_timeout = '3s'")
    suspension = node.request("POST", "/api/admin/suspend/v1", {"domain": "d.example", "reason": "gather", "duration": "1h"}).json["id"]
    for n in range(count):
        node.inject([f"m{n}@d.example"])
    node.request("DELETE", "/api/admin/suspend/v1", {"id": suspension})
    wait_for(lambda: len(node.records("Delivery")) + len(node.records("TransientFailure")) >= count, 60, f"an outcome of {count} messages")
    charged = node.records("TransientFailure")
    check(not charged or len(peer.said("MAIL")) > count, f"{len(charged)} were charged and never on the wire: {[r['response'] for r in charged[:1]]}")
    extra = len(peer.said("MAIL")) - count
    check(len(charged) <= extra, f"{len(charged)} were charged, {extra} were on the wire")
    late = sum(r["num_attempts"] != 1 for r in node.records("Delivery"))
    check(late <= extra, f"{late} messages were charged with an attempt that nobody saw")


@case(8, "between-messages", weight=25)
def between(lab):
    """Sessions that break between messages: who was not on the wire is not charged, and goes over a new connection at once."""
    variants = {}
    for name, script in BREAKS.items():
        for kind, extensions in (("plain", ("8BITMIME",)), ("pipelined", ("PIPELINING", "8BITMIME", "CHUNKING"))):
            if "dot" in script and kind == "pipelined":
                continue  # there MAIL may be on the wire already
            if "dot" in script:
                extensions = ()
            variants[f"{name}, {kind}"] = lambda lab, script=script, e=extensions: broken(lab, script, 5, e)
    lab.together(variants, width=6)


LF = {
    "all replies": {stage: None for stage in ("connect", "ehlo", "mail", "rcpt", "data", "dot", "rset", "quit")},
    "greeting": {"connect": None}, "EHLO": {"ehlo": None}, "final reply": {"dot": None}, "between": {"mail": None, "rcpt": None, "data": None},
}
USUAL = {"connect": b"220 peer.example\n", "ehlo": b"250-peer.example\n250-PIPELINING\n250 8BITMIME\n", "mail": b"250 2.1.0 ok\n", "rcpt": b"250 2.1.5 ok\n",
         "data": b"354 go on\n", "dot": b"250 2.0.0 taken\n", "rset": b"250 2.0.0 ok\n", "quit": b"221 2.0.0 bye\n"}
ODD = {
    "multi-line greeting in LF": dict(connect=b"220-one\n220-two\n220 three\n"),
    "LF and CRLF in one reply": dict(ehlo=b"250-peer.example\r\n250-PIPELINING\n250 8BITMIME\r\n"),
    "a code without text": dict(mail=b"250\r\n", rcpt=b"250\r\n"),
    "a code and a blank": dict(mail=b"250 \r\n"),
    "a code without text in LF": dict(rcpt=b"250\n", dot=b"250\n"),
    "8-bit text": dict(rcpt="250 2.1.5 d'accord, déjà vu\r\n".encode("latin-1")),
    "a long text": dict(mail=b"250 " + b"x" * 1500 + b"\r\n"),
    "many lines": dict(rcpt=b"250-more\r\n" * 60 + b"250 done\r\n"),
    "251 for a recipient": dict(rcpt=b"251 2.1.5 will forward\r\n"),
    "EHLO with blank lines of keywords": dict(ehlo=b"250-peer.example\r\n250-\r\n250 8BITMIME\r\n"),
}


def delivered(lab, script):
    peer = lab.closes(*both(Peer(script={k: (lambda s, line, v=v: v) for k, v in script.items()})))
    node = Node(lab, queue=to(peer), retry="1h", path="enable_rset = true, connection_limit = 1")
    for n in range(3):
        node.inject([f"m{n}@d.example"])
    wait_for(lambda: len(node.records("Delivery")) >= 3 or node.records("TransientFailure") or node.records("Bounce"), SOON, "an outcome")
    failed = node.records("TransientFailure") + node.records("Bounce")
    check(not failed, f"not delivered: {failed[0]['response'] if failed else ''}")
    check(len(peer.transactions) == 3, f"{len(peer.transactions)} deliveries of 3 messages")


@case(12, "reply-forms", weight=8)
def forms(lab):
    """A server that ends its replies with bare LF, or says them in another odd form, is delivered to."""
    variants = {f"bare LF: {name}": lambda lab, stages=stages: delivered(lab, {s: USUAL[s] for s in stages}) for name, stages in LF.items()}
    variants.update({name: lambda lab, script=script: delivered(lab, script) for name, script in ODD.items()})
    lab.together(variants)


def outcome(lab, reply, wanted, recipients=1, from_recipient=0, listener=""):
    """What a reply to RCPT leads to: `bounce`, `later`, or `again`, which is delivery at once."""
    def rcpt(session, line):
        return reply if len(session.recipients) >= from_recipient else None
    peer = lab.closes(*both(Peer(script={"rcpt": rcpt}, extensions=())))
    node = Node(lab, queue=to(peer), retry="1h", listener=listener)
    names = [f"m{n}@d.example" for n in range(recipients)]
    client = node.client()
    code, text = client.send(names)
    check(code == 250, f"not taken: {code} {text}")
    if wanted == "bounce":
        node.await_record("Bounce")
        return
    if wanted == "later":
        node.await_record("TransientFailure")
        check(not node.records("Bounce"), "it bounced")
        return
    node.await_record("Delivery", count=recipients)
    check(not node.records("Bounce") and not node.records("TransientFailure"), "some were put off or bounced")


BATCH = "batch_handling = 'BatchByDomain'"


@case(12, "552", weight=6)
def too_many(lab):
    """552 to RCPT: permanent, unless it means too many recipients (RFC 5321 4.5.3.1.10)."""
    lab.together({
        "5.2.2 mailbox full": lambda lab: outcome(lab, "552 5.2.2 mailbox full", "bounce"),
        "5.3.4 too big": lambda lab: outcome(lab, "552 5.3.4 too big for us", "bounce"),
        "bare text, mailbox full": lambda lab: outcome(lab, "552 mailbox is full", "bounce"),
        "5.5.3 for the fourth": lambda lab: outcome(lab, "552 5.5.3 too many recipients", "again", 6, 3, BATCH),
        "bare, too many recipients, for the fourth": lambda lab: outcome(lab, "552 too many recipients", "again", 6, 3, BATCH),
        "bare 552 for the fourth": lambda lab: outcome(lab, "552 no more", "again", 6, 3, BATCH),
        "452 for the fourth": lambda lab: outcome(lab, "452 4.5.3 too many recipients", "again", 6, 3, BATCH),
        "452 to the first": lambda lab: outcome(lab, "452 4.2.2 mailbox full", "later"),
        "too many, to the very first": lambda lab: first_of_all(lab),
        "5.2.2 among others": lambda lab: among(lab),
    })


def first_of_all(lab):
    """A server that says so to a single recipient is not asked again and again."""
    peer = lab.closes(*both(Peer(script={"rcpt": lambda s, line: "552 5.5.3 too many recipients"})))
    node = Node(lab, queue=to(peer), retry="1h")
    node.inject(["a@d.example"])
    wait_for(lambda: node.records("Bounce") or node.records("TransientFailure"), SOON, "an outcome")
    check(len(peer.said("RCPT")) <= 3, f"asked {len(peer.said('RCPT'))} times")


def among(lab):
    """One full mailbox bounces; the others of the batch are delivered."""
    peer = lab.closes(*both(Peer(script={"rcpt": lambda s, line: "552 5.2.2 mailbox full" if "m1@" in line else None})))
    node = Node(lab, queue=to(peer), retry="1h", listener=BATCH)
    client = node.client()
    client.send([f"m{n}@d.example" for n in range(4)])
    node.await_record("Delivery", count=3)
    node.await_record("Bounce")
    check(node.records("Bounce")[0]["recipient"] in ("m1@d.example", ["m1@d.example"]), "another one bounced")


GREETING = "blocked using zen.example; see https://zen.example/q?192.0.2.1"
# name: (script, code that must be told, words that must be told)
REFUSALS = {
    "greeting 554": (dict(connect=f"554 5.7.1 {GREETING}"), 554, GREETING),
    "greeting 554 of three lines": (dict(connect=f"554-5.7.1 first line\r\n554-5.7.1 {GREETING}\r\n554 5.7.1 last"), 554, GREETING),
    "greeting 550 without enhanced code": (dict(connect="550 go away, you are listed"), 550, "go away, you are listed"),
    "greeting 421": (dict(connect="421 4.7.0 too many of you"), 421, "too many of you"),
    "greeting 450": (dict(connect="450 4.7.1 greylisted host"), 450, "greylisted host"),
    "greeting of another protocol": (dict(connect=b"HTTP/1.1 400 Bad Request\r\n\r\n"), None, "HTTP/1.1 400 Bad Request"),
    "greeting 354": (dict(connect="354 not now"), None, "not now"),
    "EHLO and HELO 550": (dict(ehlo="550 5.7.1 we dislike your name", helo="550 5.7.1 we dislike your name"), 550, "we dislike your name"),
    "EHLO 502, HELO 554": (dict(ehlo="502 5.5.1 no EHLO", helo="554 5.7.0 no HELO either"), 554, "no HELO either"),
    "EHLO 421": (dict(ehlo="421 4.3.2 come back tomorrow"), 421, "come back tomorrow"),
    "EHLO 354": (dict(ehlo="354 strange", helo="354 strange"), None, "strange"),
    "MAIL 354": (dict(mail="354 strange mail"), None, "strange mail"),
    "RCPT 354": (dict(rcpt="354 strange rcpt"), None, "strange rcpt"),
    "DATA 250": (dict(data="250 2.0.0 strange data"), None, "strange data"),
    "dot 354": (dict(dot="354 strange dot"), None, "strange dot"),
    "MAIL 451": (dict(mail="451 4.7.1 your reputation"), 451, "your reputation"),
    "MAIL 421": (dict(mail="421 4.7.1 your rate"), 421, "your rate"),
    "DATA 451": (dict(data="451 4.3.0 no space"), 451, "no space"),
    "dot 421": (dict(dot="421 4.3.0 we are going down"), 421, "we are going down"),
    "nonsense for MAIL": (dict(mail=b"abc what\r\n"), None, "abc what"),
}
NEVER = "failed to connect"


def refused(lab, script, code, words):
    peer = lab.closes(*both(Peer(script=script, extensions=())))
    node = Node(lab, queue=to(peer), retry="1h")
    node.inject(["a@d.example"])
    wait_for(lambda: node.records("TransientFailure") or node.records("Bounce"), SOON, "an outcome")
    record = (node.records("TransientFailure") + node.records("Bounce"))[0]
    told = {"the record": f"{record['response']['code']} {record['response']['content']}"}
    if record["type"] == "TransientFailure":
        queue = wait_for(lambda: node.queue("d.example"), SOON, "the queue")
        told["the listing"] = wait_for(lambda: node.queue("d.example").get("last_reply"), SOON, "last_reply")
        told["explain"] = node.explain(queue=queue["queue"])
    for where, text in told.items():
        check(words in text, f"{where} does not tell what the server said: {text!r}")
        check(NEVER not in text, f"{where} calls a connection failed that was made: {text!r}")
        check(code is None or str(code) in text, f"{where} does not tell the code {code}: {text!r}")
    check(code is None or record["response"]["code"] == code, f"the record has the code {record['response']['code']}")


@case(13, "refusals", weight=12)
def refusals(lab):
    """Refusals before MAIL and unexpected replies: code and text in record, listing and explain."""
    variants = {name: lambda lab, row=row: refused(lab, *row) for name, row in REFUSALS.items()}
    variants["several hosts, each with its own reason"] = hosts
    variants["several hosts in mx_list"] = lambda lab: hosts(lab, by_list=True)
    variants["nobody listens"] = nobody
    lab.together(variants, width=6)


def hosts(lab, by_list=False):
    """One refuses the connection, one greets with 554, one with 421: all are listed with what each said."""
    port = free_port()
    peers = [lab.closes(*both(Peer(address, port, script=dict(connect=text)))) for address, text in
             (("127.0.0.3", f"554 5.7.1 {GREETING}"), ("127.0.0.4", "421 4.7.0 too many of you"))]
    addresses = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    dns = lab.closes(*both(DNSServer()))
    dns.route("d.example", *addresses)
    listed = ", ".join(f"'{a}:{port}'" for a in addresses)
    node = Node(lab, dns=dns, path=f"smtp_port = {port}", retry="1h",
                queue=f"protocol = {{ smtp = {{ mx_list = {{ {listed} }} }} }}" if by_list else "")
    node.inject(["a@d.example"])
    wait_for(lambda: node.records("TransientFailure"), SOON, "an outcome")
    text = node.records("TransientFailure")[0]["response"]["content"] + " " + str(node.records("TransientFailure")[0]["response"]["code"])
    for part in (*addresses, GREETING, "too many of you", "refused"):
        check(part.lower() in text.lower(), f"{part!r} is not in the record: {text!r}")
    check(all(p.connections for p in peers), "not every host was tried")


def nobody(lab):
    """A host that cannot be reached is named with the reason."""
    port = free_port()
    node = Node(lab, retry="1h", queue=f"protocol = {{ smtp = {{ mx_list = {{ '127.0.0.2:{port}' }} }} }}")
    node.inject(["a@d.example"])
    text = node.await_record("TransientFailure")["response"]["content"]
    check("127.0.0.2" in text and "refused" in text.lower(), f"the record says {text!r}")
