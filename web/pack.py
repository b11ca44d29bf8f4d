#!/usr/bin/env python3
"""pack.py FOLDER: writes FOLDER/files.js, for the service worker: every file of the page, and a version that follows from
what is in them."""
import hashlib
import json
import sys
from pathlib import Path


def main(folder):
    folder = Path(folder)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    names = [name for name in names if name not in ("files.js", "sw.js")]
    digest = hashlib.sha256(b"".join(name.encode() + b"\0" + (folder / name).read_bytes() for name in names))
    files = json.dumps(["./", *names])
    (folder / "files.js").write_text(f"self.FILES = {files};\nself.VERSION = \"{digest.hexdigest()[:16]}\";\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
