"""Item 23: a spool belongs to one node, and a spool that is taken away from under it is noticed."""

import contextlib
import os
import shutil
import time

from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Peer
from processes import wait_for


def second(lab, spool, what):
    """Starts another node on the same spool: it must not come up."""
    node = Node(lab, spool=spool, start=False, init="")
    node.start(wait=False)
    code = None
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: node.process.child.poll() is not None or node.log("initialization complete"), SOON, "an end of the second node")
        code = node.process.child.poll()
    check(code is not None, f"{what}: a second node runs on the same spool")
    check(code == 1, f"{what}: the second node ended with {code}: {node.process.tail(2)}")


def without_lock(node, lab):
    os.remove(os.path.join(node.spool, "LOCK"))
    return node.spool


def new_lock(node, lab):
    os.remove(os.path.join(node.spool, "LOCK"))
    open(os.path.join(node.spool, "LOCK"), "w").close()
    return node.spool


def copied_lock(node, lab):
    path = os.path.join(node.spool, "LOCK")
    shutil.copy(path, path + ".new")
    os.rename(path + ".new", path)
    return node.spool


def without_owner(node, lab):
    for name in ("LOCK", "OWNER"):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(node.spool, name))
    return node.spool


def by_link(node, lab):
    path = os.path.join(lab.directory("link"), "spool")
    os.symlink(node.spool, path)
    return path


def by_link_without_lock(node, lab):
    without_lock(node, lab)
    return by_link(node, lab)


def all_small_files(node, lab):
    for name in os.listdir(node.spool):
        path = os.path.join(node.spool, name)
        if os.path.isfile(path):
            os.remove(path)
    return node.spool


def untouched(node, lab):
    return node.spool


@case(23, "second-node", weight=10)
def second_node(lab):
    """A second node on the spool of a running one, whatever happened to LOCK and OWNER."""
    def run(lab, way):
        peer = lab.closes(*both(Peer()))
        node = Node(lab, queue=to(peer))
        second(lab, way(node, lab), way.__name__)
        node.inject(["a@d.example"])
        peer.wait(1, what="mail of the first node")
    ways = (untouched, without_lock, new_lock, copied_lock, without_owner, by_link, by_link_without_lock, all_small_files)
    lab.together({way.__name__.replace("_", " "): lambda lab, way=way: run(lab, way) for way in ways})


def removed(node):
    shutil.rmtree(node.spool)


def moved(node):
    os.rename(node.spool, node.spool + ".old")


def replaced(node):
    os.rename(node.spool, node.spool + ".old")
    os.makedirs(os.path.join(node.spool, "segments"))


def copied(node):
    shutil.copytree(node.spool, node.spool + ".copy")
    shutil.rmtree(node.spool)
    os.rename(node.spool + ".copy", node.spool)


def segments_removed(node):
    shutil.rmtree(os.path.join(node.spool, "segments"))


def segment_removed(node):
    for name in os.listdir(os.path.join(node.spool, "segments")):
        os.remove(os.path.join(node.spool, "segments", name))


@case(23, "spool-taken-away", weight=15)
def taken_away(lab):
    """The directory removed, moved, replaced or copied under a running node: readiness fails, and no mail is acknowledged into nothing."""
    def run(lab, way):
        peer = lab.closes(*both(Peer(script={"connect": lambda s, line: "421 4.3.2 later"})))
        node = Node(lab, queue=to(peer), retry="1h")
        node.inject(["a@d.example"])
        way(node)
        answer = None

        def noticed():
            nonlocal answer
            answer = node.request("GET", "/readyz")
            return answer.status != 200
        # Some mail, as the ways to notice may be on its path.
        deadline = time.monotonic() + SOON
        while not noticed() and time.monotonic() < deadline:
            node.send("b@d.example")
            time.sleep(0.2)
        check(answer.status != 200, f"readyz still says {answer.status} {SOON:.0f} s after the spool was {way.__name__}")
        check("spool" in answer.text, f"readyz says {answer.text[:200]!r}")
        code, text = node.send("c@d.example")
        check(code >= 400, f"mail is acknowledged into a spool that was {way.__name__}: {code} {text}")
        answer = node.request("POST", "/api/inject", {"from": "a@b.example", "to": ["c@d.example"]})
        check(answer.status == 503, f"HTTP answered {answer.status}: {answer.text[:100]}")
        check(any("ERROR" in line or "WARN" in line for line in node.process.lines), "no line tells of it")
    ways = (removed, moved, replaced, copied, segments_removed)
    lab.together({"segment removed": segment_gone, **{way.__name__.replace("_", " "): lambda lab, way=way: run(lab, way) for way in ways}}, width=6)


def segment_gone(lab):
    """A segment whose name is removed is noticed, or written anew: what was acknowledged before and after is delivered."""
    peer = lab.closes(*both(Peer(script={"connect": lambda s, line: "421 4.3.2 later"})))
    node = Node(lab, queue=to(peer), retry="1h")
    taken = [f"before{n}@d.example" for n in range(5)]
    node.inject(taken)
    segment_removed(node)
    taken += [name for name in (f"after{n}@d.example" for n in range(5)) if node.send(name)[0] == 250]
    wait_for(lambda: any("ERROR" in line or "WARN" in line for line in node.process.lines), SOON, "a line that tells of it")
    time.sleep(2)  # what a node puts back it puts back within a second
    node.kill()
    peer.script.clear()
    node.start()
    node.request("POST", "/api/admin/rebind/v1", {"everything": True, "reason": "field", "data": {"touched": "x"}, "always_flush": True})
    with contextlib.suppress(TimeoutError):
        peer.wait(len(taken), SOON)
    lost = set(taken) - set(peer.recipients())
    check(not lost, f"{len(lost)} of {len(taken)} acknowledged messages are lost")
