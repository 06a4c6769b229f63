"""Item 0: clocks that disagree, routes that expire at once, and rebinds must not stop delivery or burn a processor."""

import time

from dns_server import DNSServer
from field_lab import SOON, case, check, need_root
from field_node import Node, to
from field_smtp import Peer
from preload_clock import Clock
from processes import wait_for

DAY = 86400.0

# Offsets in seconds; a host that slept has a boot clock ahead of the steady one.
OFFSETS = {
    "slept a day": dict(boot=DAY),
    "slept an hour": dict(boot=3600),
    "slept for ten years": dict(boot=3650 * DAY),
    "steady clock ahead of boot clock": dict(steady=3 * DAY),
    "both ahead": dict(boot=5 * DAY, steady=5 * DAY),
    "wall clock a day ahead": dict(real=DAY),
    "wall clock a day behind": dict(real=-DAY),
    "all three apart": dict(real=-400 * DAY, steady=DAY, boot=9 * DAY),
}

# As `unshare -T` takes them.
NAMESPACES = {
    "time namespace, boot +1 d": ["--boottime", "86400"],
    "time namespace, boot +30 d and steady +1 d": ["--boottime", "2592000", "--monotonic", "86400"],
}


def deliver(lab, ttl, messages=20, domains=5, clock=None, prefix=(), spoken=None):
    """Sends through MX records of this TTL; everything arrives, and afterwards the node rests."""
    peer = lab.closes(*both(Peer("127.0.0.2")))
    dns = lab.closes(*both(DNSServer()))
    for n in range(domains):
        dns.route(f"d{n}.example", "127.0.0.2", ttl=ttl)
    node = Node(lab, clock=clock, prefix=prefix, dns=dns, path=f"smtp_port = {peer.port}")
    for n in range(messages):
        node.inject([f"m{n}@d{n % domains}.example"])
    peer.wait(messages, what="delivery by MX")
    rest(node)
    return node, peer, dns


def both(thing):
    """For Lab.closes: the thing and how it ends."""
    return thing, thing.close


def rest(node, limit=0.6):
    """Twice, because a busy machine may have left something to do."""
    used = node.cpu_share()
    if used > limit:
        used = node.cpu_share()
    check(used <= limit, f"the node has nothing to do and uses {used:.2f} processors")


@case(0, "clocks", weight=40)
def clocks(lab):
    """Clocks offset both ways, by preload and in a time namespace; boot and wall clock that jump while mail waits."""
    variants = {f"{name}, TTL {ttl}": lambda lab, offsets=offsets, ttl=ttl: deliver(lab, ttl, clock=Clock(lab.directory("clock"), **offsets))
                for name, offsets in OFFSETS.items() for ttl in ((300, 0) if name == "slept a day" else (300,))}
    variants["sleeps while mail waits"] = lambda lab: jump(lab, boot=7 * DAY)
    variants["wall clock jumps ahead while mail waits"] = lambda lab: jump(lab, real=DAY)
    variants["wall clock jumps back while mail waits"] = lambda lab: jump(lab, real=-DAY)
    lab.together(variants)


@case(0, "time-namespace")
def time_namespace(lab):
    """The same with the kernel's own offsets."""
    need_root("a time namespace")
    lab.together({name: lambda lab, options=options: deliver(lab, 300, prefix=["unshare", "-T", *options, "--"])
                  for name, options in NAMESPACES.items()})


def jump(lab, **offsets):
    clock = Clock(lab.directory("clock"))
    peer, dns = lab.closes(*both(Peer("127.0.0.2", script={"mail": lambda s, line: "450 4.2.1 later" if not clock.moved else None}))), None
    clock.moved = False
    dns = lab.closes(*both(DNSServer()))
    dns.route("d.example", "127.0.0.2", ttl=60)
    node = Node(lab, clock=clock, dns=dns, path=f"smtp_port = {peer.port}", retry="2s")
    node.inject([f"m{n}@d.example" for n in range(10)])
    node.await_record("TransientFailure", count=10)
    clock.move(**offsets)
    clock.moved = True
    node.inject([f"late{n}@d.example" for n in range(10)])
    peer.wait(20, what="delivery after the jump")
    rest(node)


