"""The tests' own model of the memory map's rule, on cases worked out by hand."""
import memmodel
from memmodel import Entry

MIB = 0x100  # frames


def kept(*entries):
    return memmodel.kept(memmodel.memory([Entry(*entry) for entry in entries]))


def test_memory_is_rounded_inward_and_the_rest_outward():
    assert kept((0x100001, 0x10000, 1)) == [(0x101, 0x110)]
    assert kept((0x100000, 0x10000, 1), (0x104fff, 2, 2)) == [(0x100, 0x104), (0x106, 0x110)]


def test_taken_wins_in_either_order():
    ram, hole = (0x100000, 0x300000, 1), (0x200000, 0x100000, 2)
    assert kept(ram, hole) == kept(hole, ram) == [(MIB, 2 * MIB), (3 * MIB, 4 * MIB)]


def test_an_empty_entry_means_nothing():
    assert kept((0x100000, 0x100000, 1), (0x180800, 0, 2)) == [(MIB, 2 * MIB)]


def test_ends_saturate():
    assert kept((0x80000000, 2**64 - 1, 1)) == [(0x80000, 0x100000)]
    assert kept((0x100000, 0x300000, 1), (0x200000, 2**64 - 1, 2)) == [(MIB, 2 * MIB)]
    assert kept((2**64 - 4096, 8192, 1)) == []


def test_nothing_below_1_mib_or_from_4_gib_up_is_kept():
    assert kept((0, 0x200000, 1), (2**32 - 8192, 2**33, 1)) == [(MIB, 2 * MIB), (0xffffe, 0x100000)]


def test_entries_that_touch_are_one_range():
    assert kept((0x100000, 0x1000, 1), (0x101000, 0x1000, 1)) == [(0x100, 0x102)]
    halves = (0x100000, 0x1800, 1), (0x101800, 0x800, 1)  # neither has frame 0x101 whole
    assert kept(*halves) == [(0x100, 0x101)]


def test_subtract_cuts_each_hole_out():
    assert memmodel.subtract([(0, 10)], [(0, 1), (3, 4), (9, 12)]) == [(1, 3), (4, 9)]
    assert memmodel.intersect([(0, 10), (20, 30)], [(5, 25)]) == [(5, 10), (20, 25)]
