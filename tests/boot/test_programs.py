"""Programs in ring 3: Quire's own, hostile ones, and ones that nobody here wrote."""
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import monitor
from i386_programs import runner
from quire import EXIT_OK

HERE = Path(__file__).parent
LIBRARY = HERE.parent.parent / "user" / "lib"
SOON = 60   # seconds, for what is interrupted
SPARE = 20  # frames: what the heap keeps at hand, and its own tables
QUESTION_END = "q to leave --"  # of a page that waits
REPORT = re.compile(r"\w+\[\d+\] ")


@pytest.fixture(scope="session")
def programs(build):
    """user/'s programs by name."""
    return {path.name: path for path in sorted((build / "user").iterdir()) if path.is_file() and not path.suffix}


@pytest.fixture
def start(boot):
    """start(FILE, ...) boots with those modules; the machine at its prompt."""

    def start(*modules, **options):
        machine = boot(modules=modules, **options)
        machine.prompt()
        return machine

    return start


def compiled(source, directory):
    """A program of these tests, built as those in user/ are."""
    gcc = next(filter(shutil.which, ("i686-elf-gcc", "i686-linux-gnu-gcc")), None)
    compiler = [gcc] if gcc else ["clang", "--target=i386-none-elf", "-fuse-ld=lld"]
    program = directory / Path(source).stem
    command = [*compiler, "-m32", "-march=i486", "-ffreestanding", "-O1", "-fno-pic", "-fno-stack-protector",
               "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-nostdlib", "-static", "-Wl,--build-id=none",
               "-iquote", str(LIBRARY), str(HERE / "programs" / source), str(LIBRARY / "user.c"),
               str(LIBRARY / "start.S"), "-o", str(program)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return program


def running(machine):
    """The PIDs that ps lists."""
    return [line.split()[0] for line in machine.run("ps")[1:]]


def check_all_given_back(machine, command):
    """COMMAND a second time leaves as much free memory as the first, and no program."""
    machine.run(command)
    free = monitor.mem(machine).free
    lines = machine.run(command)
    assert monitor.mem(machine).free == free
    assert not running(machine)
    return lines


# ---- Quire's own ----

def test_hello_gets_its_arguments(start, programs):
    machine = start(programs["hello"])
    lines = check_all_given_back(machine, "run hello one 'two three' \"\"")
    assert re.match(r"hello from ring 3: process \d+, main at 0x0804[0-9a-f]{4}, its stack at 0xbfdf[0-9a-f]{4}$", lines[0])
    assert lines[1:] == ['argument 1 is "one"', 'argument 2 is "two three"', 'argument 3 is ""']
    assert "ok 1 process_boot_modules_are_mapped_read_only" in machine.run("test process_boot*")  # no SKIP: there is one
    assert machine.finish() == EXIT_OK


def test_hello_runs_on_the_smallest_machine(start, programs):
    machine = start(programs["hello"], memory="5M")
    assert machine.run("run hello")[0].startswith("hello from ring 3")
    assert machine.finish() == EXIT_OK


@pytest.mark.parametrize("name", ["touch", "clone"])
def test_pages_come_and_are_copied_as_they_are_used(start, programs, name):
    machine = start(programs[name])
    lines = check_all_given_back(machine, f"run {name}")
    assert not monitor.errors(lines)  # the program counts the faults itself
    assert machine.finish() == EXIT_OK


def test_the_stack_grows_to_its_guard(start, programs):
    machine = start(programs["stack"])
    lines = check_all_given_back(machine, "run stack")
    assert [line for line in lines if line.startswith("7 MiB of stack")]
    report = [line for line in lines if REPORT.match(line)]
    assert re.search(r"page fault: \w+ (of|to) 0xbf5f", report[0])
    assert "grow+" in "\n".join(report)
    assert lines[-1] == "error: stack: signal 11"
    assert machine.finish() == EXIT_OK


def test_every_rule_holds(start, programs):
    machine = start(programs["break"])
    lines = check_all_given_back(machine, "run break")
    assert re.fullmatch(r"(\d+) of \1 rules hold", lines[-1]), lines
    assert machine.finish() == EXIT_OK


def test_a_fault_is_reported_with_the_programs_symbols(start, programs):
    machine = start(programs["break"])
    lines = machine.run("run break null")
    assert lines[-1] == "error: break: signal 11"
    assert all(line.startswith("break[2] ") for line in lines[:-1]), lines
    assert "page fault: read of 0x00000000, not present" in lines[0]
    assert any("read_null+" in line for line in lines)
    assert any("cause" in line and "null pointer" in line for line in lines)
    assert machine.finish() == EXIT_OK


def test_a_trace_shows_each_page_fault(start, programs):
    machine = start(programs["clone"])
    lines = machine.run("trace run clone")
    first = [line for line in lines if re.match(r"\| clone\[2\] writes to 0x\w+: first touch, a clear page", line)]
    copied = [line for line in lines if re.match(r"\| clone\[3\] writes to 0x\w+: shared, frame 0x\w+ copied to", line)]
    kept = [line for line in lines if re.match(r"\| clone\[2\] writes to 0x\w+: the only owner now", line)]
    assert len(first) >= 4 and len(copied) >= 4 and len(kept) >= 4, lines
    assert not any("nothing to trace" in line for line in lines)
    assert not [line for line in machine.run("run clone") if line.startswith("|")]
    assert machine.finish() == EXIT_OK


def test_the_tour_shows_programs_where_there_are_some(start, programs):
    machine = start(*programs.values())
    machine.type("tour\r")
    steps = int(machine.expect(r"^1 of (\d+)\. ")[1])
    for step in range(2, steps + 1):
        machine.expect("-- a key for the next step", SOON)
        machine.type(" ")
        machine.expect(rf"^{step} of {steps}\. ", SOON)
    machine.prompt(SOON)
    for line in (r"^hello from ring 3", r"^12 of them touched: 12 faults", r"^parent still reads", r"^\| clone\[\d+\] "):
        assert re.search(line, machine.text(), re.M), line
    assert machine.finish() == EXIT_OK


def test_another_programs_space_can_be_looked_at(start, programs, tmp_path):
    machine = start(compiled("spin.c", tmp_path), programs["hello"])
    machine.run("run spin &")
    pid, = running(machine)
    assert re.match(r"0x08048000 -> 0x[0-9a-f]{8}$", machine.run(f"walk {pid}:0x08048000")[-1])
    assert machine.run("walk 0x08048000")[-1] == "0x08048000 -> not mapped: PD[32] absent"
    assert machine.run(f"peek {pid}:0x08048000")[0].startswith("0x08048000: 0x464c457f")
    assert any(line.startswith("PT[72] 0x") for line in machine.run(f"pd {pid}:32"))
    maps = "\n".join(machine.run(f"maps {pid}:"))
    assert re.search(r"^0x08048000-0x0804[0-9a-f]{4} ro text of spin", maps, re.M)
    assert re.search(r"^0xbfdf[0-9a-f]{4}-0xbfe00000 rw stack of spin$", maps, re.M)
    assert "of spin" not in "\n".join(machine.run("maps"))
    assert monitor.errors(machine.run("maps 99:"))
    for words in range(1, 40):
        assert len(monitor.errors(machine.run(f"maps {pid}:" + words * " x"))) == 1
    machine.run(f"kill {pid}", SOON)
    assert machine.finish() == EXIT_OK


def test_programs_rest_while_one_is_looked_at(start, tmp_path):
    """A full page waits for a key. What is looked at is there all the while, and the same."""
    machine = start(compiled("spin.c", tmp_path))
    machine.run("run spin &")
    pid, = running(machine)
    machine.run("page on")
    machine.type(f"peek {pid}:0x08048000 256\n")
    for _ in range(2):
        machine.expect(r"-- more", SOON)
        machine.quiet_for(0.2)
        machine.type(" ")
    machine.prompt(SOON)
    lines = re.findall(r"^0x0804[0-9a-f]{4}: .*$", machine.text(), re.M)
    assert len(lines) > 2 * 24 and lines[0].startswith("0x08048000: 0x464c457f")
    machine.run(f"kill {pid}", SOON)
    assert machine.finish() == EXIT_OK


def test_programs_rest_while_a_programs_start_waits(start, programs, tmp_path):
    machine = start(compiled("toucher.c", tmp_path), programs["hello"])
    machine.run("page on")
    machine.run("run toucher &")
    pid, = running(machine)
    machine.type("peek 0x00100000 96; trace run hello\n")
    while machine.expect(QUESTION_END + r"|^quire> ", SOON)[0] == QUESTION_END:
        assert machine.quiet_for(0.2)
        machine.type(" ")
    machine.run(f"kill {pid}", SOON)
    assert machine.finish() == EXIT_OK


def test_programs_rest_while_a_page_waits(start, tmp_path):
    """The command may be half-way through anything: nobody comes between."""
    machine = start(compiled("dots.c", tmp_path))
    machine.run("page on")
    machine.type("run dots &\n")
    machine.expect(r"^\.", SOON)
    machine.type("help\n")
    machine.expect(QUESTION_END, SOON)
    assert machine.quiet_for(2)
    machine.type("q")
    machine.expect(r"^\.", SOON)


def test_ctrl_c_ends_a_program_that_is_traced(start, tmp_path):
    machine = start(compiled("toucher.c", tmp_path))
    machine.type("trace run toucher\n")
    for _ in range(5):
        machine.expect(r"first touch", SOON)
    machine.type("\x03")
    assert "signal 2" in machine.prompt(SOON)
    assert machine.finish("exit 0") == EXIT_OK


def test_a_program_with_too_many_arguments_is_not_run(start, programs):
    machine = start(programs["hello"])
    assert monitor.errors(machine.run("run hello " + " ".join(["x"] * 40))) == ["error: hello: too many arguments"]
    assert not monitor.errors(machine.run("run hello " + " ".join(["x"] * 31)))


def test_a_trace_that_does_not_start_shows_no_fault(start, tmp_path):
    machine = start(compiled("toucher.c", tmp_path))
    machine.run("run toucher &")
    pid, = running(machine)
    for wrong in ("sleeper", "toucher " + " ".join(["x"] * 40)):
        assert monitor.errors(machine.run("trace run " + wrong))
        assert machine.quiet_for(0.5)
    machine.run(f"kill {pid}", SOON)
    assert machine.finish() == EXIT_OK


def test_output_beside_the_prompt_does_not_tear_it(start, programs):
    machine = start(programs["hello"])
    machine.type("run hello &\n")
    machine.expect(r"^hello from ring 3.*\nquire> ", SOON)  # the prompt once more, on a line of its own
    machine.type("me")
    machine.quiet_for(0.3)
    machine.type("m\n")
    assert machine.expect(r"^frames: ", SOON)
    machine.prompt(SOON)
    assert machine.finish() == EXIT_OK


def test_what_is_no_program_is_refused(start, tmp_path):
    (tmp_path / "text").write_text("no program\n")
    machine = start(tmp_path / "text")
    assert machine.run("run text") == ["error: text: not a static i386 ELF executable"]
    assert machine.run("run nothing") == ["error: nothing: no such module"]
    assert machine.finish() == EXIT_OK


def test_a_program_that_never_ends_is_interrupted_and_killed(start, programs, tmp_path):
    machine = start(compiled("spin.c", tmp_path), programs["hello"])
    machine.type("run spin\n")
    machine.quiet_for(0.5)
    machine.type("\x03")
    assert "error: spin: signal 2" in machine.prompt(SOON)
    machine.run("run spin &")
    assert machine.run("run hello")[0].startswith("hello from ring 3")  # while the other runs
    header, line = machine.run("ps")
    assert header.split() == ["PID", "PARENT", "STATE", "PAGES", "SHARED", "FAULTS", "NAME"]
    pid, parent, state, pages, shared, faults, name = line.split()
    assert (parent, state, name) == ("1", "runnable", "spin") and int(pages) > 0
    assert machine.run(f"kill {pid}", SOON) == [""]
    assert not running(machine)
    assert machine.run(f"kill {pid}")[0].startswith("error: ")
    assert machine.finish() == EXIT_OK


@pytest.mark.parametrize("arguments", ["", " parts"])
def test_one_long_write_is_interrupted(start, tmp_path, arguments):
    machine = start(compiled("flood.c", tmp_path))
    machine.type(f"run flood{arguments}\n")
    machine.expect(r"^x{63}\n", SOON)
    machine.type("\x03")
    machine.expect(r"^error: flood: signal 2\n", SOON)
    machine.prompt(SOON)
    assert machine.finish() == EXIT_OK


# ---- hostile ----

def test_random_calls_jumps_and_instructions_break_nothing(start, tmp_path):
    machine = start(compiled("fuzz.c", tmp_path))
    machine.run("run fuzz 1")
    free = monitor.mem(machine).free
    for seed in (1, 10_000):
        lines = machine.run(f"run fuzz 400 {seed}")
        assert "400 children, 52000 calls: the parent is still here" in lines
    for pid in running(machine):  # children of children, which wait for what never comes
        machine.run(f"kill {pid}", SOON)
    assert not running(machine)
    assert abs(monitor.mem(machine).free - free) <= SPARE
    assert machine.run("test process*")[-1].startswith("# ")
    assert machine.finish() == EXIT_OK


def test_trees_of_programs_leave_nothing(start, tmp_path):
    """Programs that fork, touch, write, exit and are killed at any moment, with LEFT frames for all of them: so many
    that none runs out of memory, whose report would come beside the prompt. (The kernel's own tests do that.)"""
    left = 2000
    machine = start(compiled("tree.c", tmp_path), memory="16M")
    machine.run("run tree 0")
    take = monitor.mem(machine).free - left
    assert not monitor.errors(machine.run(f"alloc {take * monitor.PAGE}"))
    machine.run("run tree 0")
    free = monitor.mem(machine).free
    assert abs(free - left) <= SPARE
    for seed in range(200):
        machine.run(f"run tree {seed}")
    while running(machine):  # orphans
        pass
    assert abs(monitor.mem(machine).free - free) <= SPARE
    assert machine.run("test process_runs*")[-1].startswith("# 1 passed")
    assert machine.finish() == EXIT_OK


def test_a_backtrace_has_an_end(start, tmp_path):
    machine = start(compiled("chain.c", tmp_path))
    lines = machine.run("run chain")
    repeats, = [int(found[1]) for line in lines if (found := re.search(r"the same (\d+) times more", line))]
    assert repeats < 1 << 20  # what fits on a stack of 8 MiB
    assert machine.finish() == EXIT_OK


def test_a_report_waits_for_no_key(start, programs):
    """A full page asks for a key; a program that faults meanwhile has nobody who could press one."""
    machine = start(programs["break"])
    machine.run("page on")
    for _ in range(2):
        lines = machine.run("run break")
        assert re.fullmatch(r"(\d+) of \1 rules hold", lines[-1]), lines
    assert machine.finish() == EXIT_OK


@pytest.mark.parametrize("compiler", ["", "ubsan"])
@pytest.mark.parametrize("rule", ["gap", "ignored", "lowest", "offset"])
def test_edges_of_system_calls(start, build, kernel, tmp_path, rule, compiler):
    kernel = build / "variant" / compiler / "quire.elf" if compiler else kernel
    if not kernel.exists():
        pytest.skip(f"there is no kernel by {compiler}: it is not on this machine")
    machine = start(compiled("edges.c", tmp_path), kernel=kernel)
    assert check_all_given_back(machine, f"run edges {rule}") == [""]
    assert machine.finish() == EXIT_OK


# ---- that nobody here wrote ----

SCRIPTS = {
    "loops": """
        echo one two
        x=1; while [ $x -lt 5 ]; do echo $x; x=$((x+1)); done
        f() { echo "f $1"; return 3; }
        f abc; echo $?
        for i in a b c; do case $i in b) echo bee;; *) echo $i;; esac; done
        until [ $x -gt 8 ]; do x=$((x+1)); done; echo $x
        exit 7""",
    "subshells": """
        i=0; while [ $i -lt 100 ]; do (exit 0); i=$((i+1)); done; echo $i
        echo $(echo sub; echo $(echo inner)) `echo back`
        (exit 4); echo $?; (x=5; echo $x); echo "x is '$x'" """,
    "documents": """
        x=5
        cat <<EOF
here $x doc
EOF
        cat <<'EOF'
here $x doc
EOF
        i=0; while [ $i -lt 300 ]; do echo "line $i of a long document"; i=$((i+1)); done | tail -n 2""",
    "pipes": """
        echo a b c | tr a-z A-Z | sed 's/A/x/' | awk '{print $3,$2,$1}' | cat
        yes | head -n 3
        seq 1 1000 | grep 7 | sort -rn | head -n 5 | wc
        seq 1 3 | while read n; do echo n$n; done
        false || echo no; true && echo yes; ! true; echo $?""",
    "sort": "sort lines | head -n 5; sort -n lines | tail -n 5; sort -u lines | wc -l; sort lines | sha256sum",
    "sums": "sha256sum lines noise; md5sum lines; cksum noise; od -A x -t x1 noise | head -n 3",
    "gzip": "gzip -c <noise | wc -c; gzip -c <noise | gunzip -c | cmp - noise && echo alike; gzip -9 -c lines | sha256sum",
    "awk": """awk 'BEGIN{s=0;for(i=0;i<20000;i++)s+=i;print s; printf "%.3f %d %s\\n", 3.14159, 42, "x"}'
        awk '{n[$1%10]++} END{for(i=0;i<10;i++)print i,n[i]}' lines""",
    "text": """grep -c 7 lines; grep -n '^1999[0-9]$' lines; sed -n '10,12p;20q' lines; wc lines; head -c 100 lines
        cut -c1-2 lines | uniq -c | head -n 4; expr 5 \\* 7; printf '%5d|%-5s|%x\\n' 42 ab 255; nl lines | tail -n 1""",
    "signals": """
        trap 'echo trapped' INT; kill -INT $$; echo after
        sleep 100 & kill $!; wait $!; echo $?
        (sleep 0.1; echo late) & wait; echo done""",
    "errors": "cat nofile; echo $?; nocommand; echo $?; ls nofile; echo $?",
    "files": "ls | cat; find . -name 'n*'; test -f lines && echo file; test -d . && echo directory; stat -c '%s %n' noise",
}


@pytest.fixture(scope="session")
def i386(build):
    """i386(PATH) is a program of the private i386 root; skips where the archive was out of reach."""

    def find(path):
        program = build / "i386" / path
        if not program.exists():
            pytest.skip(f"{program} is not there: no i386 packages")
        return program

    return find


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A directory with lines to sort, and 1 MiB of half-compressible noise."""
    directory = tmp_path_factory.mktemp("data")
    value, lines, noise = 1, [], bytearray()
    for _ in range(20_000):
        value = (value * 1103515245 + 12345) % 2**31
        lines.append(f"{value % 20_000}\n")
    (directory / "lines").write_text("".join(lines))
    while len(noise) < 1 << 20:
        value = (value * 1103515245 + 12345) % 2**31
        noise += value.to_bytes(4, "little") if value >> 16 & 1 else b"quire" * 3
    (directory / "noise").write_bytes(noise[:1 << 20])
    return directory


def expected(shell, directory, script, not_emulated):
    """What SHELL makes of SCRIPT on this machine: its lines and exit status. NOT_EMULATED is what QEMU lacks for it, or
    None."""
    command = [str(word) for word in [*shell, script]]

    def run(*words):
        # A shell cannot trap what it finds ignored, as SIGINT is where the tests run in the background.
        return subprocess.run(words, cwd=directory, env={"PATH": "/", "HOME": "/", "TERM": "linux"}, timeout=300,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    try:
        emulator = runner(shell[0], "/dev/null")
    except OSError:
        pytest.skip("this machine runs no i386 programs")
    if emulator and not_emulated:
        pytest.skip(f"QEMU runs i386 programs here, but {not_emulated}")
    result = run(*emulator, *command)
    return result.stdout.decode("latin-1").split("\n")[:-1], result.returncode


@pytest.mark.parametrize("name", SCRIPTS)
def test_busybox_does_what_it_does_on_linux(start, i386, data, tmp_path, name):
    busybox = i386("bin/busybox")
    for file in data.iterdir():
        os.link(file, tmp_path / file.name)
    (tmp_path / "script").write_text(SCRIPTS[name])
    os.symlink(busybox, tmp_path / "busybox")
    not_emulated = None if name in ("loops", "subshells") else "not those that they start"
    lines, status = expected([busybox, "sh"], tmp_path, "script", not_emulated)

    machine = start(*sorted(tmp_path.iterdir()))
    found = machine.run("run busybox sh script")
    if status:
        assert found.pop() == f"error: busybox: exit status {status}"
    assert found == lines
    assert not running(machine)
    assert machine.finish() == EXIT_OK


SHELLS = {"bash": "bin/bash-static", "musl": "usr/lib/i386-linux-musl/bin/mksh", "dietlibc": "usr/lib/diet/bin/mksh",
          "klibc": "usr/lib/klibc/bin/mksh"}


@pytest.mark.parametrize("library", SHELLS)
def test_shells_over_other_c_libraries(start, i386, tmp_path, library):
    shell = i386(SHELLS[library])
    (tmp_path / "script").write_text(SCRIPTS["loops"].replace("exit 7", "echo $(echo sub) `echo x`; (exit 4); exit $?"))
    os.symlink(shell, tmp_path / "shell")
    not_emulated = "does not read klibc's sigsuspend as Linux does" if library == "klibc" else None
    lines, status = expected([shell], tmp_path, "script", not_emulated)
    assert status == 4
    machine = start(*sorted(tmp_path.iterdir()))
    assert machine.run("run shell script") == [*lines, "error: shell: exit status 4"]
    assert machine.finish() == EXIT_OK


def test_a_static_program_of_this_machines_own_compiler(start, tmp_path):
    if not shutil.which("i686-linux-gnu-gcc"):
        pytest.skip("no i686-linux-gnu-gcc")
    source = tmp_path / "hello.c"
    source.write_text('#include <stdio.h>\nint main(int n, char **v) { printf("%s %d %.2f\\n", v[1], n, 1.5); return 3; }\n')
    program = tmp_path / "hello"
    subprocess.run(["i686-linux-gnu-gcc", "-static", str(source), "-o", str(program)], check=True)
    machine = start(program)
    assert machine.run("run hello x") == ["x 2 1.50", "error: hello: exit status 3"]
    assert machine.finish() == EXIT_OK


def test_an_interactive_shell(start, i386):
    machine = start(i386("bin/busybox"))

    def type_and_see(text, pattern):
        machine.quiet_for(0.3)  # until the program before waits
        machine.type(text)
        machine.expect(pattern, SOON)

    type_and_see("run busybox sh\n", r"/ # ")
    type_and_see("echo $((6*7))\n", r"^42\n/ # ")
    type_and_see("sleep 1000\n", r"sleep 1000\n")
    type_and_see("\x03", r"\^C[^#]*/ # ")
    type_and_see("cat\n", r"cat\n")
    type_and_see("typex\x7fd\n", r"type(.*\n)typed\n")
    type_and_see("\x04", r"/ # ")
    type_and_see("exit 5\n", r"exit 5\n")
    assert "error: busybox: exit status 5" in machine.prompt(SOON)
    assert machine.finish() == EXIT_OK
