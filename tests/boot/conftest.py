"""Shared by the boot tests: machines that end with their test, and a boot loader."""

import pytest

import multiboot
from elf import Elf
from firmware import firmware_options, medium_options
from quire import Machine, log_name


@pytest.fixture(scope="session")
def kernel(build):
    """The default kernel."""
    path = build / "quire.elf"
    assert path.exists(), f"{path} is missing: run make first"
    return path


@pytest.fixture
def plain(kernel):
    """Skips a test that a kernel with the sanitizer (UBSAN=1) is too large or too slow for."""
    if any(symbol.name.startswith("__ubsan_handle_") for symbol in Elf(kernel).symbols):
        pytest.skip("the kernel has the sanitizer")


@pytest.fixture
def boot(request, build, kernel):
    """boot(...) starts a Machine (quire.py), which ends with the test. Its transcript goes to build/logs, and is shown
    when the test fails."""
    machines = []
    name = log_name(request.path.stem, request.node.name)

    def start(**options):
        options.setdefault("kernel", None if options.get("cdrom") else kernel)
        suffix = f"-{len(machines) + 1}" if machines else ""
        machines.append(Machine(build / "logs" / f"{name}{suffix}.log", **options))
        return machines[-1]

    start.machines = machines
    yield start
    for machine in machines:
        machine.close()


@pytest.fixture
def disc(boot, build, tmp_path):
    """disc(firmware, medium, kind, ...) boots a disc, the tests' own unless told otherwise."""

    def start(firmware, medium, kind, *, iso="test.iso", extra=(), **options):
        options.setdefault("memory", "192M")
        options.setdefault("system", "x86_64" if firmware == "uefi64" else "i386")
        return boot(firmware=firmware_options(firmware, kind, tmp_path) +
                    medium_options(medium, build / iso) + list(extra), **options)

    return start


@pytest.fixture
def machine(boot):
    """A machine at its prompt. After the test it must still answer, unless it has ended."""
    machine = boot()
    machine.prompt()
    yield machine
    if machine.process.poll() is None:
        assert machine.run("walk 0x00100000")[-1] == "0x00100000 -> 0x00100000"
        assert machine.finish() == 33


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed and "boot" in getattr(item, "funcargs", {}):
        for machine in item.funcargs["boot"].machines:
            report.sections.append((f"transcript, whole in {machine.transcript}", machine.text()[-6000:]))


@pytest.fixture(scope="session")
def loader(tmp_path_factory):
    return multiboot.Loader(tmp_path_factory.mktemp("loader"))


@pytest.fixture
def craft(boot, loader, kernel, tmp_path):
    """craft(info) boots Quire with that Multiboot information, AT its address; place=False leaves there
    whatever is there. STATE is as of multiboot.Loader.options."""

    def start(info, *, at=multiboot.INFO, place=True, magic=multiboot.MAGIC, state=(0, 0, 0), actions=(), memory="128M",
              cpu=None, **machine):
        directory = tmp_path / f"boot-{len(boot.machines)}"
        directory.mkdir()
        blobs = {**info.blobs, **({at: info.pack()} if place else {})}
        options = loader.options(directory, kernel, Elf(kernel).entry, blobs, magic=magic, info=at, state=state,
                                 actions=actions)
        options["extra"] += machine.pop("extra", [])
        return boot(memory=memory, cpu=cpu, **options, **machine)

    return start
