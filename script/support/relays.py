"""The systems that script/bench compares. Each listens on 127.0.0.1 and forwards everything to one sink port."""

import os
import pwd
import shutil
import subprocess

from processes import Process, free_port, wait_for


class Relay:
    """A system under test: `port` to send to, `cpu()` of its processes, `stop()`."""

    name = "?"
    process = None
    port = None

    def cpu(self):
        return self.process.cpu() if self.process else (0.0, 0.0)

    def stop(self):
        if self.process:
            self.process.stop(seconds=20)


class Direct(Relay):
    """No relay at all: the source talks to the sink. The ceiling that the two test programs leave."""

    name = "direct"

    def __init__(self, sink_port):
        self.port = sink_port


POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
command_directory = {commands}
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/log/maillog
maillog_file_prefixes = {root}
syslog_name = postfix-bench
myhostname = bench.invalid
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
local_transport = error:no local mail
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{sink}
smtp_tls_security_level = none
smtpd_tls_security_level = none
message_size_limit = 0
mailbox_size_limit = 0
# Generous on purpose: nothing here may hold Postfix back.
default_process_limit = 200
default_destination_concurrency_limit = {concurrency}
initial_destination_concurrency = {concurrency}
default_destination_recipient_limit = 1000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_message_rate_limit = 0
in_flow_delay = 0
qmgr_message_active_limit = 100000
qmgr_message_recipient_limit = 100000
smtp_connection_cache_destinations = [127.0.0.1]:{sink}
"""

POSTFIX_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


class Postfix(Relay):
    """A private instance in a directory of its own: own configuration, queue, data and log; the system's is not touched."""

    name = "postfix"

    def __init__(self, root, sink_port, concurrency=50):
        self.root = root
        self.config = os.path.join(root, "config")
        self.port = free_port()
        for part in ("config", "queue", "data", "log"):
            os.makedirs(os.path.join(root, part), mode=0o755, exist_ok=True)
        owner = pwd.getpwnam("postfix")
        os.chown(os.path.join(root, "data"), owner.pw_uid, owner.pw_gid)
        defaults = dict(
            line.split(" = ", 1) for line in subprocess.run(
                ["postconf", "-d", "command_directory", "daemon_directory", "meta_directory"],
                capture_output=True, text=True, check=True).stdout.splitlines() if " = " in line)
        values = dict(root=root, sink=sink_port, port=self.port, concurrency=concurrency,
                      commands=defaults["command_directory"], daemons=defaults["daemon_directory"])
        with open(os.path.join(self.config, "main.cf"), "w") as f:
            f.write(POSTFIX_MAIN.format(**values))
        with open(os.path.join(self.config, "master.cf"), "w") as f:
            f.write(POSTFIX_MASTER.format(**values))
        # In the foreground, so that the processes are ours to count and to end.
        self.process = Process(["postfix", "-c", self.config, "start-fg"], name="postfix")
        wait_for(self._answers, 20, "postfix: its SMTP port")

    def _answers(self):
        import socket
        if self.process.child.poll() is not None:
            raise RuntimeError("postfix ended:\n" + self.process.tail() + "\n" + self._log_tail())
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                return s.recv(100).startswith(b"220")
        except OSError:
            return False

    def _log_tail(self):
        try:
            with open(os.path.join(self.root, "log", "maillog"), errors="replace") as f:
                return "".join(f.readlines()[-10:])
        except FileNotFoundError:
            return ""

    def stop(self):
        subprocess.run(["postfix", "-c", self.config, "stop"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        self.process.stop(seconds=20)

    @staticmethod
    def unavailable():
        """Why Postfix cannot take part, or None."""
        if not shutil.which("postfix"):
            return "not installed (script/bootstrap --bench installs it)"
        if os.geteuid() != 0:
            return "starting an instance of Postfix needs root"
        return None

    @staticmethod
    def version():
        return subprocess.run(["postconf", "-d", "-h", "mail_version"], capture_output=True, text=True).stdout.strip()


APUS_POLICY = """\
local kumo = require 'kumo'

kumo.on('init', function()
  kumo.configure_local_logs { log_dir = '%(root)s/log' }
  kumo.start_esmtp_listener { listen = '127.0.0.1:0' }
  kumo.start_http_listener { listen = '127.0.0.1:0' }
end)

kumo.on('get_queue_config', function(domain, tenant, campaign, routing_domain)
  return kumo.make_queue_config { protocol = { smtp = { mx_list = { '127.0.0.1:%(sink)d' } } } }
end)

kumo.on('get_egress_path_config', function(routing_domain, source, site)
  return kumo.make_egress_path { connection_limit = %(concurrency)d, prohibited_hosts = {}, %(limits)s }
end)
"""

# Four limits that every message passes and none of which binds.
LIMITS = ("max_message_rate = '1000000/s', additional_message_rate_throttles = { provider = '2000000/s', hour = '900000000/h' }, "
          "additional_connection_limits = { provider = 5000 }")


class Apus(Relay):
    """A node with its default durability: 250 only after fdatasync. JSON logs on, as Postfix writes its maillog."""

    def __init__(self, root, sink_port, binary, concurrency=50, name="apus", limits="", redis=None, loops=None):
        self.name = name
        os.makedirs(root, exist_ok=True)
        policy = os.path.join(root, "policy.lua")
        with open(policy, "w") as f:
            f.write(APUS_POLICY % dict(root=root, sink=sink_port, concurrency=concurrency, limits=limits))
        command = [binary, "serve", "--policy", policy, "--spool", os.path.join(root, "spool")]
        if redis:
            command += ["--redis", redis]
        if loops:
            command += ["--loops", str(loops)]
        self.process = Process(command, name="apus")
        self.process.await_line("initialization complete", 60)
        self.port = int(self.process.await_line(r"esmtp listener on 127\.0\.0\.1:(\d+)").group(1))


class BareLoop(Relay):
    """Benchmarks/bare-loop: what SwiftNIO and the disk allow, without a mail server."""

    name = "bare loop"

    def __init__(self, root, sink_port, binary, loops=None):
        self.port = free_port()
        command = [binary, "--port", str(self.port), "--sink", str(sink_port), "--log", os.path.join(root, "bare-loop.log")]
        if loops:
            command += ["--loops", str(loops)]
        self.process = Process(command, name="bare-loop")
        self.process.await_line("ready", 30)
