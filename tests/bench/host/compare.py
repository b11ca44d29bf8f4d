"""compare.py DRIVER ROOT PICTURE: the heap beside the allocators that programs use, in time and footprint.

DRIVER is bench_heap, ROOT a private root with the other allocators' libraries (tools/private-root.sh). Every heap
runs every workload in a process of its own, one heap after the other, over and over, so that whatever else the
machine does meets all alike. A time is the median of the rounds' ratios to kmalloc's in the same round."""
import argparse
import ctypes
import gzip
import re
import statistics
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

WORKLOADS = ["W1", "W2", "W3", "W4", "W5", "W6"]
ADDR_NO_RANDOMIZE = 0x0040000

Heap = namedtuple("Heap", "name kind library package color")

OURS = Heap("kmalloc", "kernel", None, None, "#1b6ca8")
PAGES = Heap("kmalloc, system's pages", "pages", None, None, "#8fbfe0")
HEAPS = [
    OURS,
    PAGES,
    Heap("glibc", "malloc", None, "libc6", "#b0b0b0"),
    Heap("jemalloc", "malloc", "libjemalloc.so.2", "libjemalloc2", "#e0a030"),
    Heap("mimalloc", "malloc", "libmimalloc.so.2.0", "libmimalloc2.0", "#5fa55a"),
    Heap("tcmalloc", "malloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4", "#c0504d"),
]

NOTES = """\
kmalloc     mm/ as in the kernel, every check on, over the kernel's own pm and vmem, which edit page tables in plain
            memory: getting and mapping pages is part of its time; flushing the TLB, which a process cannot, is not.
            Its footprint is that of the row below.
kmalloc, system's pages
            the same, but pages come and go by madvise and page faults. It keeps 16 empty pages, where the others
            keep more, as their footprints tell: in a kernel a page costs some dozen instructions, not a system call.
The others are preloaded; all are called through pointers, by one thread. Each object's first byte is written.
The time includes the calls and the loop around them."""


def library(root, heap):
    return root / "usr/lib/i386-linux-gnu" / heap.library if heap.library else None


def version(root, heap):
    """The upstream version of HEAP's package, or nothing."""
    changelogs = list((root / "usr/share/doc" / (heap.package or "-")).glob("changelog*.gz"))
    if not changelogs:
        return ""
    first = gzip.open(changelogs[0], "rt", errors="replace").readline()
    found = re.search(r"\((?:\d+:)?([\d.]+\d)", first)
    return f" {found[1]}" if found else ""


def run(driver, root, heap, workload):
    """Nanoseconds an op, and peak footprint / payload."""
    preload = ["--preload", str(library(root, heap))] if heap.library else []
    # The heap's range must be free: without randomizing, nothing lies in it.
    result = subprocess.run([str(root / "run"), *preload, str(driver), heap.kind, workload], text=True,
                            capture_output=True, timeout=300,
                            preexec_fn=lambda: ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE))
    if result.returncode:
        sys.exit(f"compare: {heap.name}, {workload}: exit code {result.returncode}\n{result.stderr}")
    time, footprint = map(float, result.stdout.split())
    return max(time, 0.01), footprint


def measure(driver, root, heaps, rounds):
    """{(heap, workload): [(time, footprint), ...]}, an entry a round."""
    results = {(heap, workload): [] for heap in heaps for workload in WORKLOADS}
    for number in range(rounds):
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
        for workload in WORKLOADS:
            for heap in heaps:
                results[heap, workload].append(run(driver, root, heap, workload))
    print("\r" + " " * 20 + "\r", end="", file=sys.stderr, flush=True)
    return results


def figures(results, heaps):
    """Times in ns, times as ratios to kmalloc's, footprints: {(heap, workload): figure} each."""
    times, ratios, footprints = {}, {}, {}
    for heap in heaps:
        for workload in WORKLOADS:
            rounds, ours = results[heap, workload], results[OURS, workload]
            source = PAGES if heap is OURS else heap
            times[heap, workload] = statistics.median(time for time, _ in rounds)
            ratios[heap, workload] = statistics.median(
                time / our_time for (time, _), (our_time, _) in zip(rounds, ours))
            footprints[heap, workload] = statistics.median(peak for _, peak in results[source, workload])
    return times, ratios, footprints


# ---- the table ----

