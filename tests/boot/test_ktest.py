"""The runner of the in-kernel tests, seen from outside: what it says of tests that fail on purpose."""
import re

from ktap import judge

TROUBLE = re.compile(r"^(?:PANIC|page fault): ", re.M)


def ran(boot, pattern):
    """What a run of PATTERN printed, from its version line on."""
    machine = boot(cmdline=f"test={pattern}")
    assert machine.exit_code() == 35
    text = machine.text()
    assert text.count("quire: ready") == 1, "the machine rebooted"
    return text[text.index("KTAP version 1"):]


def below(text, name):
    """The "# " lines below the result of test NAME."""
    return re.search(rf"^not ok \d+ {name}\n((?:# .*\n)*)", text, re.M)[1]


def test_every_kind_of_failure_is_reported_under_its_test_and_the_run_goes_on(boot):
    text = ran(boot, "broken_by_*")
    assert re.match(r"KTAP version 1\n1\.\.6\n", text)
    assert re.findall(r"^(ok|not ok) (\d) broken_by_(\w+)$", text, re.M) == [
        ("not ok", "1", "a_check"), ("not ok", "2", "a_panic"), ("not ok", "3", "a_fault"),
        ("not ok", "4", "a_stack_overflow"), ("not ok", "5", "a_leak"), ("ok", "6", "nothing")]
    assert re.search(r"^# 1 passed, 5 failed, 0 skipped$", text, re.M)
    assert not TROUBLE.search(text)
    assert len(judge(text, 33).problems) == 5


def test_a_report_stands_below_its_test_whole(boot):
    text = ran(boot, "broken_by_*")
    assert re.search(r"^# tests/kernel/test_ktest\.c:\d+: depth is 0x1, 2 is 0x2\n$", below(text, "broken_by_a_check"))
    panic = below(text, "broken_by_a_panic")
    assert re.search(r"^# PANIC: on purpose: depth is 1$", panic, re.M)
    fault = below(text, "broken_by_a_fault")
    assert re.search(r"^# page fault: write to 0x00000010, not present", fault, re.M)
    overflow = below(text, "broken_by_a_stack_overflow")
    assert re.search(r"^# PANIC: double fault: kernel stack overflow in recur$", overflow, re.M)
    for report in panic, fault, overflow:
        assert re.search(r"^#   backtrace$", report, re.M) and re.search(r"^#   try ", report, re.M)
        assert re.search(r"^#     0x[0-9a-f]{8} kmain\+0x", report, re.M)


def test_a_broken_invariant_ends_the_run_and_says_so(boot):
    text = ran(boot, "broken_invariant*")
    assert re.search(r"^not ok 1 broken_invariant$", text, re.M)
    assert re.search(r"^Bail out! An invariant is broken: PANIC: ", text, re.M)
    assert "broken_invariant_ends_the_run_before_this" not in text
    assert not TROUBLE.search(text)
    assert judge(text, 33).problems


def test_what_is_broken_is_chosen_by_its_name_only(boot):
    assert "1..0" in ran(boot, "*broken_by_*")
    machine = boot(cmdline="test=b*")
    assert machine.exit_code() == 33
    assert "broken" not in machine.text()
