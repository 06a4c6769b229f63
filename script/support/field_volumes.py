"""Items 14 and 25: small volumes that fill up. Mounted for the case where root allows."""

import contextlib
import errno
import os
import re
import subprocess

from field_clocks import both
from field_lab import SOON, case, check, need_root
from field_node import Node, to
from field_smtp import Peer
from processes import wait_for

MIB = 1 << 20


def mail(size):
    """A message of about so many bytes."""
    return b"Subject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * (size // 78)


class Volume:
    """A tmpfs, or an ext4 file system in a file, mounted on a directory of the case."""

    def __init__(self, lab, kind, size, inodes=None):
        need_root("mounting a volume")
        root = lab.directory("volume")
        self.path = os.path.join(root, "mounted")
        os.mkdir(self.path)
        if kind == "tmpfs":
            options = f"size={size}" + (f",nr_inodes={inodes}" if inodes else "")
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.path]
        else:
            image = os.path.join(root, "image")
            with open(image, "wb") as f:
                f.truncate(size)
            subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", *(["-N", str(inodes)] if inodes else []), image], check=True, capture_output=True)
            command = ["mount", "-o", "loop", image, self.path]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            from field_lab import NotPossible
            raise NotPossible(f"mount: {done.stderr.strip()}")
        lab.closes(self, self.unmount)

    def unmount(self):
        subprocess.run(["umount", "-l", self.path], capture_output=True)

    def free(self):
        s = os.statvfs(self.path)
        return s.f_bavail * s.f_frsize

    def fill(self, leave=0, name="ballast"):
        """Writes until so many bytes are left."""
        with open(os.path.join(self.path, name), "ab") as f, contextlib.suppress(OSError):
            while self.free() > leave:
                f.write(b"\1" * min(MIB, max(4096, self.free() - leave)))
                f.flush()
        with contextlib.suppress(OSError):
            os.sync()

    def fill_inodes(self):
        directory = os.path.join(self.path, "ballast-files")
        os.makedirs(directory, exist_ok=True)
        n = 0
        while True:
            try:
                open(os.path.join(directory, str(n)), "w").close()
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                return
            n += 1

    def empty(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.path, "ballast"))
        subprocess.run(["rm", "-rf", os.path.join(self.path, "ballast-files")])


