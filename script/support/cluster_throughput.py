"""One node at full speed in script/cluster-test: the same rate as a shared limit over Redis and as a local one."""

import os
import statistics
import threading
import time

from cluster_load import Load
from cluster_nodes import Node, Sink, Site
from cluster_rows import Row, say
from processes import wait_for
from redis_servers import Alone

DOMAIN = "bulk.test"


def arrived(sink, since=0):
    """(how many, first, last) of the times of acceptance after a moment."""
    count, first, last = 0, None, None
    with open(sink.messages_path, encoding="ascii", errors="replace") as f:
        for line in f:
            at = line.split("\t", 1)[0]
            if line.endswith("\n") and int(at) >= since:
                count, first, last = count + 1, first or int(at), int(at)
    return count, first, last


def once(options, directory, name, rate, store, messages):
    """Messages per second from the first to the last acceptance."""
    os.makedirs(directory)
    sink = Sink(options.sink, directory, "bulk")
    node = Node(options.binary, directory, 0, [Site(DOMAIN, sink, max_message_rate=rate, connection_limit=20)], store.urls())
    load = None
    try:
        node.start()
        load = Load([node], options.seed)
        names = [f"{name}-{n}@{DOMAIN}" for n in range(messages + 500)]
        # Warm: the store's quiet time is over, connections are open.
        load.inject(node, names[:500])
        wait_for(lambda: arrived(sink)[0] >= 500, 60, f"{name}: the first 500 messages", every=0.2)
        start = time.monotonic_ns()
        rest = names[500:]

        def feed(part):
            for at in range(0, len(part), 200):
                load.inject(node, part[at:at + 200])
        threads = [threading.Thread(target=feed, args=(rest[n::4],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: arrived(sink, start)[0] >= messages, 120, f"{name}: all messages", every=0.1)
        _, first, last = arrived(sink, start)
        return messages / ((last - first) / 1e9)
    finally:
        if load:
            load.stop()
        node.stop()
        sink.stop()


def throughput_rows(options, directory):
    """One node at full speed, with a shared and with a local limit; medians of interleaved rounds."""
    rounds, messages = (2, 6000) if options.quick else (5, 30000)
    store = Alone(os.path.join(directory, "throughput-store"))
    rates = dict(shared="1000000/s", local="local:1000000/s")
    results = {name: [] for name in rates}
    try:
        for number in range(rounds):
            for name in (list(rates) if number % 2 == 0 else list(rates)[::-1]):
                where = os.path.join(directory, f"throughput-{name}-{number}")
                results[name].append(once(options, where, name, rates[name], store, messages))
                say(f"throughput: {name} limit, round {number + 1}: {results[name][-1]:.0f} messages/s")
    finally:
        store.stop()
    shared, local = statistics.median(results["shared"]), statistics.median(results["local"])
    row = Row("throughput, 1 node", limit="1000000/s", note=f"{shared:.0f} messages/s over Redis, {local:.0f} with a local limit: "
              f"{100 * shared / local:.1f} %")
    row.should(shared >= 0.95 * local, f"{100 * shared / local:.1f} % of the speed with a local limit, expected at least 95 %")
    return [row]
