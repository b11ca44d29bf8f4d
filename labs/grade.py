"""Grades a lab: a line an exercise, `NAME: P/Q`, what is wrong below it in words, and `total: P/Q` last. The exit code is 0
only when all points are reached.

Each case of each exercise is a process or an emulated machine of its own, with bounded time, memory and output, so that no
mistake reaches further than its own case. The tests call what is to be written directly; what an exercise needs besides it
comes from files that the lab leaves whole (lab.ini: with), never from other exercises."""
import argparse
import concurrent.futures
import configparser
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from lab import LABS, Lab

ROOT = LABS.parent
HARNESS = LABS / "harness"

COMPILE_SECONDS = 20
WALL = 3  # seconds that may pass for each of the processor's
EMULATED = 4  # seconds for each that a case has, where the tests run in an emulator
MEMORY_KB = 1536 * 1024
FILE_BLOCKS = 65536  # of 512 bytes
OUTPUT_BYTES = 256 * 1024

HOST_INCLUDE = ["-iquote", "labs/harness", "-iquote", "tests/host/include", "-iquote", "include", "-iquote", "mm",
                "-iquote", "tests/host", "-iquote", ".", "-isystem", "labs/harness"]
KERNEL_INCLUDE = ["-iquote", "labs/harness", "-iquote", "include", "-iquote", "mm", "-iquote", "."]

RUNNER = {"host": ["labs/harness/host.c"],
          "kernel": ["labs/harness/boot.S", "labs/harness/kernel.c", "kernel/lib/format.c", "kernel/lib/string.c"]}

# What the kernel's linker script defines, for mm/ on the build machine.
LAYOUT = ["kernel_start=0x100000", "text_end=0x10c000", "rodata_start=0x10c000", "rodata_end=0x110000",
          "data_start=0x110000", "fault_stack_guard=0x113000", "fault_stack_bottom=0x114000",
          "fault_stack_top=0x116000", "boot_stack_guard=0x118000", "boot_stack_bottom=0x119000",
          "boot_stack_top=0x11d000", "data_end=0x130000", "symtab_start=0x130000", "kernel_end=0x138000"]


# ---- running a command that cannot be trusted to end ----

class Ran:
    def __init__(self, status, output, timed_out, flooded):
        self.status, self.output, self.timed_out, self.flooded = status, output, timed_out, flooded