@case(0, "short-ttl", weight=20)
def short_ttl(lab):
    """Routes of TTL 0 and 1 are used once, and nothing that has to wait asks DNS or turns in circles."""
    lab.together({
        "TTL 0": lambda lab: deliver(lab, 0),
        "TTL 1": lambda lab: deliver(lab, 1),
        "TTL of the MX 0, of the address 300": lambda lab: mixed(lab, mx_ttl=0, ttl=300),
        "TTL of the MX 300, of the address 0": lambda lab: mixed(lab, mx_ttl=300, ttl=0),
        "TTL 0, a full path": lambda lab: waits(lab, "max_ready = 2, connection_limit = 1", 0),
        "TTL 0, a rate": lambda lab: waits(lab, "max_message_rate = '4/s'", 0),
        "TTL 0, a path that may not connect": lambda lab: waits(lab, "max_connection_rate = '1/s', max_deliveries_per_connection = 3", 0),
        "TTL 0, a long time that the peer takes": lambda lab: waits(lab, "connection_limit = 1", 0, slow=0.2),
    })


@case(0, "rebind-while-moving", weight=15)
def rebind_while_moving(lab):
    """Messages that a rebind calls back while they move to their path do not go round without end."""
    def run(lab, restart):
        peer = lab.closes(*both(Peer(script={"rcpt": lambda s, line: "450 4.2.1 later"})))
        node = Node(lab, queue=to(peer), retry="1h")
        for n in range(8):
            node.inject([f"m{n}x{k}@d{k % 3}.example" for k in range(40)])
        node.await_record("TransientFailure", count=320)
        peer.script.clear()
        if restart:
            check(node.stop() == 0, "the node did not stop in order")
            node.start()
        for n in range(12):
            node.request("POST", "/api/admin/rebind/v1", {"everything": True, "reason": "field", "data": {"touched": str(n)}, "always_flush": True})
            time.sleep(lab.random.uniform(0, 0.05))
        peer.wait(320, what="messages that were made due")
        check(node.request("GET", "/api/queues", timeout=SOON).status == 200, "the node does not answer")
        rest(node)
    lab.together({f"{'after a restart' if restart else 'running'}, {n}": lambda lab, restart=restart: run(lab, restart)
                  for restart in (False, True) for n in range(1, 4)}, width=6)


def mixed(lab, **ttls):
    peer, dns = lab.closes(*both(Peer("127.0.0.2"))), lab.closes(*both(DNSServer()))
    dns.route("d.example", "127.0.0.2", **ttls)
    node = Node(lab, dns=dns, path=f"smtp_port = {peer.port}")
    node.inject([f"m{n}@d.example" for n in range(20)])
    peer.wait(20, what="delivery by MX")
    rest(node)


def waits(lab, path, ttl, slow=0.0):
    """Messages that wait for a limit while their route is over: the node must not spend a processor or thousands of queries on that."""
    peer = lab.closes(*both(Peer("127.0.0.2", script={"dot": lambda s, line: time.sleep(slow)})))
    dns = lab.closes(*both(DNSServer()))
    dns.route("d.example", "127.0.0.2", ttl=ttl)
    node = Node(lab, dns=dns, path=f"smtp_port = {peer.port}, {path}")
    node.inject([f"m{n}@d.example" for n in range(20)])
    wait_for(lambda: peer.recipients(), 60, "the first delivery")
    used = node.cpu_share()
    peer.wait(20, what="delivery under a limit")
    check(used < 0.6, f"while messages wait for a limit the node uses {used:.2f} processors")
    check(len(dns.queries) <= 400, f"{len(dns.queries)} DNS queries for 20 messages")
