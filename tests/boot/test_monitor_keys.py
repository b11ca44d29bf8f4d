"""The line editor at the serial terminal and at the PC's keyboard, as both screens show it; pages, Ctrl-C, colours,
watch."""
import re
import time

import pytest

import keys
import monitor
from elf import Elf
from quire import LIMIT

UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
HOME, END, DELETE = "\x1b[H", "\x1b[F", "\x1b[3~"
WORD_LEFT, WORD_RIGHT = "\x1b[1;5D", "\x1b[1;5C"


def unknown(word):
    return [f'error: there is no command "{word}": help lists them all']


# What is typed, and the one word that the line then is.
EDITS = [
    ("zac" + LEFT + "b", "zabc"),
    ("zac" + LEFT + LEFT + RIGHT + "b", "zabc"),
    ("abc" + HOME + "z", "zabc"),
    ("abc\x01z\x05d", "zabcd"),
    ("abc" + HOME + "z" + END + "d", "zabcd"),
    ("abc\x1bOHz\x1bOFd", "zabcd"),
    ("abc\x1b[1~z\x1b[4~d", "zabcd"),
    ("zabxc" + LEFT + LEFT + DELETE, "zabc"),
    ("zabxc" + LEFT + LEFT + "\x04", "zabc"),
    ("zabxc" + LEFT + "\x7f", "zabc"),
    ("zabxc" + LEFT + "\x08", "zabc"),
    ("zabc one two\x17\x17", "zabc"),
    ("zabc one two\x1b\x7f\x1b\x7f", "zabc"),
    ("one two\x15zabc", "zabc"),
    ("one two\x03zabc", "zabc"),
    ("zabc one two" + HOME + RIGHT * 4 + "\x0b", "zabc"),
    ("one two" + WORD_LEFT + WORD_LEFT + "zabc ", "zabc"),
    ("one two\x1bb\x1bbzabc ", "zabc"),
    ("one two" + HOME + WORD_RIGHT + "x", "onex"),
    (LEFT + RIGHT + DELETE + HOME + END + "\x7fzabc" + RIGHT, "zabc"),
    ("zabc\x1b[99;99Zd\x1bYe", "zabcde"),
    ("za\x1b[[Ab\x1b]11;rgb:0000/0000/0000\x1b\\c\x1bP>|xterm(380)\x1b\\d\x1b[24;80Re", "zabcde"),
    ("z" + "a" * 200 + HOME + "\x0bzabc", "zabc"),
    ("o" * 100 + "\x7f" * 100 + "zabc", "zabc"),
]


@pytest.mark.parametrize("typed, word", EDITS)
def test_a_line_is_edited_on_the_terminal(machine, typed, word):
    before = machine.text().count("quire> ")
    assert machine.run(typed) == unknown(word)
    assert machine.text().count("quire> ") == before + 1
    assert unknown(word)[0] in machine.screen()


def test_history_is_walked_through(machine):
    for word in ("zone", "ztwo", "zthree"):
        machine.run(word)
    assert machine.run(UP + UP) == unknown("ztwo")
    assert machine.run(UP * 9 + "x") == unknown("zonex")
    assert machine.run(UP * 3 + DOWN + "x") == unknown("ztwox")
    assert machine.run("zzz" + UP + DOWN + "zfour") == unknown("zfour")
    assert machine.run("\x10") == unknown("zfour")


def test_long_lines_go_through_history_too(machine):
    long = "z" + "y" * 1000
    for i in range(9):  # more than it holds
        machine.run(f"{long}{i}")
    assert machine.run(UP * 2 + HOME + "\x0bzabc") == unknown("zabc")
    machine.run("zlast")
    assert machine.run(UP) == unknown("zlast")


