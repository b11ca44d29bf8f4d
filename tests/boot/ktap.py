"""Judges the output of `test`: KTAP, with a version line, a plan, then a line per test, numbered from 1.

A run has passed only with one version line, one plan right behind it, every number in order up to the plan's, each of
them ok, exit code 33, and no sign of a panic or a reboot."""
import re
from collections import Counter
from dataclasses import dataclass, field

EXIT_OK = 33      # QEMU's exit code when the kernel writes 0x10 to the debug-exit port
EXIT_FAILED = 35  # ... 0x11

VERSION = re.compile(r"KTAP version 1$")
PLAN = re.compile(r"1\.\.(\d+)$")
RESULT = re.compile(r"(ok|not ok) (\d+) ([\w.*-]+)(?: # SKIP (\S.*))?$")
TROUBLE = re.compile(r"(PANIC|page fault): |Bail out!")


@dataclass
class Verdict:
    passed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)  # (name, why)
    problems: list = field(default_factory=list)

    def __str__(self):
        reasons = Counter(why for _, why in self.skipped)
        skips = "".join(f"; {count} skipped: {why}" for why, count in reasons.items())
        return f"{len(self.passed)} ok, {len(self.skipped)} skipped{skips}"


def judge(log, exit_code):
    """The Verdict on LOG, which has passed when .problems is empty."""
    verdict = Verdict()
    complain = verdict.problems.append
    lines = [line.rstrip() for line in log.splitlines()]
    if exit_code != EXIT_OK:
        complain(f"exit code {exit_code}, not {EXIT_OK}")
    for line in lines:
        if TROUBLE.match(line):
            complain(f"trouble: {line}")
    banners = [line for line in lines if line.startswith("quire: ")]
    if banners and banners.count(banners[0]) > 1:
        complain("the boot line came twice: the machine rebooted")
    starts = [i for i, line in enumerate(lines) if VERSION.match(line)]
    if len(starts) != 1:
        complain(f"{len(starts)} version lines, not one")
        return verdict
    body = lines[starts[0] + 1:]
    plan = PLAN.match(body[0]) if body else None
    if not plan or int(plan[1]) == 0:
        complain("no plan after the version line")
        return verdict
    judge_results(verdict, body[1:], int(plan[1]))
    return verdict


def judge_results(verdict, lines, planned):
    number = 0
    for line in lines:
        if re.match(r"(ok|not ok)\b", line):
            number += 1
            judge_result(verdict, line, number)
        elif PLAN.match(line):
            verdict.problems.append("a second plan")
    if number != planned:
        verdict.problems.append(f"{planned} tests planned, {number} results")


def judge_result(verdict, line, number):
    result = RESULT.match(line)
    if not result:
        verdict.problems.append(f"malformed: {line}")
    elif int(result[2]) != number:
        verdict.problems.append(f"number {number} was due: {line}")
    elif result[1] == "not ok":
        verdict.problems.append(line)
    elif result[4]:
        verdict.skipped.append((result[3], result[4]))
    elif "#" in line:
        verdict.problems.append(f"malformed: {line}")
    else:
        verdict.passed.append(result[3])
