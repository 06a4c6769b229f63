"""Items 6 and 22: limits of long periods survive restarts, and a rate holds at the peer, however slowly it greets."""

import time

from field_clocks import both
from field_lab import SOON, case, check
from field_node import Node, to
from field_smtp import Peer
from preload_clock import Clock
from processes import wait_for

# name: (options of the path, options of the queue, what a message is refused by)
LONG = {
    "path, 5/d": ("max_message_rate = '5/d'", "", ""),
    "path, local:5/d": ("max_message_rate = 'local:5/d'", "", ""),
    "path, 5/h with a burst of 2": ("max_message_rate = '5/h,max_burst=5'", "", ""),
    "queue, 5/d": ("", "max_message_rate = '5/d'", ""),
    "shared throttle, 5/d": ("additional_message_rate_throttles = { provider = '5/d' }", "", ""),
    "connections, 5/d": ("max_connection_rate = '5/d', max_deliveries_per_connection = 1, idle_timeout = 0", "", ""),
    "100/d, of which 4 at once": ("max_message_rate = '100/d'", "", ""),
}


def given(lab, path, queue, how, most=5):
    """What is delivered over three starts within a few seconds."""
    peer = lab.closes(*both(Peer()))
    node = Node(lab, queue=to(peer) + (", " + queue if queue else ""), path=path)
    node.inject([f"m{n}@d.example" for n in range(20)])
    peer.wait(min(most, 3), what="the first of the limit")
    settle(peer)
    for _ in range(2):
        if how == "kill":
            node.kill()
        else:
            check(node.stop() == 0, "the node did not stop in order")
        node.start()
        wait_for(lambda: node.request("GET", "/startupz").status == 200, SOON, "the start")
        wait_for(lambda: node.queues(), SOON, "the queue")
        settle(peer)
    check(len(peer.recipients()) <= most, f"{len(peer.recipients())} deliveries over three starts, {most} are allowed")


def settle(peer, quiet=1.2):
    """Waits until nothing has come for a while: messages that may go go at once."""
    last, since = -1, time.monotonic()
    while time.monotonic() - since < quiet:
        now = len(peer.recipients())
        if now != last:
            last, since = now, time.monotonic()
        time.sleep(0.05)


@case(6, "limits-over-restarts", weight=25)
def over_restarts(lab):
    """What a limit of a day has given out is still given out after a stop, a kill -9, and on both clocks."""
    variants = {}
    for name, (path, queue, _) in LONG.items():
        for how in ("stop", "kill"):
            variants[f"{name}, {how}"] = lambda lab, path=path, queue=queue, how=how: given(lab, path, queue, how)
    variants["a throttle of the policy, stop"] = lambda lab: throttle(lab, "stop")
    variants["a throttle of the policy, kill"] = lambda lab: throttle(lab, "kill")
    variants["a day later it gives again"] = lambda lab: later(lab, dict(real=90000, steady=90000, boot=90000))
    variants["a day later after a reboot"] = lambda lab: later(lab, dict(real=90000, steady=-100, boot=-100))
    variants["the wall clock was set back"] = lambda lab: later(lab, dict(real=-90000), more=False)
    lab.together(variants, width=6)


def throttle(lab, how):
    """kumo.make_throttle of a day counts over restarts too."""
    node = Node(lab, extra="kumo.on('smtp_server_message_received', function(msg)\n"
                "  if kumo.make_throttle('mine', '5/d'):throttle().throttled then kumo.reject(451, '4.7.1 later') end end)")
    taken = 0
    for _ in range(3):
        for _ in range(6):
            taken += node.send("a@null.example")[0] == 250
        node.kill() if how == "kill" else node.stop()
        node.start()
    check(0 < taken <= 5, f"{taken} were let through over three starts, 5 are allowed")


def later(lab, offsets, more=True):
    clock = Clock(lab.directory("clock"))
    peer = lab.closes(*both(Peer()))
    node = Node(lab, clock=clock, queue=to(peer), path="max_message_rate = '5/d'")
    node.inject([f"m{n}@d.example" for n in range(10)])
    peer.wait(4)
    settle(peer)
    check(len(peer.recipients()) <= 5, f"{len(peer.recipients())} at once, 5 are allowed")
    node.stop()
    clock.move(**offsets)
    node.start()
    if more:
        peer.wait(9, what="the limit of the next day")
    else:
        wait_for(lambda: node.queues(), SOON, "the queue")
    settle(peer)
    check(len(peer.recipients()) <= (10 if more else 5), f"{len(peer.recipients())} deliveries")


