"""make_lab.py LAB FOLDER: a folder in which the functions of LAB are to be written, a git repository of its own.

Quire's own files are copied, those of `git ls-files`, but for what has a solution in it (WITHOUT). Then each function that
lab.ini lists is replaced by a panic, `not written yet: ...`, and static functions that only those used go too."""
import fnmatch
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import source
from lab import LABS, Lab

ROOT = LABS.parent

# Other copies of what is to be written, and what is for teachers. Patterns of paths; * stands for any characters.
WITHOUT = ["labs/*/reference/*", "labs/*/wrong/*", "labs/*/start/*", "labs/make_lab.py", "labs/source.py", "labs/solve.py",
           "labs/gradescope.py", "labs/TEACHING.md", "labs/AUTHORS.md",
           "tests/labs/*", "tests/mutate/*", "tests/proof/*", "docs/notes/*", "web/flawed.patch", ".github/*", ".ci/*"]

WORKFLOW = """name: grade
on: [push]
jobs:
  grade:
    runs-on: ubuntu-latest
    container: debian:bookworm
    steps:
      - run: apt-get update && apt-get install --yes --no-install-recommends make git ca-certificates
      - uses: actions/checkout@v4
      - run: make deps grade
"""


def quires_files():
    """Quire's files, as paths from its top."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]
    except (OSError, subprocess.CalledProcessError):
        return [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file() and
                path.relative_to(ROOT).parts[0] not in ("build", ".git") and "__pycache__" not in path.parts]


def is_left_out(path, lab):
    parts = path.split("/")
    others = parts[0] == "labs" and len(parts) > 2 and parts[1] not in (lab.name, "harness")
    if path.endswith(".mk"):
        return False  # the Makefile includes it
    return others or any(fnmatch.fnmatchcase(path, pattern) for pattern in WITHOUT + lab.without)


def message(lab, exercise, name):
    return f"not written yet: {name} (lab {lab.name}, exercise {exercise.number})"


def beginning(lab, path):
    """What the file at PATH is made from: Quire's own, or start/'s."""
    return (lab.folder / "start" / Path(path).name if path in lab.replace else ROOT / path).read_text()


def stub_file(lab, path, text, solved=()):
    """TEXT, the file at PATH, with the functions of LAB to be written, but for the exercises SOLVED."""
    names = [(exercise, name) for exercise in lab.exercises if exercise.name not in solved
             for file, names in exercise.stubs if file == path for name in names]
    for exercise, name in names:
        text = source.with_stub(path, text, name, message(lab, exercise, name))
    if names and not path.endswith(".S"):
        text = source.with_header(text, "panic.h")
    if names and not path.endswith(".h"):
        text = source.without_unused(text, lab.keep)
        for name in lab.keep:
            text = re.sub(rf"^static (?=[^;{{\n]*\b{name}\()", "static __attribute__((unused)) ", text, flags=re.M)
    if names and path not in lab.replace:
        text = source.without_empty_sections(text, {name for _, name in names})
    if names and path.endswith(".c"):
        if not set(source.c_functions(text)) - {name for _, name in names}:
            text = source.with_opening(text, f"/* {Path(path).name}: yours to write. LAB.md says what. */")
    return text


def write(folder, lab):
    """Quire without what LAB is about, into FOLDER."""
    for path in quires_files():
        if not is_left_out(path, lab):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target)
            if path.startswith("mm/") and path.endswith(".c"):
                target.write_text(source.without_notes(target.read_text()))
    for path in lab.files():
        (folder / path).write_text(source.without_notes(stub_file(lab, path, beginning(lab, path))))
    shutil.copy2(lab.folder / "LAB.md", folder / "LAB.md")
    (folder / "labs" / lab.name / "LAB.md").unlink()
    (folder / "labs" / "this.mk").write_text(f"# This folder is a lab's.\nTHIS_LAB := {lab.name}\n")
    workflow = folder / ".github" / "workflows" / "grade.yml"
    workflow.parent.mkdir(parents=True, exist_ok=True)
    workflow.write_text(WORKFLOW)


def git(folder, *words):
    subprocess.run(["git", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")})


def make_repository(folder, lab):
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    known = subprocess.run(["git", "config", "user.email"], cwd=folder, capture_output=True, check=False).stdout
    author = [] if known else ["-c", "user.name=Quire", "-c", "user.email=quire@localhost"]
    git(folder, *author, "commit", "--quiet", "-m", f"Lab {lab.name}: the start")


def main(name, where):
    lab, folder = Lab(name), Path(where).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SystemExit(f"{where} is there already, and not empty")
    folder.mkdir(parents=True, exist_ok=True)
    write(folder, lab)
    make_repository(folder, lab)
    print(f"Lab {lab.name} ({lab.title}) is in {folder}. Read LAB.md there; `make deps grade` says how far you are.")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not re.fullmatch(r"[a-z]+", sys.argv[1]):
        raise SystemExit("usage: make lab LAB=NAME DIR=FOLDER")
    main(*sys.argv[1:])
