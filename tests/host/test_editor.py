"""compile_flags.txt: an editor's language server finds nothing to complain of in the files of kernel and programs.

clangd compiles each file with these flags, from the directory they lie in, and with nothing else; so does clang here.
That each header compiles alone is shown on the way."""
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("include", "kernel", "mm", "user", "tests/kernel", "tests/bench", "tests/boot/programs")


def files():
    found = [path for room in ROOMS for suffix in "ch" for path in (ROOT / room).rglob(f"*.{suffix}")]
    return sorted(path for path in found if "host" not in path.relative_to(ROOT).parts)


def complaints(path):
    flags = next(file for parent in path.parents if (file := parent / "compile_flags.txt").exists())
    # As a main file a header does not use its own functions.
    more = ["-Werror", *["-Wno-unused-function"] * (path.suffix == ".h")]
    result = subprocess.run(["clang", *flags.read_text().split(), *more, "-fsyntax-only", path], cwd=flags.parent,
                            capture_output=True, text=True)
    return result.stderr


@pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
def test_no_file_has_an_error_in_an_editor():
    if not (ROOT / "build" / "version.h").exists():
        pytest.skip("build/version.h, which make writes, is not here")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(files(), pool.map(complaints, files())))
    assert len(found) > 100
    assert "".join(found.values()) == ""
