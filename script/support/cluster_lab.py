"""The laboratory of script/cluster-test: store, sinks, nodes and load, and what is measured while something happens to them."""

import collections
import os
import time

from cluster_load import Load
from cluster_nodes import Node, Sink, Site
from cluster_rows import Row, rate_check, say
from processes import wait_for
from redis_servers import Alone
from tcp_proxy import Proxy

# Strict seconds, and minutes, which are how a provider counts; and a cap that is smaller than most clusters.
FAST, SLOW, TWO = "fast.test", "slow.test", "two.test"
SECOND, MINUTE = 1_000_000_000, 60_000_000_000


class Lab:
    """Everything is started when it is first needed and kept, so that one scenario runs in what the last one left."""

    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.quick = options.quick
        self.fast_rate = 100 * options.nodes // 2
        self.slow_rate = 50 * options.nodes * 60 // 2
        self.connection_limit = 3 * options.nodes // 2
        self.store = self.load = self.proxy = None
        self.nodes, self.sinks, self.sites = [], {}, []
        self.uses_redis = True
        self.stores = 0

    # Parts

    def limit(self, domain):
        return {FAST: f"{self.fast_rate}/s", SLOW: f"{self.slow_rate}/min"}[domain]

    def seconds(self, quick, full):
        return quick if self.quick else full

    def start(self, kind=Alone):
        """A running cluster on this kind of store, with load."""
        if self.store is not None and type(self.store) is kind:
            return self.ready()
        if not self.sinks:
            self.sinks = {d: Sink(self.options.sink, self.directory, d, rules)
                          for d, rules in ((FAST, ()), (SLOW, ()), (TWO, ("dot=delay=20ms",)))}
            if not all(s.prompt for s in self.sinks.values()):
                say("note: no real-time priority for the sinks; on a busy machine they may see messages bunched that were sent apart")
            self.sites = [
                Site(FAST, self.sinks[FAST], max_message_rate=self.limit(FAST), connection_limit=self.connection_limit),
                Site(SLOW, self.sinks[SLOW], max_message_rate=self.limit(SLOW), connection_limit=self.connection_limit),
                Site(TWO, self.sinks[TWO], connection_limit=2, idle_timeout="2s"),
            ]
        for node in self.nodes:
            node.stop()
        self.stop_store()
        self.stores += 1
        directory = os.path.join(self.directory, f"store{self.stores}")
        self.store = kind(directory)
        say(f"store: {self.store.title}")
        if kind is Alone:
            self.proxy = Proxy(self.store.main.port)
        if not self.nodes:
            self.nodes = [Node(self.options.binary, self.directory, i, self.sites, None) for i in range(self.options.nodes)]
        for node in self.nodes:
            # The last node reaches a single server through the proxy, which can cut it off.
            cut = self.proxy.port if self.proxy and node is self.nodes[-1] else None
            node.configure(self.sites, self.store.urls(cut) if self.uses_redis else None)
            node.start()
        if self.load is None:
            self.load = Load(self.nodes, self.options.seed)
        say(f"{len(self.nodes)} nodes run")
        self.ready()

    def demand(self, nodes=None, fast=None, slow=None):
        """Endless mail on these nodes (all unless given), none on the others."""
        count = len(nodes) if nodes is not None else len(self.nodes)
        self.load.want(FAST, fast if fast is not None else max(100, 4 * self.fast_rate // count), nodes)
        self.load.want(SLOW, slow if slow is not None else max(100, 4 * self.slow_rate // 60 // count), nodes)

    def ready(self):
        """All nodes run and have mail."""
        for node in self.nodes:
            if node.is_paused:
                node.resume()
            node.note_crash()
            if node.process.child.poll() is not None:
                node.start()
        self.demand()
        wait_for(lambda: self.load.filled(FAST, self.nodes) and self.load.filled(SLOW, self.nodes), 60, "every node has mail", every=0.2)
        # A new store is watched for some seconds before anything is granted.
        self.settle()

    def settle(self, seconds=120):
        """Waits until every node delivers to both destinations."""
        names = {node.name for node in self.nodes}
        since = time.monotonic_ns()
        offsets = {d: whole_lines(self.sinks[d].messages_path) for d in (FAST, SLOW)}

        def all_deliver():
            return all(names <= set(sent(self.sinks[d].messages_path, offsets[d], since)) for d in (FAST, SLOW))
        begin = time.monotonic()
        wait_for(all_deliver, seconds, "every node delivers to both destinations", every=0.2)
        if time.monotonic() - begin > 10:
            say(f"note: it took {time.monotonic() - begin:.0f} s until every node delivered to both destinations")

    def recover(self):
        """After a scenario that ended in the middle."""
        if self.proxy:
            self.proxy.heal()
        for node in self.nodes:
            if node.is_paused:
                node.resume()
        if self.store:
            for server in self.store.servers:
                if server.process.child.poll() is None:
                    server.resume()
        if self.load:
            self.load.want(TWO, 0)

    def stop_store(self):
        if self.proxy:
            self.proxy.stop()
            self.proxy = None
        if self.store:
            self.store.stop()
            self.store = None

    def stop(self):
        if self.load:
            self.load.stop()
        for node in self.nodes:
            if node.process is not None and node.process.child.poll() is None:
                node.process.kill()
        self.stop_store()
        for sink in self.sinks.values():
            sink.stop()

    # Measuring

    def measure(self, name):
        return Measurement(self, name)

    def finish(self):
        """Drains everything and settles accounts: the whole run in every window, nothing lost, no attempt consumed."""
        if not self.nodes:
            return [], []
        problems = []
        say("draining")
        for domain in (FAST, SLOW, TWO):
            self.load.want(domain, 0)
        self.load.stop()
        # Until the accounts balance, or nothing has arrived for a while.
        deadline, last, since = time.monotonic() + 300, -1, time.monotonic()
        while time.monotonic() < deadline:
            arrived = self.arrivals()
            if not self.load.accepted - arrived.keys():
                break
            if len(arrived) != last:
                last, since = len(arrived), time.monotonic()
            elif time.monotonic() - since > 90:
                break
            time.sleep(0.5)
        arrived = self.arrivals()
        lost = self.load.accepted - arrived.keys()
        unknown = arrived.keys() - self.load.accepted - self.load.uncertain
        twice = sum(count - 1 for count in arrived.values())
        if lost:
            problems.append(f"{len(lost)} accepted messages did not arrive, such as {min(lost)}")
        if unknown:
            problems.append(f"{len(unknown)} messages arrived that nobody sent, such as {min(unknown)}")
        types, late = collections.Counter(), 0
        for node in self.nodes:
            counts, more = node.outcomes()
            types.update(counts)
            late += more
        if types["TransientFailure"] or late:
            problems.append(f"retry attempts were consumed: {types['TransientFailure']} transient failures, {late} deliveries not at the first attempt")
        for kind in ("Bounce", "Expiration"):
            if types[kind]:
                problems.append(f"{types[kind]} {kind} records")
        for node in self.nodes:
            node.stop()
            problems += [f"{node.name}: {e}" for e in node.errors]
        say(f"accounts: {len(self.load.accepted)} accepted, {len(arrived)} arrived, {len(lost)} lost, {twice} duplicates, "
            f"{len(self.load.uncertain)} uncertain at injection, {types['TransientFailure']} transient failures")
        rows = []
        for domain in (FAST, SLOW):
            found = rate_check(self.options.tools, ["--limit", self.limit(domain), "--sink"], [self.sinks[domain].messages_path])
            if not found["rates"]:
                continue
            rate = found["rates"][0]
            row = Row("whole run", limit=self.limit(domain), overshoot=rate["overshoot"], worst=rate["worst"],
                      note=f"{rate['total']} messages, {twice} duplicates")
            row.must(rate["overshoot"] == 0, f"{rate['worst']} messages in a window of {self.limit(domain)}")
            rows.append(row)
        for domain, cap in ((FAST, self.connection_limit), (SLOW, self.connection_limit), (TWO, 2)):
            rows.append(self.cap_row("whole run", domain, cap))
        return rows, problems

    def cap_row(self, name, domain, cap):
        """How many connections were open at once, over the whole run so far.

        A process that is stopped (SIGSTOP) cannot close its sockets, and its permits are passed on when their lease is over: its idle
        sockets count until it was stopped. The note says what the sink saw with them.
        """
        path = self.sinks[domain].connections_path
        caps = rate_check(self.options.tools, ["--concurrency", str(cap)], [self.without_paused(path)])["caps"]
        seen = rate_check(self.options.tools, ["--concurrency", str(cap)], [path])["caps"]
        row = Row(name, limit=f"{cap} conns", overshoot=caps[0]["overshoot"] if caps else 0, worst=caps[0]["worst"] if caps else 0,
                  note=f"{domain}, {caps[0]['opened'] if caps else 0} opened")
        if seen and seen[0]["worst"] > row.worst:
            row.note += f"; {seen[0]['worst']} with the sockets of a node while it was stopped"
        row.must(row.overshoot == 0, f"{row.worst} connections to {domain} at once, the cap is {cap}")
        return row

    def without_paused(self, path):
        """The record of connections, those of a node that was stopped closed when it was."""
        pauses = {node.name: node.pauses for node in self.nodes}
        with open(path, encoding="utf-8", errors="replace") as f:
            events = [line.rstrip("\n").split("\t") for line in f if line.endswith("\n")]
        opened = {e[4]: int(e[0]) for e in events if e[2] == "+1"}
        for event in events:
            if event[2] == "-1":
                begins = [p for p in pauses.get(event[3], ()) if opened.get(event[4], 0) <= p < int(event[0])]
                event[0] = str(min(begins, default=int(event[0])))
        events.sort(key=lambda e: (int(e[0]), e[2]))
        with open(f"{path}.adjusted", "w", encoding="utf-8") as f:
            f.writelines("\t".join(event) + "\n" for event in events)
        return f"{path}.adjusted"

    def arrivals(self):
        """How often each recipient arrived."""
        count = collections.Counter()
        for sink in self.sinks.values():
            with open(sink.messages_path, encoding="utf-8", errors="replace") as f:
                for line in f:
                    fields = line.split("\t")
                    if len(fields) == 6:
                        count.update(fields[2].split(","))
        return count


class Measurement:
    """What happens between `begin` and `end`, on the sinks' clock, in the store's counters and in the nodes' metrics."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name
        self.begin()

    def begin(self):
        time.sleep(0.15)  # the sinks write every 50 ms
        self.offsets = {p: whole_lines(p) for s in self.lab.sinks.values() for p in (s.messages_path, s.connections_path)}
        self.counts = self.lab.store.counts() if self.lab.store else (0, 0, 0)
        self.began = time.monotonic_ns()

    def p99(self, domain, busy):
        """Milliseconds that a ready message waited beyond its node's turn at a fair share: the same figure as limit-bench's."""
        lab = self.lab
        share = busy * (SECOND // lab.fast_rate if domain == FAST else MINUTE // lab.slow_rate)
        waits = []
        for times in self.sent(domain, self.began, self.ended).values():
            times.sort()
            waits += [max(0, b - a - share) for a, b in zip(times, times[1:])]
        return sorted(waits)[int(0.99 * len(waits))] / 1e6 if waits else None

    def slice(self, path):
        """What was written to a record since the beginning, in whole lines, in a file of its own."""
        out = f"{path}.{self.name.replace(' ', '-')}"
        with open(path, "rb") as source, open(out, "wb") as target:
            source.seek(self.offsets[path])
            data = source.read()
            target.write(data[:data.rfind(b"\n") + 1])
        return out

    def end(self):
        time.sleep(0.15)
        self.ended = time.monotonic_ns()

    def rows(self, domains=(FAST, SLOW), busy=None, broken_at=None, least=None, note="", cost=True):
        """Ends the measurement: a row per domain. `busy`: how many nodes had mail; `least`: the utilisation that is expected."""
        lab = self.lab
        self.end()
        seconds = (self.ended - self.began) / 1e9
        reads, scripts, _ = (b - a for a, b in zip(self.counts, lab.store.counts() if lab.store else (0, 0, 0)))
        rows = []
        messages = 0
        for domain in domains:
            arguments = ["--limit", lab.limit(domain), "--sink", "--from", str(self.began), "--to", str(self.ended),
                         "--nodes", str(busy or len(lab.nodes))]
            if broken_at:
                arguments += ["--after", str(broken_at)]
            found = rate_check(lab.options.tools, arguments, [self.slice(lab.sinks[domain].messages_path)])
            row = Row(self.name, limit=lab.limit(domain), note=note)
            rows.append(row)
            if not found["rates"]:
                row.overshoot, row.worst, row.used = 0, 0, 0.0
                row.must(least is None or least <= 0, "nothing was delivered")
                continue
            rate = found["rates"][0]
            messages += rate["inside"]
            row.overshoot, row.worst, row.used, row.jain = rate["overshoot"], rate["worst"], rate["utilisation"], rate["jain"]
            row.back_after = None if rate["back_after_ns"] is None else rate["back_after_ns"] / 1e9
            row.silence = rate["longest_gap_ns"] / 1e9
            row.should(row.silence <= 10, f"nothing went to {domain} for {row.silence:.1f} s, expected at most 10 s")
            row.wait_p99 = self.p99(domain, busy or len(lab.nodes))
            row.must(rate["overshoot"] == 0, f"{rate['worst']} messages in a window of {lab.limit(domain)}")
            if least is not None:
                # A strict second costs up to a tenth: the burst of a late answer has to fit as well.
                wanted = least if domain == SLOW else least - 0.08
                row.should(rate["utilisation"] >= wanted, f"{100 * rate['utilisation']:.1f} % of {lab.limit(domain)} used, expected {100 * wanted:.0f} %")
        if cost and messages and reads >= 0 and lab.uses_redis:
            for row in rows:
                row.calls_per_message = scripts / messages
                row.round_trips = reads / seconds / len(lab.nodes)
            rows[0].should(rows[0].round_trips <= 10, f"{rows[0].round_trips:.1f} round trips per second and node, expected at most 10")
        return rows

    def sent(self, domain, since, until=None, nodes=None):
        """Times of MAIL, by node, between two moments of the clock."""
        path = self.lab.sinks[domain].messages_path
        return sent(path, self.offsets[path], since, until, nodes)


def whole_lines(path):
    """The size of a record that is being written, up to the end of its last whole line."""
    with open(path, "rb") as f:
        size = f.seek(0, os.SEEK_END)
        f.seek(max(0, size - (1 << 17)))
        return max(0, size - (1 << 17)) + f.read(1 << 17).rfind(b"\n") + 1


def sent(path, offset, since, until=None, nodes=None):
    """Times of MAIL, by node, in a sink's record from that byte on."""
    times = collections.defaultdict(list)
    with open(path, encoding="utf-8", errors="replace") as f:
        f.seek(offset)
        for line in f:
            fields = line.rstrip("\n").split("\t")
            if len(fields) == 6 and fields[5].isdigit():
                at = int(fields[5])
                if at >= since and (until is None or at <= until) and (nodes is None or fields[4] in nodes):
                    times[fields[4]].append(at)
    return times
