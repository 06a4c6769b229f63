"""Items 15 and 25: what the HTTP API says of wrong methods and wrong bodies; rejection records; explain; Expect."""

import re
import socket

from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Client, Peer
from processes import wait_for

ROUTES = {
    "/api/inject": {"POST"}, "/api/inject/v1": {"POST"}, "/api/queues": {"GET"}, "/api/queues/pause": {"POST"}, "/api/queues/resume": {"POST"},
    "/api/queues/pauses": {"GET"}, "/api/admin/suspend/v1": {"GET", "POST", "DELETE"}, "/api/admin/suspend-ready-q/v1": {"GET", "POST", "DELETE"},
    "/api/admin/bounce/v1": {"GET", "POST", "DELETE"}, "/api/admin/bounce/v1/count": {"GET"}, "/api/admin/rebind/v1": {"POST"}, "/api/members": {"GET"},
    "/api/members/forget": {"POST"}, "/api/limits": {"GET"}, "/api/explain": {"GET"}, "/metrics": {"GET"}, "/livez": {"GET"}, "/readyz": {"GET"},
    "/startupz": {"GET"}, "/api/check-liveness/v1": {"GET"},
}
PROBES = ("/livez", "/readyz", "/startupz", "/api/check-liveness/v1", "/metrics")
# What a decoder of Swift says and nobody else understands.
SWIFT = re.compile(r"Swift|Decod|codingPath|CodingKeys|Optional|typeMismatch|keyNotFound|valueNotFound|dataCorrupted|\bInt\b|"
                   r"\bDouble\b|Array<|Dictionary|Foundation|NSError|debugDescription|_NS")


