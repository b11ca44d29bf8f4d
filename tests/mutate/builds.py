"""One way to build the sources. Make does it once and says by which commands; of a mutant only the objects that its
file is a part of are compiled, and the programs linked that are run."""
import os
import re
import shlex
import subprocess
from collections import defaultdict

from limits import LIMIT, Ended, run


class DoesNotCompile(Exception):
    pass


class DoesNotBuild(Exception):
    """Has what make says."""


class Build:
    """FOLDER has the sources, GOALS and FLAGS are make's."""

    def __init__(self, folder, goals, flags=()):
        self.folder, self.arguments = folder, [*flags, *goals]
        self.make()
        commands = re.findall(r"^(\S+ .* -o (\S+))$", self.make("-nB"), re.M)
        self.commands = {output: shlex.split(command) for command, output in commands}
        self.objects = defaultdict(list)  # of each file, those that it is a part of
        for output in self.commands:
            sources = (folder / output).with_suffix(".d")
            for path in sources.read_text().split() if sources.exists() else []:
                self.objects[os.path.normpath(path)].append(output)
        self.originals, self.changed, self.linked = {}, {}, {}

    def make(self, *options):
        code, output = run(["make", "-s", *options, *self.arguments], self.folder, LIMIT)
        if code:
            raise DoesNotBuild(output)
        return output

    def parts(self, program):
        return set(self.commands[program]) & set(self.commands)

    # ---- a mutant ----

    def compile(self, path, objects=None):
        """Compiles those of the OBJECTS, or of all, that the file is a part of; whether the code of some becomes another."""
        mutated = [name for name in self.objects[path] if objects is None or name in objects]
        return any([self.compile_object(name) for name in mutated])

    def compile_object(self, name):
        if name not in self.originals:
            self.originals[name] = (self.folder / name).read_bytes(), self.code(name)
        if name not in self.changed:
            self.changed[name] = True
            self.do(name)
            self.changed[name] = self.code(name) != self.originals[name][1]
        return self.changed[name]

    def link(self, program, path):
        """Makes the program; false where its code is as without the mutant."""
        if program not in self.linked:
            self.linked[program] = self.compile(path, self.parts(program))
            if self.linked[program]:
                self.do(program)
        return self.linked[program]

    def do(self, output):
        try:
            failed = run(self.commands[output], self.folder, LIMIT)[0]
        except Ended:
            failed = True
        if failed:
            raise DoesNotCompile

    def code(self, name):
        """The object without its debug information."""
        stripped = self.folder / "build/stripped"
        subprocess.run(["objcopy", "--strip-debug", self.folder / name, stripped], check=True)
        return stripped.read_bytes()

    def restore(self):
        for name in self.changed:
            (self.folder / name).write_bytes(self.originals[name][0])
        self.changed, self.linked = {}, {}
