"""The inputs kept for the fuzz targets (tests/fuzz/corpus/): each target runs all of its own, and finds nothing."""
import os
import subprocess
from pathlib import Path

import pytest

from i386_programs import runner

HERE = Path(__file__).parent.parent / "fuzz"
BUILT = Path(os.environ.get("QUIRE_BUILD", "build")) / "fuzz"
TARGETS = sorted(file.stem for file in HERE.glob("*.c") if file.stem != "fuzz")


@pytest.mark.parametrize("target", TARGETS)
def test_the_kept_inputs_find_nothing(target, tmp_path):
    program = BUILT / target
    if not program.exists():
        pytest.skip("there is no clang with libFuzzer for 32 bits on this machine")
    inputs = sorted((HERE / "corpus" / target).iterdir())
    assert inputs
    command = [*runner(program, "-help=1"), program, "-timeout=60", f"-artifact_prefix={tmp_path}/", *inputs]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    assert run.returncode == 0, run.stderr[-3000:]


def test_many_inputs_can_be_named(tmp_path):
    """libFuzzer copies the list of their names again and again; system_calls needs fixed addresses for itself."""
    program = BUILT / "system_calls"
    if not program.exists():
        pytest.skip("there is no clang with libFuzzer for 32 bits on this machine")
    inputs = sorted((HERE / "corpus" / "system_calls").iterdir())
    (tmp_path / "inputs").write_text(",".join(map(str, inputs)))
    command = [*runner(program, "-help=1"), program, "-runs=1", f"-artifact_prefix={tmp_path}/",
               f"-seed_inputs=@{tmp_path}/inputs"]
    run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300)
    assert run.returncode == 0 and "INITED" in run.stderr, run.stderr[-3000:]