@pytest.mark.parametrize("typed, last", [
    ("wal\t boot_in\t+4", r"^0x[0-9a-f]{8} -> 0x[0-9a-f]{8}$"),
    ("walk page_d\t", r"^0xfffff000 -> 0x[0-9a-f]{8}$"),
    ("hel\twal\t", r"^    for example: walk kmain$"),
    ("trac\tallo\t64", r"^\| tables: 2 linked"),
    ("colo\tof\t", r"^$"),
    ("map 0x00400000 0x000b8000 r\t", r"^0x00400000 -> 0x000b8000$"),
    ("te\tmonitor_mem_h\t", r"^# 1 passed, 0 failed, 0 skipped$"),
    ("test monitor_mem_h* se\t5", r"^# 1 passed, 0 failed, 0 skipped$"),
    ("bench map1n\t", r"^  map\*new +\S"),
    ("fault int\t", r"^\|     0x[0-9a-f]{8} _start"),
    ("zabc\t\t", r'^error: there is no command "zabc"'),
    ("mem; walk 0;wal\t page_d\t", r"^0xfffff000 -> 0x[0-9a-f]{8}$"),
    ("wa\t\t\t 0", r"^0x00000000 -> not mapped: PT\[0\] absent$"),
])
def test_tab_completes_commands_and_arguments(machine, typed, last):
    assert re.search(last, machine.run(typed)[-1])


@pytest.mark.parametrize("compiler", ["ubsan", "ubsan-clang"])
def test_tab_past_the_last_argument_is_defined_behaviour(boot, build, compiler):
    kernel = build / "variant" / compiler / "quire.elf"
    if not kernel.exists():
        pytest.skip(f"there is no kernel by {compiler}: it is not on this machine")
    machine = boot(kernel=kernel)
    machine.prompt()
    for line in "walk 1\t", "walk 1 \t", "walk 1 2 \t", "mem \t":
        machine.run(line)
    assert machine.finish() in (33, 35)
    assert "undefined" not in machine.text() and "PANIC" not in machine.text()


def test_tab_knows_the_objects_that_live(machine):
    for size in (100, 200, 300):
        machine.run(f"alloc {size}")
    assert "freed" in machine.run("free \t\t")[-1]  # all begin with $; the latest is the first
    assert machine.run("free $2") == ["error: $2 was freed already"]
    machine.run("free $0")
    assert "freed" in machine.run("free \t")[-1]
    assert machine.run("free $1") == ["error: $1 was freed already"]


def test_one_letter_and_tab_never_leave(machine):
    assert machine.run("e\t") == unknown("e")
    assert machine.run("r\t") == ["error: expected: run PROGRAM [ARG]"]  # and not reboot


def test_a_line_longer_than_the_screen_keeps_to_its_row(machine):
    machine.type("0123456789" * 30)
    rows = keys.wait_for_screen(machine, lambda rows: any(re.fullmatch(r"quire> [0-9]+9", r) for r in rows))
    row = [row for row in rows if row.startswith("quire> ")][-1]
    assert len(row) < 80 and row[7:] in "0123456789" * 30
    assert rows.index(row) == max(i for i, r in enumerate(rows) if r)
    machine.type("\x15")
    assert machine.run("zabc") == unknown("zabc")


# ---- the keyboard ----

def test_the_keyboard_types_edits_and_recalls(machine):
    keys.write(machine, "zone")
    keys.press(machine, "ret")
    machine.expect(re.escape(unknown("zone")[0]))
    machine.prompt()
    keys.write(machine, "xyzac")
    for key in ("left", "b", "home", "delete", "delete", "end", "d", "ret"):
        keys.press(machine, key)
    machine.expect(re.escape(unknown("zabcd")[0]))
    machine.prompt()
    for key in ("up", "up", "down", "up", "e", "ret"):
        keys.press(machine, key)
    machine.expect(re.escape(unknown("zonee")[0]))
    machine.prompt()
    for key in ("a", "spc", "b", "ctrl-w", "ctrl-w", "z", "shift-z", "x", "ctrl-left", "esc", "y", "ret"):
        keys.press(machine, key)
    machine.expect(re.escape(unknown("yzZx")[0]))
    machine.prompt()
    for key in ("w", "a", "l", "tab", "0", "ret"):
        keys.press(machine, key)
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent$")
    machine.prompt()
    rows = machine.screen()
    assert [row for row in rows if row][-1] == "quire>"
    assert unknown("yzZx")[0] in rows and "quire> walk 0" in rows


