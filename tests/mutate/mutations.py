"""Small changes to a C file, one a mutant: an operator, a constant, a condition, a statement deleted, two swapped.

libclang gives the tokens and the statements. A mutant keeps the file's lines, so that __LINE__ and the debug
information stay as they are."""
import re
from dataclasses import dataclass

from clang.cindex import CursorKind, Index, TokenKind

BINARY = {"+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["/"], "&": ["|"], "|": ["&"], "^": ["|"],
          "<<": [">>"], ">>": ["<<"], "&&": ["||"], "||": ["&&"], "==": ["!="], "!=": ["=="],
          "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"],
          "+=": ["-="], "-=": ["+="], "*=": ["/="], "/=": ["*="], "|=": ["&="], "&=": ["|="], "^=": ["|="],
          "<<=": [">>="], ">>=": ["<<="], "++": ["--"], "--": ["++"]}
UNARY = {"!": [""], "~": [""], "-": [""], "++": ["--"], "--": ["++"]}
WORDS = {"true": ["false"], "false": ["true"], "break": ["continue"]}
INTEGER = re.compile(r"(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)$")
NOT_DELETED = {CursorKind.DECL_STMT, CursorKind.COMPOUND_STMT, CursorKind.IF_STMT, CursorKind.SWITCH_STMT,
               CursorKind.CASE_STMT, CursorKind.DEFAULT_STMT, CursorKind.LABEL_STMT, CursorKind.NULL_STMT}
NOT_SWAPPED = NOT_DELETED | {CursorKind.RETURN_STMT, CursorKind.BREAK_STMT, CursorKind.CONTINUE_STMT}
BODIES = {CursorKind.FOR_STMT: slice(-1, None), CursorKind.WHILE_STMT: slice(-1, None),
          CursorKind.IF_STMT: slice(1, None), CursorKind.DO_STMT: slice(0, 1)}


@dataclass(frozen=True)
class Mutant:
    path: str
    start: int
    end: int
    new: str
    line: int
    statement: int  # the line on which the statement begins that it is a part of
    outer: tuple  # where the function, or whatever else stands by itself in the file, begins and ends that it is a part of
    function: str  # its name

    def apply(self, text):
        return text[:self.start] + self.new + text[self.end:]

    def changed(self, text):
        """The lines that it changes, as they are and as they become, without indentation."""
        first = text.rfind("\n", 0, self.start) + 1
        last = text.find("\n", self.end)
        before, after = text[first:last], text[first:self.start] + self.new + text[self.end:last]
        return ([line.strip() for line in before.split("\n")], [line.strip() for line in after.split("\n")])


def mutants(path, arguments):
    """Every mutant of the file PATH, in the order of the text. ARGUMENTS are the compiler's."""
    text = open(path, encoding="latin-1").read()  # a byte is a character: libclang counts bytes
    unit = Index.create().parse(path, args=arguments)
    problems = [d for d in unit.diagnostics if d.severity >= d.Error]
    if problems:
        raise SystemExit(f"mutate: {path} is not understood: {problems[0]}")
    found, statements = {}, sorted(all_statements(unit, path))
    outermost = [(span, cursor.spelling) for cursor in unit.cursor.get_children() if (span := extent_of(cursor, path))]
    for start, end, new in [*of_tokens(unit, text), *of_statements(unit, path, text)]:
        if text[start:end] != new:
            new += "\n" * (text.count("\n", start, end) - new.count("\n"))
            around = max((first for first, last in statements if first <= start < last), default=start)
            line, statement = (text.count("\n", 0, offset) + 1 for offset in (start, around))
            outer, name = next((one for one in outermost if one[0][0] <= start < one[0][1]), ((0, len(text)), ""))
            found[start, end, new] = Mutant(path, start, end, new, line, statement, outer, name)
    return [found[key] for key in sorted(found)]


# ---- tokens ----

def of_tokens(unit, text):
    tokens = [t for t in unit.get_tokens(extent=unit.cursor.extent) if t.kind != TokenKind.COMMENT]
    for i, token in enumerate(tokens):
        start, end = token.extent.start.offset, token.extent.end.offset
        if is_left_alone(text, start):
            continue
        for new in replacements(tokens[i - 1] if i else None, token):
            yield start, end, new
        if token.spelling in ("if", "while") and (condition := parenthesized(tokens, i + 1)):
            yield *condition, "false"
            if token.spelling == "if":
                yield *condition, "true"


