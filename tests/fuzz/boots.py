#!/usr/bin/env python3
"""boots.py --boots N --seed S: N boots with random Multiboot information, boot I from the seed S + I. Each must end in a
verdict: `quire: ready`, or a panic with its reason; a reset, silence or anything else is a finding, and is repeated by
`make fuzz-boot NAMED=0 BOOTS=1 SEED=its seed`."""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "boot"))

import multiboot  # noqa: E402
from elf import Elf  # noqa: E402
from malformed import random_information  # noqa: E402

LIMIT = 120  # seconds for a boot
PROMPT = b"quire> "


def run(command):
    """What it printed up to its prompt or its end, and its exit code; None where it had to be ended."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    os.set_blocking(process.stdout.fileno(), False)
    text = b""
    try:
        while time.monotonic() - start < LIMIT and PROMPT not in text:
            ended = process.poll() is not None
            text += process.stdout.read() or b""
            if ended:
                return text.decode("latin-1"), process.returncode
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    return text.decode("latin-1"), None


def judge(text, code):
    """The verdict; None where there is none."""
    lines = text.splitlines()
    if sum(line.startswith("quire: ") and "an i386 kernel" in line for line in lines) > 1:
        return None  # it reset itself
    if any(re.match(r"PANIC: \S", line) for line in lines):
        return "panic" if code == 35 else None
    ready = any(line.startswith("quire: ready") for line in lines)
    return "ready" if ready and (code in (33, 35) or PROMPT.decode() in text) else None


def boot(loader, kernel, seed):
    """Boots with the information that SEED gives; its verdict, and what it printed."""
    info = random_information(random.Random(seed), Elf(kernel))
    info.blobs = {address: data for address, data in info.blobs.items() if data}
    with tempfile.TemporaryDirectory() as directory:
        blobs = {**info.blobs, multiboot.INFO: info.pack()}
        options = loader.options(Path(directory), kernel, Elf(kernel).entry, blobs)
        text, code = run(["qemu-system-i386", "-kernel", str(options["kernel"]), *options["extra"], "-m", "128M",
                          "-display", "none", "-serial", "stdio", "-no-reboot", "-net", "none",
                          "-device", "isa-debug-exit,iobase=0xf4,iosize=4"])
    return judge(text, code), text


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--boots", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    kernel = Path(os.environ.get("QUIRE_BUILD", "build")) / "quire.elf"
    verdicts = Counter()
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        loader = multiboot.Loader(Path(directory))
        for seed in range(given.seed, given.seed + given.boots):
            verdict, text = boot(loader, kernel, seed)
            verdicts[verdict] += 1
            if verdict is None:
                print(f"FINDING: seed {seed}; again: make fuzz-boot NAMED=0 BOOTS=1 SEED={seed}\n{text[-2000:]}",
                      flush=True)
            elif given.boots == 1:
                print(text)
    print(f"{given.boots} random boots from seed {given.seed} in {time.monotonic() - start:.0f} s: {verdicts['ready']} ready, "
          f"{verdicts['panic']} panics, {verdicts[None]} findings")
    return 1 if verdicts[None] else 0


if __name__ == "__main__":
    sys.exit(main())
