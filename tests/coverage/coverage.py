#!/usr/bin/env python3
"""Which lines and branches have the tests run?

    coverage.py KERNEL TRACES HOST GCOV OBJDUMP OUT FILE...

KERNEL ran as it ships; the files in TRACES say which instructions ran, and what came after each jump (trace.c). HOST
has the host tests' objects, built with --coverage. Writes OUT/index.html, a page for each FILE beside it, and prints
the table.

Counted are lines with a statement: what a compiler makes of a function's head or of a closing brace belongs to the call.
A line is covered if some instruction of it ran, here or there. Of the branches of a line, those of the build count that
misses fewer: gcov's, or the conditional jumps of the kernel. Where a function was inlined, its copies' jumps count as one
if they are the same, otherwise each. The list
`unreachable` names what no test can reach, with the reason: that is left out of the sums. What is neither is printed."""
import html
import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SOURCE = re.compile(r"(?:; )?(\S+):(\d+)(?: \(discriminator \d+\))?$")
INSTRUCTION = re.compile(r"\s*([0-9a-f]+):\s+(\w+)(?:,\w+)?\s*([0-9a-f]+)?")
FUNCTION = re.compile(r"[0-9a-f]+ <(.+)>:$")
STRAIGHT = ("jmp", "jmpl", "jmpw")
CONTRARY = {"jne": "je", "jae": "jb", "ja": "jbe", "jns": "js", "jge": "jl", "jg": "jle", "jnp": "jp", "jno": "jo"}
NO_STATEMENT = re.compile(r"\S.*[{,(]$|\s*}$|$")


@dataclass
class Line:
    """What one build says of a line. BRANCHES: whether each outcome was seen."""
    ran: bool = False
    branches: list = field(default_factory=list)

    def missed(self):
        return self.branches.count(False)


# ---- the kernel ----

def traces(folder):
    ran, after = set(), defaultdict(set)
    for path in folder.glob("*.trace"):
        for kind, address, *to in map(str.split, path.read_text().splitlines()):
            if kind == "ran":
                ran.add(int(address, 16))
            else:
                after[int(address, 16)].add(int(to[0], 16))
    return ran, after


def kernel_lines(objdump, kernel, folder):
    """{file: {line: Line}} from the disassembly with source lines."""
    ran, after = traces(folder)
    if not ran:
        return {}
    listing = subprocess.run([objdump, "-d", "-l", "-j", ".text", "--no-show-raw-insn", kernel], capture_output=True,
                             text=True, check=True).stdout.splitlines()
    # The compiler's check of the stack is no branch of the source.
    canary = {int(line.split(":")[0], 16) for line in listing if "<__stack_chk_fail>" in line and "call" in line}
    found, place, jump, function = defaultdict(lambda: defaultdict(Line)), None, None, ""
    copies = defaultdict(lambda: defaultdict(list))  # of each place, in each function: its jumps
    for text in listing:
        if start := FUNCTION.match(text):
            function = start[1]
        elif source := SOURCE.match(text):
            place = (relative(source[1]), int(source[2]))
        elif (code := INSTRUCTION.match(text)) and place:
            address = int(code[1], 16)
            if jump:  # its outcomes are where it leads, and this
                jumps, kind, at, to = jump
                if not canary & {to, address}:
                    jumps.append(outcomes(kind, to in after[at], address in after[at]))
            line = found[place[0]][place[1]]
            line.ran |= address in ran
            is_jump = code[2].startswith(("j", "loop")) and code[2] not in STRAIGHT and code[3]
            jump = (copies[place][function], code[2], address, int(code[3], 16)) if is_jump else None
    for (path, number), by_function in copies.items():
        found[path][number].branches = once(list(by_function.values()))
    return found


def outcomes(kind, taken, passed):
    """A jump of KIND, or what its contrary would have done: the same condition may be written either way."""
    return (CONTRARY[kind], passed, taken) if kind in CONTRARY else (kind, taken, passed)


