"""Item 3: every way to damage a file of the spool is counted, told and kept; the node starts with what is left, and never against an order."""

import contextlib
import os
import shutil
import subprocess
import time

from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Peer
from processes import wait_for

# How many messages wait in the spool: free ones, and some of a tenant that is suspended.
FREE, HELD = 30, 8
# Losing these means nothing: they hold no mail and no order, and are made anew. A change of their content is looked at all the same.
HARMLESS = {"LOCK"}


def pristine(lab):
    """A spool of a stopped node: deferred messages, a suspension without end, a rebind that was carried out."""
    peer = lab.closes(*both(Peer(script={"rcpt": lambda s, line: "450 4.2.1 later"})))
    node = Node(lab, queue=to(peer), retry="1h", extra=TENANT)
    node.request("POST", "/api/admin/suspend/v1", {"tenant": "held", "reason": "field", "duration": "forever"})
    for n in range(HELD):
        check(node.send(f"held{n}@d.example")[0] == 250, "a message was refused")
    for n in range(FREE):
        check(node.send(f"free{n}@d.example", b"Subject: x\r\n\r\n" + os.urandom(300).hex().encode() + b"\r\n")[0] == 250, "a message was refused")
    node.await_record("TransientFailure", count=FREE)
    answer = node.request("POST", "/api/admin/rebind/v1", {"domain": "nothing.example", "reason": "field", "data": {"campaign": "x"}})
    check(answer.status == 200, f"a rebind was answered {answer.status}")
    check(node.stop() == 0, "the node did not stop in order")
    unfinished = [name for name in files(node.spool) if name.endswith(".new")]
    check(not unfinished, f"the stop left files that are half written: {unfinished}")
    return node


TENANT = """
kumo.on('smtp_server_message_received', function(msg)
  if msg:recipient().user:find('^held') then msg:set_meta('tenant', 'held') end
end)
"""


def files(spool):
    """Every file below the spool, by its path from there."""
    found = []
    for directory, _, names in os.walk(spool):
        found += [os.path.relpath(os.path.join(directory, name), spool) for name in names]
    return sorted(found)


def used(path):
    """Bytes up to the last that is not zero."""
    with open(path, "rb") as f:
        return len(f.read().rstrip(b"\0"))


def empty(path, random):
    os.truncate(path, 0)


