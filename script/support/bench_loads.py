"""What sends and what receives in script/bench. Each load sends messages through one relay and says what became of them."""

import json
import os
import subprocess
import time

from processes import wait_for
from sink_counter import CountingSink


class PostfixLoad:
    """smtp-source in front of the relay, smtp-sink behind it: processes of their own, and not ours."""

    def __init__(self, options, directory):
        self.options, self.directory = options, directory

    def sink(self, name):
        return CountingSink(self.directory, name)

    def describe(self):
        how = "a new connection per message" if self.options.reconnect else "connections kept open"
        return f"smtp-source, {self.options.sessions} sessions, {how}; smtp-sink"

    def run(self, relay, sink, messages):
        options, before = self.options, sink.messages()
        command = ["smtp-source", "-s", str(min(options.sessions, messages)), "-m", str(messages), "-l", str(options.size),
                   "-f", "sender@source.example", "-t", "recipient@sink.example"]
        if not options.reconnect:
            command.append("-d")
        start = time.monotonic()
        source = subprocess.Popen([*command, f"127.0.0.1:{relay.port}"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            _, said = source.communicate(timeout=options.timeout)
        except subprocess.TimeoutExpired:
            source.kill()
            source.communicate()
            raise TimeoutError(f"{relay.name}: accepted less than {messages} messages in {options.timeout:.0f} s") from None
        accepted = time.monotonic() - start
        if source.returncode != 0 or said:
            raise RuntimeError(f"{relay.name}: smtp-source failed: {said.decode(errors='replace').strip()}")
        wait_for(lambda: sink.messages() - before >= messages, options.timeout, f"{relay.name}: the sink has all messages", every=0.005)
        delivered = time.monotonic() - start
        cpu = relay.cpu()
        time.sleep(0.3)
        return dict(accepted=messages / accepted, delivered=messages / delivered, cpu=cpu, extra=sink.messages() - before - messages)


class MailLoad:
    """mail-load: source and sink in one process, which knows each message: for many domains, a fixed rate, and latencies."""

    class Sink:
        """Only a port: mail-load listens on it while it runs."""

        def __init__(self, port):
            self.port = port

        def stop(self):
            pass

    def __init__(self, options, tool, free_port):
        self.options, self.tool, self.free_port = options, tool, free_port

    def sink(self, name):
        return self.Sink(self.free_port())

    def describe(self):
        options = self.options
        parts = ["mail-load", f"{options.sessions} sessions"]
        parts.append("a new connection per message" if options.reconnect else "connections kept open")
        if options.domains:
            parts.append(f"{options.domains} domains")
        if options.latency:
            parts.append(f"{options.latency} messages per second")
        return ", ".join(parts)

    def run(self, relay, sink, messages):
        options = self.options
        command = [self.tool, "--relay", str(relay.port), "--sink", str(sink.port), "--messages", str(messages), "--size", str(options.size),
                   "--sessions", str(options.sessions), "--domains", str(options.domains or 1), "--timeout", str(options.timeout)]
        if options.latency:
            command += ["--rate", str(options.latency)]
        if options.reconnect:
            command.append("--reconnect")
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=options.timeout + 30)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{relay.name}: mail-load did not end") from None
        try:
            figures = json.loads(done.stdout)
        except ValueError:
            raise RuntimeError(f"{relay.name}: mail-load failed: {(done.stderr or done.stdout).strip()}") from None
        if done.returncode != 0:
            raise RuntimeError(f"{relay.name}: {figures.get('failure') or 'messages are missing'} ({done.stdout.strip()})")
        return dict(accepted=figures["accepted_per_second"], delivered=figures["delivered_per_second"], cpu=relay.cpu(),
                    extra=figures["doubled"], latency=figures["latency_ms"])


def tools(options, root):
    """The folder with bare-loop and mail-load, built when it is not given."""
    if options.tools:
        return options.tools
    build = ["swift", "build", "-c", "release", "--static-swift-stdlib", "--package-path", root]
    for product in ("bare-loop", "mail-load"):
        print(f"bench: building {product}", flush=True)
        subprocess.run([*build, "--product", product], check=True, stdout=subprocess.DEVNULL)
    return subprocess.run([*build, "--show-bin-path"], check=True, capture_output=True, text=True).stdout.strip()


def tool(folder, name):
    path = os.path.join(folder, name)
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"{path} is missing: leave --tools out and it is built, or name the folder of a release build that has it")
    return path
