"""Functions in a source file, C or assembly: where each begins and ends, and the same file with other bodies.

A C definition begins at a line's start and has its name before a parenthesis; comments and strings are blanked before
braces are counted. An assembly function is a label, with the .globl line above it, up to its `.size` line, its last `ret`, or
the end of a stub."""
import re

LITERAL = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DEFINITION = re.compile(r"^(?!typedef|#|return|else|extern)[A-Za-z_][^;{}()#\n]*?\b(\w+)\(", re.M)


def blanked(text):
    """TEXT with comments, strings and preprocessor lines blanked, each character in its place."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    text = LITERAL.sub(blank, text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, text, flags=re.M)


def matching(text, start, opening, closing):
    """The index behind the bracket that closes the one at START."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at + 1
    raise ValueError("a bracket is not closed")


class Function:
    """[start, end) is the definition with the comment right above it; HEAD its text up to the body."""

    def __init__(self, name, start, head_start, body, end, static):
        self.name, self.start, self.head_start, self.body, self.end = name, start, head_start, body, end
        self.static = static


def comment_start(text, start):
    """Where the comment that ends on the line above START begins; START where there is none."""
    above = text[:start]
    if above.endswith("*/\n"):
        opening = above.rindex("/*")
        if opening == 0 or above[opening - 1] == "\n":
            return opening
    return start


def c_functions(text):
    plain = blanked(text)
    found = {}
    for match in DEFINITION.finditer(plain):
        parameters_end = matching(plain, match.end() - 1, "(", ")")
        rest = re.match(r"\s*(?:__attribute__\s*\(\([^{;]*\)\)\s*)?\{", plain[parameters_end:])
        if not rest:
            continue
        body = parameters_end + rest.end() - 1
        end = matching(plain, body, "{", "}")
        end += plain[end:end + 1] == "\n"
        found[match.group(1)] = Function(match.group(1), comment_start(text, match.start()), match.start(), body,
                                         end, match.group().startswith("static"))
    return found


def assembly_functions(text):
    found = {}
    for match in re.finditer(r"^[ \t]*\.globl (\w+)\n(?:[ \t]*\.type[^\n]*\n)?\1:\n", text, re.M):
        name, rest = match.group(1), text[match.end():].split(".globl", 1)[0]
        last = re.search(rf"()^[ \t]*\.size {name},", rest, re.M) or \
            re.search(r"^(?:\d+:)?[ \t]*(?:ret|\.popsection)\n(?!(?:[ \t]+\w|\d+:))()", text[match.end():], re.M)
        if last:
            found[name] = Function(name, comment_start(text, match.start()), match.start(), match.end(),
                                   match.end() + last.start(1), False)
    return found


def functions(path, text):
    return assembly_functions(text) if path.endswith(".S") else c_functions(text)


def parameters(head):
    """The names of the parameters in HEAD, a definition up to its body."""
    inside = head[head.index("(") + 1:head.rindex(")")]
    names = []
    for part in inside.split(","):
        pointer = re.search(r"\(\*(\w+)\)", part)
        words = re.findall(r"\w+", part)
        if pointer:
            names.append(pointer.group(1))
        elif len(words) > 1:
            names.append(words[-1])
    return names


def c_stub(text, function, message):
    head = text[function.head_start:function.body].rstrip()
    unused = "".join(f"    (void){name};\n" for name in parameters(head))
    return f'{head} {{\n    /* Yours to write. */\n{unused}    PANIC("{message}");\n}}\n'


def assembly_stub(path, text, function, message):
    return (text[function.head_start:function.body] +
            "    /* Yours to write. */\n"
            "    push $2f\n    push $0\n    push $1f\n    call panic_at\n"
            "    .pushsection .rodata\n"
            f'1:  .asciz "{path}"\n2:  .asciz "{message}"\n'
            "    .popsection\n")


def with_stub(path, text, name, message):
    """TEXT with the body of NAME replaced by a panic that says MESSAGE. The comment above it stays."""
    known = functions(path, text)
    if name not in known:
        raise KeyError(f"{path} has no function {name}")
    function = known[name]
    stub = assembly_stub(path, text, function, message) if path.endswith(".S") else c_stub(text, function, message)
    return text[:function.head_start] + stub + text[function.end:]


