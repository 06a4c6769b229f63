"""The figures of script/cluster-test: one row per scenario and system."""

import dataclasses
import json
import subprocess
import sys
import time

BEGAN = time.monotonic()


class Failure(Exception):
    """A promise that was broken."""


def say(text):
    """A progress line."""
    print(f"cluster-test: {time.monotonic() - BEGAN:6.1f} {text}", file=sys.stderr, flush=True)


@dataclasses.dataclass
class Row:
    """What one scenario showed about one system. None means: not measured here."""

    name: str
    system: str = "apus"
    limit: str = ""
    overshoot: int = None
    worst: int = None
    used: float = None
    calls_per_message: float = None
    round_trips: float = None        # per second and node
    wait_p99: float = None           # milliseconds
    back_after: float = None         # seconds
    silence: float = None            # seconds
    jain: float = None
    note: str = ""
    problems: list = dataclasses.field(default_factory=list)
    missed: list = dataclasses.field(default_factory=list)

    def figures(self):
        return dataclasses.asdict(self)

    def must(self, condition, text):
        """A broken promise ends the run with code 1."""
        if not condition:
            self.problems.append(text)

    def should(self, condition, text):
        """A missed figure is shown."""
        if not condition:
            self.missed.append(text)


def rate_check(tools, arguments, files):
    """What rate-check found, as a dictionary. Code 1 says that a limit was exceeded; 2 is an error."""
    run = subprocess.run([f"{tools}/rate-check", "--json", *arguments, *files], capture_output=True, text=True)
    if run.returncode not in (0, 1):
        raise RuntimeError(f"rate-check: {run.stderr.strip()}")
    return json.loads(run.stdout)


def number(value, digits=0, unit=""):
    return "–" if value is None else f"{value:.{digits}f}{unit}"


COLUMNS = [
    ("scenario", 18), ("system", 9), ("limit", 11), ("over", 6), ("worst", 7), ("used", 8), ("calls/msg", 10), ("trips/s/node", 13),
    ("p99 wait", 10), ("back after", 11), ("silence", 9),
    ("Jain", 7),
]


def table(rows):
    def line(cells):
        return "".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, (_, w)) in enumerate(zip(cells, COLUMNS)))
    out = ["", line([name for name, _ in COLUMNS]) + "  note"]
    for r in rows:
        out.append(line([
            r.name, r.system, r.limit, number(r.overshoot), number(r.worst), "–" if r.used is None else f"{100 * r.used:.1f} %",
            number(r.calls_per_message, 3), number(r.round_trips, 1), number(r.wait_p99, 1, " ms"), number(r.back_after, 2, " s"), number(r.silence, 2, " s"),
            number(r.jain, 3)]) + f"  {r.note}")
    return "\n".join(out) + "\n"
