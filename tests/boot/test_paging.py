"""`maps`, `walk` and `pd` against what QEMU itself reads from the page tables and registers."""
import random
import re

import pytest

import monitor
from elf import Elf

PAGE = 4096
PRESENT = 1


def info_tlb(machine):
    """QEMU's walk over every table, {virtual page: (physical page, flags)}; without PAE."""
    pages = {}
    for line in machine.hmp("info tlb").splitlines():
        va, pa, flags = re.fullmatch(r"([0-9a-f]+): ([0-9a-f]+) (\S+)", line).groups()
        pages[int(va, 16)] = (int(pa, 16), flags)
    return pages


def info_mem(machine):
    """QEMU's runs of like permissions, [(start, end, "urw")]."""
    found = re.findall(r"([0-9a-f]+)-([0-9a-f]+) [0-9a-f]+ (\S+)", machine.hmp("info mem"))
    return [(int(start, 16), int(end, 16), flags) for start, end, flags in found]


def pages_of(runs):
    return {page: run.permission for run in runs for page in range(run.start, run.end, PAGE)}


def some_use(machine):
    """Makes mappings of several kinds, in several tables."""
    for line in ("alloc 24", "alloc 70000", "alloc 9M", "map 0x00400000 0x000b8000",
                 "map 0x00401000 0x000b8000 ro", "map 0x7ffff000 0xfee00000", "map 0x80000000 0xfffff000 ro"):
        assert not monitor.errors(machine.run(line)), line


@pytest.fixture(params=["fresh", "used"])
def machine(request, boot):
    machine = boot()
    machine.prompt()
    if request.param == "used":
        some_use(machine)
    yield machine
    assert machine.finish() == 33


def test_maps_has_exactly_the_pages_that_qemu_sees(machine):
    said = pages_of(monitor.maps(machine))
    seen = info_tlb(machine)
    assert said.keys() == seen.keys()


def test_maps_has_the_permissions_in_force(machine):
    """Those of the directory and the table together, as the processor combines them."""
    said = pages_of(monitor.maps(machine))
    held = {page: flags for start, end, flags in info_mem(machine) for page in range(start, end, PAGE)}
    assert said.keys() == held.keys()
    assert all(held[page] == ("-rw" if said[page] == "rw" else "-r-") for page in said)


def test_maps_ascends_and_neighbouring_runs_differ(machine):
    runs = monitor.maps(machine)
    for run, following in zip(runs, runs[1:]):
        assert run.start < run.end <= following.start
        assert run.end < following.start or run[2:] != following[2:]
    assert runs[-1].end == 0x100000000


def test_no_page_is_for_users_global_or_large(machine):
    for _, flags in info_tlb(machine).values():
        assert flags[:3] == "---"  # no-execute, global, large
    assert not any("u" in flags for _, _, flags in info_mem(machine))  # both levels together


def test_walk_ends_where_qemus_walk_ends(machine):
    seen = info_tlb(machine)
    edges = [edge for run in monitor.maps(machine) for edge in (run.start, run.end)]
    rng = random.Random(3)
    sample = [page + rng.randrange(PAGE) for page in rng.sample(sorted(seen), min(60, len(seen)))]
    anywhere = [rng.randrange(1 << 32) for _ in range(40)]
    around = [va for edge in edges for va in (edge - 1, edge) if 0 <= va < 1 << 32]
    for va in around + sample + anywhere:
        said = monitor.walk(machine, va)
        if va & -PAGE in seen:
            assert said == seen[va & -PAGE][0] + va % PAGE, hex(va)
        else:
            assert re.fullmatch(r"P[DT]\[\d+\] absent", said), hex(va)


def test_walk_names_the_level_that_is_absent(machine):
    directory = machine.physical_words(machine.registers()["CR3"], 1024)
    for pdi in (0, 1, 2, 511, 700, 768, 959, 1022):
        va = pdi << 22
        said = monitor.walk(machine, va)
        if not directory[pdi] & PRESENT:
            assert said == f"PD[{pdi}] absent"
    assert monitor.walk(machine, 0) == "PT[0] absent"
    assert monitor.walk(machine, 0x003FF000) == "PT[1023] absent"


