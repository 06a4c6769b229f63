"""Items 4 and 16: no signal and no order of stop loses what was acknowledged, and a stop is an exit, not a trap."""

import contextlib
import os
import signal
import socket
import threading
import time

from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import HANG, Client, Peer
from processes import wait_for

STOPS = ("TERM", "INT", "QUIT")
RELOADS = ("HUP",)
OTHERS = ("USR1", "USR2", "PIPE", "ALRM", "VTALRM", "PROF", "WINCH", "URG", "CHLD", "CONT", "IO",
          "PWR", "XCPU", "XFSZ", "TTIN", "TTOU", "TSTP", "RTMIN", "RTMIN+5")
# The default action of these stops the process; what ends a stop is SIGCONT.
JOB_CONTROL = ("TTIN", "TTOU", "TSTP")


def number(name):
    return signal.SIGRTMIN + int(name[6:] or 0) if name.startswith("RTMIN") else getattr(signal, "SIG" + name)


def memory_node(lab, peer, **parts):
    """A node that acknowledges from memory, and whose next hop does not answer."""
    return Node(lab, queue=to(peer), listener="deferred_spool = true", path="system_shutdown_timeout = '500ms'", **parts)


def fill(node, count, name="m"):
    """So many acknowledged messages."""
    client = node.client()
    for n in range(count):
        code, text = client.send(f"{name}{n}@d.example")
        check(code == 250, f"a message was refused: {code} {text}")
    client.close()


def after(lab, node, peer, wanted, what):
    """Starts the node again with a next hop that works: all must arrive."""
    peer.script.clear()
    if node.is_alive:
        node.stop()
    node.start()
    with contextlib.suppress(TimeoutError):
        peer.wait(wanted, SOON)
    got = len(set(peer.recipients()))
    check(got >= wanted, f"{what}: {wanted - got} of {wanted} acknowledged messages are lost")


def signalled(lab, name):
    peer = lab.closes(*both(Peer(script={"connect": lambda s, line: HANG})))
    node = memory_node(lab, peer)
    fill(node, 40)
    os.kill(node.pid, number(name))
    if name in JOB_CONTROL:
        time.sleep(0.1)
        os.kill(node.pid, signal.SIGCONT)
    if name in STOPS:
        code = wait_for(lambda: node.process.child.poll() is not None, 40, "the end") and node.process.child.returncode
        check(code == 0, f"SIG{name} ended it with {code}")
        after(lab, node, peer, 40, f"after SIG{name}")
        return
    # Harmless: it goes on, or it stops in order. It answers after it has taken the signal, so a second look is enough.
    with contextlib.suppress(OSError, EOFError, AssertionError):
        fill(node, 5, "late")
    time.sleep(0.3)
    try:
        fill(node, 5, "later")
    except (OSError, EOFError, AssertionError):
        wait_for(lambda: not node.is_alive, 40, "the end of a node that takes no mail any more")
    if node.is_alive:
        check(node.stop() == 0, "SIGTERM afterwards did not stop it in order")
        after(lab, node, peer, 50, f"after SIG{name} and SIGTERM")
    else:
        code = node.process.child.returncode
        with contextlib.suppress(AssertionError):
            after(lab, node, peer, 40, "")
        check(code == 0, f"SIG{name} ended it with {code}; {40 - len(set(peer.recipients()) & {f'm{n}@d.example' for n in range(40)})} of 40 are lost")
        check(len(set(peer.recipients())) >= 40, "acknowledged messages are lost")


@case(4, "signals", weight=40)
def signals(lab):
    """Each signal while acknowledged messages are in memory only."""
    lab.together({f"SIG{name}": lambda lab, name=name: signalled(lab, name) for name in STOPS + RELOADS + OTHERS}, width=5)


@case(4, "hangup", weight=10)
def hangup(lab):
    """SIGHUP closes the segment of the log, keeps connections and queues, and survives a policy that is broken meanwhile."""
    def segments(directory):
        return [name for name in os.listdir(directory)]

    def rotates(lab):
        logs = lab.directory("logs")
        peer = lab.closes(*both(Peer()))
        node = Node(lab, queue=to(peer), init=f"kumo.configure_local_logs {{ log_dir = '{logs}' }}")
        node.inject(["a@d.example"])
        peer.wait(1)
        wait_for(lambda: segments(logs), SOON, "a segment of the log")
        before = segments(logs)
        os.kill(node.pid, signal.SIGHUP)
        wait_for(lambda: not node.is_alive or all(not os.stat(os.path.join(logs, n)).st_mode & 0o200 for n in before), SOON, "the segment is closed")
        check(node.is_alive, f"SIGHUP ended it with {node.process.child.returncode}")
        node.inject(["b@d.example"])
        peer.wait(2)
        wait_for(lambda: len(segments(logs)) > len(before), SOON, "a new segment")

    def broken(lab):
        peer = lab.closes(*both(Peer()))
        node = Node(lab, queue=to(peer))
        client = node.client()
        with open(node.policy_path, "a") as f:
            f.write("\nthis is no Lua\n")
        os.kill(node.pid, signal.SIGHUP)
        code, text = client.send("a@d.example")
        check(code == 250, f"a session that was open is answered {code} {text}")
        peer.wait(1)
        check(node.is_alive, f"SIGHUP ended it with {node.process.child.returncode}")

    def many(lab):
        peer = lab.closes(*both(Peer()))
        node = memory_node(lab, peer)
        for n in range(30):
            with contextlib.suppress(ProcessLookupError):
                os.kill(node.pid, signal.SIGHUP)
            node.inject([f"m{n}@d.example"])
        peer.wait(30)
        check(node.stop() == 0, "it did not stop in order")

    def reloads(lab):
        first, second = (lab.closes(*both(Peer())) for _ in range(2))
        node = Node(lab, queue=to(first) + ", refresh_interval = '1s'")
        node.inject(["a@d.example"])
        first.wait(1)
        node.configure(queue=to(second) + ", refresh_interval = '1s'")
        os.kill(node.pid, signal.SIGHUP)
        deadline, n = time.monotonic() + SOON, 0
        while not second.recipients() and time.monotonic() < deadline and node.is_alive:
            node.inject([f"m{n}@d.example", f"m{n}@d{n}.example"])
            n += 1
            time.sleep(0.2)
        check(node.is_alive, f"SIGHUP ended it with {node.process.child.returncode}")
        check(second.recipients(), "the new policy is not in force")

    lab.together({"reads the policy": reloads, "rotates logs": rotates, "a broken policy": broken, "thirty in a row": many,
                  "then SIGTERM": lambda lab: signalled(lab, "HUP")})


