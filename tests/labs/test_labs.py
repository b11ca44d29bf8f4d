"""The labs: the stubs score nothing, Quire's own sources and the plain solution score all, each wrong solution loses the
points that it names and is told why; and a lab's folder has no solution in it. By default some of the wrong ones are tried, in
the exercises that they name; QUIRE_LABS=all tries each in all of the lab.

A wrong solution is a patch to the plain one, and opens with two lines: `Loses: EXERCISE...` and `Says: WORDS`, which
the grader must print."""
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "labs"))

import lab as labs  # noqa: E402
import make_lab  # noqa: E402
import solve  # noqa: E402
import source  # noqa: E402
from i386_programs import runner  # noqa: E402

pytestmark = pytest.mark.skipif(not shutil.which(os.environ.get("HOST_CC", "i686-linux-gnu-gcc")),
                                reason="no compiler for i386 Linux")

ALL = os.environ.get("QUIRE_LABS") == "all"
NAMES = labs.names()
WRONG = [(name, patch.name) for name in NAMES for patch in sorted((labs.LABS / name / "wrong").glob("*.patch"))]


def emulator():
    return runner(ROOT / os.environ.get("QUIRE_BUILD", "build") / "host/test_bitmap", "--list")


def told(says):
    """What the grader can say here: where QEMU runs the programs, without AddressSanitizer, a crash is a signal."""
    return "it died of SIGSEGV" if emulator() and re.search("wild pointer|^stack$", says) else says


