#!/usr/bin/env python3
"""Mutation testing: would the tests notice if the code were wrong?

    mutate.py BUILD [FILES=...] [MUTANTS=N] [SEED=N] [JOBS=N]

Makes small changes to the C files, one at a time (mutations.py), and runs the tests of each (workshop.py). A mutant that
no test fails is a survivor: a hole in the tests. Mutants that do not compile, or give the same code, do not count.
Those in the file `equivalent` behave as the original does, for the reason given there.

MUTANTS=N draws N of them; the same SEED draws the same. Results are kept in BUILD/mutate/results and used again while
the function, and for a survivor the tests, are as they were."""
import glob
import hashlib
import json
import os
import random
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from pathlib import Path

from builds import DoesNotBuild
from mutations import mutants
from workshop import Workshop

ROOT = Path(__file__).resolve().parent.parent.parent
FILES = ["mm/*.[ch]", "mm/debug/*.[ch]", "include/bitmap.h", "kernel/multiboot/boot_info.c", "kernel/process/*.[ch]"]
PARSER = ["--target=i686-none-elf", "-std=gnu11", "-ffreestanding", "-D__float128=double", "-iquote", "include",
          "-iquote", "mm"]
NOT_COUNTED = ("does not compile", "same code")


def options(words):
    given = {"FILES": " ".join(FILES), "MUTANTS": "0", "SEED": "1", "JOBS": "2"}
    for word in words:
        name, _, value = word.partition("=")
        if name not in given:
            raise SystemExit(f"mutate: there is no option {name}")
        given[name] = value or given[name]
    return given


