"""Items 5, 10 and 11: blind copies, headers in UTF-8, and text that must not run into headers of ours."""

import email
import email.policy
import json
from email.header import decode_header, make_header

from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Peer
from processes import wait_for

SECRET = "secret-copy@hidden.example"
V1 = {"envelope_sender": "from@field.example", "recipients": [{"email": "a@d.example"}]}


def setting(lab, peer_options=None, **parts):
    peer = lab.closes(*both(Peer(**(peer_options or {}))))
    return peer, Node(lab, queue=to(peer), retry="1h", **parts)


def arrived(peer, node, what="delivery"):
    """The content of the one message."""
    wait_for(lambda: peer.transactions or node.records("Bounce") or node.records("TransientFailure"), SOON, what)
    check(peer.transactions, f"not delivered: {[r['response'] for r in node.records('Bounce') + node.records('TransientFailure')]}")
    return peer.transactions[-1].data


def next_one(peer, post):
    """Posts, and returns the answer and what arrived; nothing when it was refused."""
    before = len(peer.transactions)
    answer = post()
    if answer.status != 200 or answer.json["fail_count"]:
        return answer, None
    wait_for(lambda: len(peer.transactions) > before, SOON, "delivery")
    return answer, peer.transactions[-1].data


@case(5, "blind-copies", weight=5)
def blind(lab):
    """Bcc and Resent-Bcc in any form given to injection: no recipient sees them."""
    peer, node = setting(lab)
    names = ("Bcc", "bcc", "BCC", "Resent-Bcc", "resent-bcc", "RESENT-BCC")
    for name in names:
        for kind, body in (
            ("short form", ("/api/inject", {"from": "from@field.example", "to": ["a@d.example"], "body": "x", "headers": {name: SECRET, "X-Other": "stays"}})),
            ("built, v1", ("/api/inject/v1", {**V1, "content": {"text_body": "x", "headers": {name: SECRET, "X-Other": "stays"}}})),
        ):
            with lab.variant(f"{kind}, {name}"):
                answer, data = next_one(peer, lambda body=body: node.request("POST", *body))
                check(data is None or SECRET.encode() not in data, f"the recipient sees {name}")
                check(data is None or b"stays" in data, "another header is gone")
                check(data is not None or "bcc" in answer.text.lower(), f"refused without the reason: {answer.text[:200]}")
    raw = {
        "at the top": f"Bcc: {SECRET}\r\nSubject: x\r\n\r\nx\r\n", "at the end": f"Subject: x\r\nBcc: {SECRET}\r\n\r\nx\r\n",
        "folded": f"Subject: x\r\nBcc: other@d.example,\r\n {SECRET}\r\nX-Other: y\r\n\r\nx\r\n", "small": f"bcc: {SECRET}\r\nSubject: x\r\n\r\nx\r\n",
        "blank before the colon": f"Bcc : {SECRET}\r\nSubject: x\r\n\r\nx\r\n", "Resent-Bcc": f"Resent-Bcc: {SECRET}\r\nSubject: x\r\n\r\nx\r\n",
        "twice": f"Bcc: b@d.example\r\nSubject: x\r\nBcc: {SECRET}\r\n\r\nx\r\n", "folded at once": f"Subject: x\r\nBcc:\r\n\t{SECRET}\r\n\r\nx\r\n",
    }
    for name, content in raw.items():
        with lab.variant(f"raw, {name}"):
            answer, data = next_one(peer, lambda content=content: node.inject_raw("a@d.example", content))
            check(data is None or SECRET.encode() not in data, "the recipient sees it")
            check(data is not None or "bcc" in answer.text.lower(), f"refused without the reason: {answer.text[:200]}")
    with lab.variant("raw, the word in other places stays"):
        _, data = next_one(peer, lambda: node.inject_raw("a@d.example", f"Subject: Bcc: me\r\nX-Bcc: y\r\n\r\nBcc: {SECRET}\r\n"))
        check(data and b"Subject: Bcc: me" in data and b"X-Bcc: y" in data and SECRET.encode() in data, f"arrived as {data!r}")
    with lab.variant("several recipients"):
        before = len(peer.transactions)
        node.request("POST", "/api/inject", {"from": "from@field.example", "to": ["a@d.example", "b@d.example"], "headers": {"Bcc": SECRET}})
        wait_for(lambda: len(peer.transactions) >= before + 2, SOON, "delivery")
        check(all(SECRET.encode() not in t.data for t in peer.transactions[before:]), "a recipient sees it")


