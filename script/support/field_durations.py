"""Item 7: what is a duration goes by the steady clock, and nothing traps on any clock."""

import calendar
import time

from field_clocks import both, rest
from field_lab import case, check
from field_node import Node, to
from field_smtp import Peer
from preload_clock import Clock
from processes import wait_for

# How long a wait of three seconds may take on a busy machine. What follows the wall clock takes a minute or more.
LATE = 25.0

STEPS = {"back 60 s": -60, "back 2 h": -7200, "back a year": -365 * 86400, "ahead 60 s": 60, "ahead 2 h": 7200, "ahead 8 d": 8 * 86400}


def once(code, text):
    """Refuses the first attempt of each recipient."""
    seen = set()

    def reply(session, line):
        address = line.split("<", 1)[1].split(">", 1)[0]
        if address in seen:
            return None
        seen.add(address)
        return f"{code} {text}"
    return reply


def setting(lab, **parts):
    clock = Clock(lab.directory("clock"))
    peer = lab.closes(*both(Peer(script={"rcpt": once(450, "4.2.1 later")})))
    return clock, peer, Node(lab, clock=clock, queue=to(peer), retry="3s", **parts)


def retry(lab, step):
    """A retry of 3 s takes 3 s, whatever the wall clock does meanwhile."""
    clock, peer, node = setting(lab)
    node.inject(["a@d.example"])
    node.await_record("TransientFailure")
    start = time.monotonic()
    clock.move(real=step)
    peer.wait(1, LATE, "the retry after 3 s")
    check(time.monotonic() - start > 1.5, f"the retry came {time.monotonic() - start:.1f} s after the failure, not 3 s")
    check(not node.records("Expiration"), "the message expired")
    rest(node)


def suspension(lab, step):
    """A suspension of 3 s lasts 3 s."""
    clock, peer, node = setting(lab)
    peer.script.clear()
    answer = node.request("POST", "/api/admin/suspend/v1", {"domain": "d.example", "reason": "field", "duration": "3s"})
    check(answer.status == 200, f"the suspension was answered {answer.status}: {answer.text}")
    start = time.monotonic()
    clock.move(real=step)
    node.inject(["a@d.example"])
    peer.wait(1, LATE, "the end of a suspension of 3 s")
    check(time.monotonic() - start > 1.5, f"a suspension of 3 s ended after {time.monotonic() - start:.1f} s")


def path_suspension(lab, step):
    """The same for an egress path."""
    clock, peer, node = setting(lab)
    peer.script.clear()
    node.inject(["first@d.example"])
    peer.wait(1)
    site = node.records("Delivery")[0]["site"] if node.await_record("Delivery") else ""
    node.request("POST", "/api/admin/suspend-ready-q/v1", {"name": site, "reason": "field", "duration": "3s"})
    clock.move(real=step)
    node.inject(["second@d.example"])
    peer.wait(2, LATE, "the end of a suspension of 3 s of a path")


def bounce(lab, step):
    """A bounce of 3 s ends after 3 s."""
    clock, peer, node = setting(lab)
    peer.script.clear()
    node.request("POST", "/api/admin/bounce/v1", {"domain": "d.example", "reason": "field", "duration": "3s"})
    clock.move(real=step)

    def over():
        return node.request("GET", "/api/admin/bounce/v1").json == []
    wait_for(over, LATE, "the end of a bounce of 3 s", every=0.2)
    node.inject(["a@d.example"])
    peer.wait(1, LATE, "delivery after the bounce")


def restart(lab, step, suspended):
    """After a restart a wait is never longer than the interval that was asked for."""
    clock, peer, node = setting(lab)
    if suspended:
        peer.script.clear()
        node.request("POST", "/api/admin/suspend/v1", {"domain": "d.example", "reason": "field", "duration": "3s"})
        node.inject(["a@d.example"])
    else:
        node.inject(["a@d.example"])
        node.await_record("TransientFailure")
    check(node.stop() == 0, "the node did not stop in order")
    clock.move(real=step)
    node.start()
    peer.wait(1, LATE, "what waits 3 s, after a restart")
    check(not node.records("Expiration"), "the message expired")


