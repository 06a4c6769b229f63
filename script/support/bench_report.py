"""The tables of script/bench, and the ratios that are kept in a baseline."""

import json
import os
import platform
import statistics
import subprocess

from processes import TICK

# A figure that is worse by more than this against the baseline is marked.
TOLERANCE = 0.03


def median(rounds, key):
    return statistics.median(r[key] for r in rounds)


def per_message(rounds, messages):
    """CPU microseconds per message; None when the run was too short for the clock ticks it is counted in."""
    seconds = median(rounds, "user") + median(rounds, "system")
    return seconds / messages * 1e6 if seconds > 2 / TICK else None


def describe(options, load, directory):
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    kind = subprocess.run(["stat", "-f", "-c", "%T", directory], capture_output=True, text=True).stdout.strip()
    print(f"machine   {os.cpu_count()} × {cpu}, Linux {platform.release()}, queues on {kind}")
    print(f"load      {options.messages} messages of {options.size} bytes, {load.describe()}; median of {options.rounds} rounds")
    if kind == "tmpfs":
        print("note      the queues are in memory, where fsync costs nothing: use --dir to choose a disk")


def table(results, messages):
    print(f"\n{'system':<10}{'accepted/s':>12}{'end to end/s':>14}{'spread':>16}{'user s':>9}{'system s':>10}{'µs CPU/msg':>12}{'extra':>7}")
    for name, rounds in results.items():
        rates = [r["delivered"] for r in rounds]
        per = per_message(rounds, messages)
        print(f"{name:<10}{median(rounds, 'accepted'):>12.0f}{median(rounds, 'delivered'):>14.0f}"
              f"{f'{min(rates):.0f}–{max(rates):.0f}':>16}{median(rounds, 'user'):>9.2f}{median(rounds, 'system'):>10.2f}"
              f"{f'{per:.0f}' if per else '–':>12}{sum(r['extra'] for r in rounds):>7}")
    if any("latency" in r for rounds in results.values() for r in rounds):
        print(f"\n{'latency ms':<10}{'p50':>10}{'p90':>10}{'p99':>10}{'p99.9':>10}{'max':>10}")
        for name, rounds in results.items():
            print(f"{name:<10}" + "".join(f"{statistics.median(r['latency'][i] for r in rounds):>10.2f}" for i in range(5)))


def paired(results, first, second, value):
    """The median over the rounds of first / second: what was measured side by side is compared."""
    pairs = [(value(a), value(b)) for a, b in zip(results[first], results[second])]
    return statistics.median(a / b for a, b in pairs if b) if any(b for _, b in pairs) else None


def ratios(results):
    """The figures that hold from run to run, by name: all of them ratios taken in one run."""
    def rate(r):
        return r["delivered"]

    def cpu(r):
        return r["user"] + r["system"]

    found = {}
    for name, other in (("apus", "bare loop"), ("apus", "before"), ("before", "bare loop"), ("apus", "direct"), ("apus", "postfix"),
                        ("redis", "limits"), ("limits", "apus")):
        if name in results and other in results:
            found[f"throughput {name} / {other}"] = paired(results, name, other, rate)
            if other != "direct":
                found[f"CPU {name} / {other}"] = paired(results, name, other, cpu)
    if "apus" in results and "latency" in results["apus"][0]:
        for other in ("bare loop", "before"):
            if other in results:
                for index, quantile in ((0, "p50"), (2, "p99")):
                    found[f"{quantile} apus / {other}"] = paired(results, "apus", other, lambda r, i=index: r["latency"][i])
    return {key: round(value, 4) for key, value in found.items() if value}


def show_ratios(found):
    if found:
        print(f"\n{'ratio, median of paired rounds':<36}{'':>4}")
        for key, value in found.items():
            print(f"{key:<36}{value:>8.3f}")


def mode(options):
    """What the measurement was, as the baseline names it."""
    parts = [f"{options.size} bytes"]
    if options.reconnect:
        parts.append("reconnect")
    if options.domains:
        parts.append(f"{options.domains} domains")
    if options.latency:
        parts.append(f"{options.latency}/s")
    if options.loops:
        parts.append(f"{options.loops} loops")
    return ", ".join(parts)


def read_baseline(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise RuntimeError(f"{path} is not a baseline: {error}; restore it from version control, or write it anew with --save") from None


def save(path, options, found):
    """Keeps the ratios of this mode, and leaves those of others."""
    baseline = read_baseline(path)
    baseline[mode(options)] = found
    with open(path, "w", encoding="utf-8") as f:
        json.dump(baseline, f, indent=2, sort_keys=True, ensure_ascii=False)
        f.write("\n")
    print(f"\nsaved as the baseline for '{mode(options)}' in {os.path.relpath(path)}")


def compare(path, options, found):
    """Prints each ratio beside its baseline; True when none is worse by more than the tolerance."""
    known = read_baseline(path).get(mode(options))
    if not known:
        raise RuntimeError(f"{os.path.relpath(path)} has no figures for '{mode(options)}': measure with --save at the commit to compare with")
    print(f"\n{'against the baseline':<36}{'then':>8}{'now':>8}{'change':>9}")
    good = True
    for key, then in known.items():
        now = found.get(key)
        if now is None:
            print(f"{key:<36}{then:>8.3f}{'–':>8}   not measured in this run")
            continue
        change = now / then - 1
        worse = -change if key.startswith("throughput") else change
        good = good and worse <= TOLERANCE
        print(f"{key:<36}{then:>8.3f}{now:>8.3f}{change * 100:>+8.1f} %" + ("   worse" if worse > TOLERANCE else ""))
    return good
