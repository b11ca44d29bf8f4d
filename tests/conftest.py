"""Shared by all tests: the build directory, and the last line of a run.

The last line is exactly `N passed, N failed`, behind everything that pytest prints. Errors count as failures, as do a
file that does not load and a run without a test."""
import atexit
import fcntl
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True

ROOT = Path(__file__).resolve().parent.parent
BUILD = Path(os.environ.get("QUIRE_BUILD", "build"))
BUILD = BUILD if BUILD.is_absolute() else ROOT / BUILD


# ---- the last line ----

class LastLine:
    """Counts the outcomes that are reported to the controller."""

    def __init__(self):
        self.passed = self.failed = 0
        self.exit_status = None

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed += 1
        elif report.passed and report.when == "call":
            self.passed += 1

    def pytest_collectreport(self, report):
        self.failed += report.failed

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus):
        self.exit_status = int(exitstatus)

    def print(self):
        failed = self.failed if self.failed or self.exit_status == 0 else 1
        sys.stderr.flush()
        print(f"{self.passed} passed, {failed} failed", flush=True)


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes ten seconds or more, and begins first")
    if not hasattr(config, "workerinput"):  # not in xdist's workers: the controller alone prints
        last_line = LastLine()
        config.pluginmanager.register(last_line)
        atexit.register(last_line.print)


# ---- the order ----

def pytest_collection_modifyitems(config, items):
    """The longest tests begin first, dealt to all workers: otherwise the end of a run waits for one of them."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    at_once = max(len(items) // workers // 4, 2)  # xdist gives each worker so many in a row to begin with
    long = [item for item in items if item.get_closest_marker("long")]
    short = [item for item in items if not item.get_closest_marker("long")]
    ordered = []
    for worker in range(workers):
        dealt = long[worker::workers]
        more = max(at_once - len(dealt), 0)
        ordered += dealt + short[:more]
        del short[:more]
    items[:] = ordered + short


# ---- the summary of the tests inside the kernel ----

def pytest_terminal_summary(terminalreporter):
    runs = [text for reports in terminalreporter.stats.values() for report in reports
            for key, text in getattr(report, "user_properties", ())
            if key == "kernel tests" and report.when == "call"]
    if runs:
        terminalreporter.section("tests inside the kernel")
        for text in sorted(runs):
            terminalreporter.write_line(text)


# ---- the build ----

@pytest.fixture(scope="session")
def build():
    """The build directory."""
    return BUILD


@pytest.fixture(scope="session")
def once(tmp_path_factory, worker_id):
    """once(NAME, MAKE): a folder that MAKE(FOLDER) has made, once for all of the workers, which only read it."""
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "once"

    def made(name, make):
        folder, done = shared / name, shared / f"{name}.done"
        shared.mkdir(exist_ok=True)
        with open(shared / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def give_objects(build):
    """give_objects(FOLDER): a copy of Quire gets the objects of this build, so that make compiles what differs. test_text
    looks for its own name in the debugging information, which says where an object was made."""

    def give(folder):
        for part in ("boot", "kernel", "mm", "tests", "user"):
            shutil.copytree(build / part, folder / "build" / part, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns("test_text.c.o"))
        for pattern in ("*.stamp", "*.S", "*.o", "version.h"):
            for path in build.glob(pattern):
                shutil.copy2(path, folder / "build")

    return give
