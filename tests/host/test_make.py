"""The Makefile, with tools that only pretend: which it takes, what it hands them, and when it builds anew.

A tool is a script that notes how it was called, makes its output and leaves with $EXIT. No others are found
but the few that any system has."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MAKE = shutil.which("make")
EVERYWHERE = ("sh cat cmp comm cp cut env grep gzip id ls mkdir mv od printf rm sed sort tail test touch tr uname wc "
              "awk dirname basename expr").split()
OURS = {"BUILD", "CMDLINE", "CROSS", "FILES", "FONTS", "MAKEFLAGS", "MAKELEVEL", "MEM", "MFLAGS", "MODULES", "QEMUFLAGS",
        "UBSAN", "V"}

TOOL = """#!/bin/sh
words=$(printf '\\037%s' "$@")
printf '%s%s\\n' "${0##*/}" "$words" >>"$CALLS" # at once: others may write there too
while [ $# -gt 1 ]; do
    [ "$1" = -o ] && : >"$2"
    shift
done
exit ${EXIT:-0}
"""


class Make:
    """make, in a build directory of its own."""

    def __init__(self, directory):
        self.build = directory / "build"
        self.tools = directory / "tools"
        self._calls = directory / "calls"
        self.tools.mkdir()
        for name in EVERYWHERE:
            if path := shutil.which(name):
                (self.tools / name).symlink_to(path)

    def have(self, *tools):
        for tool in tools:
            (self.tools / tool).write_text(TOOL)
            (self.tools / tool).chmod(0o755)

    def __call__(self, *words, **environment):
        """Runs make; what it printed and its exit code are .output and .code, the tools' calls are .calls."""
        self._calls.write_text("")
        kept = {name: value for name, value in os.environ.items() if name not in OURS}
        result = subprocess.run([MAKE, f"BUILD={self.build}", "FONTS=", *words], cwd=ROOT, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                env={**kept, "PATH": str(self.tools), "CALLS": str(self._calls), **environment})
        self.output, self.code = result.stdout, result.returncode
        self.calls = [line.split("\037") for line in self._calls.read_text().splitlines()]
        return self

    def called(self):
        return {call[0] for call in self.calls}


@pytest.fixture
def make(tmp_path):
    return Make(tmp_path)


GNU = [f"i686-linux-gnu-{tool}" for tool in ("gcc", "ld", "nm")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A kernel is there already, and a QEMU."""
    make = Make(tmp_path_factory.mktemp("make"))
    make.have(*GNU, "qemu-system-x86_64")
    assert make().code == 0, make.output
    return make


# ---- the compiler ----

@pytest.mark.parametrize("here, taken", [
    ("i686-linux-gnu-gcc i686-linux-gnu-ld i686-linux-gnu-nm i686-elf-gcc i686-elf-ld i686-elf-nm clang ld.lld nm",
     {"i686-elf-gcc", "i686-elf-ld", "i686-elf-nm"}),
    ("i686-linux-gnu-gcc i686-linux-gnu-ld i686-linux-gnu-nm clang ld.lld nm",
     {"i686-linux-gnu-gcc", "i686-linux-gnu-ld", "i686-linux-gnu-nm"}),
    ("clang ld.lld llvm-nm nm", {"clang", "ld.lld", "llvm-nm"}),
    ("clang ld.lld nm", {"clang", "ld.lld", "nm"}),
], ids=["elf", "linux", "clang", "clang with GNU nm"])
def test_the_first_compiler_that_is_here_is_taken(make, here, taken):
    make.have(*here.split())
    assert make().code == 0, make.output
    assert make.called() == taken


@pytest.mark.parametrize("here", ["", "clang", "ld.lld", "gcc"])
def test_without_a_compiler_one_line_says_what_to_install(make, here):
    make.have("apt-get", *here.split())
    assert make().code != 0
    line, = make.output.splitlines()
    assert "no compiler for i386" in line and "apt-get install gcc-i686-linux-gnu" in line and "make deps" in line
    assert make.calls == []


def test_a_prefix_names_the_compiler_wherever_it_is(make, tmp_path):
    make.have("clang", "ld.lld", "llvm-nm")
    for tool in "gcc", "ld", "nm":
        make.have(f"my-{tool}")
        (make.tools / f"my-{tool}").rename(tmp_path / f"my-{tool}")
    assert make(f"CROSS={tmp_path}/my-").code == 0, make.output
    assert make.called() == {"my-gcc", "my-ld", "my-nm"}


@pytest.mark.parametrize("name, missing", [("i686-linux-gnu-", "i686-linux-gnu-ld"), ("clang", "ld.lld")])
def test_a_named_compiler_that_is_not_here_is_an_error_and_no_other_is_taken(make, name, missing):
    make.have("apt-get", "i686-elf-gcc", "i686-elf-ld", "i686-elf-nm", "i686-linux-gnu-gcc", "clang", "llvm-nm")
    assert make(f"CROSS={name}").code != 0
    assert re.fullmatch(rf".*{missing} is missing: run '(?:sudo )?apt-get install .*'.*\n", make.output)
    assert make.calls == []


def test_an_unknown_prefix_is_told_what_cross_may_be(make):
    make.have("apt-get", *GNU)
    assert make("CROSS=nonsense").code != 0
    line, = make.output.splitlines()
    assert "CROSS=nonsense: there is no nonsensegcc" in line and "clang" in line
    assert line.endswith("the first that is here: i686-linux-gnu-.  Stop.") and "install" not in line
    assert make.calls == []


# ---- what is built anew ----

def compiled(make):
    """The kernel's source files that the last make compiled. (The sanitizer is not for programs.)"""
    files = [call[call.index("-c") + 1] for call in make.calls if "-c" in call]
    return [file for file in files if not file.startswith("user/")]


def test_nothing_is_built_twice_and_a_changed_compiler_builds_anew(make):
    make.have(*GNU, "x-gcc", "x-ld", "x-nm")
    assert make("-j4").code == 0, make.output
    sources = compiled(make)
    assert len(sources) > 50
    assert make().calls == [] and make.output == ""
    assert len(compiled(make("CROSS=x-"))) == len(sources)
    assert len(compiled(make("CROSS=x-", "UBSAN=1"))) == len(sources) + 1


def test_a_changed_command_line_builds_grub_cfg_and_nothing_else(make):
    make.have(*GNU)
    cfg = make.build / "grub.cfg"
    make(str(cfg), "CMDLINE=first")
    before = cfg.read_text()
    assert "quire.elf 'first'" in before
    cfg.write_text("as it was")
    assert make(str(cfg), "CMDLINE=first").output == "" and cfg.read_text() == "as it was"
    make(str(cfg), "CMDLINE=second")
    assert cfg.read_text() == before.replace("'first'", "'second'")
    make("CMDLINE=first")
    assert make("CMDLINE=second").calls == []


def test_without_a_font_there_is_a_kernel_all_the_same_and_a_line_that_says_so(make):
    make.have("apt-get", *GNU)
    assert make().code == 0
    assert re.search(r"^  no font here, .*apt-get install \S+", make.output, re.M)
    assert (make.build / "quire.elf").exists()


def test_the_commands_are_shown_on_demand(make):
    make.have(*GNU)
    assert re.search(r"^i686-linux-gnu-gcc .*-c kernel/main\.c", make("V=1").output, re.M)


# ---- running it ----

COMMAND_LINES = ["-- walk 0; mem", "a'b \"c\"  d\\e", "$HOME $$ $(MEM) ${MEM} `id` %s", "* ? # & | < > ~ !", "test=*"]


def appended(make):
    """What -append was given."""
    call = [call for call in make.calls if "-append" in call][-1]
    return call[call.index("-append") + 1]


@pytest.mark.parametrize("line", COMMAND_LINES)
@pytest.mark.parametrize("how", ["argument", "environment"])
def test_the_kernel_is_given_the_command_line_as_typed(built, line, how):
    if how == "argument":
        built("run", f"CMDLINE={line}")
    else:
        built("run", CMDLINE=line)
    assert built.code == 0, built.output
    assert appended(built) == f"panic=stay colour=off {line}"


@pytest.mark.parametrize("code, succeeds", [(0, True), (33, True), (35, False), (1, False)])
def test_run_succeeds_when_quire_does(built, code, succeeds):
    assert (built("run", EXIT=str(code)).code == 0) == succeeds
    assert appended(built) == "panic=stay colour=off"  # the output is no terminal


def test_run_has_the_memory_the_options_and_the_exit_port(built):
    call = built("run", "MEM=77M", "QEMUFLAGS=-cpu 486").calls[-1]
    assert call[0] == "qemu-system-x86_64"  # in place of the smaller one
    assert call[call.index("-m") + 1] == "77M"
    assert call[-2:] == ["-cpu", "486"]
    assert "isa-debug-exit,iobase=0xf4,iosize=0x04" in call


@pytest.mark.parametrize("target, tool, package", [
    ("run", "QEMU", "qemu-system-x86"), ("debug", "gdb", "gdb"), ("iso", "grub-mkrescue", "grub-common"),
    ("bench", "QEMU", "qemu-system-x86"), ("host", "i686-linux-gnu-gcc", "gcc-i686-linux-gnu"),
    ("test", "qemu-system-i386", "qemu-system-x86"), ("pictures", "qemu-system-i386", "qemu-system-x86"),
])
def test_a_missing_tool_is_named_with_the_command_that_installs_it(make, target, tool, package):
    make.have("apt-get", "x-gcc", "x-ld", "x-nm", *["qemu-system-i386"] * (tool == "gdb"))
    make(target, "CROSS=x-")
    assert make.code != 0
    assert re.search(rf"{tool} is missing: run '(?:sudo )?apt-get install [^']*{package}.*'", make.output), make.output


@pytest.mark.parametrize("target", ["run", "debug", "bench"])
def test_too_little_memory_is_said_before_anything_starts(built, target):
    built.have("gdb", "qemu-system-i386")
    built(target, "MEM=2M")
    assert built.code != 0 and "MEM=2M is too little" in built.output
    assert built.calls == []


@pytest.mark.parametrize("memory", ["3M", "3", "3072K", "1g", "5.5M", "size=64M"])
def test_enough_memory_and_what_only_qemu_understands_are_left_to_qemu(built, memory):
    assert built("run", f"MEM={memory}").code == 0, built.output
    call = built.calls[-1]
    assert call[call.index("-m") + 1] == memory


def test_memory_for_the_modules_counts(built, tmp_path):
    (tmp_path / "large").write_bytes(bytes(2**20 + 1))
    built("run", "MEM=4M", f"MODULES={tmp_path}/large")
    assert built.code != 0 and "needs 5 MiB to load Quire and its modules" in built.output
    assert built("run", "MEM=5M", f"MODULES={tmp_path}/large").code == 0, built.output


def test_quires_failure_is_told_from_an_error_of_the_build(built):
    assert "Quire reported failure" in built("run", EXIT="35").output
    assert "Quire" not in built("run", EXIT="1").output


def test_debug_does_not_take_the_qemu_whose_registers_gdb_cannot_read(make):
    make.have("apt-get", "gdb", "qemu-system-x86_64", *GNU)
    make("debug")
    assert make.code != 0 and "qemu-system-i386 is missing" in make.output
    make.have("qemu-system-i386")
    make("debug")
    assert make.code == 0 and any("qemu-system-i386" in word for word in make.calls[-1]), make.output


# ---- boot modules ----

def test_modules_come_along_with_a_comma_in_their_name_doubled(built, tmp_path):
    (tmp_path / "one").touch()
    (tmp_path / "two,three").touch()
    call = built("run", f"MODULES={tmp_path}/one {tmp_path}/two,three").calls[-1]
    assert built.code == 0, built.output
    modules = re.split(r"(?<!,),(?!,)", call[call.index("-initrd") + 1])
    assert modules[-2:] == [f"{tmp_path}/one", f"{tmp_path}/two,,three"]


def test_the_menu_names_each_module_once_more_for_the_kernel(make, tmp_path):
    make.have(*GNU)
    make(str(make.build / "grub.cfg"), f"MODULES={tmp_path}/a,b")
    assert make.code == 0, make.output
    lines = [line.strip() for line in (make.build / "grub.cfg").read_text().splitlines()]
    assert lines.count("module '/boot/a,b' 'a,b'") == 2
    assert not any("@" in line for line in lines if "module" in line)


@pytest.mark.parametrize("names, said", [("one one", "two boot modules have the same name"), ("none", "none")])
def test_a_module_that_cannot_be_brought_along_is_an_error(built, tmp_path, names, said):
    (tmp_path / "one").touch()
    built("run", "MODULES=" + " ".join(f"{tmp_path}/{name}" for name in names.split()))
    assert built.code != 0 and said in built.output
    assert built.calls == []


# ---- the disc ----

FONT = next(Path("/usr/share").glob("consolefonts/*.psf.gz"), None)
DISC_TOOLS = ("grub-mkrescue", "xorriso", "mformat", "xz")


@pytest.fixture
def disc(make, tmp_path):
    """All that a disc needs is here; grub-mkrescue fails if $SAYS is not empty, and prints it."""
    if not FONT:
        pytest.skip("no console font is installed")
    make.have("apt-get", *GNU, *DISC_TOOLS)
    (make.tools / "grub-mkrescue").write_text(TOOL.replace("exit ${EXIT:-0}", 'echo "$SAYS"; [ -z "$SAYS" ]'))
    for platform in "i386-pc", "x86_64-efi", "i386-efi":
        (tmp_path / "grub" / platform).mkdir(parents=True)
        (tmp_path / "grub" / platform / "moddep.lst").touch()

    def disc(**environment):
        return make("iso", f"FONTS={FONT}", f"GRUB_DIR={tmp_path}/grub", **environment)

    disc.make = make
    return disc


def test_the_disc_is_called_after_the_version(disc):
    made = disc()
    assert made.code == 0, made.output
    [call] = [call for call in made.calls if call[0] == "grub-mkrescue"]
    name = call[call.index("-volid") + 1]
    assert name == "QUIRE_" + (ROOT / "VERSION").read_text().strip().replace(".", "_")
    assert re.fullmatch(r"[A-Z0-9_]{1,32}", name)


@pytest.mark.parametrize("tool", DISC_TOOLS)
def test_a_disc_without_one_of_its_tools_names_it(disc, tool):
    (disc.make.tools / tool).unlink()
    made = disc()
    assert made.code != 0 and f"{tool} is missing: run '" in made.output


def test_grubs_missing_font_is_told_with_what_to_install(disc):
    made = disc(SAYS="grub-mkrescue: error: cannot open `/usr/share/grub/unicode.pf2': No such file.")
    assert made.code != 0 and re.search("^GRUB's own font is missing.*apt-get install grub-common", made.output, re.M)


def test_another_failure_of_grub_mkrescue_is_shown_as_it_is(disc):
    made = disc(SAYS="no space left")
    assert made.code != 0 and "no space left" in made.output and "font" not in made.output.split("no space")[1]


# ---- what deps installs ----

PACKAGES = {
    "run": "gcc-i686-linux-gnu make qemu-system-x86", "iso": "gcc-i686-linux-gnu make grub-common xorriso",
    "debug": "gcc-i686-linux-gnu qemu-system-x86 gdb",
    "test": "gcc-i686-linux-gnu qemu-system-x86 grub-common xorriso gdb python3-pytest bochs",
    "run-iso": "gcc-i686-linux-gnu qemu-system-x86 grub-common xorriso",
    "all": "gcc-i686-linux-gnu make", "": "gcc-i686-linux-gnu qemu-system-x86 grub-common xorriso gdb python3-pytest bochs",
}
EVERY_PACKAGE = set(" ".join(PACKAGES.values()).split()) - {"make"}


def become_root(make):
    (make.tools / "id").unlink()
    (make.tools / "id").write_text("#!/bin/sh\necho 0\n")
    (make.tools / "id").chmod(0o755)


@pytest.mark.parametrize("goal", PACKAGES)
def test_deps_installs_what_the_other_goals_need_and_no_more(make, goal):
    make.have("apt-get", "apt-cache", "dpkg-query")  # nothing is installed
    become_root(make)
    make("deps", *goal.split())
    [install] = [call for call in make.calls if call[0] == "apt-get" and "install" in call]
    wanted = set(PACKAGES[goal].split())
    assert wanted <= set(install) and not (EVERY_PACKAGE - wanted) & set(install)


def test_deps_and_the_kernel_in_one_go(make):
    """The compiler is looked for once deps has installed it."""
    make.have("apt-cache", "dpkg-query", *GNU)
    become_root(make)
    (make.tools / "apt-get").write_text("#!/bin/sh\nfor tool in " + " ".join(GNU) + """; do
        mv ${0%/*}/$tool.deb ${0%/*}/$tool; done; true\n""")
    (make.tools / "apt-get").chmod(0o755)
    for tool in GNU:
        (make.tools / tool).rename(make.tools / f"{tool}.deb")
    make("-j4", "deps", "all")
    assert make.code == 0 and (make.build / "quire.elf").exists(), make.output


def test_deps_for_clang_installs_clang(make):
    make.have("apt-get", "apt-cache", "dpkg-query")
    become_root(make)
    make("deps", "run", "CROSS=clang")
    [install] = [call for call in make.calls if call[0] == "apt-get" and "install" in call]
    assert "lld" in install and "gcc-i686-linux-gnu" not in install


@pytest.mark.parametrize("manager, said", [
    ("dnf", "run: .*dnf install .*qemu-system-x86"), ("pacman", "run: .*pacman -S .*qemu-system-x86"),
    (None, "QEMU for i386"),
])
def test_where_deps_installs_nothing_it_says_what_to_install(make, manager, said):
    make.have(*filter(None, [manager]))
    make("deps", "run")
    assert make.code != 0 and re.search(said, make.output) and "grub" not in make.output
    assert make.calls == []


# ---- the version ----

def test_the_version_is_the_one_in_the_file(make):
    make.have(*GNU)
    make(str(make.build / "version.h"))
    version = (ROOT / "VERSION").read_text().strip()
    assert f'#define QUIRE_VERSION "{version}"\n' in (make.build / "version.h").read_text()  # there is no git


@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="no git checkout")
def test_in_a_checkout_the_commit_follows(make):
    make.have(*GNU)
    (make.tools / "git").symlink_to(shutil.which("git"))
    make(str(make.build / "version.h"))
    version = (ROOT / "VERSION").read_text().strip()
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    said = re.search(r'QUIRE_VERSION "(.*)"', (make.build / "version.h").read_text())[1]
    assert said == version or head.startswith(said.removeprefix(f"{version}+g"))


# ---- programs for the build machine ----

@pytest.mark.parametrize("machine, loader, sanitizers", [
    ("x86_64", None, "undefined"), ("x86_64", "exit 126", "undefined"), ("x86_64", "exit 0", "address,undefined"),
    ("i686", "exit 0", "address,undefined"), ("aarch64", "exit 0", "undefined"),
])
def test_what_the_system_runs_by_itself_has_both_sanitizers(make, tmp_path, machine, loader, sanitizers):
    make.have(*GNU)
    (make.tools / "uname").unlink()
    (make.tools / "uname").write_text(f"#!/bin/sh\necho {machine}\n")
    (make.tools / "uname").chmod(0o755)
    if loader:
        (tmp_path / "ld-linux.so.2").write_text(f"#!/bin/sh\n{loader}\n")
        (tmp_path / "ld-linux.so.2").chmod(0o755)
    make("host", f"HOST_LIBC={tmp_path}")
    assert make.code == 0, make.output
    [compiled] = [call for call in make.calls if "mm/memmap.c" in call]
    assert f"-fsanitize={sanitizers}" in compiled


def test_nothing_is_timed_under_emulation(make, tmp_path):
    make.have(*GNU)
    make("bench-host", f"HOST_LIBC={tmp_path}")
    assert make.code != 0 and "runs no i386 programs by itself" in make.output


# ---- help ----

def test_help_lists_the_targets_and_needs_no_tool(make):
    make("help")
    assert make.code == 0 and make.calls == []
    for name in "deps run iso run-iso debug test bench host clean".split():
        assert re.search(rf"^  make {name} ", make.output, re.M), name
    for name in "CMDLINE MODULES MEM CROSS V".split():
        assert re.search(rf"^  {name}=", make.output, re.M), name
