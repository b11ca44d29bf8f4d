"""Boot modules: logged, reserved to the frame, and unchanged."""
import random
import re

import memmodel
import monitor


def module_file(path, size, seed=1):
    path.write_bytes(random.Random(seed).randbytes(size))
    return path


def modules_logged(log):
    """[(start, end)] of the modules in the log."""
    return [(int(start, 16), int(end, 16))
            for start, end in re.findall(r"module.*?(0x[0-9a-f]{8})-(0x[0-9a-f]{8})", log)]


def churn(machine):
    """Makes the machine hand out and fill memory, as much as a few commands can."""
    for size in ("1M", "4M", "16M"):
        machine.run(f"alloc {size}")


def test_a_module_is_reserved_and_keeps_its_contents(boot, tmp_path):
    bare = boot()
    bare.prompt()
    before = monitor.mem(bare)

    path = module_file(tmp_path / "module.bin", 100_001)
    machine = boot(modules=[path])
    log = machine.prompt()
    (start, end), = modules_logged(log)
    assert end - start == 100_001
    assert str(path)[:40] in log  # a long name is cut

    after = monitor.mem(machine)
    assert after.total == before.total
    assert after.reserved - before.reserved == memmodel.size([memmodel.pages(start, end)])
    churn(machine)
    assert machine.physical_bytes(start, end - start) == path.read_bytes()
    assert machine.finish() == 33


def test_a_module_can_be_read_through_a_mapping(boot, tmp_path):
    path = module_file(tmp_path / "module.bin", 5000)
    machine = boot(modules=[path])
    (start, _), = modules_logged(machine.prompt())
    assert not monitor.errors(machine.run(f"map 0x00400000 {start & ~0xfff:#x} ro"))
    words = re.findall(r" 0x([0-9a-f]{8})", machine.run("peek 0x00400000 4")[0])
    assert b"".join(int(word, 16).to_bytes(4, "little") for word in words) == path.read_bytes()[:16]
    assert machine.finish() == 33


def test_several_modules_are_all_reserved(boot, tmp_path):
    sizes = [1, 4096, 4097, 70_000, 3]
    paths = [module_file(tmp_path / f"m{i}.bin", size, i) for i, size in enumerate(sizes)]
    bare = boot()
    bare.prompt()
    machine = boot(modules=paths)
    said = modules_logged(machine.prompt())
    assert [end - start for start, end in said] == sizes
    frames = memmodel.size(memmodel.union(memmodel.pages(*module) for module in said))
    assert monitor.mem(machine).reserved - monitor.mem(bare).reserved == frames
    churn(machine)
    for (start, end), path in zip(said, paths):
        assert machine.physical_bytes(start, end - start) == path.read_bytes()
    assert machine.finish() == 33


def test_modules_beyond_the_described_ones_are_reserved_too(boot, tmp_path):
    paths = [module_file(tmp_path / f"m{i}.bin", 9000, i) for i in range(40)]
    bare = boot()
    bare.prompt()
    machine = boot(modules=paths)
    machine.prompt()
    assert monitor.mem(machine).reserved - monitor.mem(bare).reserved == 40 * 3
    assert machine.finish() == 33
