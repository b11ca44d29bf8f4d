"""A copy of the sources in which one mutant at a time is built and tested.

A mutant meets the host tests that run its statement, first without the sanitizers, which take most of the time, then
with them; and, if they leave it, the tests inside the kernel, at last in one that is built with the sanitizer. The tests
that have found most, for the time that they take, come first."""
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from builds import Build, DoesNotBuild, DoesNotCompile
from limits import LIMIT, Ended, run

LEFT_OUT = {"build", "docs", ".git", "__pycache__"}  # of the sources
KERNEL, UBSAN = "build/quire.elf", "build/ubsan"
# Where the host programs are built, and how, besides as make test does.
PLAIN, SANITIZED, COVERED = "build/plain", "build/host", "build/covered"
FLAGS = {PLAIN: ["HOST_SANITIZE=-Og -g0"], SANITIZED: [], COVERED: ["HOST_SANITIZE=--coverage -O1"]}
GCOV = re.sub("gcc$", "gcov", os.environ.get("HOST_CC", "i686-linux-gnu-gcc"))
EMULATOR = os.environ.get("EMULATOR", "").split()  # runs the host programs, where the system itself does not
QEMU = ["qemu-system-i386", "-initrd", "build/user/hello,build/user/touch", "-m", "64M",
        "-display", "none", "-no-reboot", "-nic", "none", "-serial", "stdio", "-monitor", "none",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
EXIT_OK = 33
FAILURE = re.compile(r"^(?:not ok \d+ (\S+)|(PANIC|page fault): .*|(Bail out!).*)\n", re.M)
IN_KERNEL = (KERNEL, "test")
SLOWER = 4  # so many times longer may the kernel with the sanitizer take
# Before all of the kernel's tests, those that are about the folder; each is a boot. With heap=guard a use of freed memory,
# or of what lies behind an object, is a fault.
FITTING = {"kernel/process/": ["test=process_* rounds=20", "heap=guard test=process_* rounds=20"],
           "mm/debug/": ["heap=debug -- alloc 77; exit",  # the heap's first object: before tests it gives back what is spare
                         *[f"heap={mode} test={tests}_*" for tests in ("heap", "kmalloc") for mode in ("debug", "guard")]]}


def files_below(folder):
    """The sources there, as relative paths."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path for path in found if not LEFT_OUT & set(path.parts)}


def digest_of(path):
    return hashlib.sha1(path.read_bytes()).hexdigest()


class Workshop:
    """FOLDER is where; I386 the folder of the i386 packages. A test is (program, name), a boot (KERNEL, options)."""

    def __init__(self, root, folder, i386):
        self.folder = folder
        (folder / "build").mkdir(parents=True, exist_ok=True)
        if not (folder / "build/i386").exists():
            (folder / "build/i386").symlink_to(i386)
        self.copy(root)
        names = re.search(r"^HOST_TESTS := (.*)$", (folder / "tests/host/host.mk").read_text(), re.M)[1].split()
        self.programs = [f"test_{name}" for name in names]
        self.kernel = Build(folder, ["all", KERNEL])
        self.host = {place: self.build_host(place) for place in (PLAIN, SANITIZED)}

    def build_host(self, place):
        return Build(self.folder, [f"{place}/{program}" for program in self.programs], [f"HOST_OUT={place}", *FLAGS[place]])

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

    # ---- before the first mutant: which tests there are, how long each takes, and which lines of PATHS it runs ----

    def measure(self, paths):
        covered, self.seconds, self.ran, self.known = self.build_host(COVERED), {}, {}, set()
        for program in self.programs:
            if any(self.is_part(path, program) for path in paths):
                tests, known = self.measured(covered, f"{COVERED}/{program}")
                self.known |= set(map(tuple, known))
                for name, (seconds, lines) in tests.items():
                    self.seconds[program, name], self.ran[program, name] = seconds, set(map(tuple, lines))
        for boot in {boot for path in paths for boot in self.boots(path)}:
            self.seconds[boot] = self.time(self.kernel_tests, boot, LIMIT)

    def measured(self, covered, program):
        """{test: (its seconds, the lines that it runs)}, and all lines; kept in a file while it stays the same program."""
        kept = self.folder / f"{program}.{digest_of(self.folder / program)}"
        if not kept.exists():
            objects = [self.folder / name for name in covered.parts(program) if "/tests/" not in name]
            tests, known = {}, set()
            for name in self.tests_in(Path(program).name):
                for path in objects:
                    path.with_suffix(".gcda").unlink(missing_ok=True)
                seconds = self.time(self.host_test, (Path(program).name, name), COVERED, LIMIT)
                counts = self.line_counts(objects)
                tests[name] = seconds, [line for line, count in counts if count]
                known |= {line for line, _ in counts}
            kept.write_text(json.dumps([tests, list(known)]))
        return json.loads(kept.read_text())

    def tests_in(self, program):
        return run([*EMULATOR, f"{PLAIN}/{program}", "--list"], self.folder, LIMIT)[1].split()

    def line_counts(self, objects):
        data = [path for name in objects if (path := name.with_suffix(".gcda")).exists()]
        if not data:
            return []
        reports = subprocess.run([GCOV, "--json-format", "--stdout", *data], cwd=self.folder, capture_output=True,
                                 text=True, check=True).stdout.splitlines()
        return [((file["file"], line["line_number"]), line["count"]) for report in reports if report
                for file in json.loads(report)["files"] for line in file["lines"]]

    def time(self, run_test, *arguments):
        """The seconds of processor time of a test, which must pass."""
        start = os.times()
        if (failed := run_test(*arguments)):
            raise SystemExit(f"mutate: {failed} fails without a mutant")
        end = os.times()
        return end.children_user + end.children_system - start.children_user - start.children_system

    def use(self, kills, measured):
        """Shares the counts of KILLS, and what the workshop MEASURED knows."""
        self.kills, self.seconds, self.ran, self.known = kills, measured.seconds, measured.ran, measured.known

    # ---- tests: what each returns is the name of the test that fails, or None ----

    def is_part(self, path, program):
        return bool(set(self.host[PLAIN].objects[path]) & self.host[PLAIN].parts(f"{PLAIN}/{program}"))

    def tests_of(self, mutant):
        """The host tests that run its statement; where no line of it is known to the compiler, all of the programs that
        the file is a part of."""
        lines = {(mutant.path, line) for line in range(mutant.statement, mutant.line + 1)}
        found = [test for test in self.ran if self.is_part(mutant.path, test[0])]
        return [test for test in found if lines & self.ran[test]] if lines & self.known else found

    def boots(self, path):
        fitting = [lines for folder, lines in FITTING.items() if path.startswith(folder)]
        return [(KERNEL, line) for line in sum(fitting, [])] + [IN_KERNEL]

    def host_test(self, test, place, seconds):
        program, name = test
        try:
            code, _ = run([*EMULATOR, f"{place}/{program}", name], self.folder, seconds)
        except Ended as why:
            return f"{name} ({why})"
        return name if code not in (0, 77) else None  # HOST_SKIP of support.h

    def kernel_tests(self, boot, seconds):
        try:
            code, _ = run([*QEMU, "-kernel", boot[0], "-append", boot[1]], self.folder, seconds, FAILURE)
        except Ended as why:
            return f"in the kernel: {why}"
        return None if code == EXIT_OK else f"in the kernel: exit code {code}"

    def first_failing(self, tests, run_test):
        for test in tests:
            if (failed := run_test(test)):
                self.kills[test] += 1
                return failed
        return None

    def cost(self, test):
        """Seconds for each mutant that the test is likely to find."""
        return (self.seconds[test] + 0.02) / (self.kills[test] + 0.1)

    # ---- a mutant ----

    def judge(self, mutant):
        """(verdict, by which test)"""
        path = self.folder / mutant.path
        original = path.read_bytes()
        path.write_bytes(mutant.apply(original.decode("latin-1")).encode("latin-1"))
        try:
            return self.judge_tree(mutant)
        except DoesNotCompile:
            return "does not compile", ""
        finally:
            path.write_bytes(original)
            for build in (self.kernel, *self.host.values()):
                build.restore()

    def judge_tree(self, mutant):
        tests = self.tests_of(mutant)
        failed = self.test_on_host(PLAIN, mutant, tests)
        if not failed and not self.kernel.compile(mutant.path):
            return "same code", ""
        failed = failed or self.test_on_host(SANITIZED, mutant, tests) or self.test_in_kernel(mutant) or \
            self.test_in_sanitized_kernel(mutant)
        return ("killed", failed) if failed else ("survived", "")

    def test_on_host(self, place, mutant, tests):
        def run_test(test):
            changed = self.host[place].link(f"{place}/{test[0]}", mutant.path)
            return self.host_test(test, place, 4 * self.seconds[test]) if changed else None

        return self.first_failing(sorted(tests, key=self.cost), run_test)

    def test_in_kernel(self, mutant):
        try:
            self.kernel.make()
        except DoesNotBuild:
            return "the kernel's build"
        return self.first_failing(self.boots(mutant.path), lambda boot: self.kernel_tests(boot, 4 * self.seconds[boot]))

    def test_in_sanitized_kernel(self, mutant):
        if run(["make", "-s", f"BUILD={UBSAN}", "UBSAN=1", "all"], self.folder, LIMIT)[0]:
            return "the sanitizer's build"
        return self.first_failing(self.boots(mutant.path), lambda boot: self.kernel_tests(
            (f"{UBSAN}/quire.elf", boot[1]), 4 * SLOWER * self.seconds[boot]))
