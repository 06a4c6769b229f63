"""Item 12 and parts of 15 and 25: lines of content by HTTP obey the rules of SMTP, and built messages say what they mean."""

import email
import email.policy

from field_clocks import both
from field_headers import V1, next_one, setting
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Peer
from processes import wait_for

HEAD = "From: from@field.example\r\nSubject: x\r\n\r\n"
# name: (content, may it be taken unchanged)
LINES = {
    "998 bytes": (HEAD + "x" * 998 + "\r\n", True),
    "999 bytes": (HEAD + "x" * 999 + "\r\n", False),
    "3000 bytes": (HEAD + "x" * 3000 + "\r\n", False),
    "998 bytes of two-byte letters": (HEAD + "ö" * 499 + "\r\n", True),
    "1000 bytes of two-byte letters": (HEAD + "ö" * 500 + "\r\n", False),
    "a header of 3000 bytes": ("X-Long: " + "x" * 3000 + "\r\n" + HEAD + "x\r\n", False),
    "the last line, without an end": (HEAD + "x" * 3000, False),
    "a megabyte without an end": (HEAD + "x" * 1_000_000, False),
    "a NUL in the body": (HEAD + "a\0b\r\n", False),
    "a NUL in a header": ("X-A: a\0b\r\n" + HEAD + "x\r\n", False),
    "bare CR in the body": (HEAD + "a\rb\r\n", False),
    "bare CR in a header": ("X-A: a\rb\r\n" + HEAD + "x\r\n", False),
    "bare LF in the body": (HEAD + "a\nb\r\n", False),
    "LF . LF": (HEAD + "a\n.\nb\r\n", False),
    "CR . CR": (HEAD + "a\r.\rb\r\n", False),
    "LF . CRLF": (HEAD + "a\n.\r\nMAIL FROM:<evil@evil.example>\r\n", False),
    "CRLF . CRLF": (HEAD + "a\r\n.\r\nMAIL FROM:<evil@evil.example>\r\n", True),
    "only LF": (HEAD.replace("\r\n", "\n") + "a\nb\n", False),
    "dots": (HEAD + ".\r\n..\r\n.a\r\n", True),
}


def sound(data):
    """What is wrong with the lines of a message, or None."""
    if b"\0" in data:
        return "a NUL"
    rest = data.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest:
        return "a bare CR or LF"
    longest = max(len(line) for line in data.split(b"\r\n"))
    return f"a line of {longest} bytes" if longest > 998 else None


@case(12, "http-lines", weight=8)
def http_lines(lab):
    """Raw content by HTTP: long lines, NUL, bare CR and LF are refused or made good, as they are by SMTP."""
    peer, node = setting(lab)
    for name, (content, good) in LINES.items():
        with lab.variant(f"HTTP, {name}"):
            answer, data = next_one(peer, lambda content=content: node.inject_raw("a@d.example", content))
            if data is None:
                check(not good, f"refused: {answer.text[:200]}")
                check(400 <= answer.status < 500 or answer.status == 200 and answer.json["errors"], f"answered {answer.status} without a reason: {answer.text[:200]}")
            else:
                fault = sound(data)
                check(not fault, f"{fault} was relayed")
                check(b"evil.example" not in data or b"\r\n.\r\nMAIL" in data, "the content was changed")
    for name, (content, good) in LINES.items():
        if "\n" in content.replace("\r\n", "") or "\0" in content or len(content) > 900_000 or not content.endswith("\r\n"):
            continue
        with lab.variant(f"SMTP, {name}"):
            before = len(peer.transactions)
            code, _ = node.send("a@d.example", content.encode(), parameters=" BODY=8BITMIME")
            check(code == 250 or not good, f"refused with {code}")
            if code == 250:
                wait_for(lambda: len(peer.transactions) > before, SOON, "delivery")
                check(not sound(peer.transactions[-1].data), f"{sound(peer.transactions[-1].data)} was relayed")
    check(len(peer.said("MAIL")) == len(peer.transactions), "a message was taken for two")


