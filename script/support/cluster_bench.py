"""limit-bench in script/cluster-test: the limiter alone, beside one naive call per message and a static split, under the same faults."""

import json
import os
import signal
import subprocess
import time

from cluster_rows import Row, rate_check, say
from redis_servers import Alone

LABEL = dict(lease="limiter", gcra="gcra", static="static")


class Bench:
    """One run: a process per node, all beginning at one moment."""

    def __init__(self, options, directory, store, algorithm, limit, demand="all", seconds=8.0, connections=None, nodes=None):
        self.options, self.store, self.algorithm, self.limit = options, store, algorithm, limit
        self.seconds, self.demand, self.connections = seconds, demand, connections
        self.count = nodes or options.nodes
        self.directory = directory
        store.main.client.call("DEL", "naive:0", "naive:connections")
        self.start = time.monotonic_ns() + 1_000_000_000
        self.end = self.start + int(seconds * 1e9)
        self.files = [os.path.join(directory, f"bench-{i}.rec") for i in range(self.count)]
        self.children = [self.launch(i, self.start, seconds) for i in range(self.count)]
        time.sleep(max(0, self.start / 1e9 - time.monotonic()))
        self.before = store.counts()

    def launch(self, index, start, seconds, file=None):
        command = [os.path.join(self.options.tools, "limit-bench"), "--algorithm", self.algorithm, "--redis", self.store.urls()[0],
                   "--node", f"n{index}", "--nodes", str(self.count), "--limit", self.limit, "--demand", str(self.demand),
                   "--seconds", f"{seconds:.3f}", "--start-at", str(start), "--record", file or self.files[index],
                   "--seed", str(self.options.seed)]
        if self.connections:
            command += ["--connections", str(self.connections)]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self):
        """The nodes' figures, those that were killed left out."""
        time.sleep(max(0, self.end / 1e9 - time.monotonic()))
        self.after = self.store.counts()
        reports = []
        try:
            for child in self.children:
                out, err = child.communicate(timeout=30)
                if child.returncode == 0:
                    reports.append(json.loads(out))
                elif child.returncode != -signal.SIGKILL:
                    raise RuntimeError(f"limit-bench: {err.strip()}")
        finally:
            for child in self.children:
                if child.poll() is None:
                    child.kill()
                    child.wait()
        return reports

    def row(self, name, busy=None, broken_at=None, note=""):
        reports = self.finish()
        files = [f for f in self.files if os.path.exists(f)]
        row = Row(name, LABEL[self.algorithm], limit=f"{self.connections} conns" if self.connections else self.limit, note=note)
        events = sum(r["events"] for r in reports)
        if self.connections:
            caps = rate_check(self.options.tools, ["--concurrency", str(self.connections), "--together", "--torn"], files)["caps"]
            row.overshoot, row.worst = (caps[0]["overshoot"], caps[0]["worst"]) if caps else (0, 0)
            row.note = f"longest wait {max(r['wait_max_ms'] for r in reports) / 1000:.1f} s"
        else:
            # Overshoot is looked for everywhere; the rest is measured once all have begun.
            arguments = ["--limit", self.limit, "--from", str(self.start + 1_000_000_000), "--to", str(self.end), "--torn", "--nodes", str(busy or self.count)]
            if broken_at:
                arguments += ["--after", str(broken_at)]
            rates = rate_check(self.options.tools, arguments, files)["rates"]
            if rates:
                r = rates[0]
                row.overshoot, row.worst, row.used, row.jain = r["overshoot"], r["worst"], r["utilisation"], r["jain"]
                row.silence = r["longest_gap_ns"] / 1e9
                row.back_after = None if r["back_after_ns"] is None else r["back_after_ns"] / 1e9
                events = r["total"]
        row.must(events > 0 or self.algorithm != "lease", "nothing was sent")
        reads, scripts, cpu = (b - a for a, b in zip(self.before, self.after))
        if reads >= 0:
            row.calls_per_message = scripts / max(1, events)
            row.round_trips = reads / self.seconds / self.count
            row.note = (row.note + f"; Redis {100 * cpu / self.seconds:.1f} % of a core").lstrip("; ")
        row.wait_p99 = max((r["wait_p99_ms"] for r in reports), default=None)
        for file in files:
            os.unlink(file)
        if self.algorithm == "lease":
            row.must(row.overshoot in (0, None), f"{row.worst} in a window of {row.limit}")
        return row


def warm(options, directory, store, seconds=7.0):
    """A store that nobody knows, or that a node vanished from, is watched for some seconds before everything is granted: let them pass."""
    Bench(options, directory, store, "lease", limit="1000/s", seconds=seconds, nodes=1).row("warm")


def bench_rows(options, directory):
    """The limiter without mail, beside one naive call per message and a static split."""
    store = Alone(os.path.join(directory, "bench-store"))
    rows, quick = [], options.quick
    seconds, limit = (5.0 if quick else 12.0), "1000/s"
    try:
        for algorithm in LABEL:
            say(f"bench: {algorithm}")

            def bench(**more):
                return Bench(options, directory, store, algorithm, **{"limit": limit, "seconds": seconds, **more})

            def again():
                if algorithm == "lease":
                    warm(options, directory, store)

            again()
            rows.append(bench().row("steady, all"))
            rows.append(bench(demand="one").row("steady, one", busy=1))
            if not quick:
                rows.append(bench(limit="6000/min", seconds=75.0).row("steady, all"))

            run = bench(seconds=seconds + 2)
            time.sleep(2)
            broken = time.monotonic_ns()
            run.children[1].kill()
            rows.append(run.row("node killed", broken_at=broken))
            again()

            if not quick:
                run = bench(seconds=20.0)
                time.sleep(2)
                broken = time.monotonic_ns()
                store.main.client.call("FLUSHALL")
                rows.append(run.row("FLUSHALL", broken_at=broken))
                again()

                run = bench(seconds=30.0)
                time.sleep(2)
                run.children[1].send_signal(signal.SIGSTOP)
                time.sleep(20)
                run.children[1].send_signal(signal.SIGCONT)
                rows.append(run.row("node paused 20 s"))
                again()

                run = bench(seconds=40.0)
                time.sleep(5)
                broken = time.monotonic_ns()
                store.main.kill()
                time.sleep(15)
                store.main.start()
                rows.append(run.row("Redis gone 15 s", broken_at=broken))
                again()

                rows.append(bench(connections=2, seconds=90.0).row("2 connections"))

        # What a message costs, from slow to fast. Half the limit is asked for, so that nobody waits for the limit itself.
        for rate in (10, 100, 1000, 2500, 5000):
            for algorithm in ("lease", "gcra"):
                say(f"bench: {algorithm} at {rate} messages/s")
                run = Bench(options, directory, store, algorithm, limit=f"{2 * rate}/s", demand=rate / options.nodes,
                            seconds=4.0 if quick else 15.0)
                row = run.row(f"{rate} msg/s")
                row.used = row.jain = None
                if algorithm == "lease":
                    row.should(row.round_trips is None or row.round_trips <= 4.0 + 1.0,
                               f"{row.round_trips or 0:.1f} round trips per second and node for one key, expected at most 4 and the heartbeat")
                rows.append(row)
    finally:
        store.stop()
    return rows
