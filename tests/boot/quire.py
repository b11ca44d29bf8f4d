"""Quire in QEMU: a machine that is started, listened to, typed at, looked into and always ended.

The serial line is a pair of pipes (a socket holds but some 200 single bytes until it is read: Quire would
wait for the UART, and count instructions). QEMU's own monitor (QMP) and its debugger port are socket pairs,
handed to QEMU, so that nothing of a machine outlives it. Where Machine waits it has a limit; when that is
over, or QEMU ends too soon, it raises BootError. It ends no process but the one it started."""
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

PROMPT = "quire> "
BANNER = re.compile(r"^quire: (?!ready)", re.M)
TROUBLE = re.compile(r"^(PANIC|page fault): .*", re.M)
ESCAPE = re.compile(r"\x1b(?:\[[0-9;?]*(?:[A-Za-z]|\Z)|\Z)")  # at the end, also one that is yet to be completed

EXIT_OK, EXIT_FAILED = 33, 35
LIMIT = 300  # seconds; it only ends what hangs: a boot takes a fraction of one, on a loaded machine a few


class BootError(AssertionError):
    """The machine did not do what was waited for."""


def _die_with_parent():
    """Ends QEMU when the test run is killed (Linux; elsewhere it would stay until its test is over)."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        pass


class Machine:
    """One QEMU. Give kernel (with cmdline and modules) or cdrom.

    firmware, in place of kernel and cdrom, is QEMU's options for whatever else is booted. modules are -initrd's entries, "FILE ARGUMENTS" each. debugger=True offers .debugger; exit_port=False
    leaves the isa-debug-exit device out, serial=False the UART."""

    def __init__(self, transcript, *, kernel=None, cdrom=None, cmdline=None, modules=(), memory="128M",
                 cpu=None, system="i386", exit_port=True, serial=True, icount=False, debugger=False,
                 firmware=None, extra=()):
        self.transcript = transcript
        self._text = ""
        self._seen = 0  # what expect() has gone past
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
        """All that came over the serial line so far, without carriage returns and escape sequences."""
        return ESCAPE.sub("", self._text.replace("\r", ""))

    def lines(self):
        return self.text().split("\n")

    def _receive(self, deadline):
        """One more piece of the serial line; False at its end."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            raise BootError(f"nothing more within the time limit, after: {self.text()[-300:]!r}")
        data = os.read(self.process.stdout.fileno(), 65536)
        self._text += data.decode("latin-1")
        return data != b""

    def expect(self, pattern, limit=LIMIT):
        """The match of PATTERN (multi-line) in what has not been gone past yet; goes past it."""
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
        """Reads to the end; QEMU's exit code."""
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
        """The panic's or page fault's first line."""
        match = TROUBLE.search(self.text())
        return match[0] if match else None

    def quiet_for(self, seconds):
        """Nothing is printed and the machine is not reset while SECONDS pass."""
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
        """Waits for the next prompt; the text before it. A panic or a second boot on the way fails."""
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
        """Leaves by COMMAND; the exit code."""
        self.type(command + "\n")
        return self.exit_code()

    # ---- looking in from outside ----

    def stop_halted(self, limit=LIMIT):
        """Stops the processor, by its debugger, while HLT makes it wait for input."""
        deadline = time.monotonic() + limit
        self.debugger.interrupt()
        while "HLT=1" not in self.hmp("info registers"):
            assert time.monotonic() < deadline, "it never halts"
            self.debugger.go()
            self.debugger.interrupt()

    def qmp(self, command, arguments):
        """What QEMU's machine protocol answers."""
        return self._qmp.execute(command, arguments)

    def hmp(self, line):
        """The answer of QEMU's monitor."""
        return self.qmp("human-monitor-command", {"command-line": line}).replace("\r", "")

    def registers(self):
        """Control registers and the like by name: CR0, CR2, CR3, CR4, EIP, ..."""
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
    """QEMU's machine protocol: one JSON object a line."""

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
            pass  # what was left to write found no reader
        self._channel.close()


class Debugger:
    """As much of gdb's remote protocol as it takes to put a processor where no command would."""

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
        """Says hello, upon which QEMU stops the machine."""
        self.ask("?")

    def interrupt(self):
        """Stops the processor where it is."""
        self._channel.sendall(b"\x03")
        self._answer()

    def run_to(self, address):
        """Goes on until ADDRESS is next, and stops there."""
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
