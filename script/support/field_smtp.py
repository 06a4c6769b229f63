"""SMTP peers of script/field that misbehave on request: a client that says what it likes, a server whose replies are a script."""

import socket
import threading
import time

CLOSE, HANG = object(), object()


class Client:
    """One session. Nothing is raised for a refusal: replies are (code, text)."""

    def __init__(self, port, host="127.0.0.1", timeout=60, greet=True):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        if greet:
            self.greeting = self.reply()
            self.ehlo = self.command("EHLO field.example")

    def reply(self):
        lines = []
        while True:
            line = self.reader.readline(8192)
            if not line.endswith(b"\n"):
                raise EOFError(f"the connection ended instead of a reply: {line!r}")
            lines.append(line[4:].rstrip(b"\r\n").decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return int(line[:3]), "\n".join(lines)

    def write(self, data):
        self.socket.sendall(data)

    def command(self, text):
        self.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
        return self.reply()

    def send(self, recipient, content=b"Subject: x\r\n\r\nx\r\n", sender="from@field.example", parameters=""):
        """One message; `recipient` may be a list. Returns the first reply that refuses it, else the last one."""
        steps = [f"MAIL FROM:<{sender}>{parameters}"] + [f"RCPT TO:<{r}>" for r in ([recipient] if isinstance(recipient, str) else recipient)]
        for step in [*steps, "DATA"]:
            code, text = self.command(step)
            if code >= 400:
                return code, text
        return self.content(content)

    def content(self, content):
        """What follows 354, dots stuffed, and its reply."""
        stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in content.split(b"\r\n"))
        self.write(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        return self.reply()

    def close(self):
        self.reader.close()
        self.socket.close()


class Transaction:
    """One message that a Peer took."""

    def __init__(self, session, mail, recipients, data, mail_at):
        self.session, self.mail, self.recipients, self.data, self.mail_at = session, mail, recipients, data, mail_at

    @property
    def head(self):
        return self.data.split(b"\r\n\r\n", 1)[0]

    @property
    def body(self):
        return self.data.split(b"\r\n\r\n", 1)[1] if b"\r\n\r\n" in self.data else b""


class Session:
    """What a script of replies may look at: the number of the connection, of the message in it, of the recipient in that."""

    def __init__(self, number, socket_, local):
        self.number, self.socket, self.local = number, socket_, local
        self.messages = 0
        self.recipients = []
        self.mail, self.mail_at = "", 0.0
        self.chunks = b""
        self.answered = False  # a script sets it that has written 250 for the dot by itself


class Peer:
    """A server. `script` maps `connect`, `ehlo`, `helo`, `mail`, `rcpt`, `data`, `dot`, `rset`, `quit` to a reply: text, CLOSE, HANG,
    bytes that are written as they are, or a function of the session and the line that returns one of these or None for the usual one."""

    def __init__(self, host="127.0.0.1", port=0, script=None, extensions=("PIPELINING", "8BITMIME", "SMTPUTF8"), backlog=200):
        self.script, self.extensions = dict(script or {}), extensions
        self.transactions, self.commands, self.connections = [], [], 0
        self.arrived = threading.Condition()
        self.closed, self.open = False, set()
        self.listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(backlog)
        self.host, self.port = host, self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def recipients(self):
        with self.arrived:
            return [recipient for t in self.transactions for recipient in t.recipients]

    def took(self, recipient):
        """The transactions that named a recipient."""
        with self.arrived:
            return [t for t in self.transactions if recipient in t.recipients]

    def wait(self, count, seconds=60.0, what=None):
        """Waits until so many recipients have arrived."""
        deadline = time.monotonic() + seconds
        with self.arrived:
            while True:
                got = sum(len(t.recipients) for t in self.transactions)
                if got >= count:
                    return
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"{what or 'delivery'}: {got} of {count} within {seconds:.0f} s")
                self.arrived.wait(left)

    def said(self, verb):
        """The commands that began with a verb: (time, session, line)."""
        with self.arrived:
            return [c for c in self.commands if c[2].upper().startswith(verb)]

    def close(self):
        with self.arrived:
            self.closed = True
            sockets = [self.listener, *self.open]
        for each in sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with self.arrived:
                self.connections += 1
                session = Session(self.connections, connection, self)
                self.open.add(connection)
            threading.Thread(target=self._session, args=(session,), daemon=True).start()

    def _session(self, session):
        connection = session.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, connection.makefile("rb") as reader:
                self._talk(session, reader)
        except (OSError, ValueError):
            pass
        finally:
            with self.arrived:
                self.open.discard(connection)

    def _say(self, session, stage, line, usual):
        """Writes the reply of a stage and returns its code; None when the session is over."""
        reply = self.script.get(stage)
        if callable(reply):
            reply = reply(session, line)
        return self._write(session, usual if reply is None else reply)

    @staticmethod
    def _write(session, reply):
        if reply is HANG:
            while session.socket.recv(65536):
                pass
            return None
        if reply is CLOSE:
            return None
        data = reply if isinstance(reply, bytes) else (reply + "\r\n").encode()
        session.socket.sendall(data)
        return data[:3].decode("latin-1")

    def _talk(self, session, reader):
        code = self._say(session, "connect", "", "220 peer.example ESMTP")
        if code is None or code == "421":
            return
        extensions = ["peer.example", *self.extensions]
        ehlo = "\r\n".join(f"250{'-' if n < len(extensions) - 1 else ' '}{e}" for n, e in enumerate(extensions))
        while True:
            raw = reader.readline(65536)
            if not raw:
                return
            line = raw.rstrip(b"\r\n").decode("utf-8", "replace")
            verb = line[:4].upper()
            with self.arrived:
                self.commands.append((time.monotonic(), session.number, line))
                if verb == "MAIL":
                    session.mail, session.mail_at, session.recipients = line, time.monotonic(), []
            if verb == "DATA":
                code = self._say(session, "data", line, "354 go on" if session.recipients else "503 5.5.1 no recipients")
                if code == "354":
                    code = self._content(session, reader)
            elif verb == "BDAT":
                code = self._chunk(session, reader, line)
            else:
                usual = {"EHLO": ehlo, "HELO": "250 peer.example", "QUIT": "221 2.0.0 bye"}.get(verb, "250 2.0.0 ok")
                stage = verb.lower()
                code = self._say(session, stage, line, usual)
                if verb == "RCPT" and code and code[0] == "2":
                    session.recipients.append(line.split("<", 1)[1].split(">", 1)[0])
            if code is None or code == "421" or verb == "QUIT":
                return

    def _chunk(self, session, reader, line):
        """RFC 3030: a piece of so many bytes."""
        session.chunks += reader.read(int(line.split()[1]))
        if "LAST" not in line.upper():
            return self._write(session, "250 2.0.0 more")
        content, session.chunks = session.chunks, b""
        if not session.recipients:
            return self._write(session, "503 5.5.1 no recipients")
        return self._taken(session, content)

    def _content(self, session, reader):
        lines = []
        while True:
            line = reader.readline(1 << 20)
            if not line:
                return None
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        return self._taken(session, b"".join(lines))

    def _taken(self, session, content):
        session.messages += 1
        taken = Transaction(session.number, session.mail, session.recipients, content, session.mail_at)
        session.recipients = []
        # It counts before the reply is out: who sees the reply may look.
        reply = self.script.get("dot")
        if callable(reply):
            reply = reply(session, "")
        if reply is None or session.answered or (isinstance(reply, (str, bytes)) and reply[:1] in ("2", b"2")):
            with self.arrived:
                self.transactions.append(taken)
                self.arrived.notify_all()
        return self._write(session, "250 2.0.0 taken" if reply is None else reply)