def print_table(title, heaps, labels, workloads, values, form):
    print(f"{title:34}" + "".join(f"{workload:>9}" for workload in workloads))
    for heap in heaps:
        print(f"{labels[heap]:34}" + "".join(f"{form(values[heap, workload]):>9}" for workload in workloads))
    print()


# ---- the picture ----

def draw(path, heaps, labels, ratios, footprints, rounds):
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    plt.rcParams.update({"svg.hashsalt": "quire", "font.family": "DejaVu Sans", "font.size": 10, "svg.fonttype": "path",
                         "axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True})
    figure, (time, peak) = plt.subplots(2, 1, figsize=(10, 8.4), gridspec_kw={"height_ratios": [3, 2]})
    figure.subplots_adjust(left=0.07, right=0.985, top=0.885, bottom=0.04, hspace=0.2)

    def bars(axes, shown, workloads, values, ceiling, form):
        width = 0.84 / len(shown)
        for i, heap in enumerate(shown):
            at = [w + (i - (len(shown) - 1) / 2) * width for w in range(len(workloads))]
            heights = [min(values[heap, workload], ceiling) for workload in workloads]
            axes.bar(at, [height - 1 for height in heights], width * 0.92, bottom=1, color=heap.color,
                     label=labels[heap])
            for x, height, workload in zip(at, heights, workloads):
                axes.annotate(form(values[heap, workload]), (x, height), ha="center", fontsize=7, color="#404040",
                              va="bottom" if height >= 1 else "top", xytext=(0, 2 if height >= 1 else -2),
                              textcoords="offset points")
        axes.axhline(1, color="#202020", linewidth=0.8)
        axes.set_xticks(range(len(workloads)), workloads)
        axes.tick_params(axis="x", length=0)
        axes.grid(axis="y", color="#e4e4e4", linewidth=0.8)

    time.set_yscale("log")
    bars(time, [heap for heap in heaps if heap is not OURS], WORKLOADS, ratios, 1e9, lambda v: f"{v:.2g}")
    ticks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
    time.yaxis.set_major_locator(FixedLocator(ticks))
    time.yaxis.set_minor_locator(NullLocator())
    time.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}×"))
    time.margins(y=0.08)
    time.set_title(f"Time, as a ratio to kmalloc's: above the line is slower than kmalloc "
                   f"(median of {rounds} rounds)", loc="left", fontsize=11)

    bars(peak, [heap for heap in heaps if heap is not PAGES], WORKLOADS[1:], footprints, 1e9, lambda v: f"{v:.2f}")
    peak.set_ylim(bottom=0.95)
    peak.set_title("Footprint: peak of memory in use / peak of bytes asked for", loc="left", fontsize=11)

    handles = dict(zip(*reversed(time.get_legend_handles_labels())))
    handles.update(zip(*reversed(peak.get_legend_handles_labels())))
    order = [labels[heap] for heap in heaps]
    figure.legend([handles[label] for label in order], order, loc="upper center", ncol=len(order),
                  frameon=False, fontsize=9, columnspacing=1.4, handlelength=1.2, bbox_to_anchor=(0.5, 0.955))
    figure.suptitle("Quire's kmalloc beside the allocators that programs use (32-bit, one thread)", y=0.985,
                    fontsize=12.5, fontweight="bold")
    figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("driver", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    driver, root = options.driver.resolve(), options.root.resolve()
    if not (root / "run").exists() or not (root / "usr/lib/i386-linux-gnu").exists():
        sys.exit("compare: the i386 packages are not there (tools/private-root.sh)")

    heaps = []
    for heap in HEAPS:
        if heap.library and not library(root, heap).exists():
            print(f"{heap.name} is passed over: {root.name} has no {heap.library}", file=sys.stderr)
        else:
            heaps.append(heap)
    labels = {heap: heap.name + version(root, heap) for heap in heaps}
    times, ratios, footprints = figures(measure(driver, root, heaps, options.rounds), heaps)

    print_table("ns of processor time an op", heaps, labels, WORKLOADS, times, lambda v: f"{v:.1f}")
    print_table(f"time / kmalloc's, {options.rounds} rounds", heaps, labels, WORKLOADS, ratios, lambda v: f"{v:.2f}")
    print_table("peak footprint / payload", heaps, labels, WORKLOADS[1:], footprints, lambda v: f"{v:.2f}")
    print(NOTES)
    draw(options.picture, heaps, labels, ratios, footprints, options.rounds)
    print(f"\nDrawn in {options.picture}")


if __name__ == "__main__":
    main()
