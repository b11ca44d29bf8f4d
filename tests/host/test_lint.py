"""make lint: each checker finds what is planted for it, names the file, and fails the run."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_BEHIND = shutil.ignore_patterns("build", ".git", "__pycache__", "node_modules", "memmaps", "pictures")

# A file for each checker, with what it must say of it.
PLANTED = {
    "clang-tidy": ("kernel/lib/planted_macro.c", "bugprone-macro-parentheses", """
#define TWICE(x) x * 2
int planted(int i);
int planted(int i) { return TWICE(i); }
"""),
    "cppcheck": ("kernel/lib/planted_store.c", "unreadVariable", """
int planted(int i);
int planted(int i) {
    int dead = 0;
    dead = i + 1;
    return i;
}
"""),
    "gcc": ("kernel/lib/planted_null.c", "-Wanalyzer-null-dereference", """
int planted(int i);
int planted(int i) {
    int *p = i > 5 ? &i : 0;
    return i < 3 ? *p : 0;
}
"""),
    "sparse": ("kernel/lib/planted_address.c", "expected char [noderef] physical", """
#include "vmem.h"
int planted(void *va);
int planted(void *va) { return vmem_map(va, (uintptr_t)va, 0); }
"""),
    "shellcheck": ("tools/planted.sh", "SC2086", "#!/bin/sh\nls $1\n"),
    "flake8": ("tools/planted.py", "F401", "import os\n"),
    "eslint": ("tools/planted.mjs", "no-undef", "nobody();\n"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory, build):
    """A copy of the sources, with the ESLint that is here already."""
    tree = tmp_path_factory.mktemp("lint") / "quire"
    shutil.copytree(ROOT, tree, ignore=LEFT_BEHIND)
    (tree / "build").mkdir()
    if (build / "eslint" / "node_modules").exists():
        (tree / "build" / "eslint").symlink_to(build / "eslint")
    for path, _, text in PLANTED.values():
        (tree / path).write_text(text)
    return tree


def lint(tree, files):
    """make lint's exit code, all it says, and the summary: {checker: verdict}."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "FILES", "BUILD")}
    run = subprocess.run(["make", "-j2", "lint", f"FILES={' '.join(files)}"], cwd=tree, env=environment, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return run.returncode, run.stdout, dict(re.findall(r"^  ([\w-]+) +(\d+ files, .*|passed over: .*)$", run.stdout, re.M))


def test_each_checker_finds_what_is_planted_for_it(tree):
    code, said, verdicts = lint(tree, [path for path, _, _ in PLANTED.values()])
    assert code != 0
    assert verdicts.keys() == PLANTED.keys(), said
    here = {checker for checker, verdict in verdicts.items() if not verdict.startswith("passed over")}
    if not here:
        pytest.skip("no checker is installed")
    for checker in here:
        path, words, _ = PLANTED[checker]
        assert words in said, f"{checker}: {said}"
        assert path in verdicts[checker].split(), f"{checker}: {said}"


def test_a_file_without_a_finding_passes(tree):
    code, said, verdicts = lint(tree, ["kernel/lib/string.c", "tools/moved.sh", "tests/conftest.py"])
    assert code == 0, said
    assert all(re.fullmatch(r"[01] files, no warning|passed over: .*", verdict) for verdict in verdicts.values()), said
