#!/usr/bin/env python3
"""sites.py OBJDUMP ADDR2LINE KERNEL: the place in the source of every OUT with which the lab's kernel tells something.

Prints JSON, as web/lab/sites.js reads it: for the address after each such OUT the functions, files and lines, the innermost
inlined one first, and the lines of the source around each. The functions that tell (write_entry and so on) are left out."""
import json
import re
import subprocess
import sys
from pathlib import Path

TELLERS = {"lab", "outl", "write_entry", "write_entry_at", "flush_page", "flush_page_at", "store_words", "copy_words", "tell",
           "tell_owner"}


def instructions(objdump, kernel):
    """(address, text) of each."""
    command = [objdump, "-d", "--no-show-raw-insn", kernel]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for address, text in re.findall(r"^\s*([0-9a-f]+):\s+(.*)$", listing, re.M):
        yield int(address, 16), text


def tellers(objdump, kernel):
    """The addresses of each OUT of a word, and of the instruction after it."""
    last = None
    for address, text in instructions(objdump, kernel):
        if last is not None:
            yield last, address
        last = address if re.match(r"outl?\s+%eax,\s*\(?%dx", text) else None


def symbol(objdump, kernel, name):
    table = subprocess.run([objdump, "-t", kernel], capture_output=True, text=True, check=True).stdout
    return int(re.search(rf"^([0-9a-f]+) .*\s{name}$", table, re.M)[1], 16)


def chains(addr2line, kernel, addresses):
    """For each address its (function, file, line)s, the innermost first."""
    text = subprocess.run([addr2line, "-e", kernel, "-i", "-f", "-a", *map(hex, addresses)], capture_output=True, text=True,
                          check=True).stdout
    for part in re.split(r"^0x[0-9a-f]+\n", text, flags=re.M)[1:]:
        lines = part.splitlines()
        yield [(function, *place(where)) for function, where in zip(lines[::2], lines[1::2])]


def place(where):
    """The file, from the top of the sources on, and the line."""
    path, line = re.match(r"(.*):(\d+|\?)", where).groups()
    top = str(Path.cwd()) + "/"
    return path.removeprefix(top), int(line) if line != "?" else 0


AROUND = 3


def source(files, table):
    """For each file, by its number, the lines around the innermost place of each site: {number: text}."""
    wanted = {}
    for places in table.values():
        if places:
            wanted.setdefault(places[1], set()).update(range(places[2] - AROUND, places[2] + AROUND + 1))
    text = {}
    for file, numbers in wanted.items():
        if Path(files[file]).is_file():
            lines = Path(files[file]).read_text().split("\n")
            text[file] = {n: lines[n - 1].expandtabs(4) for n in sorted(numbers) if 0 < n <= len(lines)}
    return text


def number(known, item):
    return known.setdefault(item, len(known))


def main(objdump, addr2line, kernel):
    outs = list(tellers(objdump, kernel))
    start = symbol(objdump, kernel, "enable_paging")
    asked = [out for out, _ in outs] + [start]
    keys = [after for _, after in outs] + [start]
    functions, files, table = {}, {}, {}
    for key, chain in zip(keys, chains(addr2line, kernel, asked)):
        chain = [step for step in chain if step[0] not in TELLERS] or chain[-1:]
        table[f"{key:x}"] = [value for function, file, line in chain
                             for value in (number(functions, function), number(files, file), line)]
    json.dump({"files": list(files), "functions": list(functions), "at": table, "text": source(list(files), table)},
              sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main(*sys.argv[1:])