@case(12, "content-options", weight=4)
def options(lab):
    """The knobs for lines, loops and blind copies, by both ways."""
    def lines(lab):
        both_ways = "line_length_hard_limit = 2000"
        peer, node = setting(lab, listener=both_ways, http=both_ways)
        for length, good in ((1500, True), (2100, False)):
            content = HEAD + "x" * length + "\r\n"
            answer, data = next_one(peer, lambda content=content: node.inject_raw("a@d.example", content))
            check((data is not None) == good, f"{length} bytes by HTTP: {answer.status} {answer.text[:150]}")
            check((node.send("a@d.example", content.encode())[0] == 250) == good, f"{length} bytes by SMTP")

    def endings(lab, how):
        peer, node = setting(lab, listener=f"invalid_line_endings = '{how}'", http=f"invalid_line_endings = '{how}'")
        content = HEAD + "a\nb\r\n"
        answer, data = next_one(peer, lambda: node.inject_raw("a@d.example", content))
        if how == "Deny":
            check(data is None, "a bare LF was taken by HTTP")
        else:
            check(data is not None and not sound(data), f"a bare LF by HTTP: {answer.text[:150]} {data!r}")

    def loops(lab):
        peer, node = setting(lab, listener="max_received_headers = 5", http="max_received_headers = 5")
        for count, good in ((4, True), (7, False)):
            content = "Received: from a by b; now\r\n" * count + HEAD + "x\r\n"
            answer, data = next_one(peer, lambda content=content: node.inject_raw("a@d.example", content))
            check((data is not None) == good, f"{count} by HTTP: {answer.text[:150]}")
            check((node.send("a@d.example", content.encode())[0] == 250) == good, f"{count} by SMTP")

    def copies(lab):
        peer, node = setting(lab, http="raw_bcc = 'Refuse'")
        answer, data = next_one(peer, lambda: node.inject_raw("a@d.example", "Bcc: x@hidden.example\r\n" + HEAD + "x\r\n"))
        check(data is None and "bcc" in answer.text.lower(), f"answered {answer.status}: {answer.text[:150]}")

    lab.together({"line_length_hard_limit": lines, "invalid_line_endings = Deny": lambda lab: endings(lab, "Deny"),
                  "invalid_line_endings = Fix": lambda lab: endings(lab, "Fix"), "max_received_headers": loops, "raw_bcc = Refuse": copies})


BODIES = {
    "a line of 3000": "x" * 3000, "a line of 3000 with UTF-8": "ö" * 1500, "bare LF": "a\nb\n", "bare CR": "a\rb", "a NUL": "a\0b", "dots": ".\n..\n.a\n",
    "from": "From here\n", "blanks at the end": "a \nb\t\n", "an equals sign": "a=\nb=20\n", "nothing": "", "no end": "abc",
}


@case(12, "built-lines", weight=5)
def built_lines(lab):
    """Text of a built message arrives as that text, in lines that every server takes."""
    peer, node = setting(lab)
    for name, text in BODIES.items():
        for kind in ("short", "v1"):
            with lab.variant(f"{name}, {kind}"):
                path, body = ("/api/inject", {"from": "from@field.example", "to": ["a@d.example"], "body": text}) if kind == "short" else \
                    ("/api/inject/v1", {**V1, "content": {"text_body": text, "html_body": f"<p>{text}</p>"}})
                answer, data = next_one(peer, lambda path=path, body=body: node.request("POST", path, body))
                if data is None:
                    check(name in ("a NUL", "bare CR"), f"refused: {answer.text[:200]}")
                    continue
                check(not sound(data), f"{sound(data)} was relayed")
                part = next(p for p in email.message_from_bytes(data, policy=email.policy.default).walk() if p.get_content_type() == "text/plain")
                got = part.get_payload(decode=True).decode(part.get_content_charset() or "ascii").replace("\r\n", "\n").rstrip("\n")
                check(got == text.replace("\r\n", "\n").rstrip("\n") or name == "bare CR", f"arrived as {got[:80]!r}")