def full(lab, kind, size, fill, options="min_free_space = '2MiB', min_free_inodes = '5'"):
    """The volume fills up under a running node: refused with 452, told, still delivering; and well again when there is room."""
    volume = Volume(lab, kind, size, 2000 if fill == "inodes" else None)
    peer = lab.closes(*both(Peer(script={"connect": lambda s, line: "421 4.3.2 later"})))
    node = Node(lab, spool=os.path.join(volume.path, "spool"), queue=to(peer), spool_options=options, retry="1s")
    taken = 0
    for n in range(10):
        taken += node.send(f"m{n}@d.example", mail(60_000))[0] == 250
    check(taken == 10, f"{taken} of 10 were taken while there was room")
    mark = len(node.process.lines)
    volume.fill_inodes() if fill == "inodes" else volume.fill(MIB // 2 if fill == "nearly" else 0)
    codes = set()

    def refused():
        code, text = node.send("more@d.example", mail(500_000))
        codes.add((code, text))
        nonlocal taken
        taken += code == 250
        return code >= 400
    wait_for(refused, 60, "mail is refused on a full disk", every=0.1)
    check(all(code in (250, 452) for code, _ in codes), f"replies on a full disk: {[c for c in codes if c[0] not in (250, 452)]}")
    wait_for(lambda: node.request("GET", "/readyz").status == 503, SOON, "readyz fails")
    check(node.request("POST", "/api/inject", {"from": "a@b.example", "to": ["c@d.example"]}).status == 503, "HTTP takes mail on a full disk")
    line = wait_for(lambda: next((x for x in node.process.lines[mark:] if re.search(r"(WARN|ERROR).*(full|free|space|room|inode)", x)), None), SOON,
                    f"a line that the disk is full; it said {node.process.lines[mark:][-3:]}")
    check(len(line) > 60, f"the line has no remedy: {line}")
    mark = len(node.process.lines)
    volume.empty()
    wait_for(lambda: node.request("GET", "/readyz").status == 200, 60, "readyz is well again", every=0.2)
    wait_for(lambda: next((x for x in node.process.lines[mark:] if re.search(r"(INFO|WARN|NOTICE).*(again|room|free|accept)", x)), None), SOON,
             f"a line that there is room again; it said {node.process.lines[mark:][-3:]}")
    wait_for(lambda: node.send("last@d.example")[0] == 250, SOON, "mail is taken again", every=0.2)
    peer.script.clear()
    peer.wait(taken + 1, 60, "everything that was taken is delivered")
    check(not node.log("fenced"), "the spool was fenced")


@case(14, "full-disk", weight=30)
def full_disk(lab):
    """Volumes of tmpfs and ext4 that run out of bytes or inodes: a line when it begins, 452, readiness, and a line when it is over."""
    need_root("mounting a volume")
    lab.together({
        "tmpfs, bytes": lambda lab: full(lab, "tmpfs", 160 * MIB, "bytes"),
        "ext4, bytes": lambda lab: full(lab, "ext4", 200 * MIB, "bytes"),
        "ext4, nearly": lambda lab: full(lab, "ext4", 200 * MIB, "nearly"),
        "tmpfs, inodes": lambda lab: full(lab, "tmpfs", 160 * MIB, "inodes"),
        "ext4, inodes": lambda lab: full(lab, "ext4", 200 * MIB, "inodes"),
    }, width=3)


@case(25, "shared-bodies", weight=8)
def shared(lab):
    """A body that many recipients share counts once for room on the disk; a refusal says what is short."""
    need_root("mounting a volume")
    content = mail(MIB).decode()

    def setting(lab, free, before=0):
        """A node that keeps some messages of 1 MiB already, so that little is left of its segment, on a volume with so much room."""
        volume = Volume(lab, "tmpfs", 200 * MIB)
        peer = lab.closes(*both(Peer(script={"rcpt": lambda s, line: "450 4.2.1 later" if "old" in line else None})))
        node = Node(lab, spool=os.path.join(volume.path, "spool"), queue=to(peer), spool_options="min_free_space = '4MiB', min_free_inodes = '5'", retry="1h")
        node.inject(["first@d.example"])
        for n in range(before):
            check(node.inject_raw(f"old{n}@d.example", content).status == 200, "a message was refused while there was room")
        peer.wait(1)
        volume.fill(free)
        return peer, node

    def fits(lab, before=0):
        peer, node = setting(lab, 9 * MIB, before)
        answer = node.request("POST", "/api/inject/v1", {"envelope_sender": "a@b.example", "content": content,
                                                         "recipients": [{"email": f"m{n}@d.example"} for n in range(20)]})
        check(answer.status == 200 and answer.json["success_count"] == 20,
              f"1 MiB for 20 recipients with 5 MiB of room is answered {answer.status}: {answer.text[:200]}")
        peer.wait(21)

    def by_smtp(lab, before=0):
        peer, node = setting(lab, 9 * MIB, before)
        code, text = node.send([f"m{n}@d.example" for n in range(20)], content.encode())
        check(code == 250, f"1 MiB for 20 recipients with 5 MiB of room is answered {code} {text}")
        peer.wait(21)

    def says(lab):
        peer, node = setting(lab, 2 * MIB)
        answer = wait_for(lambda: (a := node.inject_raw("m@d.example", content)).status != 200 and a, SOON, "a refusal")
        check(re.search(r"disk|space|room|MiB|volume", answer.text), f"the refusal does not say what is short: {answer.status} {answer.text[:200]}")
        code, text = node.send("m@d.example", content.encode())
        check(code == 452 and re.search(r"disk|space|room|volume", text), f"by SMTP it is {code} {text}")

    lab.together({"by HTTP": fits, "by SMTP": by_smtp, "by HTTP, the segment is nearly full": lambda lab: fits(lab, 50),
                  "by SMTP, the segment is nearly full": lambda lab: by_smtp(lab, 50), "a refusal": says}, width=3)