def test_no_key_is_lost_from_ready_on(boot, kernel):
    """Held between `quire: ready` and the prompt, where a slow machine may be when the first key is pressed."""
    machine = boot(debugger=True, extra=["-S"])
    here = Elf(kernel).address("monitor_run")
    debugger = machine.debugger
    debugger.attach()
    debugger.run_to(here)
    machine.expect(r"^quire: ready.*\n")
    code = debugger.memory(here, 2)
    debugger.set_memory(here, b"\xeb\xfe")  # jmp to itself: QEMU drops keys while the machine stands still
    debugger.go()
    while not machine.qmp("query-status", {})["running"]:
        pass
    for key in "zone":
        keys.send(machine, key)
    debugger.interrupt()
    debugger.set_memory(here, code)
    debugger.go()
    keys.press(machine, "ret")
    machine.expect(re.escape(unknown("zone")[0]))
    machine.prompt()


def test_both_screens_show_the_same(machine):
    printed = machine.run("mem")
    rows = machine.screen()
    assert rows[rows.index("quire> mem") + 1:][:len(printed)] == [line.rstrip() for line in printed]
    printed = machine.run("heap")
    rows = machine.screen()
    assert rows[rows.index("quire> heap") + 1:][:len(printed)] == [line.rstrip() for line in printed]


def test_what_scripts_read_has_no_colours(boot):
    machine = boot(cmdline="-- colour on; mem; maps; walk kmain; walk 0; pd; pd 0; alloc 10; trace alloc 5000; "
                           "nonsense")
    machine.prompt()
    machine.expect(r"^error: ")
    machine.prompt()
    exact = re.compile(r"frames: |0x[0-9a-f]{8}-0x|.* -> (0x[0-9a-f]{8}|not mapped.*)$|P[DT]\[\d+\] 0x|\$\d+ = |"
                       r"error: |quire> ")
    lines = machine._text.replace("\r", "").split("\n")
    found = [line for line in lines if exact.match(line)]
    assert len(found) > 1024 + 20
    assert not [line for line in found if "\x1b" in line]
    assert any("\x1b[" in line for line in lines)  # elsewhere there are


def test_colours_can_be_switched_off(machine):
    machine.run("colour off")
    start = len(machine._text)
    printed = machine.run("pd")
    assert "\x1b" not in machine._text[start:] and machine._text[start:].isascii()
    grid = [line.split() for line in printed if re.match(r"0x[0-9a-f]{8}  ", line)]
    assert len(grid) == 32 and all(len(row) == 33 for row in grid)
    assert grid[0][1] == "K" and grid[31][32] == "W"
    machine.run("colour on")
    machine.run("pd")
    assert "\x1b[" in machine._text[start:]


QUESTION = "\x1b[c"  # ECMA-48 DA: what terminal is there?
ANSWERS = {"xterm": "\x1b[?64;1;2;6;9;15;16;17;18;21;22c", "VT100": "\x1b[?1;2c", "Linux": "\x1b[?6c"}


def enter(machine, command):
    """As a person at a terminal types it."""
    machine.type(command + "\r")
    machine.expect(r"\n")
    return machine.prompt()


def test_a_script_is_not_asked_and_is_sent_plain_text(boot):
    machine = boot(cmdline="-- pd; help; walk kmain")
    machine.expect(r"^quire> walk kmain\n")
    machine.prompt()
    for command in ("help", "mem", "walk kmain", "pd", "heap", "trace alloc 5000", "clear"):
        machine.run(command)
    assert machine.finish() == 33
    assert "\x1b" not in machine._text and machine._text.isascii()