@case(15, "methods", weight=4)
def methods(lab):
    """405 with Allow for a wrong method, HEAD on probes and metrics, 404 for what does not exist."""
    node = Node(lab)
    for path, known in ROUTES.items():
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            if method in known:
                continue
            with lab.variant(f"{method} {path}"):
                answer = node.request(method, path, raw=b"{}" if method != "GET" else None)
                check(answer.status == 405, f"answered {answer.status}: {answer.text[:100]}")
                allowed = {m.strip() for m in (answer.headers["Allow"] or "").split(",")}
                check(known <= allowed and method not in allowed, f"Allow is {answer.headers['Allow']!r}, not {', '.join(sorted(known))}")
    for path in PROBES:
        with lab.variant(f"HEAD {path}"):
            answer = node.request("HEAD", path)
            check(answer.status == 200 and not answer.data, f"answered {answer.status}")
        with lab.variant(f"HEAD {path}, then another request on the connection"):
            with socket.create_connection(("127.0.0.1", node.http_port), 30) as s:
                s.sendall(f"HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
                data = b"".join(iter(lambda: s.recv(65536), b""))
            check(data.count(b"HTTP/1.1 200") == 2 and data.rstrip().endswith(b"ok"), f"answered {data[:300]!r}")
    for path in ("/nothing", "/api/injects", "/api/inject/v2", "/api/queues/nothing"):
        with lab.variant(f"404 {path}"):
            for method in ("GET", "POST"):
                answer = node.request(method, path, raw=b"{}" if method == "POST" else None)
                check(answer.status == 404, f"{method} answered {answer.status}")


SHORT, LONG = "/api/inject", "/api/inject/v1"
V1 = {"envelope_sender": "a@b.example", "recipients": [{"email": "c@d.example"}], "content": "x"}
OK = {"from": "a@b.example", "to": ["c@d.example"]}
# (path, body, the field that must be named, one of the words that must be said)
BODIES = {
    "from is a number": (SHORT, {**OK, "from": 5}, "from", "text|string"),
    "from is null": (SHORT, {**OK, "from": None}, "from", "text|string|null|missing|required"),
    "from is missing": (SHORT, {"to": ["a@b.example"]}, "from", "missing|required"),
    "to is a number": (SHORT, {**OK, "to": 5}, "to", "text|list|array|string"),
    "to is an object": (SHORT, {**OK, "to": {}}, "to", "text|list|array|string"),
    "to is missing": (SHORT, {"from": "a@b.example"}, "to", "missing|required"),
    "subject is a list": (SHORT, {**OK, "subject": []}, "subject", "text|string"),
    "body is a number": (SHORT, {**OK, "body": 1.5}, "body", "text|string"),
    "headers is a list": (SHORT, {**OK, "headers": []}, "headers", "object"),
    "a header is a number": (SHORT, {**OK, "headers": {"X-A": 5}}, "X-A", "text|string"),
    "a header is a list": (SHORT, {**OK, "headers": {"X-A": ["b"]}}, "X-A", "text|string"),
    "tenant is a number": (SHORT, {**OK, "tenant": 5}, "tenant", "text|string"),
    "unknown field": (SHORT, {**OK, "subjct": "x"}, "subjct", "."),
    "sender is a number": (LONG, {**V1, "envelope_sender": 5}, "envelope_sender", "text|string"),
    "recipients is a text": (LONG, {**V1, "recipients": "c@d.example"}, "recipients", "list|array"),
    "content is a number": (LONG, {**V1, "content": 5}, "content", "text|string|object"),
    "content is missing": (LONG, {"envelope_sender": "a@b.example", "recipients": []}, "content", "missing|required"),
    "content.subject is a number": (LONG, {**V1, "content": {"text_body": "x", "subject": 5}}, "subject", "text|string"),
    "content.from is a number": (LONG, {**V1, "content": {"text_body": "x", "from": 5}}, "from", "object|text"),
    "content.from.email is missing": (LONG, {**V1, "content": {"text_body": "x", "from": {"name": "x"}}}, "email", "missing|required"),
    "attachments is an object": (LONG, {**V1, "content": {"text_body": "x", "attachments": {}}}, "attachments", "list|array"),
    "attachment.data is a number": (LONG, {**V1, "content": {"text_body": "x", "attachments": [{"data": 5, "content_type": "text/plain"}]}}, "data", "text|string"),
    "attachment.base64 is a text": (LONG, {**V1, "content": {"text_body": "x", "attachments": [{"data": "x", "content_type": "a/b", "base64": "yes"}]}},
                                    "base64", "true|false|boolean"),
    "deferred_spool is a text": (LONG, {**V1, "deferred_spool": "yes"}, "deferred_spool", "true|false|boolean"),
    "trace_headers is a list": (LONG, {**V1, "trace_headers": []}, "trace_headers", "object"),
    "trace_headers.received_header is a text": (LONG, {**V1, "trace_headers": {"received_header": "x"}}, "received_header", "true|false|boolean"),
    "domain is a number": ("/api/admin/suspend/v1", {"domain": 5, "reason": "x"}, "domain", "text|string"),
    "queue_names is a text": ("/api/admin/suspend/v1", {"queue_names": "x", "reason": "x"}, "queue_names", "list|array"),
    "everything is a text": ("/api/admin/suspend/v1", {"everything": "yes", "reason": "x"}, "everything", "true|false|boolean"),
    "duration is a list": ("/api/admin/suspend/v1", {"domain": "d", "reason": "x", "duration": []}, "duration", "."),
    "data is a text": ("/api/admin/rebind/v1", {"domain": "d", "reason": "x", "data": "x"}, "data", "object"),
    "queue is a number": ("/api/queues/pause", {"queue": 5}, "queue", "text|string"),
    "queue is missing": ("/api/queues/pause", {}, "queue", "missing|required"),
    "node is missing": ("/api/members/forget", {}, "node", "missing|required"),
}
RAW = {"nothing": b"", "no JSON": b"from=a", "half an object": b'{"from": "a@b"', "a list": b"[]", "a text": b'"x"', "null": b"null",
       "two values": b"{}{}", "bad UTF-8": b'{"from": "\xff"}',
       "a deep nest": b"[" * 100_000, "a deep object": b'{"a":' * 50_000, "a comment": b"{/* */}",
       "a huge number": b'{"from": 1e999}', "NaN": b'{"from": NaN}', "a lone surrogate": b'{"from": "\\ud800"}',
       "a name twice": b'{"from": "a@b.example", "from": "c@d.example", "to": 5}'}


@case(15, "json-errors", weight=4)
def errors(lab):
    """Wrong bodies: 400, the field by its name and what is expected there, in words that a user of HTTP knows."""
    node = Node(lab)
    for name, (path, body, field, words) in BODIES.items():
        with lab.variant(name):
            answer = node.request("POST", path, body)
            check(answer.status == 400, f"answered {answer.status}: {answer.text[:200]}")
            check(field in answer.text, f"does not name {field}: {answer.text[:300]}")
            check(re.search(words, answer.text), f"does not say what is expected: {answer.text[:300]}")
            check(not SWIFT.search(answer.text), f"speaks Swift: {answer.text[:300]}")
    for path in (SHORT, LONG, "/api/admin/suspend/v1", "/api/admin/rebind/v1", "/api/queues/pause"):
        for name, data in RAW.items():
            with lab.variant(f"{path}: {name}"):
                answer = node.request("POST", path, raw=data)
                check(answer.status in (400, 413), f"answered {answer.status}: {answer.text[:200]}")
                check(len(answer.text) > 8 and not SWIFT.search(answer.text), f"answered {answer.text[:300]}")
    with lab.variant("it lives"):
        check(node.request("GET", "/readyz").status == 200, "not ready")


@case(15, "rejections", weight=4)
def rejections(lab):
    """Rejection records carry sender, recipient and the whole command."""
    node = Node(lab, listener="relay_hosts = { '127.0.0.9' }, max_message_size = 5000",
                extra="kumo.on('smtp_server_mail_from', function(sender) if sender.user == 'bad' then kumo.reject(550, '5.7.1 not you') end end)")
    commands = {
        "MAIL": (["MAIL FROM:<bad@field.example> SIZE=100"], "MAIL FROM:<bad@field.example> SIZE=100", "bad@field.example", None),
        "RCPT": (["MAIL FROM:<a@field.example>", "RCPT TO:<b@d.example>"], "RCPT TO:<b@d.example>", "a@field.example", "b@d.example"),
        "small letters": (["mail from:<c@field.example>", "rcpt to:<d@d.example>"], "rcpt to:<d@d.example>", "c@field.example", "d@d.example"),
        "syntax": (["MAIL FROM:<e@field.example>", "RCPT TO:f@@d.example"], "RCPT TO:f@@d.example", "e@field.example", None),
        "SIZE": (["MAIL FROM:<g@field.example> SIZE=900000"], "MAIL FROM:<g@field.example> SIZE=900000", "g@field.example", None),
    }
    for name, (lines, command, sender, recipient) in commands.items():
        with lab.variant(name):
            before = len(node.records("Rejection"))
            client = Client(node.smtp_port)
            code, text = [client.command(line) for line in lines][-1]
            client.close()
            check(code >= 400, f"not refused: {code} {text}")
            wait_for(lambda: len(node.records("Rejection")) > before, SOON, "a record of the refusal")
            record = node.records("Rejection")[-1]
            check(record["response"]["command"] == command, f"the record says {record['response']['command']!r}, the client said {command!r}")
            check(record["sender"] == sender, f"the sender is {record['sender']!r}")
            check(recipient is None or recipient in (record["recipient"], *(record["recipient"] or ())), f"the recipient is {record['recipient']!r}")
            check(record["response"]["code"] == code, f"the record has {record['response']}")


@case(15, "explain", weight=8)
def explained(lab):
    """Explain gives the next possible time of every limit; a queue whose path policy fails is blocked."""
    limits = {"5 a day": "max_message_rate = '5/d'", "2 an hour": "max_message_rate = '2/h'", "shared, 3 a day": "additional_message_rate_throttles = { shared = '3/d' }",
              "connections, 1 a day": "max_connection_rate = '1/d', max_deliveries_per_connection = 1"}

    def limited(lab, path, queue=""):
        peer = lab.closes(*both(Peer()))
        node = Node(lab, queue=to(peer) + "," + queue, path=path)
        node.inject([f"m{n}@d.example" for n in range(10)])
        peer.wait(1)
        moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d|\bin (about )?\d+ ?(s|m|h|d|min|hours?|minutes?|seconds?|days?)\b|"
                            r"\d+ ?(h|hours?|min|minutes?) (\d|from now|later)")
        said = []

        def told():
            said[:] = [node.explain(queue="d.example"), *(node.explain(path=r["site"]) for r in node.records("Delivery")[:1])]
            return any(moment.search(text) for text in said)
        try:
            wait_for(told, 12, "the next time in explain", every=0.3)
        except TimeoutError:
            raise AssertionError(f"explain names no time: {said}") from None

    variants = {name: lambda lab, path=path: limited(lab, path) for name, path in limits.items()}
    variants["of the queue, 4 a day"] = lambda lab: limited(lab, "", "max_message_rate = '4/d'")

    def blocked(lab):
        peer = lab.closes(*both(Peer()))
        node = Node(lab, queue=to(peer), path_code="error('this policy is broken')")
        node.inject(["a@d.example"])
        wait_for(lambda: (node.queue("d.example") or {}).get("state") == "blocked", SOON, f"the state blocked; it is {node.queue('d.example')}")
        check("this policy is broken" in str(node.queue("d.example")), f"the listing says {node.queue('d.example')}")
        check("this policy is broken" in node.explain(queue="d.example"), f"explain says {node.explain(queue='d.example')}")
    variants["a path policy that fails"] = blocked
    lab.together(variants)


