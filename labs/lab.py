"""What lab.ini says of a lab. AUTHORS.md explains the file."""
import configparser
from pathlib import Path

LABS = Path(__file__).resolve().parent


def matching(pattern):
    """The files of PATTERN, as paths from Quire's top; PATTERN itself when it is a name."""
    return sorted(str(path.relative_to(LABS.parent)) for path in LABS.parent.glob(pattern)) if "*" in pattern else [pattern]


class Exercise:
    def __init__(self, lab, number, name, section):
        self.lab, self.number, self.name = lab, number, name
        self.title = section.get("title", name)
        self.stubs = [line.split(":") for line in section.get("stubs", "").split("\n") if line.strip()]
        self.stubs = [(path.strip(), names.split()) for path, names in self.stubs]
        self.on = section.get("on", "host")
        self.test = lab.folder / "tests" / section.get("test", f"test_{name}.c")
        self.sources = [path for pattern in section.get("with", "").split() for path in matching(pattern)]
        self.link = section.get("link", "").split()
        self.seconds = section.getint("seconds", 3)
        self.cases = []  # (points, function, hidden)
        self.add_cases(section.get("cases", ""), False)

    def add_cases(self, lines, hidden):
        for line in lines.split("\n"):
            if line.strip():
                points, function = line.split()
                self.cases.append((int(points), function, hidden))

    @property
    def points(self):
        return sum(points for points, _, _ in self.cases)


class Lab:
    def __init__(self, name, folder=None):
        self.name = name
        self.folder = folder or LABS / name
        config = configparser.ConfigParser(delimiters=("=",))
        if not config.read(self.folder / "lab.ini"):
            raise SystemExit(f"there is no lab {name}: {', '.join(names()) or 'no labs'}")
        self.title = config["lab"]["title"]
        self.replace = config["lab"].get("replace", "").split()
        self.without = config["lab"].get("without", "").split()
        self.keep = config["lab"].get("keep", "").split()
        names_ = [section for section in config.sections() if section != "lab"]
        self.exercises = [Exercise(self, number, section, config[section])
                          for number, section in enumerate(names_, 1)]

    def files(self):
        """The files that the reader is to write in."""
        listed = [path for exercise in self.exercises for path, _ in exercise.stubs]
        return list(dict.fromkeys(listed + self.replace))

    def find(self, which):
        """The exercise that WHICH names, by number or name."""
        for exercise in self.exercises:
            if which in (str(exercise.number), exercise.name):
                return exercise
        raise SystemExit(f"lab {self.name} has no exercise {which}: it has " +
                         ", ".join(f"{exercise.number} {exercise.name}" for exercise in self.exercises))


def names():
    return sorted(path.parent.name for path in LABS.glob("*/lab.ini"))
