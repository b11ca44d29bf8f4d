"""hint.py LAB BUILD [EXERCISE]: the next hint for an exercise; without EXERCISE for the first that the last grade found
unsolved. The hints stand in the lab's hints.md: a heading `## EXERCISE`, then a paragraph for each."""
import json
import re
import sys
from pathlib import Path

from lab import Lab


def hints(lab):
    """{exercise: [hint, ...]}."""
    parts = re.split(r"^## (\w+)\n", (lab.folder / "hints.md").read_text(), flags=re.M)
    return {name: [hint.strip() for hint in re.split(r"\n\n+", text.strip()) if hint.strip()]
            for name, text in zip(parts[1::2], parts[2::2])}


def read(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def main(name, build, which=None):
    lab, build = Lab(name), Path(build)
    grades, given = read(build / "last.json"), read(build / "hints.json")
    unsolved = [exercise.name for exercise in lab.exercises if grades.get(exercise.name, -1) < exercise.points]
    if not which and not unsolved:
        print("All points are there: nothing is left to hint at.")
        return
    exercise = lab.find(which or unsolved[0])
    all_hints = hints(lab)[exercise.name]
    number = min(given.get(exercise.name, 0), len(all_hints) - 1)
    given[exercise.name] = number + 1
    build.mkdir(parents=True, exist_ok=True)
    (build / "hints.json").write_text(json.dumps(given))
    print(f"Exercise {exercise.number}, {exercise.name}, hint {number + 1} of {len(all_hints)}:\n\n{all_hints[number]}")
    print("\n`make hint` gives the next." if number + 1 < len(all_hints) else "\nThat was the last.")


if __name__ == "__main__":
    main(*sys.argv[1:])