UTF8 = {
    # name: (headers and body, needs SMTPUTF8)
    "subject": ("Subject: Grüße\r\n\r\nx\r\n", True),
    "display name": ("From: Jürgen <from@field.example>\r\nSubject: x\r\n\r\nx\r\n", True),
    "address": ("From: jürgen@field.example\r\nSubject: x\r\n\r\nx\r\n", True),
    "other header": ("Subject: x\r\nX-City: 東京\r\n\r\nx\r\n", True),
    "folded": ("Subject: plain\r\n now höflich\r\n\r\nx\r\n", True),
    "last header": ("Subject: x\r\n" + "X-A: b\r\n" * 200 + "X-Z: ö\r\n\r\nx\r\n", True),
    "no body": ("Subject: ö\r\n\r\n", True),
    "large": ("Subject: ö\r\n\r\n" + ("x" * 76 + "\r\n") * 20_000, True),
    "only the body": ("Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n", False),
    "only a large body": ("Subject: x\r\n\r\n" + ("ö" * 30 + "\r\n") * 20_000, False),
    "encoded word": ("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nx\r\n", False),
    "ASCII": ("Subject: x\r\n\r\nx\r\n", False),
}


def utf8(lab, text, needed, offered, by):
    extensions = ("PIPELINING", "8BITMIME", "CHUNKING", *(("SMTPUTF8",) if offered else ()))
    peer, node = setting(lab, dict(extensions=extensions[:2] + extensions[3:]))
    if by == "SMTP":
        code, reply = node.send("a@d.example", text.encode(), parameters=" BODY=8BITMIME")
        check(code == 250, f"refused: {code} {reply}")
    else:
        answer = node.inject_raw("a@d.example", text)
        check(answer.status == 200 and not answer.json["fail_count"], f"refused: {answer.text[:200]}")
    if needed and not offered:
        wait_for(lambda: node.records("Bounce") or peer.transactions, SOON, "an outcome")
        check(not peer.transactions, "the message left without SMTPUTF8")
        enhanced = node.records("Bounce")[0]["response"]["enhanced_code"]
        check(enhanced == {"class": 5, "subject": 6, "detail": 7}, f"it bounced with {node.records('Bounce')[0]['response']}")
        return
    arrived(peer, node)
    said = "SMTPUTF8" in peer.transactions[0].mail.upper()
    check(said == needed, f"MAIL was {peer.transactions[0].mail!r}")


@case(10, "utf8-headers", weight=10)
def utf8_headers(lab):
    """Headers in UTF-8 need SMTPUTF8 at the other side (RFC 6531), bodies do not."""
    variants = {}
    for name, (text, needed) in UTF8.items():
        for by in ("SMTP", "HTTP"):
            for offered in (True, False):
                if by == "HTTP" and len(json.dumps(text)) > 1_900_000:
                    continue
                variants[f"{name}, {by}, {'offered' if offered else 'not offered'}"] = \
                    lambda lab, text=text, needed=needed, offered=offered, by=by: utf8(lab, text, needed, offered, by)
    lab.together(variants, width=6)


@case(10, "utf8-batches", weight=5)
def batches(lab):
    """One message that needs SMTPUTF8 among others on one connection: each MAIL says what its own message needs."""
    peer, node = setting(lab, path="connection_limit = 1")
    with lab.variant("mixed on one connection"):
        for n in range(20):
            node.send(f"m{n}@d.example", (f"Subject: {'ö' if n % 3 == 0 else 'o'}\r\n\r\nx\r\n").encode(), parameters=" BODY=8BITMIME")
        peer.wait(20)
        wrong = [t.recipients[0] for t in peer.transactions if ("SMTPUTF8" in t.mail.upper()) != ("ö".encode() in t.data)]
        check(not wrong, f"MAIL was wrong for {wrong}")


HEADLESS = {
    "folded line first": b" folded: x\r\nSubject: y\r\n\r\nbody\r\n",
    "tab first": b"\tfolded: x\r\nSubject: y\r\n\r\nbody\r\n",
    "several folded lines first": b" one\r\n two\r\n\tthree\r\nSubject: y\r\n\r\nbody\r\n",
    "a blank only": b" \r\nSubject: y\r\n\r\nbody\r\n",
    "empty line first": b"\r\nfolded: x\r\n\r\nbody\r\n",
    "two empty lines first": b"\r\n\r\nfolded: x\r\n",
    "no header at all": b"just text: with a colon? no\r\nmore text\r\n",
    "text without a colon": b"just text\r\nmore text\r\n",
    "From_ line": b"From sender@x.example Thu Jan  1 00:00:00 2026\r\nSubject: y\r\n\r\nbody\r\n",
    "nothing": b"",
    "an empty line": b"\r\n",
    "a colon first": b": x\r\nSubject: y\r\n\r\nbody\r\n",
    "folded behind a bad line": b"no header here\r\n folded\r\nSubject: y\r\n\r\nbody\r\n",
    "a line of dots": b"..\r\n folded\r\n\r\nbody\r\n",
    "8-bit first": "\u00a0folded: x\r\nSubject: y\r\n\r\nbody\r\n".encode(),
}


