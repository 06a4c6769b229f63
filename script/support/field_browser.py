"""Item 20: what a browser marks as foreign is refused, and a name that is not the listener's is no name for loopback."""

import socket

from field_clocks import both
from field_lab import case, check
from field_node import Node, to
from field_smtp import Peer

# What a web page can make a browser send: no preflight.
SIMPLE = {"Content-Type": "text/plain"}
BODY = b'{"everything": true, "reason": "evil", "duration": "1h"}'


def foreign(port):
    """Headers that mark a request as foreign."""
    return {
        "Origin of another site": {"Origin": "http://evil.example"}, "https": {"Origin": "https://evil.example"}, "Origin: null": {"Origin": "null"},
        "Origin with our port": {"Origin": f"http://evil.example:{port}"}, "a name that begins like ours": {"Origin": f"http://localhost.evil.example:{port}"},
        "an address that begins like ours": {"Origin": f"http://127.0.0.1.evil.example:{port}"}, "our name as user": {"Origin": f"http://localhost:{port}@evil.example"},
        "an extension": {"Origin": "chrome-extension://abcdef"}, "a file": {"Origin": "file://"}, "empty Origin": {"Origin": ""}, "nonsense": {"Origin": "%%%"},
        "another port of this host": {"Origin": "http://localhost:1"}, "another port of 127.0.0.1": {"Origin": "http://127.0.0.1:1"},
        "Sec-Fetch-Site: cross-site": {"Sec-Fetch-Site": "cross-site"}, "cross-site without a preflight": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        "cross-site in capitals": {"Sec-Fetch-Site": "Cross-Site"},
        "Host of a stranger": {"Host": "evil.example"}, "Host of a stranger, our port": {"Host": f"evil.example:{port}"},
        "Host that begins like an address": {"Host": f"127.0.0.1.evil.example:{port}"}, "Host that begins like localhost": {"Host": f"localhost.evil.example:{port}"},
        "Host with a user": {"Host": f"localhost@evil.example:{port}"}, "Host and Origin rebound": {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
        "rebound, same-origin": {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}", "Sec-Fetch-Site": "same-origin"},
    }


def own(port):
    """Headers of those who belong here."""
    return {
        "none": {}, "curl -d": {"Content-Type": "application/x-www-form-urlencoded"}, "no type": {"Content-Type": None}, "localhost": {"Host": f"localhost:{port}"},
        "localhost without a port": {"Host": "localhost"}, "LOCALHOST": {"Host": f"LOCALHOST:{port}"}, "127.0.0.1": {"Host": f"127.0.0.1:{port}"}, "[::1]": {"Host": f"[::1]:{port}"},
        "own Origin": {"Origin": f"http://127.0.0.1:{port}"}, "own Origin by name": {"Origin": f"http://localhost:{port}", "Host": f"localhost:{port}"},
        "same-origin": {"Sec-Fetch-Site": "same-origin", "Origin": f"http://127.0.0.1:{port}"}, "typed into the address bar": {"Sec-Fetch-Site": "none"},
        "an address in a network": {"Host": f"192.0.2.7:{port}"},
    }


def post(node, path, body, headers):
    given = {"Content-Type": "application/json", **headers}
    return node.request("POST", path, raw=body, headers={k: v for k, v in given.items() if v is not None})


@case(20, "browsers", weight=6)
def browsers(lab):
    """Origin, Sec-Fetch-Site and Host in all forms, for orders, injection and what can be read."""
    peer = lab.closes(*both(Peer()))
    node = Node(lab, queue=to(peer))
    rules = "/api/admin/bounce/v1"
    for name, headers in foreign(node.http_port).items():
        with lab.variant(f"{name}: a bounce"):
            answer = post(node, rules, BODY, {**SIMPLE, **headers})
            check(answer.status in (400, 401, 403, 421), f"answered {answer.status}: {answer.text[:200]}")
            check(node.request("GET", rules).json == [], "all mail bounces")
        for rule in node.request("GET", rules).json:
            node.request("DELETE", rules, {"id": rule["id"]})
        with lab.variant(f"{name}: injection"):
            answer = post(node, "/api/inject", b'{"from": "evil@evil.example", "to": ["c@d.example"]}', {**SIMPLE, **headers})
            check(answer.status in (400, 401, 403, 421), f"answered {answer.status}: {answer.text[:200]}")
        with lab.variant(f"{name}: a rule deleted"):
            answer = node.request("DELETE", f"{rules}?id=x", headers=headers)
            check(answer.status in (400, 401, 403, 421), f"answered {answer.status}: {answer.text[:200]}")
        if "Host" in headers:
            with lab.variant(f"{name}: reading"):
                for path in ("/api/queues", "/metrics", "/api/explain?queue=d.example"):
                    answer = node.request("GET", path, headers=headers)
                    check(answer.status in (400, 401, 403, 421), f"GET {path} answered {answer.status}")
    for name, headers in own(node.http_port).items():
        with lab.variant(f"welcome: {name}"):
            answer = post(node, "/api/inject", b'{"from": "a@b.example", "to": ["c@d.example"]}', headers)
            check(answer.status == 200, f"answered {answer.status}: {answer.text[:200]}")
            answer = node.request("GET", "/api/queues", headers={k: v for k, v in headers.items() if v is not None})
            check(answer.status == 200, f"GET answered {answer.status}: {answer.text[:200]}")
    with lab.variant("HTTP/1.0"):
        check(b" 200 " in raw(node, b"GET /api/queues HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n"), "a client of HTTP/1.0 is turned away")
    with lab.variant("no Host, HTTP/1.1"):
        data = raw(node, b"GET /api/queues HTTP/1.1\r\nConnection: close\r\n\r\n")
        check(b" 400 " in data.split(b"\r\n")[0], f"answered {data[:60]!r}")
    with lab.variant("two Hosts"):
        data = raw(node, b"GET /api/queues HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
        check(b" 200 " not in data.split(b"\r\n")[0], f"answered {data[:60]!r}")
    with lab.variant("a stranger's name in the request line"):
        data = raw(node, b"GET http://evil.example/api/queues HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        check(b" 200 " not in data.split(b"\r\n")[0], f"answered {data[:60]!r}")
    with lab.variant("probes answer any Host"):
        for path in ("/livez", "/readyz", "/startupz"):
            answer = node.request("GET", path, headers={"Host": "pod-7.svc.cluster.local:8000"})
            check(answer.status == 200, f"GET {path} answered {answer.status}")


def raw(node, data):
    with socket.create_connection(("127.0.0.1", node.http_port), 20) as s:
        s.sendall(data)
        return b"".join(iter(lambda: s.recv(65536), b""))
