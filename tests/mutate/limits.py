"""Runs a program within bounds."""
import glob
import os
import resource
import selectors
import signal
import subprocess
import time
from pathlib import Path

LIMIT = 120  # seconds of processor time, for what is known to end
OUTPUT_LIMIT = 1 << 20
ASLEEP_LIMIT = 5  # seconds in which none of its threads runs, or waits for a processor or a disk


class Ended(Exception):
    """The program shows that something is wrong before it ends by itself."""


def limit(seconds):
    """Bounds the child's time, memory, files and importance. Its addresses are those of every run."""
    os.setsid()
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds,) * 2)
    # QEMU reserves the 4 GiB of an i386 program's addresses beside its own.
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, cwd, seconds, stop_at=None):
    """Runs it for at most SECONDS of processor time, rounded up, or ten times as long in all; returns its exit code
    and what it printed. Raises Ended when a line matches STOP_AT, when a limit is reached, or when it sleeps silently for
    ASLEEP_LIMIT seconds."""
    seconds = int(seconds) + 1
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, preexec_fn=lambda: limit(seconds))
    try:
        output = read(process, time.monotonic() + 10 * seconds, stop_at)
        return process.wait(60), output
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.stdout.close()
        process.wait()


def read(process, deadline, stop_at):
    output, asleep = "", 0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline and len(output) < OUTPUT_LIMIT:
            if not selector.select(1):
                asleep = asleep + 1 if is_asleep(process.pid) else 0
                if asleep == ASLEEP_LIMIT:
                    raise Ended("it sleeps")
                continue
            asleep = 0
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return output
            output += chunk.decode(errors="replace").replace("\r", "")
            if stop_at and (found := stop_at.search(output)):
                raise Ended(next(filter(None, found.groups())))
    raise Ended("time-out" if len(output) < OUTPUT_LIMIT else "too much output")


def is_asleep(session):
    """Whether each thread of the session's processes waits for something else than a processor or a disk."""
    for path in glob.glob("/proc/[0-9]*/task/*/stat"):
        try:
            state, _, _, of = Path(path).read_text().rpartition(")")[2].split()[:4]
        except OSError:  # it has just ended
            return False
        if int(of) == session and state != "S":
            return False
    return True
