"""The judge of kernel test logs: every way in which a run can go wrong is seen."""
import pytest

from ktap import judge

GOOD = """\
quire: booting
KTAP version 1
1..3
ok 1 memmap_first
# a remark
ok 2 pm_second # SKIP no memory there
ok 3 vmem_third
"""


def test_a_whole_log_with_exit_code_33_passes():
    verdict = judge(GOOD, 33)
    assert verdict.problems == []
    assert verdict.passed == ["memmap_first", "vmem_third"]
    assert verdict.skipped == [("pm_second", "no memory there")]


@pytest.mark.parametrize("code", [0, 1, 35, -9, None])
def test_any_other_exit_code_fails(code):
    assert judge(GOOD, code).problems


BAD = {
    "nothing at all": "",
    "no version line": GOOD.replace("KTAP version 1\n", ""),
    "two version lines": GOOD.replace("KTAP version 1\n", "KTAP version 1\nKTAP version 1\n"),
    "the whole log twice": GOOD + GOOD,
    "no plan": GOOD.replace("1..3\n", ""),
    "an empty plan": "KTAP version 1\n1..0\n",
    "the plan at the end": GOOD.replace("1..3\n", "") + "1..3\n",
    "a second plan": GOOD + "1..3\n",
    "no end": GOOD.replace("ok 3 vmem_third\n", ""),
    "a start only": "KTAP version 1\n1..3\n",
    "more results than planned": GOOD + "ok 4 more\n",
    "a missing number": GOOD.replace("ok 2 pm_second # SKIP no memory there\n", ""),
    "numbers out of order": GOOD.replace("ok 1 ", "ok X ").replace("ok 2 ", "ok 1 ").replace("X", "2"),
    "a number twice": GOOD.replace("ok 3 ", "ok 2 "),
    "a failure": GOOD.replace("ok 3 ", "not ok 3 "),
    "a failure that was skipped": GOOD.replace("ok 2 ", "not ok 2 "),
    "a skip without a reason": GOOD.replace(" no memory there", ""),
    "a cut line": GOOD.replace("ok 3 vmem_third", "ok 3"),
    "a panic": GOOD.replace("# a remark", "PANIC: out of luck"),
    "a page fault": GOOD.replace("# a remark", "page fault: at 0x00000000"),
    "giving up": GOOD.replace("# a remark", "Bail out! no memory"),
    "a second boot line": GOOD + "quire: booting\n",
    "a second boot line before the tests": "quire: booting\n" + GOOD,
}


@pytest.mark.parametrize("why", BAD)
def test_a_log_fails_for(why):
    assert judge(BAD[why], 33).problems


def test_lines_may_end_with_a_carriage_return():
    assert judge(GOOD.replace("\n", "\r\n"), 33).problems == []
