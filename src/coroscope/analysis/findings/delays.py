"""Whether a loop works out anew in each round how long to sleep, as one does that keeps to a schedule."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from coroscope.analysis.findings.source import Loop, Source, walk_own

# Calls of these give the same for the same. Whatever else is called may read the clock.
_STEADY = frozenset(
    {"abs", "float", "get", "getattr", "int", "max", "min", "round", "timedelta", "total_seconds"}
)


def is_worked_out(source: Source, line: int) -> bool:
    """Whether what is awaited at `line` is given something that the rounds of the loop around it change."""
    loop = source.loop_around_line(line)
    if loop is None:
        return False
    changes = _changes(loop)
    return any(
        _varies(argument, changes) for call in _calls_at(source, line) for argument in _arguments(call)
    )


def _calls_at(source: Source, line: int) -> Iterator[ast.Call]:
    for awaited in source.awaits_at(line):
        if isinstance(awaited.value, ast.Call):
            yield awaited.value


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(keyword.value for keyword in call.keywords)]


def _changes(loop: Loop) -> dict[str, ast.expr | None]:
    """What the loop binds, by its source; with the value if it is bound by itself, at one place."""
    changes: dict[str, ast.expr | None] = {}
    values = {
        id(target): node.value
        for node in walk_own(loop)
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    for node in walk_own(loop):
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
            name = ast.unparse(node)
            changes[name] = None if name in changes else values.get(id(node))
    return changes


def _varies(value: ast.expr, changes: dict[str, ast.expr | None]) -> bool:
    for node in (value, *walk_own(value)):
        if isinstance(node, ast.Call) and _name_called(node) not in _STEADY:
            return True
        if (
            isinstance(node, ast.Name | ast.Attribute | ast.Subscript)
            and (name := ast.unparse(node)) in changes
        ):
            bound = changes[name]
            others = {other: to for other, to in changes.items() if other != name}
            if bound is None or name in map(ast.unparse, walk_own(bound)) or _varies(bound, others):
                return True
    return False


def _name_called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]
