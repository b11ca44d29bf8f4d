"""Other emulators: Bochs and v86, with the interface of quire.Machine."""
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

from quire import BootError, LIMIT, Machine, _die_with_parent

V86_RUN = Path(__file__).parent / "v86" / "run.mjs"
SEABIOS = Path("/usr/share/seabios")
VGA_BIOS = SEABIOS / "vgabios-stdvga.bin"  # Debian's seabios replaces the package that has Bochs' own
BOCHS_BIOS = Path("/usr/share/bochs/BIOS-bochs-latest")


class Emulator(Machine):
    """A process whose serial line is a pipe."""

    def __init__(self, transcript, command, **options):
        self.transcript, self.command = transcript, [str(word) for word in command]
        self._text, self._seen = "", 0
        transcript.parent.mkdir(parents=True, exist_ok=True)
        self._stderr = open(transcript.with_suffix(".err"), "w+b")
        self.process = subprocess.Popen(self.command, bufsize=0, stderr=self._stderr,
                                        preexec_fn=_die_with_parent, **options)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._stderr.seek(0)
        noise = self._stderr.read().decode(errors="replace")
        self._stderr.close()
        self.transcript.with_suffix(".err").unlink()
        self.transcript.write_text(f"{' '.join(self.command)}\n\n{self.text()}\n\n{noise}")


class V86(Emulator):
    """v86 under node, from KERNEL with CMDLINE, or from DISC."""

    def __init__(self, transcript, package, *, kernel=None, cmdline="", disc=None, memory=64):
        how = ["kernel", kernel, cmdline] if kernel else ["disc", disc]
        super().__init__(transcript, ["node", V86_RUN, package, SEABIOS / "bios.bin", VGA_BIOS, memory,
                                      *how],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @staticmethod
    def why_not(package):
        """Why it cannot run here, or None."""
        if not shutil.which("node"):
            return "node is not installed"
        if not (package / "build" / "libv86.mjs").exists():
            return "v86 was not brought by npm"
        return None if VGA_BIOS.exists() else "seabios is not installed"

    def close(self):
        super().close()
        self.process.stdin.close()
        self.process.stdout.close()


BOCHS_RC = """\
display_library: rfb, options="timeout=0"
romimage: file={bios}
vgaromimage: file={vga_bios}
cpu: ips=50000000
clock: sync=none
megs: {memory}
ata0-master: type=cdrom, path={disc}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={directory}/serial
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
log: {directory}/log
panic: action=fatal
"""


class Bochs(Emulator):
    """Bochs from DISC. Its serial line is a file, so nothing can be typed. Its debugger has a terminal of its own, and
    is told to continue at the start."""

    PROMPT = re.compile(rb"<bochs:\d+> ?$")

    def __init__(self, transcript, directory, disc, memory=32):
        rc, go = directory / "bochsrc", directory / "go"
        rc.write_text(BOCHS_RC.format(bios=BOCHS_BIOS, vga_bios=VGA_BIOS, memory=memory, disc=disc,
                                      directory=directory))
        go.write_text("c\n")
        self._log = directory / "log"
        self._serial_path = directory / "serial"
        self._serial_path.touch()
        self._serial = open(self._serial_path, "rb")
        self._terminal, other_end = pty.openpty()
        super().__init__(transcript, ["bochs-bin", "-q", "-f", rc, "-rc", go], stdin=other_end, stdout=other_end)
        os.close(other_end)

    @staticmethod
    def why_not():
        if not shutil.which("bochs-bin"):
            return "bochs is not installed"
        return None if BOCHS_BIOS.exists() and VGA_BIOS.exists() else "bochsbios or seabios is not installed"

    def _drain(self):
        """Reads Bochs' terminal, so that Bochs never blocks on it."""
        said = b""
        while select.select([self._terminal], [], [], 0)[0]:
            try:
                piece = os.read(self._terminal, 65536)
            except OSError:
                break
            if not piece:
                break
            said += piece
        return said

    def _receive(self, deadline):
        while True:
            self._drain()
            data = self._serial.read()
            if data:
                self._text += data.decode("latin-1")
                return True
            if self.process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise BootError(f"nothing more within the time limit, after: {self.text()[-300:]!r}")
            time.sleep(0.1)

    def type_on_keyboard(self, text):
        """Presses and releases a key for each character of TEXT, over Bochs's display (RFB 3.3), and stays connected until
        their echo is there."""
        port = int(re.search(r"listening for connections on port (\d+)", self._log.read_text(errors="replace"))[1])
        with socket.create_connection(("127.0.0.1", port), LIMIT) as display:
            receive = display.makefile("rb")
            receive.read(12)
            display.sendall(b"RFB 003.003\n")
            assert receive.read(4) == b"\0\0\0\1"  # no password
            display.sendall(b"\1")
            screen = receive.read(24)  # its size and format, and the length of its name
            receive.read(int.from_bytes(screen[20:], "big"))
            for character in text:
                key = 0xFF0D if character == "\n" else ord(character)
                for down in (1, 0):
                    display.sendall(struct.pack(">BBHI", 4, down, 0, key))
            deadline = time.monotonic() + LIMIT
            while text.rstrip("\n") not in self.text()[self._seen:]:
                self._receive(deadline)

    def _debugger_prompt(self, limit):
        said, deadline = b"", time.monotonic() + limit
        while not self.PROMPT.search(said):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise BootError(f"no prompt of Bochs's debugger after {said[-300:]!r}")
            time.sleep(0.05)
            said += self._drain()
        return said.decode("latin-1").replace("\r", "")

    def stop(self, limit=LIMIT):
        """Stops the machine; then the debugger answers."""
        self._drain()
        self.process.send_signal(signal.SIGINT)
        self._debugger_prompt(limit)

    def ask(self, line, limit=LIMIT):
        """The debugger's answer."""
        os.write(self._terminal, (line + "\n").encode())
        return self._debugger_prompt(limit)

    def close(self):
        super().close()
        self._serial.close()
        os.close(self._terminal)