def is_left_alone(text, offset):
    line = text[text.rfind("\n", 0, offset) + 1:text.find("\n", offset)].lstrip()
    return line.startswith(("#include", "#if", "#pragma", "_Static_assert", "__attribute__"))


def replacements(before, token):
    spelling = token.spelling
    if token.kind == TokenKind.PUNCTUATION:
        is_binary = before and (before.kind in (TokenKind.IDENTIFIER, TokenKind.LITERAL) or before.spelling in (")", "]"))
        return (BINARY if is_binary else UNARY).get(spelling, [])
    if token.kind == TokenKind.LITERAL and (number := INTEGER.match(spelling)):
        value, suffix = int(number[1], 0 if number[1][:2] in ("0x", "0X") else 10), number[2]
        return [f"{value + 1}{suffix}"] + ([f"{value - 1}{suffix}"] if value else [])
    return WORDS.get(spelling, [])


def parenthesized(tokens, i):
    """The text between the parenthesis that token I is and the one that closes it."""
    depth = 0
    for token in tokens[i:]:
        depth += {"(": 1, ")": -1}.get(token.spelling, 0)
        if depth == 0:
            return tokens[i].extent.end.offset, token.extent.start.offset
    return None


# ---- statements ----

def all_statements(unit, path):
    """Where each begins and ends."""
    for cursor in unit.cursor.walk_preorder():
        if cursor.kind in (CursorKind.COMPOUND_STMT, CursorKind.CASE_STMT, CursorKind.DEFAULT_STMT) or cursor.kind in BODIES:
            children = list(cursor.get_children())
            yield from filter(None, (extent_of(child, path) for child in children[BODIES.get(cursor.kind, slice(None))]))


def of_statements(unit, path, text):
    for cursor in unit.cursor.walk_preorder():
        if not cursor.location.file or cursor.location.file.name != path:
            continue
        children = list(cursor.get_children())
        if cursor.kind == CursorKind.CONDITIONAL_OPERATOR and (span := extent_of(children[0], path)):
            yield *span, "true"
            yield *span, "false"
        if cursor.kind == CursorKind.COMPOUND_STMT:
            spans = [statement(child, path, text, NOT_DELETED) for child in children]
            yield from ((start, end, ";") for start, end in filter(None, spans))
            yield from swaps([statement(child, path, text, NOT_SWAPPED) for child in children], text)
        elif cursor.kind in BODIES:
            spans = [statement(child, path, text, NOT_DELETED) for child in children[BODIES[cursor.kind]]]
            yield from ((start, end, ";") for start, end in filter(None, spans))


def extent_of(cursor, path):
    start, end = cursor.extent.start, cursor.extent.end
    if not start.file or start.file.name != path or start.offset >= end.offset:
        return None  # it comes from a macro
    return start.offset, end.offset


def statement(cursor, path, text, left_out):
    """Where the statement stands, with its semicolon."""
    span = None if cursor.kind in left_out else extent_of(cursor, path)
    if not span:
        return None
    if text[span[1] - 1] in "};":
        return span
    rest = re.compile(r"\s*;").match(text, span[1])
    return (span[0], rest.end()) if rest else None


def swaps(spans, text):
    for first, second in zip(spans, spans[1:]):
        if first and second and depend(text[slice(*first)], text[slice(*second)]):
            between = text[first[1]:second[0]]
            yield first[0], second[1], text[slice(*second)] + between + text[slice(*first)]


ASSIGNMENT = re.compile(r"(?:[a-z_]\w*(?:\.|->))*([a-z_]\w*)(?: [-+|&^]?= (?:[^=]|[=!<>]=)*;|\+\+;|--;)$")
CALL = re.compile(r"[a-z_]\w*\(")


def depend(first, second):
    """Whether it may matter which comes first. It does not where they have no name in common, or only check, or where
    each sets a field or a variable that the other does not name."""
    targets = [ASSIGNMENT.match(text) for text in (first, second)]
    if all(targets) and not CALL.search(first + second):
        return any(re.search(rf"\b{target[1]}\b", text) for target, text in zip(targets, (second, first)))
    common = set(re.findall(r"[a-z_]\w+", first)) & set(re.findall(r"[a-z_]\w+", second))
    return common and not first.startswith("ASSERT") and not second.startswith("ASSERT")
