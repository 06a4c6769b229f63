"""Tries the parts of script/cluster-test by themselves, with nodes that need not know Redis."""

import os
import time

from cluster_bench import Bench
from cluster_lab import FAST, SLOW, Lab
from cluster_rows import rate_check, say
from redis_servers import Alone, Cluster, WithSentinel
from resp import Redis
from tcp_proxy import Proxy


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def stores(directory):
    alone = Alone(os.path.join(directory, "alone"))
    try:
        client = alone.main.client
        client.call("SET", "a", "1")
        identity = client.info("server")["run_id"]
        alone.main.kill()
        alone.main.start()
        check(client.call("GET", "a") is None and client.info("server")["run_id"] != identity, "a killed server comes back as another, empty")
        alone.main.pause()
        slow = Redis(alone.main.port, timeout=0.3)
        try:
            slow.call("PING")
            check(False, "a paused server does not answer")
        except OSError:
            pass
        alone.main.resume()
        before = alone.counts()
        for _ in range(10):
            client.call("EVAL", "return 1", "0")
        after = alone.counts()
        check(after[1] - before[1] == 10, f"ten script calls counted as {after[1] - before[1]}")
        check(10 <= after[0] - before[0] <= 16, f"ten round trips counted as {after[0] - before[0]}")
        say("one server: kill, return, pause, counters")

        proxy = Proxy(alone.main.port)
        through = Redis(proxy.port, timeout=0.5)
        check(through.call("PING") == "PONG", "the proxy forwards")
        proxy.cut()
        time.sleep(0.1)
        for _ in range(2):  # the open connection, then a new one
            try:
                through.call("PING")
                check(False, "a cut proxy forwards nothing")
            except TimeoutError:
                pass
        proxy.heal()
        check(through.call("PING") == "PONG", "a healed proxy forwards again")
        through.close()
        proxy.stop()
        say("proxy: cut and healed")
    finally:
        alone.stop()

    for kind in (WithSentinel, Cluster):
        store = kind(os.path.join(directory, kind.__name__))
        try:
            say(f"{store.title}: {store.urls()[0].split('@')[-1].count('127.0.0.1')} address(es); fail-over took {store.fail_over():.1f} s")
        finally:
            store.stop()


def benches(options, directory):
    store = Alone(os.path.join(directory, "bench-store"))
    try:
        row = Bench(options, directory, store, "static", limit="800/s", seconds=3.0).row("static")
        # A limiter in the process decides for the moment it is asked; the send comes microseconds later, which may cost one per node.
        check(row.overshoot <= options.nodes and row.used > 0.9 and row.jain > 0.99, f"static: {row}")
        row = Bench(options, directory, store, "gcra", limit="200/s", seconds=3.0).row("gcra")
        check(row.overshoot > 50 and row.calls_per_message >= 1, f"naive GCRA lets its burst and its rate through in the first second: {row}")
        row = Bench(options, directory, store, "gcra", limit="200/s", seconds=3.0, connections=2).row("caps")
        check(row.overshoot == 0 and row.worst == 2, f"caps: {row}")
        say("limit-bench: static and naive, rates and connections")
    finally:
        store.stop()


def cluster(options, directory):
    lab = Lab(options, directory)
    lab.uses_redis = False
    try:
        lab.start()
        node = lab.nodes[1]
        m = lab.measure("self-test")
        time.sleep(2)
        node.kill()
        time.sleep(1)
        node.start()
        node.pause()
        time.sleep(2)
        node.resume()
        lab.nodes[0].stop()
        lab.nodes[0].start()
        time.sleep(3)
        m.end()
        for domain in (FAST, SLOW):
            path = m.slice(lab.sinks[domain].messages_path)
            count, _, period = lab.limit(domain).partition("/")
            found = rate_check(options.tools, ["--limit", f"{int(count) * options.nodes}/{period}", "--sink", "--nodes", str(options.nodes),
                                               "--from", str(m.began), "--to", str(m.ended)], [path])["rates"]
            check(found and len(found[0]["nodes"]) == options.nodes, f"every node delivers to {domain}: {found}")
            # Each node keeps the limit for itself; one that was restarted begins anew.
            check(found[0]["inside"] > 100, f"deliveries to {domain}: {found}")
        check(rate_check(options.tools, ["--limit", "5/s", "--sink"], [lab.sinks[FAST].messages_path])["exceeded"], "the checker sees an overshoot")
        say("nodes: load, kill, restart, pause, stop; sinks: records by node on one clock")
        rows, problems = lab.finish()
        problems = [p for p in problems if "retry attempts" not in p]
        check(not problems, "; ".join(problems))
        say("accounts: nothing lost")
    finally:
        lab.stop()


def self_test(options, directory):
    stores(directory)
    benches(options, directory)
    cluster(options, directory)