@case(25, "expect", weight=4)
def expect(lab):
    """Expect: 100-continue is answered before the body, and refused bodies are not asked for."""
    peer = lab.closes(*both(Peer()))
    node = Node(lab, queue=to(peer))
    body = b'{"from": "a@b.example", "to": ["c@d.example"], "body": "x"}'

    def talk(head, then=body):
        with socket.create_connection(("127.0.0.1", node.http_port), 20) as s:
            s.sendall(f"POST /api/inject HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{head}\r\n\r\n".encode())
            first = s.recv(4096)
            if b" 100 " in first.split(b"\r\n", 1)[0]:
                s.sendall(then)
                rest = first.split(b"\r\n\r\n", 1)[1]
                return first, rest or s.recv(4096)
            return first, b""

    for name, value in (("100-continue", "100-continue"), ("in capitals", "100-Continue")):
        with lab.variant(name):
            first, answer = talk(f"Content-Length: {len(body)}\r\nExpect: {value}")
            check(first.startswith(b"HTTP/1.1 100 "), f"the first answer is {first[:80]!r}")
            check(answer.startswith(b"HTTP/1.1 200 "), f"then {answer[:200]!r}")
    with lab.variant("chunked"):
        first, answer = talk("Transfer-Encoding: chunked\r\nExpect: 100-continue", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        check(first.startswith(b"HTTP/1.1 100 ") and answer.startswith(b"HTTP/1.1 200 "), f"answered {first[:80]!r}, {answer[:80]!r}")
    with lab.variant("too large"):
        first, _ = talk("Content-Length: 900000000\r\nExpect: 100-continue")
        check(first.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 417 ")), f"answered {first[:80]!r}")
    with lab.variant("something else"):
        first, _ = talk(f"Content-Length: {len(body)}\r\nExpect: the-spanish-inquisition")
        check(first.startswith(b"HTTP/1.1 417 "), f"answered {first[:80]!r}")
    with lab.variant("a body that does not wait"):
        with socket.create_connection(("127.0.0.1", node.http_port), 20) as s:
            s.sendall(b"POST /api/inject HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            data = b"".join(iter(lambda: s.recv(65536), b""))
        check(b"HTTP/1.1 200 " in data, f"answered {data[:200]!r}")
