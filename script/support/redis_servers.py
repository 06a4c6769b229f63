"""Real Redis servers on loopback for script/cluster-test: alone, with a Sentinel, or as a Cluster of three shards.

Everything is private: ephemeral ports, a directory of its own, nothing saved, and only processes started here are ever signalled.
"""

import os
import signal
import time

from processes import Process, free_port, wait_for
from resp import Redis, RedisReplyError


class Server:
    """One redis-server. `kill`, `start` again on the same port (with empty data), `pause`, `resume`."""

    def __init__(self, directory, name, port=None, options=()):
        self.directory = os.path.join(directory, name)
        os.makedirs(self.directory, exist_ok=True)
        self.name, self.port, self.options = name, port or free_port(), list(options)
        self.process = None
        self.client = Redis(self.port)
        self.start()

    def start(self):
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.directory, "--save", "",
                   "--appendonly", "no", "--enable-debug-command", "yes", "--daemonize", "no", *self.options]
        # Redis says everything on standard output.
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = Process(command, name=self.name, stdout=log)
        wait_for(self.answers, 15, f"{self.name}: its port")

    def answers(self):
        if self.process.child.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{self.log_tail()}")
        try:
            return self.client.call("PING") == "PONG"
        except (OSError, RedisReplyError):
            return False

    def is_master(self):
        try:
            return self.client.call("ROLE")[0] == "master"
        except (OSError, RedisReplyError):
            return False  # a server that changes its role drops its clients

    def log_tail(self):
        with open(os.path.join(self.directory, "log"), errors="replace") as f:
            return "".join(f.readlines()[-10:])

    def kill(self):
        self.process.kill()
        self.client.close()

    def pause(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        self.client.close()
        if self.process.child.poll() is None:
            self.resume()
            self.process.stop(seconds=5)

    def counts(self):
        """(reads, script calls, processor seconds): how often clients' data was read, which is once per round trip, however much is pipelined."""
        stats, commands = self.client.info("stats"), self.client.info("commandstats")
        scripts = 0
        for name in ("eval", "evalsha", "fcall"):
            fields = commands.get(f"cmdstat_{name}")
            if fields:
                scripts += int(fields.split(",")[0].split("=")[1])
        cpu = self.client.info("cpu")
        return int(stats["total_reads_processed"]), scripts, float(cpu["used_cpu_user"]) + float(cpu["used_cpu_sys"])


class Alone:
    """One server."""

    title = "one Redis server"

    def __init__(self, directory):
        self.servers = [Server(directory, "redis")]

    @property
    def main(self):
        return self.servers[0]

    def urls(self, proxy_port=None):
        return [f"redis://127.0.0.1:{proxy_port or self.main.port}"]

    def counts(self):
        total = [0, 0, 0.0]
        for server in self.servers:
            try:
                for index, value in enumerate(server.counts()):
                    total[index] += value
            except (OSError, RedisReplyError):
                pass  # killed on purpose: its counters went with it
        return tuple(total)

    def stop(self):
        for server in self.servers:
            server.stop()


class WithSentinel(Alone):
    """A master, a replica, and one Sentinel that is a majority by itself."""

    title = "Sentinel"

    def __init__(self, directory):
        master = Server(directory, "master")
        replica = Server(directory, "replica", options=["--replicaof", "127.0.0.1", str(master.port)])
        self.servers = [master, replica]
        self.port = free_port()
        self.directory = os.path.join(directory, "sentinel")
        os.makedirs(self.directory, exist_ok=True)
        path = os.path.join(self.directory, "sentinel.conf")
        with open(path, "w") as f:
            f.write(f"port {self.port}\nbind 127.0.0.1\ndir {self.directory}\nsentinel monitor mail 127.0.0.1 {master.port} 1\n"
                    "sentinel down-after-milliseconds mail 1000\nsentinel failover-timeout mail 5000\n")
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.sentinel = Process(["redis-sentinel", path], name="sentinel", stdout=log)
        self.client = Redis(self.port)
        wait_for(lambda: replica.client.info("replication").get("master_link_status") == "up", 20, "the replica follows")
        wait_for(self._knows_replica, 30, "the Sentinel knows the replica")

    def _knows_replica(self):
        try:
            return len(self.client.call("SENTINEL", "replicas", "mail")) == 1
        except (OSError, RedisReplyError):
            return False

    def urls(self, proxy_port=None):
        return [f"redis+sentinel://127.0.0.1:{self.port}/mail"]

    def master_port(self):
        return int(self.client.call("SENTINEL", "get-master-addr-by-name", "mail")[1])

    def fail_over(self):
        """Kills the master; returns the seconds until the replica is master."""
        old, start = self.master_port(), time.monotonic()
        next(s for s in self.servers if s.port == old).kill()
        new = next(s for s in self.servers if s.port != old)
        wait_for(lambda: new.is_master(), 30, "the fail-over", every=0.1)
        return time.monotonic() - start

    def stop(self):
        self.client.close()
        self.sentinel.stop(seconds=5)
        super().stop()


class Cluster(Alone):
    """Three shards, each a master with a replica."""

    title = "Redis Cluster"

    def __init__(self, directory):
        # Cluster nodes talk to each other on port + 10000.
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no"]
        self.servers = []
        for n in range(6):
            port = wait_for(lambda: (lambda p: p if p < 55000 else None)(free_port()), 10, "a low port")
            self.servers.append(Server(directory, f"shard{n}", port=port, options=[*options, "--cluster-config-file", f"nodes-{n}.conf"]))
        masters, replicas = self.servers[:3], self.servers[3:]
        for index, server in enumerate(masters):
            server.client.call("CLUSTER", "ADDSLOTSRANGE", index * 16384 // 3, (index + 1) * 16384 // 3 - 1)
            server.client.call("CLUSTER", "SET-CONFIG-EPOCH", index + 1)
        for server in self.servers[1:]:
            server.client.call("CLUSTER", "MEET", "127.0.0.1", masters[0].port)
        wait_for(lambda: all(s.client.info("cluster") is not None and self._known(s) == 6 for s in self.servers), 30, "the cluster meets")
        ids = [m.client.call("CLUSTER", "MYID") for m in masters]
        for replica, identity in zip(replicas, ids):
            wait_for(lambda: self._replicate(replica, identity), 20, f"{replica.name} follows")
        wait_for(lambda: all("cluster_state:ok" in s.client.call("CLUSTER", "INFO") for s in self.servers), 30, "the cluster is complete")
        wait_for(lambda: all(r.client.info("replication").get("master_link_status") == "up" for r in replicas), 30, "the replicas follow")

    @staticmethod
    def _known(server):
        return len([line for line in server.client.call("CLUSTER", "NODES").splitlines() if "handshake" not in line])

    @staticmethod
    def _replicate(replica, identity):
        try:
            return replica.client.call("CLUSTER", "REPLICATE", identity) == "OK"
        except RedisReplyError:
            return False

    def urls(self, proxy_port=None):
        return ["redis-cluster://" + ",".join(f"127.0.0.1:{s.port}" for s in self.servers[:3])]

    def fail_over(self):
        """Kills the busiest master; returns the seconds until its replica is master."""
        busiest = max(range(3), key=lambda n: self.servers[n].counts()[1])
        replica, start = self.servers[busiest + 3], time.monotonic()
        self.servers[busiest].kill()
        wait_for(lambda: replica.is_master(), 30, "the shard's fail-over", every=0.1)
        return time.monotonic() - start
