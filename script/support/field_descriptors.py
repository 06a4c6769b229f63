"""Item 17: file descriptors that run out are like a full disk: refused for a moment, and everything is well afterwards."""

import re
import subprocess

from field_clocks import both, rest
from field_crowd import Crowd
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import HANG, Client, Peer
from processes import wait_for

# Of the node; what it needs for itself is less.
LIMIT = 160
GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
EHLO = b"EHLO crowd.example\r\n"


def short(lab, peer, limit=LIMIT, **parts):
    return Node(lab, queue=to(peer), prefix=["prlimit", f"--nofile={limit}:{limit}", "--"], **parts)


def recovers(node, peer, label):
    """New mail is taken and delivered, and the node is ready: soon after the crowd has left."""
    def sent():
        try:
            client = Client(node.smtp_port, timeout=10)
        except (OSError, EOFError):
            return False
        try:
            return client.greeting[0] == 220 and client.send(f"{label}@d.example")[0] == 250
        except (OSError, EOFError):
            return False
        finally:
            client.close()
    wait_for(sent, SOON, "mail is accepted again", every=0.3)
    wait_for(lambda: peer.took(f"{label}@d.example"), SOON, "mail is delivered again")
    answer = wait_for(lambda: (a := node.request("GET", "/readyz")).status == 200 and a, SOON, "readiness")
    check(answer, "not ready")
    check(not node.log(r"fenced"), f"the spool was fenced: {node.log(r'.*fenced.*')}")


def crowded(lab, ports, data):
    peer = lab.closes(*both(Peer()))
    node = short(lab, peer)
    inside = node.client()
    crowds = [lab.closes(*both(Crowd(getattr(node, port), 400, what, wait=3))) for port, what in zip(ports, data)]
    used = node.cpu_share()
    if used > 0.6:
        used = node.cpu_share()
    check(node.is_alive, f"the node ended:\n{node.process.tail()}")
    check(used < 0.6, f"the node uses {used:.2f} processors while it has no descriptors")
    for n in range(5):
        code, text = inside.send(f"in{n}@d.example")
        check(code in (250, 421, 451, 452), f"a session that was open is answered {code} {text}")
        if code == 421:
            break
    for crowd in crowds:
        crowd.close()
    recovers(node, peer, "after")


def outgoing(lab):
    """The node's own connections take all descriptors: 300 domains whose servers do not answer."""
    peer, slow = lab.closes(*both(Peer())), lab.closes(*both(Peer(script={"connect": lambda s, line: HANG}, backlog=1000)))
    node = short(lab, peer, path="banner_timeout = '2s'", queue_code=f"if domain ~= 'd.example' then return kumo.make_queue_config {{ retry_interval = '1h', "
                 f"protocol = {{ smtp = {{ mx_list = {{ {{ name = domain, addr = '{slow.address}' }} }} }} }} }} end")
    for n in range(0, 300, 50):
        node.inject([f"a@s{n + k}.example" for k in range(50)])
    used = node.cpu_share()
    check(used < 0.8, f"the node uses {used:.2f} processors while it has no descriptors")
    for n in range(3):
        client = Client(node.smtp_port)
        check(client.greeting[0] in (220, 421), f"greeted with {client.greeting}")
        client.close()
    recovers(node, peer, "after")
    check(not node.records("Bounce"), "mail bounced because descriptors ran out")


def large(lab):
    """Content that goes to the spool while descriptors are gone."""
    crowded(lab, ("smtp_port",), (b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" + b"x" * 70 + b"\r\n",))


@case(17, "descriptors", weight=35)
def descriptors(lab):
    """Low RLIMIT_NOFILE and crowds at SMTP, HTTP, both and outgoing: no spinning, no fence, and it recovers."""
    lab.together({
        "SMTP": lambda lab: crowded(lab, ("smtp_port",), (b"",)),
        "SMTP with EHLO": lambda lab: crowded(lab, ("smtp_port",), (EHLO,)),
        "SMTP inside DATA": large,
        "HTTP": lambda lab: crowded(lab, ("http_port",), (b"",)),
        "HTTP with requests": lambda lab: crowded(lab, ("http_port",), (GET,)),
        "both": lambda lab: crowded(lab, ("smtp_port", "http_port"), (EHLO, b"")),
        "outgoing": outgoing,
        "again and again": again,
    }, width=3)


def again(lab):
    """Three crowds one after the other."""
    peer = lab.closes(*both(Peer()))
    node = short(lab, peer)
    for n in range(3):
        crowd = lab.closes(*both(Crowd(node.smtp_port, 400, EHLO, wait=2)))
        for port in ("http_port",):
            lab.closes(*both(Crowd(getattr(node, port), 200, b"", wait=1))).close()
        crowd.close()
        recovers(node, peer, f"after{n}")
    rest(node)


@case(17, "backlog", weight=3)
def backlog(lab):
    """The listen queues take a burst of clients that come at once."""
    node = Node(lab)
    listing = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True).stdout
    try:
        with open("/proc/sys/net/core/somaxconn") as f:
            most = int(f.read())
    except OSError:
        most = 4096
    for name, port in (("SMTP", node.smtp_port), ("HTTP", node.http_port)):
        with lab.variant(f"{name} listener"):
            found = re.search(rf"LISTEN\s+\d+\s+(\d+)\s+127\.0\.0\.1:{port}\s", listing)
            check(found, "ss does not show the listener")
            check(int(found.group(1)) >= min(1024, most), f"its backlog is {found.group(1)}")
        many = 1500 if name == "SMTP" else 900  # of HTTP there are 1024 at most
        with lab.variant(f"{name}, {many} at once"):
            crowd = lab.closes(*both(Crowd(port, many, EHLO if name == "SMTP" else GET, wait=SOON, read=True)))
            check(crowd.refused == 0, f"{crowd.refused} were refused")
            wait_for(lambda: len(crowd.replies) >= many, SOON, "an answer for each", every=0.1)
