"""gradescope.py LAB FILE.zip [HIDDEN]: Gradescope's autograder for LAB, with a teacher's HIDDEN tests.

The archive has the lab's folder as students get it. Of a submission only the files that are to be written are taken, by
path or by name alone."""
import sys
import tempfile
import zipfile
from pathlib import Path

import make_lab
from lab import Lab

SETUP = """#!/bin/sh
# Gradescope runs this once, as root, when it builds the image.
set -eu
apt-get -q update
apt-get -q install --yes --no-install-recommends make git python3
cd /autograder/source/lab
make deps grade || true
"""

RUN = """#!/bin/sh
# Gradescope runs this for each submission.
set -eu
top=${{AUTOGRADER:-/autograder}}
cd "$top/source/lab"
mkdir -p "$top/results"
for file in {files}; do
    for from in "$top/submission/$file" "$top/submission/$(basename $file)"; do
        if [ -f "$from" ]; then
            cp "$from" "$file"
            break
        fi
    done
done
make --silent grade RESULTS="$top/results/results.json" {hidden} || true
[ -s "$top/results/results.json" ]
"""


def add(archive, path, name, mode=0o644):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (mode | 0o100000) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, path.read_bytes() if isinstance(path, Path) else path)


def add_folder(archive, folder, name):
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.relative_to(folder).parts:
            add(archive, path, f"{name}/{path.relative_to(folder)}", path.stat().st_mode & 0o777)


def main(name, target, hidden=None):
    lab = Lab(name)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target, "w") as archive:
        make_lab.write(Path(folder), lab)
        add_folder(archive, Path(folder), "lab")
        if hidden:
            add_folder(archive, Path(hidden), "hidden")
        option = 'HIDDEN="$top/source/hidden"' if hidden else ""
        add(archive, SETUP, "setup.sh", 0o755)
        add(archive, RUN.format(files=" ".join(lab.files()), hidden=option), "run_autograder", 0o755)
    print(f"{target}: upload it to Gradescope, as the autograder of a programming assignment.")


if __name__ == "__main__":
    main(*sys.argv[1:])