def with_header(text, header):
    """TEXT, which includes HEADER."""
    line = f'#include "{header}"\n'
    if line in text:
        return text
    includes = [match.end() for match in re.finditer(r'^#include "[^\n]*\n', text, re.M)]
    return text[:includes[-1]] + line + text[includes[-1]:]


def with_opening(text, comment):
    """TEXT with COMMENT in place of the one that it opens with."""
    return re.sub(r"\A/\*.*?\*/", lambda _: comment, text, count=1, flags=re.S)


def without_unused(text, keep=()):
    """TEXT without the static functions and the constants that nothing in it names any more, but for those in KEEP."""
    while True:
        code = LITERAL.sub(" ", text)
        unused = [(function.start, function.end) for function in c_functions(text).values()
                  if function.static and function.name not in keep and
                  len(re.findall(rf"\b{function.name}\b", code)) == 1]
        unused += [(comment_start(text, match.start()), match.end())
                   for match in re.finditer(r"^#define (\w+)(?:\([^)\n]*\))? [^\\\n]*\n", text, re.M)
                   if match.group(1) not in keep and len(re.findall(rf"\b{match.group(1)}\b", code)) == 1]
        if not unused:
            return text
        start, end = max(unused)
        gap = "\n\n" if text[:start].endswith("\n\n") or text[end:].startswith("\n") else "\n"
        text = text[:start].rstrip("\n") + gap + text[end:].lstrip("\n")


SECTION = re.compile(r"^/\* ---- ([^\n]*) ----(?: \*/\n|\n.*?\*/\n)\n*", re.M | re.S)


def without_empty_sections(text, stubs):
    """TEXT without the headings of sections that have nothing in them; where all functions of a section are STUBS, its heading is
    its title alone, for the rest tells how they were written."""
    for match in reversed(list(SECTION.finditer(text))):
        following = SECTION.search(text, match.end())
        section = text[match.end():following.start() if following else len(text)]
        known = set(c_functions(section))
        if not section.strip():
            text = text[:match.start()] + text[match.end():]
        elif known and known <= stubs:
            text = f"{text[:match.start()]}/* ---- {match.group(1)} ---- */\n\n{text[match.end():]}"
    return text


def without_notes(text):
    """TEXT whose opening comment does not end with a reference to docs/notes/, which a reader's folder does not have."""
    return re.sub(r"\A(/\*[^/]*?)(?:\n \*)?\n \*[^\n]*docs/notes/[^\n]*\*/", r"\1 */", text)


def with_functions(path, text, source, without=()):
    """TEXT with its functions replaced by those of the same name in SOURCE, but for those in WITHOUT. What SOURCE has
    besides (helpers, constants) comes before the first of them."""
    theirs = functions(path, source)
    ours = functions(path, text)
    replaced = sorted((name for name in theirs if name in ours), key=lambda name: ours[name].start)
    if not replaced:
        raise KeyError(f"{path}: no function in common with the reference")
    rest, at = [], 0
    for function in sorted(theirs.values(), key=lambda function: function.start):
        if function.name in ours:
            rest.append(source[at:function.start])
            at = function.end
    rest.append(source[at:])
    opening = re.compile(r"\A\s*/\*.*?\*/\n", re.S)
    helpers = opening.sub("", "".join(rest), 1)
    helpers = re.sub(r'^(?:#include "[^\n]*|/\* ---- [^\n]*)\n', "", helpers, flags=re.M).strip("\n")
    includes = re.findall(r'^#include "([^"\n]*)"', source, re.M)
    for name in reversed([name for name in replaced if name not in without]):
        function, their = functions(path, text)[name], theirs[name]
        new = source[their.head_start:their.end]
        text = text[:function.head_start] + new + text[function.end:]
    if helpers:
        first = min(functions(path, text)[name].start for name in replaced)
        text = text[:first] + helpers + "\n\n" + text[first:]
    for header in includes:
        text = with_header(text, header)
    return re.sub(r"\n{3,}", "\n\n", text)
