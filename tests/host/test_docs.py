"""The documents: what they link to and name is there, and the drawing is what its program draws."""
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OURS = ("boot", "docs", "include", "iso", "kernel", "mm", "tests", "tools", "user")


def anchors(document):
    """What GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.*)", document.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(document):
    text = document.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for link in links:
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


# What is to be written by the reader, or by make.
EXAMPLES = {"kernel/monitor/sum.c", "kernel/monitor/rtc.c", "tests/kernel/test_sum.c", "user/count.c"}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_each_file_that_is_named_is_there(name):
    """In capitals a name stands for any."""
    named = re.findall(r"`((?:%s)/[\w./*-]*)`" % "|".join(OURS), (ROOT / name).read_text())
    assert named
    for path in set(named) - EXAMPLES:
        assert list(ROOT.glob(re.sub(r"[A-Z]{3,}", "*", path))), path


def test_the_readme_has_each_option():
    table = (ROOT / "README.md").read_text().split("## Options")[1].split("\n## ")[0]
    known = set(re.findall(r'\{"(\w+)", "[^"]*", set_', (ROOT / "kernel/multiboot/options.c").read_text()))
    assert known and known == set(re.findall(r"^\| `([a-z]+)", table, re.M))


def test_the_drawing_is_what_its_program_draws(tmp_path):
    subprocess.run([sys.executable, ROOT / "tools/drawing.py", tmp_path], check=True)
    for colours in "light", "dark":
        name = f"memory-{colours}.svg"
        assert (tmp_path / name).read_text() == (ROOT / "docs/pictures" / name).read_text()