@case(11, "headless-content", weight=5)
def headless(lab):
    """Content that begins with a blank, or has no headers, does not join a header of ours."""
    variants = {}
    for trace in ("both", "received only", "supplemental only", "none"):
        parts = {"both": "", "received only": "supplemental_header = false", "supplemental only": "received_header = false",
                 "none": "received_header = false, supplemental_header = false"}[trace]
        variants[f"SMTP, trace headers: {trace}"] = lambda lab, parts=parts: unjoined(lab, f"trace_headers = {{ {parts} }}", False)
    variants["HTTP"] = lambda lab: unjoined(lab, "", True)
    lab.together(variants)


def unjoined(lab, listener, http):
    peer, node = setting(lab, listener=listener)
    faults = []
    for name, content in HEADLESS.items():
        before = len(peer.transactions)
        if http:
            answer = node.request("POST", "/api/inject/v1", {**V1, "content": content.decode(), "trace_headers": {"received_header": True, "supplemental_header": True}})
            taken = answer.status == 200 and not answer.json["fail_count"]
        else:
            taken = node.send("a@d.example", content)[0] == 250
        if not taken:
            continue
        wait_for(lambda: len(peer.transactions) > before, SOON, f"{name}: delivery")
        data = peer.transactions[-1].data
        lines = data.split(b"\r\n")
        if b"folded" in b"".join(value_lines(lines, (b"received", b"x-kumoref"))) or any(w in b"".join(value_lines(lines, (b"received", b"x-kumoref"))) for w in
                                                                                         (b"one", b"three")) and "several" in name:
            faults.append(f"{name}: joined: {data[:300]!r}")
        for part in (b"folded: x", b"body", b"more text"):
            if part in content and part not in data:
                faults.append(f"{name}: {part!r} is gone: {data[:300]!r}")
        if name in ("no header at all", "text without a colon", "empty line first", "two empty lines first"):
            body = data[2:] if data.startswith(b"\r\n") else data.split(b"\r\n\r\n", 1)[1] if b"\r\n\r\n" in data else b""
            if content.strip() not in body and name.startswith("empty"):
                faults.append(f"{name}: the body became a header: {data[:300]!r}")
    check(not faults, f"{len(faults)} of {len(HEADLESS)}: " + "\n".join(faults))


def value_lines(lines, names):
    """The lines of headers of these names, with what is folded below them."""
    inside = False
    for line in lines:
        if not line:
            return
        if line[:1] in (b" ", b"\t"):
            if inside:
                yield line
            continue
        inside = line.split(b":", 1)[0].strip().lower() in names
        if inside:
            yield line


WORDS = ["=?utf-8?q?fake?=", "=?UTF-8?B?ZmFrZQ==?=", "a =?utf-8?q?fake?= b", "=?utf-8?q?fake?= =?utf-8?q?fake?=", "=?x?q?y?=", "=?utf-8?q?fake", "=?", "?=",
         "=?iso-8859-1?Q?=E4?= ö", "=?utf-8*en?q?x?=", "=?utf-8?q?" + "x" * 200 + "?=", "ö =?utf-8?q?fake?=", "Grüße =? ?=", "tab\tand =?utf-8?q?x?=",
         "\"=?utf-8?q?fake?=\"", "=?utf-8?q??=", "x=?utf-8?q?fake?=y"]


def shown(data, name):
    """What a mail reader shows for a header."""
    value = email.message_from_bytes(data)[name]
    try:
        return None if value is None else str(make_header(decode_header(value)))
    except (LookupError, ValueError):  # no such character set: shown as it is
        return value


@case(11, "encoded-words", weight=5)
def encoded_words(lab):
    """Text that only looks like an encoded word arrives as that text: subjects, names, in both forms of injection."""
    peer, node = setting(lab)
    for text in WORDS:
        with lab.variant(f"subject {text[:40]!r}"):
            for path, body in (("/api/inject", {"from": "from@field.example", "to": ["a@d.example"], "subject": text, "body": "x"}),
                               ("/api/inject/v1", {**V1, "content": {"text_body": "x", "subject": text}})):
                answer, data = next_one(peer, lambda path=path, body=body: node.request("POST", path, body))
                check(data is not None, f"refused: {answer.text[:200]}")
                got = shown(data, "Subject")
                check(" ".join(got.split()) == " ".join(text.split()), f"{path}: the subject is shown as {got!r}")
        with lab.variant(f"names {text[:40]!r}"):
            body = {**V1, "recipients": [{"email": "a@d.example", "name": text}],
                    "content": {"text_body": "x", "from": {"email": "from@field.example", "name": text}, "reply_to": {"email": "r@field.example", "name": text}}}
            answer, data = next_one(peer, lambda body=body: node.request("POST", "/api/inject/v1", body))
            check(data is not None, f"refused: {answer.text[:200]}")
            for name in ("From", "To", "Reply-To"):
                address = email.message_from_bytes(data, policy=email.policy.default)[name].addresses[0]
                raw = shown(data, name)
                got = address.display_name
                wanted = " ".join(text.split())
                check(wanted in (" ".join(got.split()), " ".join(raw.rsplit("<", 1)[0].strip().strip('"').replace('\\"', '"').split())),
                      f"{name} is shown as {got!r}: {raw!r}")
