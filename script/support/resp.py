"""A small Redis client (RESP2) on a blocking socket, enough to steer and to measure a server."""

import socket


class RedisReplyError(Exception):
    """An error that the server answered."""


class Redis:
    """One connection. A call that fails closes it; the next one connects again."""

    def __init__(self, port, host="127.0.0.1", timeout=5.0):
        self.address, self.timeout = (host, port), timeout
        self.socket = self.reader = None

    def call(self, *parts):
        """Sends one command and returns its reply: int, str, list or None. Raises OSError when the server does not answer."""
        if self.socket is None:
            self.socket = socket.create_connection(self.address, self.timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.reader = self.socket.makefile("rb")
        out = [f"*{len(parts)}\r\n".encode()]
        for part in parts:
            data = str(part).encode()
            out.append(b"$%d\r\n%s\r\n" % (len(data), data))
        try:
            self.socket.sendall(b"".join(out))
            return self._reply()
        except OSError:
            self.close()
            raise

    def _reply(self):
        line = self.reader.readline(1 << 16)
        if not line.endswith(b"\r\n"):
            raise OSError("the server closed the connection")
        kind, rest = line[:1], line[1:-2].decode("utf-8", "replace")
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisReplyError(rest)
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            return self.reader.read(int(rest) + 2)[:-2].decode("utf-8", "replace")
        if kind == b"*":
            return None if int(rest) < 0 else [self._reply() for _ in range(int(rest))]
        raise OSError(f"no Redis reply: {line[:60]!r}")

    def info(self, section):
        """A section of INFO as a dictionary of texts."""
        return dict(line.split(":", 1) for line in self.call("INFO", section).splitlines() if ":" in line)

    def close(self):
        if self.socket is not None:
            self.reader.close()
            self.socket.close()
            self.socket = self.reader = None
