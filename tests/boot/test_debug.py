"""`make debug`: gdb and the serial line on one terminal."""
import os
import shutil
import signal
import time
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
GDB = next(filter(shutil.which, ("i686-elf-gdb", "gdb-multiarch", "gdb")), None)
PROMPT = "(gdb) "


@pytest.fixture
def qemu(request, tmp_path):
    """Its name. The parameter, if there is one: the seconds that it takes to start."""
    if not hasattr(request, "param"):
        return "qemu-system-i386"
    slow = tmp_path / "qemu"
    slow.write_text(f'#!/bin/sh\nsleep {request.param}\nexec qemu-system-i386 "$@"\n')
    slow.chmod(0o755)
    return str(slow)


@pytest.fixture
def debug(build, qemu, tmp_path):
    if not GDB:
        pytest.skip("no gdb is installed")
    kernel = tmp_path / "quire.elf"  # the FIFOs lie beside it
    shutil.copy(build / "quire.elf", kernel)
    # A hangup ends it, even where the tests themselves run under nohup.
    gdb = pexpect.spawn("sh", ["tools/debug.sh", GDB, qemu, str(kernel),
                               "-initrd", str(build / "user" / "hello")], cwd=ROOT, timeout=120,
                        encoding="utf-8", preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
                        env={**os.environ, "TERM": "dumb", "DISPLAY": "", "WAYLAND_DISPLAY": ""})
    gdb.expect_exact(PROMPT)
    yield gdb
    if gdb.isalive() and (tmp_path / "quire.pid").exists():
        gdb.sendintr()
        gdb.sendline("quit")  # which ends QEMU, too
        gdb.expect(pexpect.EOF)
    gdb.close(force=True)


def test_stop_at_faults_knows_where(debug):
    """Its breakpoints are in functions that there are."""
    debug.sendline("stop-at-faults")
    debug.expect("Breakpoint 1 at ")
    debug.expect("Breakpoint 2 at ")
    debug.expect_exact(PROMPT)


@pytest.mark.parametrize("qemu", [5], indirect=True)
def test_a_qemu_that_is_slow_to_start_is_waited_for(debug):
    debug.sendline("print $pc")
    debug.expect_exact("0xfff0")
    debug.expect_exact(PROMPT)


def test_what_is_typed_goes_to_quire_while_it_runs_and_to_gdb_while_it_stands(debug):
    debug.sendline("continue")
    debug.expect_exact("quire> ")
    debug.send("walk 0\r")
    debug.expect_exact("not mapped")
    debug.expect_exact("quire> ")
    debug.sendintr()
    debug.expect_exact(PROMPT)
    debug.sendline("walk 0")
    debug.expect_exact("0x00000000 -> not mapped: PT[0] absent")  # quire.gdb's own walk says the same
    debug.expect_exact(PROMPT)
    debug.sendline("continue")
    debug.expect_exact("Continuing.")
    debug.send("exit\r")
    debug.expect_exact("Remote connection closed")
    debug.expect_exact(PROMPT)


def test_qemu_ends_when_the_terminal_goes_away(debug, tmp_path):
    debug.sendline("continue")
    debug.expect_exact("quire> ")
    pid = int((tmp_path / "quire.pid").read_text())
    os.killpg(os.getpgid(debug.pid), signal.SIGHUP)  # as the user's shell does
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, "QEMU runs on"
        time.sleep(0.1)


def test_a_programs_source_is_stepped_through(debug):
    debug.sendline("program hello")
    debug.expect_exact(PROMPT)
    debug.sendline("break main")
    debug.expect_exact(PROMPT)
    debug.sendline("continue")
    debug.expect_exact("quire> ")
    debug.send("run hello\r")
    debug.expect(r"Breakpoint 1, main \(argc=1, .*\) at user/hello.c")
    debug.expect_exact(PROMPT)
