"""Quire in QEMU: starts a machine, listens, types, looks inside, and always ends it.

The serial line is a pair of pipes. (A socket buffers only some 200 single bytes: Quire would wait for the UART, and
the wait would count as instructions.) QEMU's monitor (QMP) and its debugger port are socket pairs that QEMU inherits:
no file is left behind. Every wait has a limit; when that has passed, or QEMU ends too soon, it raises BootError. Only
the process that it started is ever ended."""
import ctypes
import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import time
import zlib

PROMPT = "quire> "
BANNER = re.compile(r"^quire: (?!ready)", re.M)
TROUBLE = re.compile(r"^(PANIC|page fault): .*", re.M)
ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*(?:[A-Za-z]|\Z)|\Z)")  # or the first part of one, at the end

EXIT_OK, EXIT_FAILED = 33, 35
LIMIT = 300  # seconds. For what hangs: a boot takes less than one, on a loaded machine a few


class BootError(AssertionError):
    """The machine did not do what the test waited for."""


def _die_with_parent():
    """Ends QEMU when the test run is killed. Only on Linux."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


def log_name(module, test):
    """A file name for TEST of MODULE, which no other test of the module has."""
    name = re.sub(r"[^\w.=-]+", "_", f"{module}.{test}").strip("_")[:150]
    is_plain = len(name) < 150 and re.fullmatch(r"[\w.=-]+(\[[\w.=-]+\])?", test)
    return name if is_plain else f"{name}-{zlib.crc32(test.encode()):08x}"


class Machine:
    """One QEMU. Give kernel (with cmdline and modules) or cdrom.

    firmware, in place of kernel and cdrom, is QEMU's options for whatever else is booted. modules are -initrd's
    entries, "FILE ARGUMENTS" each. debugger=True offers .debugger; exit_port=False leaves the isa-debug-exit device
    out, serial=False the UART."""

    def __init__(self, transcript, *, kernel=None, cdrom=None, cmdline=None, modules=(), memory="128M",
                 cpu=None, system="i386", exit_port=True, serial=True, icount=False, debugger=False,
                 firmware=None, extra=()):
        self.transcript = transcript
        self._text = ""
        self._seen = 0  # how far expect() has read
        self._far_ends = []
        command = [f"qemu-system-{system}", "-display", "none", "-no-reboot", "-nic", "none", "-m", memory]
        command += ["-chardev", "stdio,id=serial,signal=off"]
        command += ["-serial", "chardev:serial" if serial else "none"]
        self._qmp = Qmp(self._channel(command, "qmp", ["-mon", "chardev=qmp,mode=control"]))
        self.debugger = Debugger(self._channel(command, "gdb", ["-gdb", "chardev:gdb"])) if debugger else None
        if exit_port:
            command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        command += ["-cpu", cpu] if cpu else []
        command += ["-icount", "shift=0"] if icount else []
        if firmware is None:
            command += ["-cdrom", str(cdrom), "-boot", "d"] if cdrom else ["-kernel", str(kernel)]
        else:
            command += firmware
        command += ["-append", cmdline] if cmdline is not None else []
        command += ["-initrd", ",".join(str(m) for m in modules)] if modules else []
        command += [str(word) for word in extra]
        self.command = command
        transcript.parent.mkdir(parents=True, exist_ok=True)
        self._stderr = open(transcript.with_suffix(".err"), "w+b")
        self.process = subprocess.Popen(
            command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
            pass_fds=[end.fileno() for end in self._far_ends], preexec_fn=_die_with_parent)
        for end in self._far_ends:
            end.close()

    def _channel(self, command, name, use):
        near, far = socket.socketpair()
        self._far_ends.append(far)
        command += ["-chardev", f"socket,id={name},fd={far.fileno()}", *use]
        return near

    # ---- listening ----

    def text(self):
        """The serial line's output so far, without carriage returns and escape sequences."""
        return ESCAPE.sub("", self._text.replace("\r", ""))

    def lines(self):
        return self.text().split("\n")

    def _receive(self, deadline):
        """Reads one more piece of the serial line; False at its end."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise BootError(f"nothing more within the time limit, after: {self.text()[-300:]!r}")
        data = os.read(self.process.stdout.fileno(), 65536)
        self._text += data.decode("latin-1")
        return data != b""

    def expect(self, pattern, limit=LIMIT):
        """Waits for PATTERN (multi-line) behind the last match; returns the match."""
        deadline = time.monotonic() + limit
        pattern = re.compile(pattern, re.M)
        more = True
        while True:
            match = pattern.search(self.text(), self._seen)
            if match:
                self._seen = match.end()
                return match
            if not more:
                end = f"QEMU ended ({self.exit_code()}) before {pattern.pattern!r}"
                raise BootError(f"{end}: {self.text()[-300:]!r}")
            more = self._receive(deadline)

    def exit_code(self, limit=LIMIT):
        """Reads to the end; returns QEMU's exit code."""
        deadline = time.monotonic() + limit
        while self._receive(deadline):
            pass
        try:
            return self.process.wait(max(1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise BootError("the serial line is closed, but QEMU runs on") from None

    def verdict(self, limit=LIMIT):
        """How the boot ended: "ready" or "panic". Anything else is a BootError."""
        match = self.expect(r"^(?:quire: ready|PANIC: |page fault: )", limit)
        if match[0] == "quire: ready":
            return "ready"
        assert self.exit_code(limit) == EXIT_FAILED
        return "panic"

    def reason(self):
        """The first line of the panic or page fault; None without one."""
        match = TROUBLE.search(self.text())
        return match[0] if match else None

    def quiet_for(self, seconds):
        """True when for SECONDS nothing is printed and the machine does not end."""
        before = len(self._text)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if not self._receive(deadline):
                    return False
            except BootError:
                break
        return len(self._text) == before and self.process.poll() is None

    # ---- typing ----

    def prompt(self, limit=LIMIT):
        """Waits for the next prompt; returns the text before it. Fails on a panic and on a second boot."""
        start = self._seen
        match = self.expect(r"^quire> ", limit)
        text = self.text()[start:match.start()]
        if TROUBLE.search(text):
            raise BootError(self.reason())
        if len(BANNER.findall(self.text())) > 1 and self.text().count("quire: ready") > 1:
            raise BootError("the machine rebooted")
        return text

    def type(self, text):
        left = text.encode("latin-1")
        while left:
            left = left[self.process.stdin.write(left):]

    def unread(self):
        """How many typed bytes QEMU has not taken from its standard input."""
        return struct.unpack("i", fcntl.ioctl(self.process.stdin.fileno(), termios.FIONREAD, bytes(4)))[0]

    def run(self, command, limit=LIMIT):
        """Types COMMAND at the prompt, as a script does: a person's Enter is a CR, on which Quire asks whether a terminal
        is there. The lines that it printed."""
        self.type(command + "\n")
        self.expect(r"\n", limit)  # the end of the echo
        return self.prompt(limit).rstrip("\n").split("\n")

    def finish(self, command="exit"):
        """Types COMMAND, which ends the machine; returns the exit code."""
        self.type(command + "\n")
        return self.exit_code()

    # ---- looking in from outside ----

    def stop_halted(self, limit=LIMIT):
        """Stops the processor, through the debugger, while it halts and waits for input."""
        deadline = time.monotonic() + limit
        self.debugger.interrupt()
        while "HLT=1" not in self.hmp("info registers"):
            assert time.monotonic() < deadline, "it never halts"
            self.debugger.go()
            self.debugger.interrupt()

    def qmp(self, command, arguments):
        """The answer of QEMU's machine protocol."""
        return self._qmp.execute(command, arguments)

    def hmp(self, line):
        """The answer of QEMU's monitor."""
        return self.qmp("human-monitor-command", {"command-line": line}).replace("\r", "")

    def registers(self):
        """{name: value} of CR0, CR2, CR3, CR4, EIP, ..."""
        found = re.findall(r"\b(CR[0234]|E[A-Z]{2})=([0-9a-f]{8})", self.hmp("info registers"))
        return {name: int(value, 16) for name, value in found}

    def physical_words(self, address, count):
        """COUNT 32-bit words of physical memory."""
        words = []
        for start in range(0, count, 1024):
            answer = self.hmp(f"xp /{min(1024, count - start)}xw {address + 4 * start:#x}")
            words += [int(word, 16) for line in answer.splitlines() for word in line.split(":")[1].split()]
        return words

    def physical_bytes(self, address, count):
        words = self.physical_words(address & ~3, (count + 3 + address % 4) // 4)
        data = b"".join(word.to_bytes(4, "little") for word in words)
        return data[address % 4:][:count]

    def screen(self):
        """The 25 rows of EGA text memory."""
        data = self.physical_bytes(0xB8000, 80 * 25 * 2)[::2].decode("cp437")
        return [data[i:i + 80].replace("\0", " ").rstrip() for i in range(0, 80 * 25, 80)]

    def screen_has(self, text):
        return any(row.startswith(text.rstrip()) for row in self.screen())

    # ---- the end ----

    def close(self):
        """Ends QEMU if it still runs, and writes the transcript."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        try:
            while self._receive(time.monotonic() + 5):
                pass
        except (BootError, OSError):
            pass
        self.process.stdin.close()
        self.process.stdout.close()
        self._qmp.close()
        if self.debugger:
            self.debugger.close()
        self._stderr.seek(0)
        noise = self._stderr.read().decode(errors="replace")
        self._stderr.close()
        self.transcript.with_suffix(".err").unlink()
        end = f"QEMU: exit code {self.process.returncode}"
        self.transcript.write_text(f"{' '.join(self.command)}\n\n{self.text()}\n\n{end}\n{noise}")


class Qmp:
    """QEMU's machine protocol: a JSON object per line."""

    def __init__(self, channel):
        channel.settimeout(LIMIT)
        self._channel = channel
        self._file = channel.makefile("rw", encoding="utf-8", newline="\n")
        self._greeted = False

    def execute(self, command, arguments=None):
        if not self._greeted:
            self._greeted = True
            self.execute("qmp_capabilities")
        self._file.write(json.dumps({"execute": command, "arguments": arguments or {}}) + "\n")
        self._file.flush()
        while True:
            answer = json.loads(self._file.readline())
            if "error" in answer:
                raise BootError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]

    def close(self):
        try:
            self._file.close()
        except OSError:
            pass  # nobody reads any more
        self._channel.close()


class Debugger:
    """The part of gdb's remote protocol that stops a processor and sets its registers and memory."""

    ESP, EBP, EIP, EFLAGS = 4, 5, 8, 9  # gdb's numbers of the i386 registers

    def __init__(self, channel):
        channel.settimeout(LIMIT)
        self._channel = channel

    def _send(self, packet):
        self._channel.sendall(f"${packet}#{sum(packet.encode()) % 256:02x}".encode())

    def ask(self, packet):
        self._send(packet)
        return self._answer()

    def _answer(self):
        buffer = b""
        while not (match := re.search(rb"\$([^#]*)#..", buffer)):
            piece = self._channel.recv(4096)
            if not piece:
                raise BootError("QEMU closed its debugger port")
            buffer += piece
        self._channel.sendall(b"+")
        return match[1].decode()

    def attach(self):
        """Attaches, which makes QEMU stop the machine."""
        self.ask("?")

    def interrupt(self):
        """Stops the processor where it is."""
        self._channel.sendall(b"\x03")
        self._answer()

    def run_to(self, address):
        """Runs to ADDRESS and stops before the instruction there."""
        assert self.ask(f"Z0,{address:x},1") == "OK"
        self._send("c")
        self._answer()
        assert self.ask(f"z0,{address:x},1") == "OK"

    def memory(self, address, count):
        return bytes.fromhex(self.ask(f"m{address:x},{count:x}"))

    def set_memory(self, address, data):
        assert self.ask(f"M{address:x},{len(data):x}:{data.hex()}") == "OK"

    def register(self, number):
        return int.from_bytes(bytes.fromhex(self.ask("g"))[number * 4:number * 4 + 4], "little")

    def set_register(self, number, value):
        registers = bytearray.fromhex(self.ask("g"))
        registers[number * 4:number * 4 + 4] = value.to_bytes(4, "little")
        assert self.ask(f"G{registers.hex()}") == "OK"

    def go(self):
        self._send("c")

    def close(self):
        self._channel.close()