@case(15, "built-messages", weight=4)
def built_messages(lab):
    """A list address as To, text attachments with a charset, each header once."""
    peer, node = setting(lab)
    lists = {"To": "announce@lists.example", "to": "announce@lists.example", "TO": '"The list" <announce@lists.example>'}
    for name, value in lists.items():
        for kind, path, body in (
            ("short", "/api/inject", {"from": "from@field.example", "to": ["a@d.example"], "body": "x", "headers": {name: value}}),
            ("v1", "/api/inject/v1", {**V1, "content": {"text_body": "x", "headers": {name: value}}}),
        ):
            with lab.variant(f"{name} = {value}, {kind}"):
                answer, data = next_one(peer, lambda path=path, body=body: node.request("POST", path, body))
                check(data is not None, f"refused: {answer.text[:200]}")
                got = email.message_from_bytes(data).get_all("To")
                check(got is not None and len(got) == 1 and "announce@lists.example" in got[0], f"To is {got}")
                check(peer.transactions[-1].recipients == ["a@d.example"], "the envelope was changed")
    for name, part in {"text/plain": {"content_type": "text/plain", "data": "Grüße"}, "text/csv": {"content_type": "text/csv", "data": "a;ö\n"},
                       "text/html": {"content_type": "text/html", "data": "<p>日本</p>", "file_name": "a.html"},
                       "with one": {"content_type": "text/plain; charset=utf-8", "data": "ö"}, "in capitals": {"content_type": "Text/Plain", "data": "ö"}}.items():
        with lab.variant(f"attachment {name}"):
            answer, data = next_one(peer, lambda part=part: node.request("POST", "/api/inject/v1", {**V1, "content": {"text_body": "x", "attachments": [part]}}))
            check(data is not None, f"refused: {answer.text[:200]}")
            got = [p for p in email.message_from_bytes(data).walk() if not p.is_multipart()][-1]
            check(got.get_content_charset() == "utf-8", f"its type is {got['Content-Type']!r}")
            check(str(got["Content-Type"]).lower().count("charset") == 1, f"its type is {got['Content-Type']!r}")
            text = got.get_payload(decode=True).decode("utf-8").replace("\r\n", "\n").rstrip("\n")
            check(text == part["data"].rstrip("\n"), f"it arrived as {text!r}")


MIXED = {
    "null": None, "a number": 5, "an object": {}, "a list": [], "true": True, "empty": "", "no domain": "nobody", "two ats": "a@b@c", "blank": " ",
}


@case(15, "bad-recipients", weight=4)
def bad_recipients(lab):
    """A recipient that cannot be used is counted and explained, and the others are sent; one of another type may refuse the request, by its name."""
    peer, node = setting(lab)
    for name, bad in MIXED.items():
        with lab.variant(f"short, {name}"):
            before = len(peer.transactions)
            answer = node.request("POST", "/api/inject", {"from": "from@field.example", "to": ["a@d.example", bad, "b@d.example"]})
            judge(peer, answer, before, bad)
        with lab.variant(f"v1, {name}"):
            before = len(peer.transactions)
            answer = node.request("POST", "/api/inject/v1", {"envelope_sender": "from@field.example", "content": HEAD + "x\r\n",
                                                             "recipients": [{"email": "a@d.example"}, {"email": bad}, {"email": "b@d.example"}]})
            judge(peer, answer, before, bad)
        if not isinstance(bad, dict):
            with lab.variant(f"v1, {name} instead of a recipient"):
                before = len(peer.transactions)
                answer = node.request("POST", "/api/inject/v1", {"envelope_sender": "from@field.example", "content": HEAD + "x\r\n",
                                                                 "recipients": [{"email": "a@d.example"}, bad, {"email": "b@d.example"}]})
                judge(peer, answer, before, None if bad is None else 0)


def judge(peer, answer, before, bad):
    if answer.status == 400 and bad is not None and not isinstance(bad, str):
        check("[1]" in answer.text and "Swift" not in answer.text, f"the error does not name the recipient: {answer.text[:200]}")
        check(len(peer.transactions) == before, "a refused request was sent")
        return
    check(answer.status == 200, f"answered {answer.status}: {answer.text[:200]}")
    told = answer.json
    check(told["fail_count"] == 1 and told["success_count"] == 2 and len(told["errors"]) == 1, f"answered {answer.text[:300]}")
    check("Swift" not in answer.text and "Decod" not in answer.text, f"answered {answer.text[:300]}")
    wait_for(lambda: len(peer.transactions) >= before + 2, SOON, "delivery to the others")