def test_walk_shows_the_live_registers_and_entries(machine):
    cr3 = machine.registers()["CR3"]
    va = 0x00101234
    text = "\n".join(machine.run(f"walk {va:#x}"))
    pde = machine.physical_words(cr3, 1)[0]
    pte = machine.physical_words((pde & -PAGE) + (va >> 12) * 4, 1)[0]
    for value in (cr3, pde, pte):
        assert f"{value:#010x}" in text


def test_pd_lists_what_lies_in_the_directorys_frame(machine):
    cr3 = machine.registers()["CR3"]
    said = monitor.entries(machine, "pd")
    directory = machine.physical_words(cr3, 1024)
    mask = ~0x60  # accessed and dirty: reading them may set them
    assert {i: value & mask for i, value in said.items()} == \
        {i: value & mask for i, value in enumerate(directory) if value & PRESENT}
    for i in said:
        table = machine.physical_words(directory[i] & -PAGE, 1024)
        assert {j: value & mask for j, value in monitor.entries(machine, f"pd {i}").items()} == \
            {j: value & mask for j, value in enumerate(table) if value & PRESENT}, i


def test_the_last_directory_entry_is_the_directory_itself(machine):
    cr3 = machine.registers()["CR3"]
    assert cr3 % PAGE == 0
    assert machine.physical_words(cr3 + 1023 * 4, 1)[0] & -PAGE == cr3
    assert info_tlb(machine)[0xFFFFF000][0] == cr3


def test_the_first_4_mib_are_identity_mapped_except_the_absent_pages(machine, kernel):
    elf = Elf(kernel)
    absent = {0, 0x003FF000, elf.address("boot_stack_guard"), elf.address("fault_stack_guard")}
    seen = info_tlb(machine)
    for page in range(0, 0x00400000, PAGE):
        if page in absent:
            assert page not in seen
        else:
            assert seen[page][0] == page


def test_text_and_constants_are_read_only_and_cr0_wp_is_set(machine, kernel):
    elf = Elf(kernel)
    registers = machine.registers()
    assert registers["CR0"] & 0x80010001 == 0x80010001  # PG, WP, PE
    assert registers["CR4"] & ~0x600 == 0  # OSFXSR and OSXMMEXCPT, for programs
    permission = pages_of(monitor.maps(machine))
    parts = {("kernel_start", "text_end"): "ro", ("rodata_start", "rodata_end"): "ro",
             ("symtab_start", "kernel_end"): "ro", ("boot_stack_bottom", "boot_stack_top"): "rw",
             ("fault_stack_bottom", "fault_stack_top"): "rw"}
    for (start, end), allowed in parts.items():
        for page in range(elf.address(start), elf.address(end), PAGE):
            assert permission[page] == allowed, (start, hex(page))


def test_a_frame_has_one_use_besides_window_and_identity_map(machine):
    """No frame of the heap backs two of its pages, or holds a page table or the directory."""
    seen = info_tlb(machine)
    heap = [pa for va, (pa, _) in seen.items() if 0xC0000000 <= va < 0xF0000000]
    tables = [pa for va, (pa, _) in seen.items() if va >= 0xFFC00000]
    assert len(set(heap)) == len(heap)
    assert len(set(tables)) == len(tables)
    assert not set(heap) & set(tables)


def test_qemu_does_not_see_unmapped_pages(boot):
    machine = boot()
    machine.prompt()
    before = info_tlb(machine)
    some_use(machine)
    assert info_tlb(machine).keys() != before.keys()
    for line in ("free $0", "free $1", "free $2", "unmap 0x00400000", "unmap 0x00401000", "unmap 0x7ffff000",
                 "unmap 0x80000000"):
        assert not monitor.errors(machine.run(line)), line
    assert [va for va in info_tlb(machine).keys() - before.keys() if va < 0xC0000000] == []
    assert machine.finish() == 33
