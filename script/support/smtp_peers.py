"""Two small SMTP peers on plain sockets for script/smoke: one sends pipelined, one receives and remembers what it got."""

import socket
import threading


class SMTPError(Exception):
    pass


class Sender:
    """One client session that pipelines MAIL, RCPT and DATA (RFC 2920) and reads the replies together."""

    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        self.expect(220)
        self.write(b"EHLO smoke.example\r\n")
        if not any(b"PIPELINING" in line for line in self.expect(250)):
            raise SMTPError("the server does not offer PIPELINING")

    def write(self, data):
        self.socket.sendall(data)

    def reply(self):
        """One reply: its code and its lines."""
        lines = []
        while True:
            line = self.reader.readline(4096)
            if not line.endswith(b"\r\n"):
                raise SMTPError(f"the connection ended inside a reply: {line!r}")
            lines.append(line[4:-2])
            if line[3:4] != b"-":
                return int(line[:3]), lines

    def expect(self, code):
        got, lines = self.reply()
        if got != code:
            raise SMTPError(f"expected {code}, got {got} {lines[-1].decode(errors='replace')}")
        return lines

    def send(self, sender, recipient, data):
        """Sends one message and returns the final reply's text. `data` has CRLF line ends."""
        self.write(f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode())
        for code in (250, 250, 354):
            self.expect(code)
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in data.split(b"\r\n"))
        self.write(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return self.expect(250)[-1].decode()

    def quit(self):
        self.write(b"QUIT\r\n")
        self.expect(221)
        self.socket.close()


class Receiver:
    """A server that accepts everything and keeps (recipient, message) pairs. `port` may be chosen so that it can come back."""

    def __init__(self, port=0):
        self.messages = []
        self.connections = set()
        self.lock = threading.Lock()
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen(100)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._session, args=(connection,), daemon=True).start()

    def _session(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.lock:
            self.connections.add(connection)
        try:
            with connection, connection.makefile("rb") as reader:
                self._talk(connection, reader)
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(connection)

    def _talk(self, connection, reader):
        recipients = []
        connection.sendall(b"220 receiver.example ESMTP\r\n")
        for line in reader:
            verb = line[:4].upper()
            if verb == b"EHLO":
                connection.sendall(b"250-receiver.example\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            elif verb == b"RCPT":
                recipients.append(line.split(b"<", 1)[1].split(b">", 1)[0].decode())
                connection.sendall(b"250 2.1.5 ok\r\n")
            elif verb == b"DATA":
                connection.sendall(b"354 go on\r\n")
                lines = []
                for body in reader:
                    if body == b".\r\n":
                        break
                    lines.append(body[1:] if body.startswith(b".") else body)
                with self.lock:
                    self.messages += [(recipient, b"".join(lines)) for recipient in recipients]
                recipients = []
                connection.sendall(b"250 2.0.0 taken\r\n")
            elif verb == b"QUIT":
                connection.sendall(b"221 2.0.0 bye\r\n")
                return
            else:
                if verb == b"RSET":
                    recipients = []
                connection.sendall(b"250 2.0.0 ok\r\n")

    def recipients(self):
        with self.lock:
            return [recipient for recipient, _ in self.messages]

    def close(self):
        """Stops listening and ends every session, as a server that goes down does."""
        with self.lock:
            sockets = [self.listener, *self.connections]
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)  # close alone wakes no thread that waits on the socket
            except OSError:
                pass
        self.listener.close()
