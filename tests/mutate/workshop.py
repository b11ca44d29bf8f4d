"""A copy of the sources in which one mutant at a time is built and tested.

The tests of a mutant are those of the host programs whose code it changes, and, if they leave it, those inside the
kernel. The tests that have found most, for the time that they take, come first."""
import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import time

LEFT_OUT = {"build", "docs", ".git", "__pycache__"}  # of the sources
PASS1, KERNEL = "build/quire.pass1.elf", "build/quire.elf"
QEMU = ["qemu-system-i386", "-kernel", KERNEL, "-initrd", "build/user/hello,build/user/touch", "-m", "64M",
        "-display", "none", "-no-reboot", "-nic", "none", "-serial", "stdio", "-monitor", "none",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
EXIT_OK = 33
FAILURE = re.compile(r"^(?:not ok \d+ (\S+)|(PANIC|page fault): .*|(Bail out!).*)\n", re.M)
LIMIT = 120  # seconds of processor time, for what is known to end
OUTPUT_LIMIT = 1 << 20
IN_KERNEL = (KERNEL, "test")
# Before all of the kernel's tests, those that are about the folder; each is a boot.
FITTING = {"kernel/process/": ["test=process_* rounds=20"], "mm/debug/": ["heap=debug test=heap_*", "heap=guard test=heap_*"]}


class Ended(Exception):
    """The program shows that something is wrong before it ends by itself."""


def limit(seconds):
    """Bounds the child's time, memory, files and importance. Its addresses are those of every run."""
    os.setsid()
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1,) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_FSIZE, (256 << 20, 256 << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def run(command, cwd, seconds, stop_at=None):
    """Runs it for at most SECONDS of processor time, or ten times as long in all; returns its exit code and what it
    printed. Raises Ended when a line matches STOP_AT, or when a limit is reached."""
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


def files_below(folder):
    """The sources there, as relative paths."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in found if not LEFT_OUT & set(path.parts)}


class Workshop:
    """FOLDER is where; I386 the folder of the i386 packages."""

    def __init__(self, root, folder, i386):
        self.folder, self.parts = folder, {}
        (folder / "build").mkdir(parents=True, exist_ok=True)
        if not (folder / "build/i386").exists():
            (folder / "build/i386").symlink_to(i386)
        self.copy(root)

    def copy(self, root):
        """Brings in the sources as they are now; files that have not changed are left, and need no building."""
        outputs = self.folder.parents[1]  # the build folder, whatever its name
        sources = {path for path in files_below(root) if outputs not in (root / path).parents}
        there = files_below(self.folder)
        for path in there - sources:
            (self.folder / path).unlink()
        for path in sources:
            copy = self.folder / path
            if path not in there or copy.read_bytes() != (root / path).read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(root / path, copy)

    def build_all(self):
        names = re.search(r"^HOST_TESTS := (.*)$", (self.folder / "tests/host/host.mk").read_text(), re.M)[1].split()
        self.programs = [f"build/host/test_{name}" for name in names]
        if (failed := self.make("all", *self.programs)):
            raise SystemExit(f"mutate: the sources do not build:\n{failed}")
        self.code = self.kernel_code()

    def make(self, *goals):
        """What it says when it fails."""
        try:
            code, output = run(["make", "-s", *goals], self.folder, LIMIT)
        except Ended as why:
            return str(why)
        return output or "make failed" if code else ""

    def kernel_code(self):
        """The kernel without its debug information."""
        stripped = self.folder / "build/stripped"
        subprocess.run(["objcopy", "--strip-debug", self.folder / PASS1, stripped], check=True)
        return stripped.read_bytes()

    # ---- tests: what each returns is the name of the test that fails, or None ----

    def programs_of(self, path):
        """The host programs that the file is a part of. Their tests, and the kernel's, pass without a mutant; what each
        takes is known then."""
        if path not in self.parts:
            started = time.time()
            (self.folder / path).touch()
            if (failed := self.make("all", *self.programs)):
                raise SystemExit(f"mutate: the sources do not build:\n{failed}")
            self.parts[path] = [name for name in self.programs if (self.folder / name).stat().st_mtime >= started]
        for program in self.parts[path]:
            if (program, None) not in self.seconds:
                names = run([program, "--list"], self.folder, LIMIT)[1].split()
                self.seconds.update({(program, name): self.time(self.host_test, program, name, LIMIT) for name in names})
                self.seconds[program, None] = 0
        for name in self.boots(path):
            if name not in self.seconds:
                self.seconds[name] = self.time(self.kernel_tests, name, LIMIT)
        return self.parts[path]

    def boots(self, path):
        fitting = [lines for folder, lines in FITTING.items() if path.startswith(folder)]
        return [(KERNEL, line) for line in sum(fitting, [])] + [IN_KERNEL]

    def time(self, test, *arguments):
        """The seconds of processor time of a test, which must pass."""
        start = os.times()
        if (failed := test(*arguments)):
            raise SystemExit(f"mutate: {failed} fails without a mutant")
        end = os.times()
        return end.children_user + end.children_system - start.children_user - start.children_system

    def use(self, seconds, kills):
        self.seconds, self.kills = seconds, kills

    def host_test(self, program, test, seconds):
        try:
            code, _ = run([program, test], self.folder, seconds)
        except Ended as why:
            return f"{test} ({why})"
        return test if code not in (0, 77) else None  # HOST_SKIP of support.h

    def kernel_tests(self, name, seconds):
        try:
            code, _ = run([*QEMU, "-append", name[1]], self.folder, seconds, FAILURE)
        except Ended as why:
            return f"in the kernel: {why}"
        return None if code == EXIT_OK else f"in the kernel: exit code {code}"

    def test(self, name):
        limit = 2 + 4 * self.seconds[name]
        failed = self.kernel_tests(name, limit) if name[0] == KERNEL else self.host_test(*name, limit)
        self.kills[name] += bool(failed)
        return failed

    def host_tests(self, programs):
        """The first that fails of those of PROGRAMS."""
        names = sorted([name for name in self.seconds if name[0] in programs and name[1]], key=self.cost)
        return next(filter(None, map(self.test, names)), None)

    def cost(self, name):
        """Seconds for each mutant that the test is likely to find."""
        return (self.seconds[name] + 0.02) / (self.kills[name] + 0.1)

    # ---- a mutant ----

    def judge(self, mutant):
        """(verdict, by which test)"""
        programs = self.programs_of(mutant.path)
        path = self.folder / mutant.path
        original = path.read_bytes()
        path.write_bytes(mutant.apply(original.decode("latin-1")).encode("latin-1"))
        try:
            return self.judge_tree(mutant.path, programs)
        finally:
            path.write_bytes(original)

    def judge_tree(self, path, programs):
        if self.make(PASS1):
            return "does not compile", ""
        if self.kernel_code() == self.code:
            return "same code", ""
        if programs and self.make(*programs):
            return "does not compile", ""
        failed = self.host_tests(programs)
        if not failed:
            if self.make(KERNEL):
                return "does not compile", ""
            failed = next(filter(None, map(self.test, self.boots(path))), None)
        return ("killed", failed) if failed else ("survived", "")
