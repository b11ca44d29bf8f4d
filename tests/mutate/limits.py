"""Runs a program within bounds."""
import os
import resource
import selectors
import signal
import subprocess
import time

LIMIT = 120  # seconds of processor time, for what is known to end
OUTPUT_LIMIT = 1 << 20


class Ended(Exception):
    """The program shows that something is wrong before it ends by itself."""


def limit(seconds):
    """Bounds the child's time, memory, files and importance. Its addresses are those of every run."""
    os.setsid()
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds,) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, cwd, seconds, stop_at=None):
    """Runs it for at most SECONDS of processor time, rounded up, or ten times as long in all; returns its exit code
    and what it printed. Raises Ended when a line matches STOP_AT, or when a limit is reached."""
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
    output = ""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline and len(output) < OUTPUT_LIMIT:
            if not selector.select(1):
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return output
            output += chunk.decode(errors="replace").replace("\r", "")
            if stop_at and (found := stop_at.search(output)):
                raise Ended(next(filter(None, found.groups())))
    raise Ended("time-out" if len(output) < OUTPUT_LIMIT else "too much output")
