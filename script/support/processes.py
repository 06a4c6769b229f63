"""Processes that the scripts start themselves: wait for their lines, read their CPU time, stop them by id."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

TICK = os.sysconf("SC_CLK_TCK")


def free_port(host="127.0.0.1"):
    """A port nobody listens on at this moment, for programs that cannot pick one themselves."""
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]


def wait_for(condition, seconds, what, every=0.02):
    """Waits until `condition()` is true and returns its value; raises TimeoutError that says what was awaited."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(every)


class Process:
    """One child in a session of its own. Its standard error is collected line by line."""

    def __init__(self, command, name=None, stdout=subprocess.DEVNULL, env=None, cwd=None, collect=True):
        self.name = name or os.path.basename(command[0])
        self.lines = []
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, env=env, cwd=cwd,
            stderr=subprocess.PIPE if collect else subprocess.DEVNULL, start_new_session=True)
        if collect:
            threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        for raw in self.child.stderr:
            self.lines.append(raw.decode("utf-8", "replace").rstrip("\n"))
            if len(self.lines) > 20000:
                del self.lines[1000:10000]

    @property
    def pid(self):
        return self.child.pid

    def find(self, pattern):
        """The first match of a regular expression in the lines so far."""
        for line in list(self.lines):
            found = re.search(pattern, line)
            if found:
                return found
        return None

    def await_line(self, pattern, seconds=30):
        """Waits for a line; a process that ends first is an error that shows what it said."""
        def look():
            found = self.find(pattern)
            if not found and self.child.poll() is not None:
                time.sleep(0.1)
                found = self.find(pattern)
                if not found:
                    raise RuntimeError(f"{self.name} ended with code {self.child.returncode}:\n" + self.tail())
            return found
        try:
            return wait_for(look, seconds, f"{self.name}: a line like '{pattern}'")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it said:\n{self.tail()}") from None

    def tail(self, count=20):
        return "\n".join("    " + line for line in self.lines[-count:])

    def cpu(self):
        """User and system seconds of the process, its living descendants, and those it has reaped."""
        return tree_cpu(self.pid)

    def stop(self, how=signal.SIGTERM, seconds=10):
        """Signals the process, waits, and returns its exit code; None if it had to be killed."""
        if self.child.poll() is None:
            self.child.send_signal(how)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self):
        """Ends the process and what it started (they share its session)."""
        for pid in [self.pid, *descendants(self.pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()


def _stat(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rsplit(b")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # After the command name: state, parent, …; fields 12 and 13 here are utime and stime, 14 and 15 those of reaped children.
    return int(fields[1]), int(fields[11]) + int(fields[13]), int(fields[12]) + int(fields[14])


def descendants(root):
    """Ids of all living descendants of a process."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            stat = _stat(int(entry))
            if stat:
                parents.setdefault(stat[0], []).append(int(entry))
    found, queue = [], [root]
    while queue:
        children = parents.get(queue.pop(), [])
        found += children
        queue += children
    return found


def tree_cpu(root):
    user = system = 0
    for pid in [root, *descendants(root)]:
        stat = _stat(pid)
        if stat:
            user += stat[1]
            system += stat[2]
    return user / TICK, system / TICK