def compiler_headers():
    command = [os.environ.get("HOST_CC", "i686-linux-gnu-gcc"), "-print-file-name=include"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def digest(*parts):
    return hashlib.sha1("\0".join(map(str, parts)).encode("latin-1", "replace")).hexdigest()[:16]


def tests_digest():
    return digest(*[path.read_text(encoding="latin-1") for path in sorted((ROOT / "tests").rglob("*.[chS]"))])


def find(patterns, build):
    """All mutants, and the files' texts."""
    arguments = [*PARSER, "-iquote", str(build), "-isystem", compiler_headers()]
    paths = [path for pattern in patterns.split() for path in sorted(glob.glob(pattern, root_dir=ROOT))]
    texts = {path: (ROOT / path).read_text(encoding="latin-1") for path in paths}
    return [mutant for path in paths for mutant in mutants(path, arguments)], texts


# ---- results ----

class Results:
    """One JSON object a line. A survivor's verdict holds as long as the tests are the same."""

    def __init__(self, path, texts):
        self.path, self.texts, self.tests, self.lock = path, texts, tests_digest(), threading.Lock()
        lines = path.read_text().splitlines() if path.exists() else []
        self.known = {result["key"]: result for result in map(json.loads, lines)}

    def key(self, mutant):
        start, end = mutant.outer
        return digest(mutant.path, self.texts[mutant.path][start:end], mutant.start - start, mutant.end - start, mutant.new)

    def get(self, mutant):
        result = self.known.get(self.key(mutant))
        if result and (result["verdict"] != "survived" or result["tests"] == self.tests):
            return result["verdict"]
        return None

    def put(self, mutant, verdict, by):
        result = {"key": self.key(mutant), "file": mutant.path, "line": mutant.line, "verdict": verdict, "by": by,
                  "tests": self.tests, "diff": diff(mutant, self.texts)}
        with self.lock:
            self.known[result["key"]] = result
            with self.path.open("a") as file:
                file.write(json.dumps(result) + "\n")


def diff(mutant, texts):
    before, after = mutant.changed(texts[mutant.path])
    return "\n".join([f"-{line}" for line in before] + [f"+{line}" for line in after if line])


def read_equivalent():
    """{(place, diff)}. In the list a paragraph is a mutant: its place, the file and, where several have the same, the
    function, and which one; the diff; and the reason."""
    found = set()
    for paragraph in (ROOT / "tests/mutate/equivalent").read_text().split("\n\n"):
        lines = [line for line in paragraph.splitlines() if not line.startswith("#")]
        changes = [line for line in lines[1:] if line[:1] in ("-", "+")]
        if changes:
            if len(changes) == len(lines) - 1:
                raise SystemExit(f"mutate: no reason is given for {lines[0]}: {changes[0]}")
            found.add((lines[0], "\n".join(changes)))
    return found


def equivalent(every, texts):
    """Those of EVERY, the mutants of the files TEXTS, that are listed. What is listed of these files must be one mutant."""
    listed, found, seen = read_equivalent(), defaultdict(list), Counter()
    for mutant in every:
        function, change = f"{mutant.path} {mutant.function}", diff(mutant, texts)
        seen[function, change] += 1
        for place in (mutant.path, function, f"{function} {seen[function, change]}"):
            if (place, change) in listed:
                found[place, change].append(mutant)
    for place, change in listed:
        same = len(found[place, change])
        if place.split()[0] in texts and same != 1:
            which = f"does not say which of {same}" if same else "has what is no mutant"
            raise SystemExit(f"mutate: tests/mutate/equivalent {which} in {place}:\n{change}")
    return set(sum(found.values(), []))


# ---- the run ----

def work(workshop, queue, results, total):
    while queue:
        try:
            mutant = queue.pop()
        except IndexError:
            return
        verdict, by = workshop.judge(mutant)
        results.put(mutant, verdict, by)
        print(f"[{total - len(queue)}/{total}] {mutant.path}:{mutant.line}: {verdict}{by and ' by ' + by}", flush=True)


def run_all(chosen, results, build, jobs):
    queue = [mutant for mutant in chosen if not results.get(mutant)]
    random.Random(1).shuffle(queue)  # a run that is cut short has seen some of each file
    if not queue:
        return
    try:
        workshops = [Workshop(ROOT, build / "mutate" / f"worker-{i}", (build / "i386").resolve())
                     for i in range(min(jobs, len(queue)))]
    except DoesNotBuild as why:
        raise SystemExit(f"mutate: the sources do not build:\n{why}") from None
    kills = Counter()
    workshops[0].measure({mutant.path for mutant in queue})
    for workshop in workshops:
        workshop.use(kills, workshops[0])
    threads = [threading.Thread(target=work, args=(workshop, queue, results, len(queue)), daemon=True)
               for workshop in workshops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def report(chosen, results, listed):
    """Prints the table and the survivors, but for those that are LISTED as equivalent; returns how many there are."""
    table, survivors = defaultdict(Counter), []
    for mutant in chosen:
        verdict = results.get(mutant)
        if verdict == "survived" and mutant in listed:
            verdict = "equivalent"
        table[mutant.path][verdict] += 1
        if verdict == "survived":
            survivors.append(mutant)
    for mutant in survivors:
        print(f"\n{mutant.path}:{mutant.line}\n{diff(mutant, results.texts)}")
    print(f"\n{'file':32}{'mutants':>9}{'counted':>9}{'killed':>8}{'equivalent':>12}{'survived':>10}{'score':>8}")
    for path, counts in [*table.items(), ("all", sum(table.values(), Counter()))]:
        counted = counts.total() - sum(counts[verdict] for verdict in NOT_COUNTED)
        score = counts["killed"] / max(1, counted - counts["equivalent"])
        print(f"{path:32}{counts.total():9}{counted:9}{counts['killed']:8}{counts['equivalent']:12}"
              f"{counts['survived']:10}{score:8.1%}")
    return len(survivors)


def main():
    build, given = Path(sys.argv[1]).resolve(), options(sys.argv[2:])
    every, texts = find(given["FILES"], build)
    listed = equivalent(every, texts)
    drawn = min(int(given["MUTANTS"]) or len(every), len(every))
    chosen = every if drawn == len(every) else \
        [every[i] for i in sorted(random.Random(int(given["SEED"])).sample(range(len(every)), drawn))]
    print(f"mutate: {drawn} of {len(every)} mutants, SEED={given['SEED']}", flush=True)
    (build / "mutate").mkdir(parents=True, exist_ok=True)
    results = Results(build / "mutate" / "results", texts)
    run_all(chosen, results, build, int(given["JOBS"]))
    return 1 if report(chosen, results, listed) else 0


if __name__ == "__main__":
    sys.exit(main())