def test_the_command_line_can_have_a_terminal_asked_at_once_or_never(boot):
    machine = boot(cmdline="colour=auto -- pd")
    machine.expect(r"^quire> pd\n")
    machine.prompt()
    assert machine._text.index("quire> pd") < machine._text.index(QUESTION) < machine._text.index("PD[0]")
    machine = boot(cmdline="colour=off -- pd")
    machine.expect(r"^quire> pd\n")
    machine.prompt()
    enter(machine, "mem")
    assert "\x1b" not in machine._text
    assert machine.run("colour") == ["colour off"]


def test_the_question_stands_at_a_lines_start(machine):
    enter(machine, "mem")
    assert re.search(r"^\x1b\[c", machine._text.replace("\r", ""), re.M)


@pytest.mark.parametrize("late", [0, 0.5])
def test_a_late_answer_is_taken_before_the_machine_is_left(boot, late):
    """What is still unread when QEMU ends is typed into the user's shell."""
    machine = boot(cmdline="colour=auto -- mem; exit")
    while QUESTION not in machine._text:
        machine._receive(time.monotonic() + LIMIT)
    time.sleep(late)
    for byte in ANSWERS["xterm"]:
        machine.type(byte)
    assert machine.exit_code() == 33
    assert machine.unread() == 0


def test_who_never_answers_is_not_waited_for_long(boot):
    machine = boot(cmdline="colour=auto -- mem; exit")
    start = time.monotonic()
    assert machine.exit_code() == 33
    assert time.monotonic() - start < 30


def test_who_does_not_answer_is_sent_plain_text_and_the_screen_has_its_colours(machine):
    enter(machine, "help")
    for command in ("help", "mem", "walk kmain", "pd", "heap", "trace alloc 5000", "clear"):
        machine.run(command)
    assert machine._text.count(QUESTION) == 1
    assert "\x1b" not in machine._text.replace(QUESTION, "") and machine._text.isascii()
    machine.run("clear")
    machine.run("mem")
    cells = machine.physical_bytes(0xB8000, 80 * 25 * 2)
    assert len(set(cells[1::2])) > 4


@pytest.mark.parametrize("terminal", ANSWERS)
def test_a_terminal_that_answers_has_colours_and_drawings(machine, terminal):
    enter(machine, "mem")
    assert QUESTION in machine._text
    start = len(machine._text)
    machine.type(ANSWERS[terminal])
    printed = machine.run("pd")
    assert "\x1b[31;40m" in machine._text[start:] and "\xe2\x96\x80" in machine._text[start:]
    assert not monitor.errors(printed)  # the answer is no key
    assert machine.run("colour") == ["colour auto"]
    machine.run("colour off")
    start = len(machine._text)
    machine.run("pd")
    assert "\x1b" not in machine._text[start:]


def test_an_answer_that_came_unasked_counts_too(machine):
    machine.type(ANSWERS["xterm"])
    machine.run("mem")
    assert QUESTION not in machine._text and "\x1b[" in machine._text


def test_only_a_terminals_answer_is_one(machine):
    machine.type("\x1b[6c\x1b[?6h\x1b[?1;2")
    enter(machine, "\x15mem")
    enter(machine, "mem")
    assert "\x1b" not in machine._text.replace(QUESTION, "")


def test_pages_are_for_the_keyboard_only(machine):
    assert "-- more" not in "\n".join(machine.run("help"))
    keys.write(machine, "help")
    keys.press(machine, "ret")
    machine.expect("-- more")
    keys.wait_for_screen(machine, lambda rows: rows[24].startswith("-- more"))
    keys.press(machine, "spc")
    machine.prompt()
    assert not any("-- more" in row for row in machine.screen())
    keys.write(machine, "help")
    keys.press(machine, "ret")
    machine.expect("-- more")
    keys.press(machine, "q")
    assert "reboot" not in machine.prompt()


