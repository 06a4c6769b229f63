"""Crowds of clients for script/field: many sockets played by one thread, so that two busy processors can do it."""

import contextlib
import errno
import selectors
import socket
import threading
import time


class Crowd:
    """Connections to one port that are opened together and then held. Each may have bytes to send, sent as the other side takes them."""

    def __init__(self, port, count, data=b"", host="127.0.0.1", wait=20.0, repeat=False, read=False, source=None):
        self.sockets, self.closed, self.refused, self.sent = [], 0, 0, 0
        self.data, self.read, self.repeat = data, read, repeat
        self.replies = {}
        self._over = threading.Event()
        self._selector = selectors.DefaultSelector()
        for _ in range(count):
            s = socket.socket()
            s.setblocking(False)
            if source:
                s.bind((source, 0))
            code = s.connect_ex((host, port))
            if code not in (0, errno.EINPROGRESS):
                self.refused += 1
                s.close()
                continue
            self.sockets.append(s)
            self._selector.register(s, selectors.EVENT_WRITE, dict(at=0, open=False))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.settled = threading.Event()
        self._wait(wait)

    def _wait(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.connected + self.closed + self.refused < len(self.sockets) + self.refused:
            time.sleep(0.02)

    @property
    def connected(self):
        return sum(1 for key in list(self._selector.get_map().values()) if key.data["open"])

    @property
    def done(self):
        """How many have sent all they have."""
        return sum(1 for key in list(self._selector.get_map().values()) if key.data["at"] >= len(self.data))

    def _run(self):
        while not self._over.is_set():
            for key, mask in self._selector.select(0.1):
                try:
                    self._turn(key, mask)
                except OSError:
                    self._drop(key.fileobj)

    def _turn(self, key, mask):
        state, s = key.data, key.fileobj
        if mask & selectors.EVENT_READ:
            got = s.recv(65536)
            if not got:
                return self._drop(s)
            self.replies[s] = self.replies.get(s, b"")[-4000:] + got
        if mask & selectors.EVENT_WRITE:
            if not state["open"]:
                code = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    self.refused += 1
                    return self._drop(s)
                state["open"] = True
            if state["at"] < len(self.data):
                sent = s.send(memoryview(self.data)[state["at"]:state["at"] + 262144])
                self.sent += sent
                state["at"] += sent
            if state["at"] >= len(self.data) and self.repeat:
                state["at"] = 0
            events = (selectors.EVENT_WRITE if state["at"] < len(self.data) else 0) | (selectors.EVENT_READ if self.read else 0)
            # Nothing left to wait for: an end of the connection is still noticed when it is read.
            self._selector.modify(s, events or selectors.EVENT_READ, state)

    def _drop(self, s):
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(s)
            self.closed += 1
        s.close()

    def close(self):
        self._over.set()
        self._thread.join(5)
        for s in self.sockets:
            with contextlib.suppress(OSError):
                s.close()
