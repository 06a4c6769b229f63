"""Items 14 and 24: Redis that goes away and comes back is told of; orders that somebody else writes into it are not obeyed."""

import os
import re
import shutil
import time

from field_clocks import both
from field_lab import SOON, NotPossible, case, check
from field_node import Node, to
from field_smtp import Peer
from processes import wait_for
from redis_servers import Server

# What the lines and options are called.
LINE = r"(WARN|ERROR) .*(Redis|redis|limit store|store of the cluster|\bstore\b)"
CLOSED = r"(WARN|ERROR) .*(closed|nothing is sent|ended|run out|ran out|no share|is over|has expired)"
GOOD = r"(INFO|WARN|NOTICE) .*(again|back|answers|restored|recovered)"
SECRET = "cluster_secret"


def redis(lab):
    if not shutil.which("redis-server"):
        raise NotPossible("redis-server is missing")
    server = Server(lab.directory("redis"), "redis")
    return lab.closes(server, server.stop)


def member(lab, server, peer, options="", name="a", **parts):
    init = f"kumo.configure_redis_throttles {{ node = 'redis://127.0.0.1:{server.port}', {options} }}"
    return Node(lab, queue=to(peer), init=init, arguments=["--name", name], **parts)


def lines(node, since):
    return node.process.lines[since:]


def said(node, since, pattern, seconds, what):
    try:
        return wait_for(lambda: next((line for line in lines(node, since) if re.search(pattern, line)), None), seconds, what)
    except TimeoutError as error:
        raise AssertionError(f"{error}; it said {lines(node, since)[-6:]}") from None


@case(14, "redis-lines", weight=45)
def redis_lines(lab):
    """Redis killed, paused, emptied: a WARN or ERROR line at each change of mode, with a remedy, and one when it is good again."""
    def away(lab, how):
        server, peer = redis(lab), lab.closes(*both(Peer()))
        node = member(lab, server, peer, "share_ttl = '6s', permit_ttl = '6s'", path="max_message_rate = '100/s'")
        node.inject(["a@d.example"])
        peer.wait(1)
        mark = len(node.process.lines)
        server.kill() if how == "killed" else server.pause()
        line = said(node, mark, LINE, SOON, "a line that Redis is away")
        check(len(line) > 60, f"the line has no remedy: {line}")
        if how == "paused":
            # Nobody refuses: shares end after share_ttl.
            node.inject([f"n{n}@d.example" for n in range(5)])
            said(node, mark, CLOSED, 60, "a line that the shares have ended")
        mark = len(node.process.lines)
        if how == "killed":
            server.start()
        else:
            server.resume()
        said(node, mark, GOOD, 60, "a line that it is good again")
        count = sum(1 for line in node.process.lines if re.search(LINE, line))
        check(count <= 12, f"{count} lines about one outage")

    lab.together({"killed and started": lambda lab: away(lab, "killed"), "paused and resumed": lambda lab: away(lab, "paused"),
                  "not there at the start": absent})


def absent(lab):
    server, peer = redis(lab), lab.closes(*both(Peer()))
    server.kill()
    node = member(lab, server, peer)
    said(node, 0, LINE, SOON, "a line that Redis is away")
    mark = len(node.process.lines)
    server.start()
    said(node, mark, GOOD, 60, "a line that it is good again")


def keys(server):
    found, cursor = [], "0"
    while True:
        cursor, part = server.client.call("SCAN", cursor, "COUNT", "1000")
        found += part
        if cursor == "0":
            return sorted(found)


def snapshot(server):
    """What Redis holds about orders, in a form that can be compared and written back."""
    held = {}
    for key in keys(server):
        kind = server.client.call("TYPE", key)
        if kind == "hash":
            flat = server.client.call("HGETALL", key)
            held[key] = ("hash", dict(zip(flat[::2], flat[1::2])))
        elif kind == "zset":
            flat = server.client.call("ZRANGE", key, 0, -1, "WITHSCORES")
            held[key] = ("zset", dict(zip(flat[::2], flat[1::2])))
        elif kind == "string":
            held[key] = ("string", server.client.call("GET", key))
    return held


MARK, OTHER = "victim.example", "target.example"
assert len(MARK) == len(OTHER)


def forge(server, change):
    """Writes every entry that speaks of MARK again after `change(name, text)`, which answers (name, text) or None. Returns how many."""
    count = 0
    for key, (kind, value) in snapshot(server).items():
        if kind != "hash":
            continue
        for name, text in value.items():
            if MARK in name or MARK in text:
                changed = change(name, text)
                if changed:
                    server.client.call("HSET", key, *changed)
                    count += 1
    return count


