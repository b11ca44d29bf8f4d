"""solve.py LAB FOLDER [EXERCISE...] [PATCH...]: writes the plain solution of LAB, or of these exercises, into FOLDER, which
make_lab.py has made; with PATCHes, changed by these. For tests and teachers."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import make_lab
import source
from lab import Lab


def reference(lab, patches):
    """{file's name: text} of the plain solution, as PATCHES change it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "reference"
        shutil.copytree(lab.folder / "reference", copy)
        for patch in patches:
            subprocess.run(["git", "apply", "--unidiff-zero", str(Path(patch).resolve())], cwd=copy, check=True,
                           env={"PATH": "/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": folder})
        return {path.name: path.read_text() for path in copy.iterdir()}


def solve(lab, folder, exercises=(), patches=()):
    texts = reference(lab, patches)
    without = {name for exercise in lab.exercises for _, names in exercise.stubs for name in names
               if exercises and exercise.name not in exercises}
    for path in lab.files():
        file, text = folder / path, texts.get(Path(path).name)
        if text is not None and path in lab.replace:
            file.write_text(make_lab.stub_file(lab, path, text, exercises) if exercises else text)
        elif text is not None:
            solved = source.with_functions(path, file.read_text(), text, without)
            file.write_text(source.without_unused(solved, lab.keep) if path.endswith(".c") else solved)


if __name__ == "__main__":
    words = sys.argv[3:]
    patches = [word for word in words if word.endswith(".patch")]
    solve(Lab(sys.argv[1]), Path(sys.argv[2]), [word for word in words if word not in patches], patches)