class Callers:
    """Clients that come all the time, in several ways, until they are stopped."""

    def __init__(self, ports, ways, seed):
        self.ports, self.over, self.random = ports, threading.Event(), seed
        self.threads = [threading.Thread(target=self._call, args=(way,), daemon=True) for way in ways for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def _call(self, way):
        while not self.over.is_set():
            with contextlib.suppress(OSError, EOFError, ValueError):
                way(self)

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(5)


def connect(port, data=None, read=False, linger=0.0):
    with socket.create_connection(("127.0.0.1", port), 2) as s:
        s.settimeout(2)
        if data:
            s.sendall(data)
        if read:
            s.recv(4096)
        if linger:
            time.sleep(linger)


GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAYS = {
    "connect and leave": [lambda c: connect(c.ports[0])],
    "connect and stay": [lambda c: connect(c.ports[0], linger=0.05)],
    "whole requests": [lambda c: connect(c.ports[0], GET, read=True)],
    "half a request": [lambda c: connect(c.ports[0], GET[:20], linger=0.02)],
    "pipelined": [lambda c: connect(c.ports[0], GET * 20, linger=0.01)],
    "SMTP": [lambda c: connect(c.ports[1], b"EHLO x\r\nMAIL FROM:<a@b>\r\n", linger=0.01)],
    "all of it": [lambda c: connect(c.ports[0]), lambda c: connect(c.ports[0], GET, read=True), lambda c: connect(c.ports[0], GET[:20], linger=0.02),
                  lambda c: connect(c.ports[1])],
}


def stopped(lab, ways, how, messages=60):
    peer = lab.closes(*both(Peer(script={"connect": lambda s, line: HANG})))
    node = memory_node(lab, peer)
    fill(node, messages)
    callers = Callers((node.http_port, node.smtp_port), ways, lab.random)
    try:
        time.sleep(lab.random.uniform(0.02, 0.2))  # the moment of the signal is what is tried here, so it is drawn
        code = node.stop(how)
    finally:
        callers.stop()
    trapped = f"the stop ended with {code}" + (f" ({signal.Signals(-code).name})" if code is not None and code < 0 else "") + ":\n" + node.process.tail(6)
    with contextlib.suppress(AssertionError):
        after(lab, node, peer, messages, "after the stop")
    got = len(set(peer.recipients()))
    check(code == 0, f"{trapped}\n{messages - got} of {messages} acknowledged messages are lost")
    check(got == messages, f"{messages - got} of {messages} acknowledged messages are lost")


@case(16, "stop-under-callers", weight=50)
def stop(lab):
    """SIGTERM and SIGINT while HTTP and SMTP clients come in all the time, with mail in memory only."""
    variants = {f"{name}, {n}": lambda lab, ways=ways: stopped(lab, ways, signal.SIGTERM) for name, ways in WAYS.items() for n in range(1, 4)}
    variants["all of it, SIGINT"] = lambda lab: stopped(lab, WAYS["all of it"], signal.SIGINT)
    variants["a transaction in the middle of DATA"] = in_data
    variants["more than one queue and loop"] = lambda lab: stopped(lab, WAYS["whole requests"], signal.SIGTERM, messages=200)
    lab.together(variants)


def in_data(lab):
    """A client that is inside DATA gets an answer or a closed connection; what was answered with 250 is kept."""
    peer = lab.closes(*both(Peer(script={"connect": lambda s, line: HANG})))
    node = memory_node(lab, peer)
    clients = [Client(node.smtp_port) for _ in range(10)]
    for n, client in enumerate(clients):
        for text in ("MAIL FROM:<a@b.example>", f"RCPT TO:<m{n}@d.example>", "DATA"):
            client.command(text)
        client.write(b"Subject: x\r\n\r\n")
    node.process.child.send_signal(signal.SIGTERM)
    kept = 0
    for client in clients:
        with contextlib.suppress(OSError, EOFError):
            client.write(b"x\r\n.\r\n")
            kept += client.reply()[0] == 250
    code = node.process.child.wait(40)
    after(lab, node, peer, kept, "after the stop")
    check(code == 0, f"the stop ended with {code}")
