"""The transcripts' names: two tests that run at the same time never write the same file."""
from quire import log_name


def test_a_plain_name_stays():
    assert log_name("test_exit", "test_reboot[a-1]") == "test_exit.test_reboot_a-1"


def test_names_that_differ_in_blanks_or_signs_only_differ():
    tests = ["test_it[walk]", "test_it[walk ]", "test_it[walk +]", "test_it[ walk]", f"test_it[{'a' * 200}]",
             f"test_it[{'a' * 200}b]"]
    assert len({log_name("m", test) for test in tests}) == len(tests)