def bounded(command, seconds, given="", memory=True):
    """Runs COMMAND with GIVEN on standard input, for SECONDS of the processor's time; where others use the machine too,
    that takes longer. Standard error goes to its standard output."""
    limits = f"ulimit -c 0; ulimit -f {FILE_BLOCKS}; ulimit -S -t {seconds}; ulimit -H -t {seconds + 2}; " + \
        (f"ulimit -v {MEMORY_KB}; " if memory else "")
    process = subprocess.Popen(["sh", "-c", limits + 'exec "$@"', "sh", *command], cwd=ROOT, start_new_session=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    timed_out = []

    def stop():
        timed_out.append(True)
        kill(process, signal.SIGPROF)  # host.c says where it is
        time.sleep(1)
        if process.returncode is None:
            kill(process)

    timer = threading.Timer(WALL * seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        process.stdin.write(given.encode())
        process.stdin.close()
    except BrokenPipeError:
        pass
    output, flooded = b"", False
    while chunk := process.stdout.read1(65536):
        output += chunk
        if len(output) > OUTPUT_BYTES:
            flooded = True
            break
    kill(process)  # whatever it has left behind
    status = process.wait()
    process.stdout.close()
    timer.cancel()
    return Ran(status, output.decode(errors="replace"), bool(timed_out), flooded)


def kill(process, number=signal.SIGKILL):
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        pass


# ---- building ----

class DoesNotCompile(Exception):
    pass


def first_errors(output, lines=5):
    """The compiler's first lines about errors."""
    errors = [line for line in output.splitlines() if re.search(r"error|undefined reference|multiple definition", line)]
    return [line[:200] for line in (errors or output.splitlines())[:lines]]


def run_compiler(command, what):
    ran = bounded(command, COMPILE_SECONDS)
    if ran.timed_out or ran.flooded or ran.status == -signal.SIGXCPU:
        raise DoesNotCompile([f"{what}: the compiler does not come to an end"])
    if ran.status:
        raise DoesNotCompile(first_errors(ran.output))


def digest(words, files):
    """Of WORDS and of the FILES' contents."""
    sum_ = hashlib.sha256("\0".join(words).encode())
    for file in files:
        sum_.update((ROOT / file).read_bytes())
    return sum_.hexdigest()


class Builder:
    """Objects and programs below FOLDER. An object stays there for the next run, with a digest of all that went into it."""

    def __init__(self, folder):
        self.folder = folder
        self.objects = {}

    def compile(self, kind, path):
        target = self.folder / f"{kind}-{str(path).replace('/', '_')}.o"
        key, depends = target.with_suffix(".key"), target.with_suffix(".d")
        command = os.environ["KERNEL_COMPILE" if kind == "kernel" else "HOST_COMPILE"].split()
        command += KERNEL_INCLUDE + ["-DCHECK_KERNEL"] if kind == "kernel" else HOST_INCLUDE

        def current():
            return digest(command, depends.read_text().replace("\\\n", " ").split(":", 1)[1].split())

        try:
            if target.exists() and key.read_text() == current():
                return target
        except OSError:
            pass
        target.unlink(missing_ok=True)
        run_compiler([*command, "-w", "-MMD", "-MF", str(depends), "-c", str(path), "-o", str(target)], path)
        key.write_text(current())
        return target

    def compiled(self, kind, path):
        if (kind, path) not in self.objects:
            try:
                self.objects[kind, path] = self.compile(kind, path)
            except DoesNotCompile as error:
                self.objects[kind, path] = error
        if isinstance(self.objects[kind, path], DoesNotCompile):
            raise self.objects[kind, path]
        return self.objects[kind, path]

    def program(self, exercise, test, name):
        """The program NAME: TEST, linked with EXERCISE's files."""
        kind = exercise.on
        runner = RUNNER[kind]
        sources = [*runner, str(Path(os.path.relpath(test, ROOT))), *exercise.sources]
        objects = [str(self.compiled(kind, path)) for path in sources]
        target = self.folder / name
        if kind == "kernel":
            link = [*os.environ["KERNEL_LINK"].split(), "-T", "labs/harness/kernel.ld", *exercise.link]
        else:
            layout = [f"-Wl,--defsym={each}" for each in LAYOUT] if "layout" in exercise.link else []
            link = [*os.environ["HOST_LINK"].split(), *layout,
                    *(f"-Wl,--wrap={each[5:]}" for each in exercise.link if each.startswith("wrap="))]
        run_compiler([*link, *objects, "-o", str(target)], "linking")
        return target


# ---- one case ----

def place_of(program, address):
    """FUNCTION (FILE:LINE) of ADDRESS in PROGRAM, or nothing."""
    tool = shutil.which("i686-linux-gnu-addr2line") or shutil.which("addr2line")
    if not tool:
        return ""
    out = bounded([tool, "-f", "-e", str(program), address], 10).output.split("\n")
    if len(out) < 2 or out[0].startswith("?"):
        return ""
    where = re.sub(r" \(.*", "", out[1]).removeprefix(f"{ROOT}/")
    return f"{out[0]} ({where})"


def crash_in_words(output):
    """What the sanitizers say, without their tables."""
    undefined = re.search(r"^(\S+:\d+):\d+: runtime error: (.*)", output, re.M)
    if undefined:
        return f"{undefined.group(2)} ({undefined.group(1).removeprefix(f'{ROOT}/')})"
    if output.endswith("\ntriple fault"):
        return "the machine reset itself: an exception could not be delivered (a triple fault)"
    kind = re.search(r"ERROR: AddressSanitizer:? ((?:attempting )?[\w-]+)(?: on (?:unknown )?address (0x[0-9a-f]+))?", output)
    if not kind:
        return None
    frame = re.search(r"#\d+ 0x[0-9a-f]+ in (\w+) (?:\S*/)?((?:mm|include)/\S+:\d+)", output)
    place = f" in {frame.group(1)} ({frame.group(2)})" if frame else ""
    address = f" at 0x{int(kind.group(2), 16):08x}" if kind.group(2) else ""
    variable = re.search(r"(?:after|before|inside of) global variable '(\w+)'", output)
    names = {"SEGV": f"an access through a wild pointer{address}",
             "attempting double-free": "an object of the heap is freed twice",
             "attempting free": "what is no object of the heap is freed",
             "heap-use-after-free": "an object of the heap is used after it was freed",
             "stack-overflow": "the stack overflows: endless recursion?",
             "global-buffer-overflow": "an access beyond the end of " + (variable.group(1) if variable else "an array")}
    return names.get(kind.group(1), f"{kind.group(1)}{address}") + place


def judge(ran, word, program, seconds):
    """Why the case is not passed, or None."""
    said = re.findall(rf"^{word} (.*?)\r?$", ran.output, re.M)
    doing = re.findall(rf"^{word}: (.*?)(?:: )?\r?$", ran.output, re.M)
    before = doing[-1] + ": " if doing else ""
    if ran.flooded:
        return f"{before}it prints without end: stopped after {OUTPUT_BYTES // 1024} KiB"
    if said and said[-1].startswith("endless"):
        place = place_of(program, said[-1].split()[1])
        return f"{before}it does not come to an end: after {seconds} s it is in {place or said[-1].split()[1]}"
    if said:
        return None if said[-1] == "passed" else said[-1]
    if ran.timed_out or ran.status == -signal.SIGXCPU:
        return f"{before}it does not come to an end: stopped after {seconds} s"
    return before + (crash_in_words(ran.output) or died_in_words(ran))


def died_in_words(ran):
    if ran.status in (-signal.SIGKILL, -signal.SIGABRT):
        return "it was stopped by the system: too much memory"
    if ran.status < 0:
        return f"it died of {signal.Signals(-ran.status).name}"
    last = ran.output.strip().split("\n")[-1][:120]
    return "the program ended before the test did" + (f": {last}" if last else "")


def run_host(program, case, seconds):
    word = secrets.token_hex(8)
    emulator = os.environ.get("HOST_RUN", "").split()
    seconds *= EMULATED if emulator else 1
    plain = ["setarch", "-R"] if shutil.which("setarch") else []
    ran = bounded([*plain, *emulator, str(program), case, str(seconds)], seconds + 1, word + "\n",
                  memory=not emulator)
    return judge(ran, word, program, seconds)


def run_kernel(program, case, seconds):
    word = secrets.token_hex(8)
    ran = bounded([os.environ["EMULATOR"], "-kernel", str(program), "-append", f"{word} {case}", "-m", "16M", "-display",
                   "none", "-serial", "stdio", "-net", "none", "-no-reboot", "-device",
                   "isa-debug-exit,iobase=0xf4,iosize=4"], seconds, memory=False)
    if not (ran.timed_out or ran.flooded) and ran.status == 0:
        ran.output += "\ntriple fault"
    return judge(ran, word, program, seconds)


# ---- an exercise ----

# What was being done, before a panic, an endless loop or a crash.
CALL = re.compile(r"\A.*?: (?=a panic where nothing is wrong: |it does not come to an end|the stack overflows)", re.S)
ENDLESS = re.compile(r"\A(it does not come to an end).*", re.S)  # where it was stopped is chance


class Grade:
    def __init__(self, exercise):
        self.exercise = exercise
        self.results = []  # (points, case, hidden, why not or None)

    @property
    def points(self):
        return sum(points for points, _, _, why in self.results if why is None)

    def troubles(self):
        """{what is wrong: [cases]}, in order; the same end of several calls is told once, with the first call."""
        found, first = {}, {}
        for _, case, _, why in self.results:
            if why is not None:
                why = first.setdefault(ENDLESS.sub(r"\1", CALL.sub("", why, count=1)), why)
                found.setdefault(why, []).append(case)
        return found

    def lines(self):
        yield f"{self.exercise.name}: {self.points}/{self.exercise.points}"
        for why, cases in self.troubles().items():
            more = f" and {len(cases) - 3} more" if len(cases) > 3 else ""
            stub = why.startswith("not written yet")
            text = why if stub else f"{', '.join(cases[:3])}{more}: {why}"
            yield from ("    " + line for line in text.split("\n"))


def grade_exercise(builder, exercise, hidden_test, pool):
    """Compiles and starts all cases; the result is to be waited for."""
    run = run_kernel if exercise.on == "kernel" else run_host
    programs = {}

    def program(hidden):
        if hidden not in programs:
            what = (hidden_test, f"{exercise.name}-hidden") if hidden else (exercise.test, exercise.name)
            try:
                programs[hidden] = builder.program(exercise, *what)
            except DoesNotCompile as error:
                programs[hidden] = error
        return programs[hidden]

    def start(case, hidden):
        built = program(hidden)
        if isinstance(built, DoesNotCompile):
            return lambda: "it does not compile:\n    " + "\n    ".join(built.args[0])
        return pool.submit(run, built, case, exercise.seconds).result

    return [(points, case, hidden, start(case, hidden)) for points, case, hidden in exercise.cases]


def grade(exercises, build, hidden):
    build.mkdir(parents=True, exist_ok=True)
    grades, builder = [], Builder(build)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        started = [(exercise, grade_exercise(builder, exercise, hidden.get(exercise.name), pool)) for exercise in exercises]
        for exercise, cases in started:
            result = Grade(exercise)
            result.results = [(points, case, hidden, why()) for points, case, hidden, why in cases]
            grades.append(result)
            print("\n".join(result.lines()), flush=True)
    return grades


# ---- a teacher's hidden tests ----

def add_hidden(lab, folder):
    """FOLDER has a lab.ini with `cases` for exercises, and tests/test_EXERCISE.c. Returns {exercise: test}."""
    if not folder:
        return {}
    config = configparser.ConfigParser(delimiters=("=",))
    if not config.read(Path(folder) / "lab.ini"):
        raise SystemExit(f"{folder} has no lab.ini")
    tests = {}
    for section in config.sections():
        exercise = lab.find(section)
        exercise.add_cases(config[section]["cases"], True)
        tests[exercise.name] = Path(folder).resolve() / "tests" / config[section].get("test", f"test_{exercise.name}.c")
    return tests


# ---- Gradescope ----

def gradescope(lab, grades):
    """What Gradescope reads from results.json: a test for each case."""
    tests = [{"name": f"{grade.exercise.name}: {case}", "score": points if why is None else 0, "max_score": points,
              "status": "passed" if why is None else "failed", "output": why or "",
              "visibility": "after_published" if hidden else "visible"}
             for grade in grades for points, case, hidden, why in grade.results]
    return {"output": f"Lab {lab.name}: {lab.title}", "score": sum(grade.points for grade in grades), "tests": tests}


def remember(path, grades):
    """For hint.py: the points of each exercise, as it was graded last."""
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        known = {}
    path.write_text(json.dumps(known | {grade.exercise.name: grade.points for grade in grades}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lab")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--exercise")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--hidden")
    options = parser.parse_args()

    lab = Lab(options.lab)
    hidden = add_hidden(lab, options.hidden)
    exercises = [lab.find(options.exercise)] if options.exercise else lab.exercises
    grades = grade(exercises, options.build.resolve(), hidden)
    if options.results:
        options.results.write_text(json.dumps(gradescope(lab, grades), indent=2) + "\n")
    remember(options.build / "last.json", grades)
    got, of = sum(each.points for each in grades), sum(each.exercise.points for each in grades)
    print(f"total: {got}/{of}")
    return got != of


if __name__ == "__main__":
    sys.exit(main())
