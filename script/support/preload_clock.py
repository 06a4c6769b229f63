"""Clocks of one process that a test can set, by preloading clock_preload.c."""

import functools
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
import time

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock_preload.c")
CLOCKS = ("real", "steady", "boot")


@functools.lru_cache(maxsize=1)
def library():
    """Path of the compiled library, made once per run of the script."""
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if compiler is None:
        raise RuntimeError("no C compiler: script/bootstrap installs one")
    directory = tempfile.mkdtemp(prefix="apus-clock-")
    path = os.path.join(directory, "clock.so")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", path, SOURCE, "-ldl"], check=True, capture_output=True)
    return path


class Clock:
    """Offsets in seconds of CLOCK_REALTIME (`real`), CLOCK_MONOTONIC (`steady`) and CLOCK_BOOTTIME (`boot`)."""

    def __init__(self, directory, **offsets):
        self.path = os.path.join(directory, "clock")
        with open(self.path, "wb") as f:
            f.write(b"\0" * 24)
        with open(self.path, "r+b") as f:
            self.memory = mmap.mmap(f.fileno(), 24)
        self.move(**offsets)

    def move(self, **offsets):
        """Sets the offsets that are named; the others stay."""
        for name, seconds in offsets.items():
            struct.pack_into("<q", self.memory, 8 * CLOCKS.index(name), int(seconds * 1_000_000))

    def set_wall(self, seconds):
        """The wall clock shows this Unix time now and goes on from there."""
        self.move(real=seconds - time.time())

    @property
    def environment(self):
        return dict(LD_PRELOAD=library(), FIELD_CLOCK=self.path)
