"""The program's source, where it is still there as it was when it ran: what surrounds the line that a frame names.

Rule: a trace may be anybody's. Only regular files of a sane size are read, nothing of them is run, and whatever cannot
be read or parsed is the same as no source.
"""

from __future__ import annotations

import ast
import os
import stat
from collections.abc import Iterator
from functools import lru_cache

_LARGEST_BYTES = 4_000_000
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, *_COMPREHENSIONS)

Loop = ast.For | ast.AsyncFor | ast.While | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source:
    """One file's syntax tree, asked by line."""

    def __init__(self, tree: ast.Module) -> None:
        self._parents: dict[ast.AST, ast.AST] = {}
        self._awaits: dict[int, list[ast.Await]] = {}
        self._suspending: dict[int, ast.AST] = {}
        self._loops: list[Loop] = []
        self._named: list[Function] = []
        for node in ast.walk(tree):
            for child in ast.iter_child_nodes(node):
                self._parents[child] = node
            if isinstance(node, ast.Await):
                self._awaits.setdefault(node.lineno, []).append(node)
            elif isinstance(node, _LOOPS):
                self._loops.append(node)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._named.append(node)
            if isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor):
                self._suspending.setdefault(node.lineno, node)

    def awaits_at(self, line: int) -> list[ast.Await]:
        """The `await` expressions that begin on `line`."""
        return self._awaits.get(line, [])

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The statement that `node` is part of."""
        while not isinstance(node, ast.stmt):
            node = self._parents[node]
        return node

    def block_of(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements that run one after another, of which `statement` is one."""
        for _, value in ast.iter_fields(self._parents[statement]):
            if isinstance(value, list) and statement in value:
                return value
        return [statement]

    def loop_around_line(self, line: int) -> Loop | None:
        """The innermost loop around what waits at `line`."""
        node = self._suspending.get(line)
        return None if node is None else self.loop_around(node)

    def loop_around(self, node: ast.AST) -> Loop | None:
        """The innermost loop of the same function that runs `node` again and again."""
        while (parent := self._parents.get(node)) is not None and not isinstance(parent, _FUNCTIONS):
            if isinstance(parent, ast.While) and node not in parent.orelse:
                return parent
            if isinstance(parent, ast.For | ast.AsyncFor) and node in parent.body:
                return parent
            if isinstance(parent, _COMPREHENSIONS) and not _is_first_iterable(parent, node):
                return parent
            node = parent
        return None

    def loop_at(self, line: int) -> Loop | None:
        """The innermost loop that has `line` in it, whatever is there."""
        around = [loop for loop in self._loops if loop.lineno <= line <= (loop.end_lineno or 0)]
        return max(around, key=lambda loop: (loop.lineno, loop.col_offset), default=None)

    def function_at(self, line: int) -> Function | None:
        """The innermost function with a name that has `line` in it."""
        around = [named for named in self._named if named.lineno <= line <= (named.end_lineno or 0)]
        return max(around, key=lambda named: named.lineno, default=None)

    def is_method(self, function: Function) -> bool:
        """Whether its first parameter is the object, or the class, that it is called on."""
        is_static = any(
            isinstance(node, ast.Name) and node.id == "staticmethod" for node in function.decorator_list
        )
        return isinstance(self._parents[function], ast.ClassDef) and not is_static

    def is_in_one_loop(self, first_line: int, second_line: int) -> bool:
        """Whether some loop has both lines in it, so that the one can come after the other."""
        low, high = min(first_line, second_line), max(first_line, second_line)
        if low == high and any(map(self._returns, self.awaits_at(low))):
            return False  # As in a loop that tries again: what returns does not come back.
        return any(loop.lineno <= low and high <= (loop.end_lineno or 0) for loop in self._loops)

    def _returns(self, awaited: ast.Await) -> bool:
        is_repeated = isinstance(self.loop_around(awaited), _COMPREHENSIONS)
        return isinstance(self.statement_of(awaited), ast.Return) and not is_repeated


def _is_first_iterable(comprehension: ast.AST, node: ast.AST) -> bool:
    # The generators are nodes of their own between the two; the first one's iterable is evaluated once.
    return isinstance(node, ast.comprehension) and node is comprehension.generators[0]  # type: ignore[attr-defined]


def source_of(file: str, started_at: float) -> Source | None:
    """The source of `file` if it has not changed since `started_at`, in seconds since the epoch."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    is_sane = stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST_BYTES
    if not is_sane or status.st_mtime > started_at:
        return None
    return _parsed(file, status.st_mtime_ns)


@lru_cache(maxsize=256)
def _parsed(file: str, mtime_ns: int) -> Source | None:  # noqa: ARG001 - part of the cache's key
    try:
        with open(file, "rb") as opened:
            return Source(ast.parse(opened.read()))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def dotted(node: ast.AST) -> str:
    """A name, or attributes of one, as it is written; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def walk_own(node: ast.AST) -> Iterator[ast.AST]:
    """Every node within `node` that runs where it does: not what nested functions and classes hold."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*_FUNCTIONS, ast.ClassDef)):
            yield child
            yield from walk_own(child)
