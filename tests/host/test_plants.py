"""Each planted bug of tests/proof/plants is found by the test that it names."""
import shutil
import sys

import pytest

from test_host import HOST, ROOT, why_not

sys.path.insert(0, str(ROOT / "tests" / "proof"))
import plant  # noqa: E402

REASON = (not shutil.which("patch") and "patch is not installed") or why_not(HOST / "test_vmem")


@pytest.mark.skipif(bool(REASON), reason=str(REASON))
@pytest.mark.parametrize("name", plant.NAMES)
def test_planted_bug_is_found(name):
    try:
        plant.plant(name)
    except plant.NotFound as lost:
        pytest.fail(str(lost), pytrace=False)


def test_there_are_planted_bugs():
    assert len(plant.NAMES) >= 100
