"""Files stay under 400 lines, functions under 60."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sources import CPP, ROOT, files, report, without_comments

FILE_LINES = 400
FUNCTION_LINES = 60

# What may stand before the "{" of a scope that is not a function.
SCOPE = re.compile(r"\b(namespace|class|struct|enum|union|extern|concept)\b")


def cpp_functions(text: str) -> Iterator[tuple[int, int]]:
    """(first line, lines) of the outermost function bodies: braces after a ")" in no other function."""
    code = re.sub(r"^[ \t]*#[^\n]*", "", without_comments(text), flags=re.MULTILINE)
    open_scopes: list[bool] = []  # True: a function body or something inside one
    head = start = 0
    for match in re.finditer(r"[{};]", code):
        place = match.start()
        inside = any(open_scopes)
        if match[0] == "{":
            before = code[head:place]
            # "template <class T>" and parameters may hold the words of SCOPE: look outside brackets only
            plain = re.sub(r"<[^<>]*>|\([^()]*\)", "", before)
            is_function = not inside and ")" in before and not SCOPE.search(plain)
            if is_function:
                start = code.count("\n", 0, head + len(before) - len(before.lstrip())) + 1
            open_scopes.append(inside or is_function)
        elif match[0] == "}" and open_scopes:
            was = open_scopes.pop()
            if was and not any(open_scopes):
                yield start, code.count("\n", 0, place) + 2 - start
        if not any(open_scopes):
            head = place + 1


def python_functions(text: str) -> Iterator[tuple[int, int]]:
    """(first line, lines) of every function; its docstring does not count."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                docstring = node.body[0]
                lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
            yield node.lineno, lines


def check(root: Path) -> list[str]:
    """One line a file or function that is too long."""
    faults = []
    for file in files(root, *CPP, ".py"):
        text = file.read_text(encoding="utf-8")
        place = file.relative_to(root)
        lines = text.count("\n")
        if lines >= FILE_LINES:
            faults.append(f"{place}: {lines} lines, the rule is < {FILE_LINES}")
        functions = python_functions(text) if file.suffix == ".py" else cpp_functions(text)
        for line, count in functions:
            if count >= FUNCTION_LINES:
                faults.append(f"{place}:{line}: a function of {count} lines, the rule is < {FUNCTION_LINES}")
    return faults


if __name__ == "__main__":
    report(check(ROOT))
