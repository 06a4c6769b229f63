"""A node of script/field: the release binary with a policy of its own, and ways to ask it."""

import http.client
import json
import os
import signal
import subprocess
import time
from urllib.parse import quote, urlencode

from field_lab import SOON
from field_smtp import Client
from processes import Process, wait_for

POLICY = """\
local kumo = require 'kumo'
kumo.on('init', function()
  %(spool)s
  kumo.start_esmtp_listener { listen = '%(listen)s', %(listener)s }
  kumo.start_http_listener { listen = '%(http_listen)s', %(http)s }
  %(init)s
end)
kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  %(queue_code)s
  return kumo.make_queue_config { retry_interval = '%(retry)s', max_retry_interval = '%(retry)s', %(queue)s }
end)
kumo.on('get_egress_path_config', function(routing_domain, source, site)
  %(path_code)s
  return kumo.make_egress_path { prohibited_hosts = {}, ehlo_domain = 'node.example', %(path)s }
end)
%(extra)s
"""

DEFAULTS = dict(listen="127.0.0.1:0", http_listen="127.0.0.1:0", listener="", http="", init="", queue_code="", queue="", path_code="", path="",
                retry="1s", extra="")


def to(peer):
    """A queue that delivers to one peer, whatever the domain."""
    return f"protocol = {{ smtp = {{ mx_list = {{ '{peer.address}' }} }} }}"


class Answer:
    """An HTTP answer."""

    def __init__(self, status, headers, data):
        self.status, self.headers, self.data = status, headers, data

    @property
    def text(self):
        return self.data.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.data)


class Node:
    """`apus serve`. It keeps spool and policy over restarts; everything is ended with the variant that made it."""

    def __init__(self, lab, clock=None, prefix=(), arguments=(), dns=None, spool=None, environment=None, start=True, policy=None, **parts):
        self.lab, self.clock, self.prefix, self.arguments, self.dns = lab, clock, list(prefix), list(arguments), dns
        self.root = lab.directory("node")
        self.spool = spool or os.path.join(self.root, "spool")
        self.environment = environment or {}
        self.policy_path = os.path.join(self.root, "policy.lua")
        self.records_path = os.path.join(self.root, "records.jsonl")
        self.process = None
        self.configure(policy, **parts)
        lab.closes(self, self.end)
        if start:
            self.start()

    def configure(self, policy=None, **parts):
        """Writes the policy."""
        unknown = set(parts) - set(DEFAULTS) - {"spool_options"}
        if unknown:
            raise ValueError(f"unknown parts of a policy: {unknown}")
        options = parts.pop("spool_options", "min_free_space = '1MiB', min_free_inodes = '10'")
        spool = f"kumo.define_spool {{ name = 'data', path = '{self.spool}', {options} }}"
        with open(self.policy_path, "w") as f:
            f.write(policy or POLICY % dict(DEFAULTS, spool=spool, **parts))

    def start(self, wait=True):
        command = [*self.prefix, self.lab.binary, "serve", "--policy", self.policy_path, *self.arguments]
        if self.dns:
            command += ["--resolver", self.dns.address]
        environment = dict(os.environ, **self.environment)
        if self.clock:
            environment.update(self.clock.environment)
        with open(self.records_path, "ab") as records:
            self.process = Process(command, name="apus serve", stdout=records, env=environment)
        if wait:
            self.await_ready()
        return self

    def await_ready(self):
        self.process.await_line("initialization complete", 60)
        self.smtp_port = int(self.process.await_line(r"esmtp listener on \S*:(\d+)").group(1))
        self.http_port = int(self.process.await_line(r"http listener on \S*:(\d+)").group(1))

    def stop(self, how=signal.SIGTERM):
        """Signals it and waits; the code it ended with, None when it had to be killed."""
        return self.process.stop(how, seconds=40)

    def kill(self):
        self.process.kill()

    def end(self):
        if self.process and self.process.child.poll() is None:
            self.process.kill()

    @property
    def is_alive(self):
        return self.process.child.poll() is None

    @property
    def pid(self):
        """Of the node itself, when a prefix such as unshare runs it as a child."""
        return self.process.pid

    def client(self, **options):
        return Client(self.smtp_port, **options)

    def send(self, recipient, content=b"Subject: x\r\n\r\nx\r\n", **options):
        """One message in a session of its own; the reply as (code, text)."""
        client = self.client()
        try:
            return client.send(recipient, content, **options)
        finally:
            client.close()

    def request(self, method, path, body=None, headers=None, timeout=30, raw=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            data = raw if raw is not None else None if body is None else json.dumps(body).encode()
            given = {"Content-Type": "application/json"} if data is not None else {}
            given.update(headers or {})
            connection.request(method, path, data, given)
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def inject(self, to, **fields):
        """POST /api/inject; raises when it is not taken."""
        answer = self.request("POST", "/api/inject", {"from": "from@field.example", "to": to, **fields})
        if answer.status != 200 or answer.json.get("fail_count"):
            raise AssertionError(f"POST /api/inject answered {answer.status}: {answer.text[:300]}")
        return answer.json

    def inject_raw(self, recipient, content, **fields):
        """POST /api/inject/v1 of a raw message."""
        return self.request("POST", "/api/inject/v1", {"envelope_sender": "from@field.example", "recipients": [{"email": recipient}],
                                                       "content": content, **fields})

    def queues(self):
        return self.request("GET", "/api/queues").json

    def queue(self, name):
        return next((q for q in self.queues() if q["queue"] == name), None)

    def metrics(self):
        """Samples of /metrics by name; labels are left in the name."""
        samples = {}
        for line in self.request("GET", "/metrics").text.splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                samples[name] = float(value)
        return samples

    def explain(self, **question):
        answer = self.request("GET", "/api/explain?" + urlencode(question, quote_via=quote))
        return " ".join(s for a in answer.json.get("answers", []) for s in a.get("sentences", [])) if answer.status == 200 else answer.text

    def records(self, kind=None, **fields):
        """The records so far, of a type and with these values."""
        found = []
        with open(self.records_path, encoding="utf-8", errors="replace") as f:
            for line in f:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # the last line while it is written
                if (kind is None or record.get("type") == kind) and all(record.get(k) == v for k, v in fields.items()):
                    found.append(record)
        return found

    def await_record(self, kind, seconds=SOON, count=1, **fields):
        wait_for(lambda: len(self.records(kind, **fields)) >= count, seconds, f"{count} records {kind} {fields}", every=0.05)
        return self.records(kind, **fields)[-1]

    def log(self, pattern):
        """Whether a diagnostic line matches."""
        return self.process.find(pattern)

    def cpu_share(self, seconds=1.5):
        """How many processors it uses over some seconds."""
        start, before = time.monotonic(), sum(self.process.cpu())
        time.sleep(seconds)
        return (sum(self.process.cpu()) - before) / (time.monotonic() - start)

    def resident(self):
        """Resident bytes."""
        with open(f"/proc/{self.process.pid}/status") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("VmRSS:"))

    def command(self, *arguments, seconds=60):
        """Another command of the binary: code and what it printed."""
        ended = subprocess.run([self.lab.binary, *arguments], capture_output=True, text=True, timeout=seconds)
        return ended.returncode, ended.stdout + ended.stderr