def test_what_is_typed_ahead_at_the_keyboard_is_still_the_keyboards(machine):
    machine.type("; ".join(["peek 0x00100000 4096"] * 8) + "\r")
    machine.expect(r"^0x00100000: ")
    keys.write(machine, "help")
    keys.press(machine, "ret")
    machine.expect("-- more")
    keys.press(machine, "q")
    machine.prompt()


def test_page_on_holds_the_terminal_too_and_off_nobody(machine):
    machine.run("page on")
    machine.type("pd 0\r")
    machine.expect("-- more")
    machine.type("\r")
    machine.expect("-- more")
    machine.type(" ")
    machine.expect("-- more")
    machine.type("q")
    assert "entries are present" not in machine.prompt()
    machine.run("page off")
    keys.write(machine, "help")
    keys.press(machine, "ret")
    assert "-- more" not in machine.prompt()


def test_commands_of_the_command_line_are_never_held(boot):
    machine = boot(cmdline="-- page on; pd 0; help; exit")
    assert machine.exit_code() == 33
    assert "-- more" not in machine.text()


def test_ctrl_c_leaves_a_long_listing_and_what_is_typed_ahead_stays(machine):
    machine.type("peek 0x00100000 4096\r\x03walk 0\r")
    text = machine.prompt()
    assert "... stopped" in text and text.count("\n") < 1000
    machine.expect(r"^0x00000000 -> not mapped: PT\[0\] absent$")
    machine.prompt()
    machine.type("test\r")
    machine.expect(r"^ok 1 ")
    machine.type("\x03")
    assert "... stopped" in machine.prompt()
    machine.type("bench\r")
    machine.expect(r"^bench W1: ")
    machine.type("\x03")
    assert "... stopped" in machine.prompt()


def test_ctrl_c_ends_the_benchmarks_and_not_only_what_they_print(boot):
    machine = boot(cmdline="bench")  # nothing is swallowed here
    machine.expect(r"^kmalloc: ")
    machine.type("\x03")
    assert machine.exit_code() == 35
    assert re.search(r"^bench: stopped before \S+\nerror: .*\n\Z", machine.text(), re.M)


def test_tests_leave_a_session_as_it_was(machine):
    settings = ("colour", "page", "trace")
    for line in ("alloc 5000", "fill $0 1 0xcafe", "map 0x00400000 0x000b8000", "colour off", "page on",
                 "trace on"):
        assert not monitor.errors(machine.run(line)), line
    tests = "\n".join(machine.run("test monitor_*"))
    assert re.search(r"^# \d+ passed, 0 failed, 1 skipped$", tests, re.M), tests
    assert "# SKIP it would free and unmap what alloc and map have made" in tests
    assert [machine.run(name)[-1] for name in settings] == ["colour off", "page on", "trace on"]
    machine.run("page auto")
    assert "0x0000cafe" in machine.run("peek $0")[0]
    for line in ("free $0", "unmap 0x00400000", "trace off"):
        assert not monitor.errors(machine.run(line)), line
    assert machine.run("test monitor_random_walk")[-1] == "# 1 passed, 0 failed, 0 skipped"
    assert [machine.run(name)[-1] for name in settings] == ["colour off", "page auto", "trace off"]


def test_watch_draws_what_has_changed_until_a_key(machine):
    start = time.monotonic()
    machine.type("watch alloc 64K; mem\r")
    free = [int(machine.expect(r"^frames: \d+ total, (\d+) free")[1]) for _ in range(3)]
    assert time.monotonic() - start > 1.5
    assert [before - after for before, after in zip(free, free[1:])] == [16, 16]
    keys.press(machine, "x")
    machine.prompt()
    assert machine.run("alloc 1")[-1].startswith("$3 = ") and "nothing changes" not in machine.text()