def once(copies):
    """Whether each outcome was seen; copies with the same jumps are one."""
    kinds = {tuple(jump[0] for jump in copy) for copy in copies}
    if len(kinds) == 1:
        copies = [[("", any(jump[1] for jump in jumps), any(jump[2] for jump in jumps)) for jumps in zip(*copies)]]
    return [seen for copy in copies for jump in copy for seen in jump[1:]]


def relative(name):
    return name.removeprefix(f"{ROOT}/")


# ---- the host ----

def host_lines(gcov, folder):
    found = defaultdict(lambda: defaultdict(Line))
    for data in sorted(folder.rglob("*.gcda")):
        output = subprocess.run([gcov, "--json-format", "--stdout", "--branch-probabilities", data.resolve()], cwd=ROOT,
                                capture_output=True, text=True, check=True).stdout
        for file in [file for part in output.splitlines() if part for file in json.loads(part)["files"]]:
            for entry in file["lines"]:
                line = found[relative(file["file"])][entry["line_number"]]
                line.ran |= entry["count"] > 0
                seen = [branch["count"] > 0 for branch in entry["branches"]]
                same = len(seen) == len(line.branches)  # a header's function, in another file
                line.branches = [a or b for a, b in zip(seen, line.branches)] if same else seen or line.branches
    return found


# ---- both ----

def unreachable():
    """{file: [(text, lines or branches)]}. A paragraph is a file's line, `line` or `branch`, and the reason."""
    found = defaultdict(list)
    for paragraph in (HERE / "unreachable").read_text().split("\n\n"):
        rows = [row for row in paragraph.splitlines() if row and not row.startswith("#")]
        if rows:
            place, text, reason = rows[0], rows[1], rows[2:]
            if not reason:
                raise SystemExit(f"coverage: no reason is given for {place}: {text}")
            path, what = place.split()
            found[path].append((text.strip(), what))
    return found


@dataclass
class File:
    path: str
    text: list
    lines: dict      # number: covered
    branches: dict   # number: (seen, all)
    excused: set     # numbers whose missing branches, or which themselves, are on the list

    def sums(self):
        """Lines and branches, covered and in all, but for the list; how many the list has; and what is open."""
        open_lines = [n for n, ran in self.lines.items() if not ran and n not in self.excused]
        open_branches = [n for n, (seen, of) in self.branches.items() if seen < of and n not in self.excused]
        missed = {n: of - seen for n, (seen, of) in self.branches.items()}
        lines, branches = sum(self.lines.values()), sum(seen for seen, _ in self.branches.values())
        listed = sum(not self.lines[n] for n in self.excused) + sum(missed.get(n, 0) for n in self.excused)
        return [lines, lines + len(open_lines), branches, branches + sum(missed[n] for n in open_branches), listed,
                open_lines, open_branches]


def join(path, host, kernel, listed):
    text = (ROOT / path).read_text().splitlines()
    lines, branches, excused = {}, {}, set()
    for number in sorted({*host, *kernel}):
        if NO_STATEMENT.match(text[number - 1]):
            continue
        both = [line for line in (host.get(number), kernel.get(number)) if line]
        lines[number] = any(line.ran for line in both)
        counted = min((line for line in both if line.branches), key=Line.missed, default=None)
        if counted:
            branches[number] = (len(counted.branches) - counted.missed(), len(counted.branches))
        here = text[number - 1].strip()
        if any(here == other and (what == "line" or lines[number]) for other, what in listed):
            excused.add(number)
    return File(path, text, lines, branches, excused)


# ---- pages ----

STYLE = """<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .1rem .8rem; text-align: right }
td:first-child, th:first-child { text-align: left }
tr:nth-child(even) { background: #8881 } pre { line-height: 1.35; overflow-x: auto } pre span { display: block }
.no { background: #e5393540 } .half { background: #fdd83550 } .listed { background: #8883 }
i { color: #888; font-style: normal; user-select: none } body { color-scheme: light dark }
</style>"""


