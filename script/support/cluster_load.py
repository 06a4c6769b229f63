"""Mail for the nodes of script/cluster-test: keeps every node's backlog filled, and knows what was promised to whom."""

import http.client
import json
import threading
import time


class Load:
    """One thread per node. A node has demand for a domain as long as its backlog there is kept at the wanted size.

    `accepted` holds recipients whose node answered that they are durable: each must arrive. `uncertain` holds those whose request broke
    (a node was killed or paused meanwhile): they may arrive.
    """

    BATCH = 100

    def __init__(self, nodes, seed=1):
        self.nodes, self.seed = nodes, seed
        self.accepted, self.uncertain = set(), set()
        self.refused = 0
        self._wanted = {}       # (node index, domain) -> messages
        self._next = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._feed, args=(node,), daemon=True) for node in nodes]
        for thread in self._threads:
            thread.start()

    def want(self, domain, size, nodes=None):
        """From now on these nodes (all unless given) have this backlog for a domain, and the others none."""
        with self._lock:
            for node in self.nodes:
                self._wanted[node.index, domain] = size if nodes is None or node.index in nodes else 0

    def _names(self, count, domain):
        with self._lock:
            first = self._next
            self._next += count
        return [f"m{self.seed}-{first + n}@{domain}" for n in range(count)]

    def _feed(self, node):
        while not self._stopping.is_set():
            with self._lock:
                wanted = {d: size for (index, d), size in self._wanted.items() if index == node.index and size > 0}
            if not wanted or not node.is_running:
                self._stopping.wait(0.1)
                continue
            backlog = node.backlog()
            if backlog is None:
                self._stopping.wait(0.2)
                continue
            sent = 0
            for domain, size in wanted.items():
                missing = size - backlog.get(domain, 0)
                while missing > 0 and not self._stopping.is_set():
                    count = min(self.BATCH, missing)
                    if not self.inject(node, self._names(count, domain)):
                        break
                    missing -= count
                    sent += count
            self._stopping.wait(0.02 if sent else 0.1)

    def inject(self, node, recipients):
        """Hands a message per recipient to a node; True when all are durable."""
        body = {"envelope_sender": "sender@source.test", "recipients": [{"email": r} for r in recipients],
                "content": "From: sender@source.test\r\nTo: you@dest.test\r\nSubject: cluster-test\r\n\r\n" + "x" * 400 + "\r\n"}
        try:
            status, text = node.request("POST", "/api/inject/v1", body, timeout=10.0)
            answer = json.loads(text) if status == 200 else {}
        except (OSError, http.client.HTTPException, ValueError):
            with self._lock:
                self.uncertain.update(recipients)
            return False
        with self._lock:
            if status == 200 and answer.get("success_count") == len(recipients):
                self.accepted.update(recipients)
                return True
            if status == 200:
                self.uncertain.update(recipients)
            else:
                self.refused += len(recipients)
        time.sleep(0.1)
        return False

    def filled(self, domain, nodes, share=0.5):
        """Whether these nodes have at least a share of the backlog they should have."""
        for node in nodes:
            backlog = node.backlog()
            if backlog is None or backlog.get(domain, 0) < share * self._wanted.get((node.index, domain), 0):
                return False
        return True

    def stop(self):
        self._stopping.set()
        for thread in self._threads:
            thread.join(15)