@case(24, "forged-orders", weight=30)
def forged(lab):
    """With a cluster secret, orders in Redis that carry no valid signature change nothing; without one, SECURITY.md says what follows."""
    def cluster(lab, secret):
        server, peer = redis(lab), lab.closes(*both(Peer()))
        options = f"{SECRET} = '{secret}'" if secret else ""
        first = member(lab, server, peer, options, "a")
        return server, peer, first, options

    def issue(node):
        answer = node.request("POST", "/api/admin/bounce/v1", {"domain": MARK, "reason": "field", "duration": "1h"})
        check(answer.status == 200, f"a bounce was answered {answer.status}: {answer.text}")

    def rules(node):
        return node.request("GET", "/api/admin/bounce/v1").json

    def altered(lab):
        """The entry of a bounce of one domain is written again for another."""
        server, peer, first, options = cluster(lab, "a long cluster secret of the field test")
        second = member(lab, server, peer, options, "b")
        issue(first)
        wait_for(lambda: len(rules(second)) == 1, SOON, "the order on the second node")
        check(forge(server, lambda name, text: (name.replace(MARK, OTHER), text.replace(MARK, OTHER))) > 0, "no entry of the order was found in Redis")
        third = member(lab, server, peer, options, "c")
        time.sleep(5)  # nodes look every 2 s
        for node in (first, second, third):
            check(not any(OTHER in str(rule) for rule in rules(node)), f"a forged order is obeyed: {rules(node)}")
        first.inject([f"a@{OTHER}"])
        peer.wait(1, what=f"mail to {OTHER}")
        check(any(re.search(r"(WARN|ERROR) .*(signature|forged|secret|HMAC|not authentic)", line) for n in (second, third) for line in n.process.lines),
              "no line tells of it")

    def unsigned(lab):
        """An order of a node without the secret is not obeyed by those that have it."""
        server, peer, first, options = cluster(lab, "a long cluster secret of the field test")
        stranger = member(lab, server, peer, "start_without_store = true", "x")
        issue(stranger)
        time.sleep(5)
        check(rules(first) == [], f"an unsigned order is obeyed: {rules(first)}")

    def other_secret(lab):
        server, peer, first, options = cluster(lab, "a long cluster secret of the field test")
        stranger = member(lab, server, peer, f"{SECRET} = 'another secret of the field test, as long'", "x")
        issue(stranger)
        time.sleep(5)
        check(rules(first) == [], f"an order signed by another secret is obeyed: {rules(first)}")

    def shared(lab):
        """Nodes of one secret obey each other, also after the data of Redis is lost."""
        server, peer, first, options = cluster(lab, "a long cluster secret of the field test")
        second = member(lab, server, peer, options, "b")
        issue(first)
        wait_for(lambda: len(rules(second)) == 1, SOON, "the order on the second node")
        server.client.call("FLUSHALL")
        third = member(lab, server, peer, options, "c")
        wait_for(lambda: len(rules(third)) == 1, 60, "the order on the third node, after FLUSHALL")

    def removed(lab):
        """Whoever empties or deletes entries does not lift a suspension on a node that knows it."""
        server, peer, first, options = cluster(lab, "a long cluster secret of the field test")
        first.request("POST", "/api/admin/suspend/v1", {"domain": MARK, "reason": "field", "duration": "1h"})
        wait_for(lambda: any(MARK in str(v) for v in snapshot(server).values()), SOON, "the order in Redis")
        forge(server, lambda name, text: (name, text.replace("suspend", "bounce ") if "suspend" in text else text))
        for key, (kind, value) in snapshot(server).items():
            if kind == "hash":
                for name, text in value.items():
                    if MARK in name or MARK in text:
                        server.client.call("HDEL", key, name)
        time.sleep(5)
        check(len(first.request("GET", "/api/admin/suspend/v1").json) == 1, "the suspension is gone")
        check(rules(first) == [], "it became a bounce")

    def replayed(lab):
        """An order that was withdrawn is written into Redis again as it was, with its signature."""
        server, peer, first, options = cluster(lab, "a long cluster secret of the field test")
        second = member(lab, server, peer, options, "b")
        issue(first)
        wait_for(lambda: len(rules(second)) == 1, SOON, "the order on the second node")
        before = snapshot(server)
        first.request("DELETE", "/api/admin/bounce/v1", {"id": rules(first)[0]["id"]})
        wait_for(lambda: rules(second) == [], SOON, "the end of the order on the second node")
        for key, (kind, value) in before.items():
            for name, text in value.items() if kind == "hash" else ():
                if MARK in name or MARK in text:
                    server.client.call("HSET", key, name, text)
        time.sleep(5)
        check(rules(first) == [] and rules(second) == [], "an order that was withdrawn is in force again")

    lab.together({"written again when it was withdrawn": replayed, "altered": altered, "from a node without the secret": unsigned,
                  "from a node with another secret": other_secret,
                  "among those who share it": shared, "removed": removed})


@case(24, "trust-in-redis", weight=1)
def documented(lab):
    """SECURITY.md states the trust boundary of Redis, with and without a secret."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with open(os.path.join(root, "SECURITY.md"), encoding="utf-8") as f:
        text = f.read()
    with lab.variant("SECURITY.md"):
        check("Redis" in text and re.search("secret", text), "SECURITY.md does not speak of Redis and the secret")