def percent(part, whole):
    return f"{100 * part / whole:.1f}%" if whole else "-"


def file_page(file):
    rows = []
    for number, text in enumerate(file.text, 1):
        ran, (seen, of) = file.lines.get(number), file.branches.get(number, (0, 0))
        kind = "" if ran is None or (ran and seen == of) else "listed" if number in file.excused else \
            "half" if ran else "no"
        note = f"{seen}/{of}" if of else ""
        rows.append(f'<span class="{kind}"><i>{number:4} {note:>7} </i> {html.escape(text)}</span>')
    return f"<!doctype html><title>{file.path}</title>{STYLE}<h1>{file.path}</h1><p><a href=index.html>all files</a>; " \
        "before a line: its branches, seen and in all. Red: never run; yellow: a branch never taken; grey: on the list " \
        f"of what cannot be reached.<pre>{''.join(rows)}</pre>"


def row(path, sums):
    lines, all_lines, branches, all_branches, listed, open_lines, open_branches = sums
    return [path, f"{lines}/{all_lines}", percent(lines, all_lines), f"{branches}/{all_branches}",
            percent(branches, all_branches), str(listed), str(len(open_lines)), str(len(open_branches))]


def add(files):
    """The sums of FILES."""
    sums = [file.sums() for file in files]
    return [sum(values) for values in zip(*(one[:5] for one in sums))] + [sum((one[i] for one in sums), []) for i in (5, 6)]


def page_name(path):
    return path.replace("/", "-") + ".html"


def write_pages(out, files, rows):
    heads = ["file", "lines", "", "branches", "", "listed", "open lines", "open branches"]
    cells = "".join("<tr>" + "".join(f"<td>{cell}" for cell in [
        f'<a href="{page_name(cells[0])}">{cells[0]}</a>' if "." in cells[0] else cells[0], *cells[1:]]) for cells in rows)
    (out / "index.html").write_text(
        f"<!doctype html><title>Coverage</title>{STYLE}<h1>What the tests run</h1><p>Open: neither covered nor on the "
        f"list of what cannot be reached.<table><tr>{''.join(f'<th>{head}' for head in heads)}{cells}</table>")
    for file in files:
        (out / page_name(file.path)).write_text(file_page(file))


def main():
    kernel, traced, host, gcov, objdump, out = sys.argv[1:7]
    by_kernel = kernel_lines(objdump, kernel, Path(traced))
    by_host, listed, files = host_lines(gcov, Path(host)), unreachable(), []
    for path in sys.argv[7:]:
        files.append(join(path, by_host.get(path, {}), by_kernel.get(path, {}), listed.get(path, [])))
    files = [file for file in files if file.lines]
    folders = sorted({file.path.rpartition("/")[0] for file in files})
    rows = [row(file.path, file.sums()) for file in files] + \
        [row(f"{folder}/", add([file for file in files if file.path.rpartition("/")[0] == folder])) for folder in folders]
    write_pages(Path(out), files, rows)
    for file in files:
        for what, numbers in zip(("never run", "a branch never taken"), file.sums()[5:]):
            for number in numbers:
                print(f"{file.path}:{number}: {what}: {file.text[number - 1].strip()}")
    print(f"\n{'file':32}{'lines':>12}{'':8}{'branches':>12}{'':8}{'listed':>8}{'open lines':>12}{'open branches':>15}")
    for cells in rows:
        print(f"{cells[0]:32}{cells[1]:>12}{cells[2]:>8}{cells[3]:>12}{cells[4]:>8}{cells[5]:>8}"
              f"{cells[6]:>12}{cells[7]:>15}")
    print(f"The pages: {out}/index.html")
    missed = [file.path for file in files if file.path.startswith("mm/") and file.sums()[5]]
    return f"coverage: lines never run in {' '.join(missed)}" if missed else 0


if __name__ == "__main__":
    sys.exit(main())