def windows(times, period):
    """The most that any sliding window of a period holds."""
    times, most, first = sorted(times), 0, 0
    for last in range(len(times)):
        while times[last] - times[first] >= period:
            first += 1
        most = max(most, last - first + 1)
    return most


# name: (options of the path, options of the queue, count, period, what counts, deliveries per connection, a backlog)
RATES = {
    "50/s": ("max_message_rate = '50/s'", "", 50, 1.0, "messages", 3, False),
    "50/s, one message per connection": ("max_message_rate = '50/s'", "", 50, 1.0, "messages", 1, False),
    "50/s, long sessions": ("max_message_rate = '50/s'", "", 50, 1.0, "messages", 1000, False),
    "50/s, backlog": ("max_message_rate = '50/s'", "", 50, 1.0, "messages", 1000, True),
    "50/s, backlog, few per connection": ("max_message_rate = '50/s'", "", 50, 1.0, "messages", 3, True),
    "20/s, backlog": ("max_message_rate = '20/s'", "", 20, 1.0, "messages", 1000, True),
    "10/s": ("max_message_rate = '10/s'", "", 10, 1.0, "messages", 2, False),
    "100/s": ("max_message_rate = '100/s'", "", 100, 1.0, "messages", 5, False),
    "90 in 3 s": ("max_message_rate = '90/3s'", "", 90, 3.0, "messages", 3, False),
    "shared throttle, 50/s": ("additional_message_rate_throttles = { provider = '50/s' }", "", 50, 1.0, "messages", 3, False),
    "queue, 50/s": ("", "max_message_rate = '50/s'", 50, 1.0, "messages", 3, False),
    "connections, 5/s": ("max_connection_rate = '5/s'", "", 5, 1.0, "connections", 1, False),
    "connections, 20/s": ("max_connection_rate = '20/s'", "", 20, 1.0, "connections", 1, False),
}

# A sink that waits for a processor sees two messages nearer together than they were sent; a window is looked at this much shorter.
BLUR = 0.03


def rate(lab, path, queue, count, period, what, deliveries, backlog):
    """Sends more than the limit to a peer that greets at leisure, over connections that end soon, so that there are always new ones;
    with a backlog, all at once to a peer that always takes nearly a second."""
    pauses = [lab.random.uniform(0, 0.9) for _ in range(1000)] if not backlog else [0.9]
    opened = []

    def greet(session, line):
        opened.append(time.monotonic())
        time.sleep(pauses[session.number % len(pauses)])

    peer = lab.closes(*both(Peer(script=dict(connect=greet), extensions=("PIPELINING", "8BITMIME"))))
    node = Node(lab, queue=to(peer) + (", " + queue if queue else ""),
                path=f"connection_limit = 30, max_deliveries_per_connection = {deliveries}, idle_timeout = '50ms', " + path)
    total = int(count / period * 4) if what == "messages" else count * 4
    for n in range(0, total, 10):
        node.inject([f"m{n + k}@d.example" for k in range(min(10, total - n))])
        if not backlog:
            time.sleep(10 / (count / period) / 3)  # three times the rate
    if what == "messages":
        peer.wait(total, 60)
        times = sorted(t.mail_at for t in peer.transactions)
    else:
        wait_for(lambda: len(opened) >= count * 3, 60, "connections")
        times = sorted(opened)
    most = windows(times, period - BLUR)
    check(most <= count, f"{most} {what} in a window of {period:.0f} s, {count} are allowed")
    used = len(times) / (times[-1] - times[0]) * period / count
    check(used > 0.15 or what != "messages", f"only {used:.0%} of the rate was used")


@case(22, "rates-at-the-peer", alone=True)
def rates(lab):
    """Sliding windows at a sink that greets slowly hold no more than the limit: messages, connections, all kinds of limits."""
    names = lab.draw(RATES, ("50/s", "50/s, backlog", "queue, 50/s", "connections, 5/s"), 3)
    lab.together({name: lambda lab, row=RATES[name]: rate(lab, *row) for name in names}, width=3)