@case(7, "wall-clock-steps", weight=45)
def steps(lab):
    """Retries, suspensions and bounces while the wall clock is set back and forth."""
    variants = {}
    for name, step in STEPS.items():
        variants[f"retry, {name}"] = lambda lab, step=step: retry(lab, step)
        variants[f"suspension, {name}"] = lambda lab, step=step: suspension(lab, step)
    for name in ("back 2 h", "ahead 2 h"):
        variants[f"suspension of a path, {name}"] = lambda lab, step=STEPS[name]: path_suspension(lab, step)
        variants[f"bounce, {name}"] = lambda lab, step=STEPS[name]: bounce(lab, step)
    for name in ("back 2 h", "back a year", "ahead 2 h"):
        variants[f"retry over a restart, {name}"] = lambda lab, step=STEPS[name]: restart(lab, step, False)
        variants[f"suspension over a restart, {name}"] = lambda lab, step=STEPS[name]: restart(lab, step, True)
    lab.together(variants)


def moment(*parts):
    return calendar.timegm((*parts, 0, 0, 0)[:6])


MOMENTS = {
    "1969-12-31": -86400, "1970-01-01": 1, "2001": moment(2001, 9, 9), "2038-01-19": 2**31 - 1, "2106": 2**32 + 1,
    "2262-04-11, before": moment(2262, 4, 11), "2262-04-12": moment(2262, 4, 12), "2300": moment(2300, 1, 1), "2554": 2**64 // 10**9 + 5,
    "9999": 253402300700,
}


def at(lab, seconds):
    """Everything a node does, at this time."""
    clock = Clock(lab.directory("clock"))
    clock.set_wall(seconds)
    peer = lab.closes(*both(Peer(script={"rcpt": once(450, "4.2.1 later")})))
    logs = lab.directory("logs")
    node = Node(lab, clock=clock, queue=to(peer), retry="1s", init=f"kumo.configure_local_logs {{ log_dir = '{logs}', max_segment_duration = '1s' }}")
    node.inject([f"a{n}@d.example" for n in range(3)], subject="at")
    check(node.send("b@d.example")[0] == 250, "a message was refused by SMTP")
    answer = node.request("POST", "/api/admin/suspend/v1", {"domain": "other.example", "reason": "field", "duration": "1h"})
    check(answer.status == 200, f"a suspension was answered {answer.status}: {answer.text}")
    for path in ("/api/queues", "/metrics", "/readyz", "/api/admin/suspend/v1", "/api/explain?queue=d.example"):
        answer = node.request("GET", path)
        check(answer.status == 200, f"GET {path} answered {answer.status}: {answer.text[:200]}")
    peer.wait(4, what="delivery with a retry")
    check(node.stop() == 0, f"the node ended with {node.process.child.returncode}; it said:\n{node.process.tail()}")
    node.start()
    check(len(node.request("GET", "/api/admin/suspend/v1").json) == 1, "the suspension is gone after a restart")
    node.inject(["late@d.example"])
    peer.wait(5, what="delivery after a restart")
    check(node.stop() == 0, f"the node ended with {node.process.child.returncode}; it said:\n{node.process.tail()}")


def crosses(lab):
    """The end of 64-bit nanoseconds passes while the node runs."""
    clock = Clock(lab.directory("clock"))
    clock.set_wall(9223372036 - 4)
    peer = lab.closes(*both(Peer(script={"rcpt": once(450, "4.2.1 later")})))
    node = Node(lab, clock=clock, queue=to(peer), retry="1s")
    for n in range(12):
        node.inject([f"a{n}@d.example"])
        time.sleep(0.5)
    peer.wait(12, what="delivery across 2262-04-11T23:47:16Z")


@case(7, "far-clocks", weight=25)
def far(lab):
    """Wall clocks from 1969 to 9999: a node accepts, retries, delivers, suspends, logs, stops and starts."""
    variants = {name: lambda lab, seconds=seconds: at(lab, seconds) for name, seconds in MOMENTS.items()}
    variants["2262-04-11 passes"] = crosses
    lab.together(variants)
