"""Nodes and sinks of script/cluster-test: real `apus serve` and `apus sink` processes."""

import http.client
import json
import os
import signal
import time

from processes import Process

POLICY = """\
local kumo = require 'kumo'

kumo.on('init', function()
%(redis)s  kumo.define_spool { name = 'data', path = '%(root)s/spool', min_free_space = '1MiB', min_free_inodes = '10' }
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
  kumo.start_http_listener { listen = '127.0.0.1:0' }
end)

local sites = {
%(sites)s
}

kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  return kumo.make_queue_config {
    retry_interval = '2 seconds',
    max_retry_interval = '2 seconds',
    protocol = { smtp = { mx_list = { sites[domain].host } } },
  }
end)

kumo.on('get_egress_path_config', function(routing_domain, source, site)
  local options = sites[routing_domain].options
  options.prohibited_hosts = {}
  options.ehlo_domain = '%(name)s'
  return kumo.make_egress_path(options)
end)
"""


def lua(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (int, float)) else "'" + value + "'"


class Site:
    """A destination: its domain, its sink, and what a path to it may do."""

    def __init__(self, domain, sink, **options):
        self.domain, self.sink, self.options = domain, sink, options

    @property
    def lua(self):
        options = ", ".join(f"{key} = {lua(value)}" for key, value in self.options.items())
        return f"  ['{self.domain}'] = {{ host = '127.0.0.1:{self.sink.port}', options = {{ {options} }} }},"


class Sink:
    """`apus sink` that records every message and every connection on the machine's monotonic clock."""

    def __init__(self, command, directory, name, rules=()):
        self.messages_path = os.path.join(directory, f"{name}.messages")
        self.connections_path = os.path.join(directory, f"{name}.connections")
        self.process = Process([*command, "--listen", "127.0.0.1:0", "--record", self.messages_path, "--record-details",
                                "--record-connections", self.connections_path, *[x for r in rules for x in ("--reply", r)]], name=f"sink {name}")
        self.port = int(self.process.await_line(r"listener on 127\.0\.0\.1:(\d+)").group(1))
        self.prompt = self._prefer()

    def _prefer(self):
        """Real-time priority, where permitted: a sink that waits for a processor would see messages bunched that were sent apart."""
        try:
            for task in os.listdir(f"/proc/{self.process.pid}/task"):
                os.sched_setscheduler(int(task), os.SCHED_RR, os.sched_param(1))
            return True
        except (OSError, AttributeError):
            return False

    def stop(self):
        self.process.stop(seconds=10)


class Node:
    """One `apus serve` with a spool and a policy of its own. It keeps both over restarts."""

    def __init__(self, binary, directory, index, sites, urls, proxy=None):
        self.binary, self.index, self.name = binary, index, f"node{index}"
        self.root = os.path.join(directory, self.name)
        os.makedirs(self.root, exist_ok=True)
        self.records_path = os.path.join(self.root, "records.jsonl")
        self.process, self.is_paused, self.is_ended, self.proxy = None, False, False, proxy
        self.errors, self.pauses = [], []
        self.configure(sites, urls)

    def configure(self, sites, urls):
        """Writes the policy; it counts from the next start."""
        redis = ""
        if urls:
            nodes = lua(urls[0]) if len(urls) == 1 else "{ " + ", ".join(lua(u) for u in urls) + " }"
            redis = f"  kumo.configure_redis_throttles {{ node = {nodes} }}\n"
        with open(os.path.join(self.root, "policy.lua"), "w") as f:
            f.write(POLICY % dict(redis=redis, root=self.root, name=self.name, sites="\n".join(site.lua for site in sites)))

    def start(self):
        self.is_paused = self.is_ended = False
        env = dict(os.environ, APUS_NODE_ID=self.name)
        with open(self.records_path, "ab") as records:
            self.process = Process([self.binary, "serve", "--policy", os.path.join(self.root, "policy.lua"), "--loops", "1"],
                                   name=self.name, stdout=records, env=env)
        self.process.await_line("initialization complete", 60)
        self.http_port = int(self.process.await_line(r"http listener on 127\.0\.0\.1:(\d+)").group(1))
        self.smtp_port = int(self.process.await_line(r"esmtp listener on 127\.0\.0\.1:(\d+)").group(1))

    @property
    def is_running(self):
        return self.process is not None and self.process.child.poll() is None and not self.is_paused

    def kill(self):
        self.is_ended = True
        self.process.kill()

    def note_crash(self):
        """A process that ended although nobody ended it is a failure, however well the others get along."""
        if self.process is not None and not self.is_ended and self.process.child.poll() is not None:
            self.is_ended = True
            self.errors.append(f"ended by itself with code {self.process.child.returncode}; it said:\n{self.process.tail()}")

    def pause(self):
        self.is_paused = True
        self.pauses.append(time.monotonic_ns())
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)
        self.is_paused = False

    def stop(self):
        if self.process is None:
            return
        self.note_crash()
        self.is_ended = True
        if self.is_paused:
            self.resume()
        if self.process.child.poll() is None:
            if self.process.stop(seconds=20) is None:
                self.errors.append("SIGTERM did not end it within 20 s")

    def request(self, method, path, body=None, timeout=5.0):
        """Status and text of an HTTP request. Raises OSError or http.client.HTTPException when there is no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        finally:
            connection.close()

    def metrics(self):
        """Every sample of /metrics by its name with labels; empty when the node does not answer."""
        try:
            status, text = self.request("GET", "/metrics", timeout=2.0)
        except (OSError, http.client.HTTPException):
            return {}
        samples = {}
        for line in text.splitlines() if status == 200 else ():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                try:
                    samples[name] = float(value)
                except ValueError:
                    pass
        return samples

    def backlog(self):
        """Messages per queue that are not delivered yet, or None when it does not say."""
        try:
            status, text = self.request("GET", "/api/queues", timeout=2.0)
            if status != 200:
                return None
            return {q["queue"]: q.get("scheduled", 0) + q.get("active", 0) for q in json.loads(text)}
        except (OSError, http.client.HTTPException, ValueError):
            return None

    def suspend(self, domain, reason="cluster-test"):
        """Suspends deliveries to a domain on the whole cluster; returns its id."""
        status, text = self.request("POST", "/api/admin/suspend/v1", {"domain": domain, "reason": reason, "duration": "1 hour"})
        if status != 200:
            raise RuntimeError(f"{self.name}: POST /api/admin/suspend/v1 answered {status}: {text[:200]}")
        return json.loads(text).get("id")

    def resume_domain(self, identity):
        status, text = self.request("DELETE", "/api/admin/suspend/v1", {"id": identity})
        if status != 200:
            raise RuntimeError(f"{self.name}: DELETE /api/admin/suspend/v1 answered {status}: {text[:200]}")

    def outcomes(self):
        """What its log says: counts per record type, and how many deliveries took more than one attempt."""
        counts, late = {}, 0
        try:
            with open(self.records_path, encoding="utf-8", errors="replace") as f:
                for line in f:
                    try:
                        record = json.loads(line)
                    except ValueError:
                        continue  # the last line of a node that was killed
                    counts[record.get("type")] = counts.get(record.get("type"), 0) + 1
                    late += record.get("type") == "Delivery" and record.get("num_attempts", 1) != 1
        except FileNotFoundError:
            pass
        return counts, late


def wait_until(moment):
    delay = moment - time.monotonic()
    if delay > 0:
        time.sleep(delay)
