"""compile_flags.txt: an editor's language server finds nothing to complain of in the kernel's files.

clangd compiles each file with these flags and nothing else, so clang does here. That each header compiles alone is
shown on the way."""
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = (ROOT / "compile_flags.txt").read_text().split()
ROOMS = ("include", "kernel", "mm", "tests/kernel", "tests/bench")


def files():
    found = [path for room in ROOMS for suffix in "ch" for path in (ROOT / room).rglob(f"*.{suffix}")]
    return sorted(path for path in found if "host" not in path.relative_to(ROOT).parts)


def complaints(path):
    # As a main file a header does not use its own functions.
    flags = [*FLAGS, "-Werror", *["-Wno-unused-function"] * (path.suffix == ".h")]
    result = subprocess.run(["clang", *flags, "-fsyntax-only", path.relative_to(ROOT)], cwd=ROOT,
                            capture_output=True, text=True)
    return result.stderr


@pytest.mark.skipif(not shutil.which("clang"), reason="clang is not installed")
def test_no_kernel_file_has_an_error_in_an_editor(build):
    if not (ROOT / "build" / "version.h").exists():
        pytest.skip("build/version.h, which make writes, is not here")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = dict(zip(files(), pool.map(complaints, files())))
    assert len(found) > 100
    assert "".join(found.values()) == ""
