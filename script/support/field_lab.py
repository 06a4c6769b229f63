"""What a case of script/field gets: a directory, a seed, things that are ended when it is over, and variants that fail one by one."""

import contextlib
import http.client
import itertools
import os
import random
import shutil
import threading
import time
import traceback

CASES = []

# Everything that is running in any case, so that an end by a signal leaves nothing behind.
RUNNING = []

# How long to wait for something that takes a moment on an idle machine. Waits end at the event; only a fault waits to the end.
SOON = 30.0


class NotPossible(Exception):
    """The machine does not allow this case, such as one that needs root."""


class Case:
    """A function that tries one class of faults in several variants."""

    def __init__(self, item, name, function, alone, weight):
        self.item, self.name, self.function, self.alone, self.weight = item, name, function, alone, weight


def case(item, name, alone=False, weight=10):
    """Registers a case. One that measures time or loads the machine runs `alone`; `weight` is about how many seconds it takes."""
    def register(function):
        CASES.append(Case(item, name, function, alone, weight))
        return function
    return register


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def need_root(what):
    if os.geteuid() != 0:
        raise NotPossible(f"{what} needs root")


# What an expectation that is not met may raise. Everything else is a mistake in the case itself, and reported with its stack.
FAULTS = (AssertionError, TimeoutError, RuntimeError, OSError, http.client.HTTPException, EOFError)


def end(how):
    with contextlib.suppress(Exception):
        how()
    with contextlib.suppress(ValueError):
        RUNNING.remove(how)


def end_all():
    """Ends everything, the latest first."""
    while RUNNING:
        end(RUNNING[-1])


class Lab:
    """One run of one case."""

    def __init__(self, case, options, directory):
        self.case, self.binary, self.seed, self.thorough = case, options.binary, options.seed, options.thorough
        self.root = directory
        self.random = random.Random(f"{options.seed} {case.name}")
        self.passed, self.failures, self.notes = [], [], []
        self.skipped = None
        self.seconds = 0.0
        self._closers, self._lock, self._numbers = [], threading.Lock(), itertools.count(1)

    def directory(self, name):
        """A new directory whose name begins with `name`."""
        path = os.path.join(self.root, f"{name}-{next(self._numbers)}")
        os.makedirs(path)
        return path

    def draw(self, names, always, count):
        """Those that are tried always and some of the others, by the seed; all when the run is thorough."""
        others = [name for name in names if name not in always]
        if self.thorough or count >= len(others):
            return list(names)
        drawn = set(self.random.sample(others, count))
        return [name for name in names if name in always or name in drawn]

    def closes(self, thing, how):
        """Remembers how to end what was started; returns the thing."""
        with self._lock:
            self._closers.append(how)
            RUNNING.append(how)
        return thing

    @contextlib.contextmanager
    def variant(self, name):
        """One variant: what fails in it is noted, and the case goes on with the next."""
        mark = len(self._closers)
        try:
            yield
        except FAULTS as error:
            self.failures.append((name, f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)))
        else:
            self.passed.append(name)
        finally:
            self._close_down_to(mark)

    def together(self, variants, width=4):
        """Runs functions of no argument, by the names of their variants, several at a time. Each ends with its variant."""
        work, lock = list(variants.items()), threading.Lock()

        def worker():
            while True:
                with lock:
                    if not work:
                        return
                    name, function = work.pop(0)
                lab = Lab.__new__(Lab)
                lab.__dict__.update(self.__dict__, _closers=[], random=random.Random(f"{self.seed} {self.case.name} {name}"))
                try:
                    with lab.variant(name):
                        function(lab)
                except Exception:  # noqa: BLE001 - a mistake in the case, shown with its stack
                    self.failures.append((name, traceback.format_exc()))

        threads = [threading.Thread(target=worker, daemon=True) for _ in range(min(width, len(work)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _close_down_to(self, mark):
        while len(self._closers) > mark:
            end(self._closers.pop())

    def run(self):
        start = time.monotonic()
        os.makedirs(self.root)
        try:
            self.case.function(self)
        except NotPossible as reason:
            self.skipped = str(reason)
        except FAULTS as error:
            self.failures.append(("-", f"{type(error).__name__}: {error}"))
        except Exception:  # noqa: BLE001 - a mistake in the case, shown with its stack
            self.failures.append(("-", traceback.format_exc()))
        finally:
            self._close_down_to(0)
            self.seconds = time.monotonic() - start

    def forget(self):
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def result(self):
        if self.failures:
            return "FAILED"
        return "not possible here" if self.skipped else "passed"
