"""The last line of a test run counts what there was, whatever happens (tests/conftest.py)."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent.parent / "conftest.py"
PASS = "def test_passes(): pass\n"
SKIP = "import pytest\ndef test_skips(): pytest.skip('no such machine')\n"
STOP = "import pytest\ndef test_stops(): pytest.exit('enough', 3)\n"
BROKEN_FIXTURE = "import pytest\n@pytest.fixture\ndef broken(): 1 / 0\ndef test_errs(broken): pass\n"

RUNS = {
    "all pass": (PASS, "1 passed, 0 failed", True),
    "one fails": (PASS + "def test_fails(): assert 0\n", "1 passed, 1 failed", False),
    "one is skipped": (PASS + SKIP, "1 passed, 0 failed", True),
    "a fixture breaks": (BROKEN_FIXTURE, "0 passed, 1 failed", False),
    "no test at all": ("", "0 passed, 1 failed", False),
    "a file does not load": ("import no_such_module\n" + PASS, "0 passed, 1 failed", False),
    "the run is broken off": (STOP, "0 passed, 1 failed", False),
}


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "two workers"])
@pytest.mark.parametrize("name", RUNS)
def test_when(tmp_path, name, workers):
    source, last_line, succeeds = RUNS[name]
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_it.py").write_text(source)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
    run = subprocess.run([sys.executable, "-m", "pytest", tmp_path, *workers], cwd=tmp_path, env=environment,
                         text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert run.stdout.splitlines()[-1] == last_line, run.stdout
    assert (run.returncode == 0) == succeeds