def sample(wrong, n=8):
    """N of each lab's, evenly; all of them with QUIRE_LABS=all."""
    if ALL:
        return wrong
    by_lab = {name: [each for each in wrong if each[0] == name] for name in NAMES}
    return [each for some in by_lab.values() for each in some[::max(1, len(some) // n)][:n]]


def run(folder, *command):
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def grade(folder, *options):
    """The points by exercise, the total's, and the whole run."""
    done = run(folder, "make", "--silent", "grade", *options)
    lines = re.findall(r"^(\w+): (\d+)/(\d+)$", done.stdout, re.M)
    assert lines and lines[-1][0] == "total" and done.stdout.endswith("\n"), done.stdout + done.stderr
    assert done.stdout.rstrip().split("\n")[-1].startswith("total: ")
    points = {name: (int(got), int(of)) for name, got, of in lines}
    total = points.pop("total")
    assert total == (sum(got for got, _ in points.values()), sum(of for _, of in points.values()))
    assert (done.returncode == 0) == (total[0] == total[1]), done.stdout
    return points, done


@pytest.fixture(scope="session")
def folder_of(once, tmp_path_factory):
    """folder_of(LAB): its folder, as make lab leaves it but for the grader's objects; one for each worker, put back to its
    start."""
    folders = {}

    def make(folder):
        make_lab.main(folder.name, folder)
        grade(folder)

    def folder_of(name):
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp("labs") / name
            shutil.copytree(once(name, make), folders[name], symlinks=True)
            subprocess.run(["git", "update-index", "--refresh"], cwd=folders[name], check=True)  # as old as they are
        subprocess.run(["git", "checkout", "--quiet", "."], cwd=folders[name], check=True)
        return folders[name]

    return folder_of


@pytest.mark.parametrize("name", NAMES)
def test_the_stubs_score_nothing_and_say_so(name, folder_of):
    points, done = grade(folder_of(name))
    lab = labs.Lab(name)
    assert list(points) == [exercise.name for exercise in lab.exercises]
    assert all(got == 0 and of > 0 for got, of in points.values()), done.stdout
    for exercise in lab.exercises:
        if exercise.stubs:
            assert f"(lab {name}, exercise {exercise.number})" in done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_functions_that_do_nothing_score_nothing(name, folder_of):
    folder = folder_of(name)
    for path in labs.Lab(name).files():
        text = (folder / path).read_text()
        text = re.sub(r"    push \$2f.*?\.popsection\n", "    ret\n", text, flags=re.S)

        def nothing(match):
            return "    return;\n" if re.search(rf"\bvoid {match.group(1)}\(", text) else "    return 0;\n"
        (folder / path).write_text(re.sub(r'    PANIC\("not written yet: (\w+) .*\n', nothing, text))
    points, done = grade(folder)
    assert all(got == 0 for got, _ in points.values()), done.stdout


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_quires_own_sources_score_all(name):
    points, done = grade(ROOT, f"LAB={name}", f"BUILD=build/labs/{name}")
    assert all(got == of for got, of in points.values()), done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_the_plain_solution_scores_all(name, folder_of):
    folder = folder_of(name)
    solve.solve(labs.Lab(name), folder)
    points, done = grade(folder)
    assert all(got == of for got, of in points.values()), done.stdout


@pytest.mark.skipif(not ALL, reason="a long round: QUIRE_LABS=all")
@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_stands_alone(name, folder_of):
    lab = labs.Lab(name)
    for exercise in lab.exercises:
        folder = folder_of(name)
        solve.solve(lab, folder, [exercise.name])
        points, done = grade(folder)
        assert points == {each.name: (each.points if each is exercise else 0, each.points) for each in lab.exercises}, done.stdout


# Quire's own functions call others of theirs that the plain ones do not.
@pytest.mark.skipif(not ALL, reason="a long round: QUIRE_LABS=all")
@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_of_quires_own_stands_alone(name, folder_of):
    lab = labs.Lab(name)
    for exercise in lab.exercises:
        folder = folder_of(name)
        files = [path for path, _ in exercise.stubs if path not in lab.replace]
        for path in files:
            (folder / path).write_text(make_lab.stub_file(lab, path, (ROOT / path).read_text(), [exercise.name]))
        if files:
            points, done = grade(folder, f"EXERCISE={exercise.name}")
            assert points == {exercise.name: (exercise.points, exercise.points)}, done.stdout


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_kernel_with_the_plain_solution_passes_its_own_tests(name, folder_of, give_objects):
    folder = folder_of(name)
    give_objects(folder)  # the kernel of half a lab, below, is made from nothing
    solve.solve(labs.Lab(name), folder)
    done = run(folder, "make", "--silent", "-j2")
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    done = run(folder, "make", "--silent", "run", "CMDLINE=test", "QEMUFLAGS=-display none", "MODULES=")
    assert re.search(r"^ok \d+ ", done.stdout, re.M) and not re.search(r"^not ok", done.stdout, re.M), done.stdout[-2000:]
    assert done.returncode == 0


@pytest.mark.long
def test_half_a_lab_boots_and_the_tests_in_the_kernel_run_to_their_end(folder_of):
    folder = folder_of("frames")
    solve.solve(labs.Lab("frames"), folder, ["map", "bitmap"])
    points, _ = grade(folder)
    assert [points[name][0] for name in ("map", "bitmap", "frees", "runs")] == [25, 25, 0, 0]
    assert "warning" not in run(folder, "make", "--silent", "-j2").stderr
    done = run(folder, "make", "--silent", "run", "CMDLINE=test=vmem*", "QEMUFLAGS=-display none", "MODULES=")
    plan = re.search(r"^1\.\.(\d+)", done.stdout, re.M).group(1)
    assert re.search(rf"^(not )?ok {plan} ", done.stdout, re.M), done.stdout[-2000:]
    assert "# PANIC: not written yet: pm_free_page" in done.stdout


@pytest.mark.long
@pytest.mark.skipif(os.environ.get("QUIRE_LABS") != "all", reason="builds a kernel of its own: QUIRE_LABS=all")
def test_half_a_heap_boots_and_the_tests_in_the_kernel_run_to_their_end(folder_of):
    folder = folder_of("heap")
    solve.solve(labs.Lab("heap"), folder, ["allocate", "free"])
    points, _ = grade(folder)
    assert [points[name][0] for name in ("allocate", "free", "checks", "resize", "pages")] == [30, 24, 0, 0, 0]
    assert "warning" not in run(folder, "make", "--silent", "-j2").stderr
    done = run(folder, "make", "--silent", "run", "CMDLINE=test=kmalloc*", "QEMUFLAGS=-display none", "MODULES=")
    plan = re.search(r"^1\.\.(\d+)", done.stdout, re.M).group(1)
    assert re.search(rf"^(not )?ok {plan} ", done.stdout, re.M), done.stdout[-2000:]
    assert "# PANIC: not written yet: kmalloc_trim" in done.stdout


@pytest.mark.parametrize("name, patch", sample(WRONG), ids=lambda value: str(value).removesuffix(".patch"))
def test_a_wrong_solution_loses_its_points_and_is_told_why(name, patch, folder_of):
    lab, folder = labs.Lab(name), folder_of(name)
    patch = lab.folder / "wrong" / patch
    loses, says = re.match(r"Loses: (.*)\nSays: (.*)\n", patch.read_text()).groups()
    solve.solve(lab, folder, patches=[patch])
    points, output = {}, ""
    for options in [[]] if ALL else [[f"EXERCISE={exercise}"] for exercise in loses.split()]:
        more, done = grade(folder, *options)
        points, output = points | more, output + done.stdout
    lost = [exercise for exercise, (got, of) in points.items() if got < of]
    assert lost == loses.split(), output
    assert told(says) in output, output


@pytest.mark.parametrize("name", NAMES)
def test_there_are_eight_wrong_solutions_at_least(name):
    assert sum(lab == name for lab, _ in WRONG) >= 8


# ---- nothing is given away ----

def removed_lines(lab):
    """Lines of what is to be written that are long enough to tell something, with the file they come from."""
    lines = set()
    for path in lab.files():
        before = (ROOT / path).read_text()
        if path in lab.replace:
            before += (lab.folder / "reference" / Path(path).name).read_text()
        after = make_lab.stub_file(lab, path, make_lab.beginning(lab, path))
        lines |= {line.strip() for line in before.splitlines()} - {line.strip() for line in after.splitlines()}
    for path in lab.without:
        if path.startswith("mm/"):
            lines |= {line.strip() for line in (ROOT / path).read_text().splitlines()}
    return {line for line in lines if len(line) > 30 and re.search(r"[;{]", line) and "PANIC(" not in line}


@pytest.mark.parametrize("name", NAMES)
def test_no_file_of_the_folder_has_a_solution(name, folder_of):
    folder, lab = folder_of(name), labs.Lab(name)
    lines = removed_lines(lab)
    for path in run(folder, "git", "ls-files").stdout.split():
        if not (folder / path).is_file():
            continue
        text = (folder / path).read_bytes().decode(errors="replace")
        there = [at for at, line in enumerate(text.split("\n")) if line.strip() in lines]
        together = [text.split("\n")[first:third + 1] for first, third in zip(there, there[2:]) if third - first < 8]
        assert not together, f"{path} has: {together[0]}"


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not here")
def test_the_labs_folder_makes_the_browsers_kernels(folder_of):
    folder = folder_of("mapping")
    done = run(folder, "make", "--silent", "-j2", "web-flawed")
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert not (folder / "web/flawed.patch").exists() and (folder / "build/variant/flawed/build/quire.elf").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_has_no_history_and_no_teachers_files(name, folder_of):
    folder = folder_of(name)
    assert run(folder, "git", "rev-list", "--all", "--count").stdout.strip() == "1"
    listed = run(folder, "git", "ls-files", "labs").stdout
    assert not re.search(r"reference|wrong|solve|source|make_lab|TEACHING", listed), listed
    assert {path.split("/")[1] for path in listed.split() if path.count("/") > 1} == {"harness", name}


@pytest.mark.parametrize("name", NAMES)
def test_each_exercise_has_its_hints_and_its_part_of_the_text(name):
    lab = labs.Lab(name)
    import hint
    assert set(hint.hints(lab)) == {exercise.name for exercise in lab.exercises}
    text = (lab.folder / "LAB.md").read_text()
    for exercise in lab.exercises:
        assert f"## Exercise {exercise.number}: {exercise.name}" in text


# ---- whatever is written, the grader ends ----

def give_seconds(folder, exercise, seconds):
    """How long a case of the EXERCISE in FOLDER, whose lab is frames, may take."""
    file = folder / "labs/frames/lab.ini"
    file.write_text(file.read_text().replace(f"[{exercise}]\n", f"[{exercise}]\nseconds = {seconds}\n"))


HOPELESS = {
    "does_not_compile": ("    int x = ;\n", "does not compile"),
    "does_not_end": ("    for (;;)\n        ;\n", "does not come to an end"),
    "wild_pointer": ("    *(volatile int *)0x12345678 = 1;\n", "wild pointer"),
    "endless_recursion": ("    extern void *again(void); again();\n}\nvoid *again(void);\nvoid *again(void) {\n"
                          "    volatile char large[1000]; large[0] = 1; return (char *)again() + large[0];\n", "stack"),
    "floods": ("    extern int puts(const char *); for (;;) puts(\"not written\");\n", "prints without end"),
    "ends_the_program": ("    extern void _exit(int); _exit(0);\n", "ended before the test did"),
    "says_that_it_passed": ("    extern int puts(const char *); extern void _exit(int); puts(\"passed\"); _exit(0);\n",
                            "ended before the test did"),
    "takes_all_memory": ("    extern void *malloc(unsigned); extern void *memset(void *, int, unsigned);\n"
                         "    for (;;) memset(malloc(1 << 20), 1, 1 << 20);\n", ""),
}


@pytest.mark.parametrize("what", HOPELESS)
def test_the_grader_survives(what, folder_of):
    folder = folder_of("frames")
    solve.solve(labs.Lab("frames"), folder)
    body, says = HOPELESS[what]
    file = folder / "mm/memmap.c"
    text = file.read_text()
    function = source.c_functions(text)["memmap_build"]
    file.write_text(text[:function.body] + "{\n" + body + "}\n")
    if what == "does_not_end":
        give_seconds(folder, "map", 1)
    points, done = grade(folder)
    assert points["map"][0] == 0 and told(says) in done.stdout, done.stdout
    assert all(points[other][0] == points[other][1] for other in points if other != "map"), done.stdout


def test_an_endless_loop_on_a_busy_machine_is_told_its_place(folder_of, monkeypatch):
    import grade as grader
    folder = folder_of("frames")
    solve.solve(labs.Lab("frames"), folder)
    file = folder / "mm/memmap.c"
    text = file.read_text()
    file.write_text(text[:source.c_functions(text)["memmap_build"].body] + "{\n    for (;;)\n        ;\n}\n")
    give_seconds(folder, "map", 1)
    _, done = grade(folder, "EXERCISE=map")
    assert len(re.findall("does not come to an end", done.stdout)) == 1, done.stdout  # once, for all cases
    monkeypatch.setattr(grader, "WALL", 0.1)
    monkeypatch.setenv("HOST_RUN", " ".join(emulator()))
    case = labs.Lab("frames").exercises[0].cases[0][1]
    assert "it is in memmap_build (" in grader.run_host(folder / "build/grade/map", case, 3)


def test_where_an_emulator_runs_the_tests_a_case_has_more_time(folder_of, tmp_path, monkeypatch):
    import grade as grader
    folder = folder_of("frames")
    solve.solve(labs.Lab("frames"), folder)
    grade(folder, "EXERCISE=map")
    slow = tmp_path / "slow"
    slow.write_text("#!/usr/bin/python3\nimport os, sys, time\nwhile time.process_time() < 2.5:\n    pass\n"
                    "os.execv(sys.argv[1], sys.argv[1:])\n")
    slow.chmod(0o755)
    monkeypatch.setenv("HOST_RUN", " ".join([str(slow), *emulator()]))
    case = labs.Lab("frames").exercises[0].cases[0][1]
    assert grader.run_host(folder / "build/grade/map", case, 1) is None


MACHINE = {
    "hangs": ("1:  jmp 1b\n", "get_page_directory(): it does not come to an end"),
    "resets": ("    lidt 2f\n    int3\n2:  .word 0\n    .long 0\n", "get_page_directory(): the machine reset itself"),
    "floods": ("    mov $0x3f8, %edx\n1:  outb %al, %dx\n    jmp 1b\n", ""),
    "halts": ("    cli\n    hlt\n", "does not come to an end"),
    "faults": ("    ud2\n", "an instruction that does not exist"),
    "exits": ("    mov $0xf4, %edx\n    outb %al, %dx\n", "ended before the test did"),
}


@pytest.mark.parametrize("what", MACHINE)
def test_the_grader_survives_a_machine_that(what, folder_of):
    folder = folder_of("tables")
    solve.solve(labs.Lab("tables"), folder)
    body, says = MACHINE[what]
    file = folder / "mm/paging.S"
    text = file.read_text()
    file.write_text(text.replace("    mov %cr3, %eax\n    ret\n", body + "    ret\n"))
    points, done = grade(folder, "EXERCISE=assembly")
    assert points["assembly"][0] < points["assembly"][1] and says in done.stdout, done.stdout


def test_results_for_gradescope(folder_of, tmp_path):
    import json
    folder = folder_of("frames")
    grade(folder, "EXERCISE=1", f"RESULTS={tmp_path}/results.json")
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["score"] == 0
    assert {test["max_score"] for test in results["tests"]} and all(test["status"] == "failed" for test in results["tests"])


def test_the_autograder_for_gradescope(folder_of, tmp_path):
    import json
    import zipfile
    import gradescope
    gradescope.main("frames", tmp_path / "autograder.zip")
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(tmp_path / "source")
    folder = folder_of("frames")
    solve.solve(labs.Lab("frames"), folder)
    (tmp_path / "submission").mkdir()
    shutil.copy(folder / "mm/memmap.c", tmp_path / "submission")  # by name alone, and one file of two
    os.environ["AUTOGRADER"] = str(tmp_path)
    assert run(tmp_path, "sh", "source/run_autograder").returncode == 0
    results = json.loads((tmp_path / "results/results.json").read_text())
    assert results["score"] == 25 and sum(test["max_score"] for test in results["tests"]) == 100


def test_a_teachers_hidden_tests_count(folder_of, tmp_path):
    folder = folder_of("frames")
    solve.solve(labs.Lab("frames"), folder)
    (tmp_path / "tests").mkdir()
    (tmp_path / "lab.ini").write_text("[map]\ncases =\n    7 fails\n    5 passes\n")
    test = '#include "check.h"\nCASE(fails) { wrong("hidden words"); }\nCASE(passes) {}\n'
    (tmp_path / "tests/test_map.c").write_text(test)
    points, done = grade(folder, "EXERCISE=map", f"HIDDEN={tmp_path}")
    assert points == {"map": (30, 37)} and "hidden words" in done.stdout


def test_hints_come_one_by_one(folder_of):
    folder = folder_of("frames")
    shutil.rmtree(folder / "build/grade", ignore_errors=True)
    first, second = (run(folder, "make", "--silent", "hint").stdout for _ in range(2))
    assert "hint 1 of" in first and "hint 2 of" in second


def test_who_has_all_points_gets_no_hint_unless_he_names_an_exercise(folder_of):
    folder, lab = folder_of("frames"), labs.Lab("frames")
    (folder / "build/grade").mkdir(parents=True, exist_ok=True)
    grades = {exercise.name: exercise.points for exercise in lab.exercises}
    (folder / "build/grade/last.json").write_text(json.dumps(grades))
    assert run(folder, "make", "--silent", "hint").stdout == "All points are there: nothing is left to hint at.\n"
    assert "Exercise 2, bitmap, hint " in run(folder, "make", "--silent", "hint", "EXERCISE=bitmap").stdout
