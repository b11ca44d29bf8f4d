"""The lab (web/): node's test runner over *.test.mjs, some under node alone, some in a real Chromium."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))
NODE_LEAST = 20
LIMIT = 900


@pytest.fixture(scope="session")
def node(build):
    """Node, and the page it is about; or why these tests are passed over."""
    found = shutil.which("node")
    version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout if found else ""
    if not found or int(re.match(r"v(\d+)", version)[1]) < NODE_LEAST:
        pytest.skip(f"node {NODE_LEAST} or newer is not here")
    if not (build / "web" / "files.js").exists():
        pytest.skip("there is no lab: npm, patch or the npm registry is not here (make web)")
    return found


@pytest.mark.long
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name.removesuffix(".test.mjs"))
def test_the_lab(node, build, file):
    environment = {**os.environ, "QUIRE_BUILD": str(build)}
    run = subprocess.run([node, "--test", "--test-reporter=tap", file], env=environment, capture_output=True, text=True,
                         timeout=LIMIT)
    counts = dict(re.findall(r"^# (tests|pass|fail|skipped) (\d+)$", run.stdout, re.M))
    assert run.returncode == 0 and counts["fail"] == "0", run.stdout + run.stderr
    assert counts["tests"] != "0"
    if counts["pass"] == "0":
        pytest.skip(re.search(r"# SKIP (.*)", run.stdout)[1])
