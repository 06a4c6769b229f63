"""What script/cluster-test does to a cluster. Each scenario takes the laboratory and returns rows; the first line of its text is shown."""

import time

from cluster_lab import FAST, SLOW, TWO
from cluster_rows import Row, rate_check, say
from processes import wait_for
from redis_servers import Cluster, WithSentinel


def steady(lab):
    """All nodes have mail, nothing breaks."""
    lab.start()
    time.sleep(lab.seconds(2, 10))
    m = lab.measure("steady, all")
    time.sleep(lab.seconds(10, 75))
    rows = m.rows(least=0.95)
    for row in rows:
        row.should(row.jain is None or row.jain >= 0.9, f"Jain index {row.jain:.3f}, expected at least 0.9")
    return rows


def one(lab):
    """Only one node has mail."""
    lab.start()
    lab.demand(nodes=[0])
    others = lab.nodes[1:]
    wait_for(lambda: all(sum((n.backlog() or {"?": 1}).values()) == 0 for n in others), 60, "the others are empty", every=0.2)
    time.sleep(lab.seconds(2, 5))
    m = lab.measure("steady, one")
    time.sleep(lab.seconds(8, 70))
    rows = m.rows(busy=1, least=0.90)
    lab.ready()
    return rows


def kill(lab):
    """One node is killed (SIGKILL) and started again."""
    lab.start()
    m = lab.measure("node killed")
    time.sleep(lab.seconds(2, 10))
    node = lab.nodes[1]
    broken = time.monotonic_ns()
    node.kill()
    say("killed node1")
    time.sleep(lab.seconds(6, 25))
    node.start()
    say("started node1 again")
    time.sleep(lab.seconds(4, 75))
    return m.rows(broken_at=broken)


def pause(lab):
    """One node is stopped (SIGSTOP) for longer than every lease, and goes on."""
    lab.start()
    m = lab.measure("node paused 20 s")
    time.sleep(2)
    node = lab.nodes[1]
    broken = time.monotonic_ns()
    node.pause()
    time.sleep(20)
    node.resume()
    say("node1 goes on")
    time.sleep(lab.seconds(4, 15))
    return m.rows(broken_at=broken)


def partition(lab):
    """One node is cut off from Redis, and found again."""
    lab.start()
    m = lab.measure("node cut off")
    time.sleep(2)
    broken = time.monotonic_ns()
    lab.proxy.cut()
    seconds = lab.seconds(8, 90)
    time.sleep(seconds)
    healed = time.monotonic_ns()
    lab.proxy.heal()
    say(f"{lab.nodes[-1].name} is found again")
    time.sleep(lab.seconds(4, 15))
    rows = m.rows(broken_at=broken)
    alone = m.sent(FAST, broken, healed, {lab.nodes[-1].name})
    rows[0].note = f"{sum(map(len, alone.values()))} sent while cut off"
    return rows


def flush(lab):
    """Redis loses all data (FLUSHALL)."""
    lab.start()
    m = lab.measure("FLUSHALL")
    time.sleep(2)
    broken = time.monotonic_ns()
    lab.store.main.client.call("FLUSHALL")
    time.sleep(lab.seconds(9, 75))
    return m.rows(broken_at=broken)


def slow(lab):
    """Redis answers nothing for five seconds (DEBUG SLEEP 5)."""
    lab.start()
    m = lab.measure("DEBUG SLEEP 5")
    time.sleep(2)
    broken = time.monotonic_ns()
    client = lab.store.main.client
    client.timeout = 20
    client.close()
    client.call("DEBUG", "SLEEP", "5")
    time.sleep(lab.seconds(5, 45))
    return m.rows(broken_at=broken)


def outage(lab):
    """Redis is killed and comes back with empty data."""
    lab.start()
    seconds = lab.seconds(10, 60)
    m = lab.measure(f"Redis gone {seconds} s")
    time.sleep(2)
    broken = time.monotonic_ns()
    lab.store.main.kill()
    time.sleep(seconds)
    back = time.monotonic_ns()
    lab.store.main.start()
    say("Redis is back, empty")
    time.sleep(lab.seconds(8, 75))
    rows = m.rows(broken_at=broken, cost=False)
    for row, domain in zip(rows, (FAST, SLOW)):
        sent = m.sent(domain, broken + 5_000_000_000, back)
        count = sum(map(len, sent.values()))
        period = 1 if domain == FAST else 60
        allowed = (lab.fast_rate if domain == FAST else lab.slow_rate) / period * (seconds - 5)
        row.note = f"{100 * count / allowed:.0f} % used from 5 s on while it was gone"
        row.must(count > 0, "nothing was delivered during the outage")
    return rows


