"""The loops in a program's source: which ones a line stands in, and whether they give up their turn."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_LOOPS = (ast.For, ast.While, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_YIELDING = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)


@dataclass(frozen=True, slots=True)
class _Ranges:
    """First and last lines, outermost first."""

    loops: list[tuple[int, int]]
    functions: list[tuple[int, int]]


class Loops:
    """The loops of source files, each parsed once."""

    def __init__(self) -> None:
        self._known: dict[str, _Ranges | None] = {}

    def can_read(self, file: str) -> bool:
        """Whether the source is there, and is Python."""
        return self._ranges(file) is not None

    def around(self, file: str, line: int) -> list[int]:
        """The first lines of the loops without an `await` around a line of its function, outermost first."""
        ranges = self._ranges(file)
        if ranges is None:
            return []
        function = max((first for first, last in ranges.functions if first <= line <= last), default=0)
        return [first for first, last in ranges.loops if max(first, function) == first <= line <= last]

    def _ranges(self, file: str) -> _Ranges | None:
        if file not in self._known:
            self._known[file] = _ranges(file)
        return self._known[file]


def _ranges(file: str) -> _Ranges | None:
    try:
        with tokenize.open(file) as source:
            tree = ast.parse(source.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    loops = sorted(set(_silent_loops(tree)), key=lambda lines: (lines[0], -lines[1]))
    functions = [_lines(node) for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    return _Ranges(loops, functions)


def _silent_loops(tree: ast.AST) -> Iterator[tuple[int, int]]:
    for node in ast.walk(tree):
        if isinstance(node, _LOOPS) and not _gives_up_its_turn(node):
            yield _lines(node)


def _lines(node: ast.expr | ast.stmt) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def _gives_up_its_turn(loop: ast.AST) -> bool:
    waiting = [loop]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _YIELDING) or (isinstance(node, ast.comprehension) and node.is_async):
            return True
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, _FUNCTIONS)]
    return False