def test_watch_draws_nothing_twice(machine):
    machine.type("watch mem\r")
    machine.expect(r"^nothing changes by itself.*\n")
    assert machine.quiet_for(2.5)
    machine.type(" ")
    assert not monitor.errors(machine.prompt().split("\n"))
    assert machine.text().count("\nframes: ") == 1
    assert not monitor.errors(machine.run("walk 0"))


def test_watch_shows_no_more_than_a_screen(machine):
    machine.type("watch peek kmain 200\r")
    machine.expect(r"^\.\.\. and 28 more lines\n")  # of 50, two rows less than the screen's 24
    machine.type(" ")
    machine.prompt()


def test_tests_run_untraced(machine):
    printed = machine.run("trace test monitor_trace*", 60)
    assert printed[-1] == "# 4 passed, 0 failed, 0 skipped" and not any(line.startswith("|") for line in printed)


def test_watch_asks_no_question_about_pages(machine):
    machine.run("page on")
    machine.type("watch peek kmain 200\r")
    machine.expect(r"^nothing changes by itself.*\n")
    assert machine.quiet_for(2.5)
    machine.type(" ")
    assert "-- more" not in machine.prompt()


def test_watch_ends_with_the_first_error(machine):
    for line in ("watch watch mem", "watch nonsense", "watch peek 0"):
        printed = machine.run(line)
        assert len(monitor.errors(printed)) == 1 and len(printed) == 2, line


def test_an_idle_machine_is_halted(machine):
    deadline = time.monotonic() + LIMIT
    while "HLT=1" not in machine.hmp("info registers"):  # who polls never halts
        assert time.monotonic() < deadline
    assert machine.run("zabc") == unknown("zabc")


def test_fill_and_protect(machine):
    machine.run("alloc 4096")
    assert not monitor.errors(machine.run("fill $0 1024 0xdeadbeef"))
    assert "0xdeadbeef" in machine.run("peek $0")[0]
    assert monitor.errors(machine.run("fill $0 1025 0"))
    machine.run("clear")
    machine.run("map 0x00400000 0x000b8000")
    machine.run("fill 0x00400000 40 0x07410741")
    assert machine.screen()[0] == "A" * 80
    assert machine.run("protect 0x00400000 ro")[-1] == "0x00400000 -> 0x000b8000"
    assert "read-only" in machine.run("poke 0x00400000 0")[0]
    assert "read-only" in machine.run("fill 0x00400000 1 0")[0]
    assert not monitor.errors(machine.run("protect 0x00400000 rw"))
    assert not monitor.errors(machine.run("poke 0x00400000 0"))
    for line in ("fill kmain 1 0", "fill page_directory 1 0", "fill page_tables 1 0", "fill 0 1 0",
                 "fill 0x003f0000 1 0", "fill heap 4096 0", "protect 0x00500000 ro", "protect kmain rw",
                 "protect 0x00400000 rx", "fill screen 1 0"):
        assert len(monitor.errors(machine.run(line))) == 1, line
    assert not monitor.errors(machine.run("unmap 0x00400000"))


def test_fill_keeps_out_of_frames_in_use_under_whatever_address(machine):
    directory = machine.registers()["CR3"]
    table = monitor.entries(machine, "pd")[0] & ~0xFFF
    for k, frame in enumerate((directory, table, 0x00001000, 0xFEE00000)):
        machine.run(f"map {0x00400000 + k * 4096:#x} {frame:#x}")
        assert monitor.errors(machine.run(f"fill {0x00400000 + k * 4096:#x} 1024 0"))
        machine.run(f"unmap {0x00400000 + k * 4096:#x}")
    free = monitor.mem(machine).ranges[-1][1] - 1  # the last frame, which nobody has taken yet
    machine.run(f"map 0x00400000 {free * 4096:#x}")
    assert not monitor.errors(machine.run("fill 0x00400000 1024 0xcafe"))
    machine.run("unmap 0x00400000")
