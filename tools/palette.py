#!/usr/bin/env python3
"""palette.py FROM TO: a picture of a screen as a small PNG. Screens have few colours, so a palette of 256 will do."""
import sys

from PIL import Image


def main(source, target):
    picture = Image.open(source).convert("RGB")
    picture.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