def cut(path, random):
    os.truncate(path, max(0, used(path) * 6 // 10))


def cut_end(path, random):
    os.truncate(path, max(0, used(path) - 3))


def flip(path, random):
    change(path, used(path) // 2, 1)


def flip_start(path, random):
    change(path, 0, 4)


def flip_many(path, random):
    for _ in range(20):
        change(path, random.randrange(max(1, used(path))), 1)


def zero(path, random):
    with open(path, "r+b") as f:
        size = used(path)
        f.seek(size // 3)
        f.write(b"\0" * max(1, size // 3))


def grow(path, random):
    with open(path, "r+b") as f:
        f.seek(used(path))
        f.write(bytes(random.randrange(256) for _ in range(4096)))


def remove(path, random):
    os.remove(path)


def directory(path, random):
    os.remove(path)
    os.mkdir(path)


def change(path, at, count):
    with open(path, "r+b") as f:
        f.seek(at)
        old = f.read(count)
        f.seek(at)
        f.write(bytes(b ^ 0x5A for b in old))


WAYS = dict(empty=empty, cut=cut, cut_end=cut_end, flip=flip, flip_start=flip_start, flip_many=flip_many, zero=zero, grow=grow,
            remove=remove, directory=directory)


def damaged(lab, original, name, way):
    """Damages one file of a copy; checks it, starts a node on it, and sees what it says and does."""
    root = lab.directory("damaged")
    spool = os.path.join(root, "spool")
    subprocess.run(["cp", "-a", "--sparse=always", original.spool, spool], check=True)
    path = os.path.join(spool, name)
    before = content(path)
    WAYS[way](path, lab.random)
    if content(path) == before:
        return  # nothing was changed: an empty file that was emptied
    base = name.split("/")[0]
    is_segment, is_order = base == "segments", base == "control.state"
    # Both say in their first bytes where they end: what lies behind is what a kill left there.
    loud = not (base in HARMLESS or (way == "grow" and (is_segment or base == "limits.state")))
    problems = []
    code, text = original.command("spool", "check", spool)
    if loud and code != 1:
        problems.append(f"spool check exits {code}: {' '.join(text.split())[-150:]}")
    peer = lab.closes(*both(Peer()))
    node = Node(lab, spool=spool, queue=to(peer), retry="1s", extra=TENANT, start=False)
    node.start(wait=False)
    try:
        node.await_ready()
    except RuntimeError as error:
        # It may refuse to start only when it would act against an order, or when whose spool it is is not known; and must say what to do.
        last = str(error).splitlines()[-1]
        if not (is_order or base == "OWNER"):
            problems.append(f"the node does not start: {last}")
        elif name.split("/")[-1] not in last:
            problems.append(f"the node does not start and does not name the file: {last}")
        check(not problems, "; ".join(problems))
        return
    wait_for(lambda: node.request("GET", "/startupz").status == 200, SOON, "the start")
    answer = node.request("GET", "/readyz?verbose=1")
    if loud and name.split("/")[-1].split(".")[0] not in answer.text and "corrupt" not in answer.text and "damage" not in answer.text:
        problems.append(f"readyz?verbose=1 does not name it: {answer.status} {answer.text[:150]!r}")
    if loud and not any("WARN" in line or "ERROR" in line for line in node.process.lines):
        problems.append("no WARN or ERROR line")
    if loud and is_segment and way != "remove" and node.metrics().get("spool_corrupt_records_total", 0) == 0:
        problems.append("spool_corrupt_records_total is 0")
    # What is new is taken and sent, unless an order was lost and everything is held for that.
    held_all = is_order and answer.status != 200
    if not held_all:
        code, text = node.send("marker@other.example")
        if code == 250:
            with contextlib.suppress(TimeoutError):
                wait_for(lambda: peer.took("marker@other.example"), SOON, "the marker")
            if not peer.took("marker@other.example") and not is_order:
                problems.append("new mail is not delivered")
        elif not is_order:
            problems.append(f"new mail is answered {code} {text}")
    if not is_segment:
        # The deferred mail wait for an hour: a rebind without a change makes them due.
        flush = node.request("POST", "/api/admin/rebind/v1", {"everything": True, "reason": "field", "data": {"touched": "x"}, "always_flush": True})
        deadline = time.monotonic() + (SOON if not is_order else 3)
        while time.monotonic() < deadline and sum(r.startswith("free") for r in peer.recipients()) < FREE:
            time.sleep(0.05)
        got = sum(r.startswith("free") for r in peer.recipients())
        if got < FREE and not is_order:
            problems.append(f"{got} of {FREE} messages were delivered although no mail was damaged "
                            f"(the rebind was answered {flush.status} {flush.text[:80]}; "
                            f"queues: {node.queues()})")
        sent = [r for r in peer.recipients() if r.startswith("held")]
        if sent:
            problems.append(f"{len(sent)} messages of a suspended tenant were sent")
    if node.stop() != 0:
        problems.append("the node did not stop in order")
    check(not problems, "; ".join(problems))


def content(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except (FileNotFoundError, IsADirectoryError):
        return None


@case(3, "spool-damage", weight=60)
def damage(lab):
    """Each file of the spool directory emptied, cut, flipped, zeroed, grown, removed, replaced by a directory."""
    original = pristine(lab)
    names = [n for n in files(original.spool) if not n.startswith("corrupt/")]
    check(any(n.startswith("segments/") for n in names) and "control.state" in names, f"the spool holds {names}")
    check(original.command("spool", "check", original.spool)[0] == 0, "spool check finds fault with a spool that is whole")
    holders = [n for n in names if not n.startswith("segments/") or used(os.path.join(original.spool, n)) > 512]
    lab.together({f"{name}, {way}": lambda lab, name=name, way=way: damaged(lab, original, name, way)
                  for name in holders for way in lab.draw(WAYS, ("empty", "cut", "flip", "remove", "directory"), 2)})


@case(3, "spool-directories", weight=10)
def directories(lab):
    """The directories of the spool removed or replaced while the node is stopped: it starts, and says so when mail is gone."""
    original = pristine(lab)

    def run(lab, name, replace):
        spool = os.path.join(lab.directory("damaged"), "spool")
        subprocess.run(["cp", "-a", "--sparse=always", original.spool, spool], check=True)
        path = os.path.join(spool, name)
        shutil.rmtree(path, ignore_errors=True)
        if replace:
            with open(path, "w") as f:
                f.write("x")
        code, text = original.command("spool", "check", spool)
        peer = lab.closes(*both(Peer()))
        node = Node(lab, spool=spool, queue=to(peer), extra=TENANT, start=False)
        node.start(wait=False)
        try:
            node.await_ready()
        except RuntimeError as error:
            check(name in str(error).splitlines()[-1], f"the node does not start and does not name it: {error}")
            return
        if name == "segments":
            check(code == 1, f"spool check exits {code} although all mail is gone: {text[-150:]}")
            check(any("WARN" in line or "ERROR" in line for line in node.process.lines), "no line says that mail is gone")
        check(node.send("marker@other.example")[0] == 250, "new mail is refused")
        peer.wait(1)

    lab.together({f"{name}, {'a file instead' if replace else 'removed'}": lambda lab, name=name, replace=replace: run(lab, name, replace)
                  for name in ("segments", "corrupt") for replace in (False, True)})


@case(25, "torn-tail", weight=10)
def torn(lab):
    """What kill -9 leaves at the end of a segment is no ERROR and no damage."""
    peer = lab.closes(*both(Peer(script={"connect": lambda s, line: "421 4.3.2 later"})))
    node = Node(lab, queue=to(peer), retry="1h")
    for n in range(6):
        with lab.variant(f"kill {n + 1}"):
            client, taken = node.client(), 0
            stop = time.monotonic() + lab.random.uniform(0.1, 0.4)
            while time.monotonic() < stop:
                taken += client.send(f"m{n}x{taken}@d.example", b"Subject: x\r\n\r\n" + b"y" * 5000 + b"\r\n")[0] == 250
            node.kill()
            code, text = node.command("spool", "check", node.spool)
            node.start()
            wait_for(lambda: node.request("GET", "/startupz").status == 200, SOON, "the start")
            check(code == 0, f"spool check exits {code}: {text[-200:]}")
            loud = [line for line in node.process.lines if "ERROR" in line]
            check(not loud, f"an ERROR after kill -9: {loud[:2]}")
            check(node.metrics().get("spool_corrupt_records_total", 0) == 0, "a torn tail counts as damage")