def caps(lab):
    """A cap of two connections for all nodes: everybody gets a turn."""
    lab.start()
    lab.load.want(TWO, 200)
    wait_for(lambda: lab.load.filled(TWO, lab.nodes), 60, "every node has mail for the small cap", every=0.2)
    m = lab.measure("2 connections")
    time.sleep(lab.seconds(20, 240))
    m.end()
    path = m.slice(lab.sinks[TWO].messages_path)
    # The rate has no limit; what counts are the nodes' waits.
    found = rate_check(lab.options.tools, ["--limit", "1000000/s", "--sink", "--from", str(m.began), "--to", str(m.ended),
                                           "--nodes", str(len(lab.nodes))], [path])
    row = lab.cap_row("2 connections", TWO, 2)
    nodes = found["rates"][0]["nodes"] if found["rates"] else []
    waits = {n["node"]: n["longest_gap_ns"] / 1e9 for n in nodes}
    row.jain = found["rates"][0]["jain"] if found["rates"] else None
    row.note = f"longest wait {max(waits.values(), default=0):.1f} s (" + ", ".join(f"{n} {w:.1f}" for n, w in sorted(waits.items())) + ")"
    without = [n.name for n in lab.nodes if n.name not in waits]
    row.must(not without or lab.quick and len(without) <= len(lab.nodes) // 2, f"no turn for {', '.join(without)}")
    row.should(not without, f"no turn within {(m.ended - m.began) / 1e9:.0f} s for {', '.join(without)}")
    lab.load.want(TWO, 0)
    return [row]


def suspension(lab):
    """A suspension issued on one node stops all, survives restarts, and reaches a node that was cut off."""
    lab.start()
    m = lab.measure("suspension")
    names = [n.name for n in lab.nodes]
    cut = lab.nodes[-1]
    row = Row("suspension")

    def last(since, nodes):
        times = m.sent(FAST, since, nodes=nodes)
        return max((max(t) for t in times.values() if t), default=since)

    # While one is cut off …
    lab.proxy.cut()
    time.sleep(4)
    issued = time.monotonic_ns()
    identity = lab.nodes[0].suspend(FAST)
    time.sleep(3)
    stopped = (last(issued, set(names[:-1])) - issued) / 1e9
    row.must(stopped <= 1, f"deliveries went on for {stopped:.2f} s after the suspension")
    say(f"the others stopped within {stopped:.2f} s")
    # … which learns of it when it is back.
    healed = time.monotonic_ns()
    lab.proxy.heal()
    time.sleep(6)
    late = (last(healed, {cut.name}) - healed) / 1e9
    row.must(late <= 5, f"the node that was cut off went on for {late:.2f} s after it was found again")
    say(f"{cut.name} stopped {late:.2f} s after it was found again")
    # Every node is restarted: still suspended.
    for node in lab.nodes:
        node.stop()
    restarted = time.monotonic_ns()
    for node in lab.nodes:
        node.start()
    time.sleep(3)
    after = sum(map(len, m.sent(FAST, restarted).values()))
    row.must(after == 0, f"{after} messages were sent after the restart of every node")
    resumed = time.monotonic_ns()
    lab.nodes[1].resume_domain(identity)
    wait_for(lambda: len(m.sent(FAST, resumed)) == len(names), 20, "all nodes deliver again", every=0.2)
    back = max(min(t) for t in m.sent(FAST, resumed).values())
    row.note = f"stopped in {stopped:.2f} s, the cut-off node {late:.2f} s after its return, {after} after restarts, all back in {(back - resumed) / 1e9:.2f} s"
    rows = m.rows(domains=(FAST, SLOW), cost=False)
    return [row, *rows]


def sentinel(lab):
    """A master under Sentinel is killed; its replica takes over."""
    lab.start(WithSentinel)
    time.sleep(lab.seconds(2, 10))
    m = lab.measure("Sentinel")
    time.sleep(2)
    broken = time.monotonic_ns()
    took = lab.store.fail_over()
    say(f"the replica is master after {took:.1f} s")
    time.sleep(lab.seconds(8, 45))
    return m.rows(broken_at=broken, note=f"fail-over took {took:.1f} s", cost=False)


def shards(lab):
    """The busiest shard of a Redis Cluster is killed; its replica takes over."""
    lab.start(Cluster)
    time.sleep(lab.seconds(2, 10))
    m = lab.measure("Redis Cluster")
    time.sleep(2)
    broken = time.monotonic_ns()
    took = lab.store.fail_over()
    say(f"the shard's replica is master after {took:.1f} s")
    time.sleep(lab.seconds(8, 45))
    return m.rows(broken_at=broken, note=f"fail-over took {took:.1f} s", cost=False)


SCENARIOS = dict(steady=steady, one=one, kill=kill, pause=pause, partition=partition, flush=flush, slow=slow, outage=outage, caps=caps,
                 suspension=suspension, sentinel=sentinel, shards=shards)
