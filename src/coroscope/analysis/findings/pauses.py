"""What a sleep is for: to keep a period, to make a pause, to wait for a moment, or to be told that it is over."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from coroscope.analysis.findings.source import Source, walk_own


def is_pause(source: Source, line: int) -> bool:
    """Whether the loop around `line` goes through given items, or goes on until what it awaits has come about."""
    loop = source.loop_around_line(line)
    if isinstance(loop, ast.For):
        return not counts(source, line) or any(map(_ends_loop, _nodes_of(loop.body)))
    if not isinstance(loop, ast.While):
        return True
    in_test = [loop.test, *walk_own(loop.test)]
    return any(isinstance(node, ast.Await) for node in in_test) or any(map(_ends_loop, _nodes_of(loop.body)))


def counts(source: Source, line: int) -> bool:
    """Whether the loop around `line` only counts its rounds."""
    loop = source.loop_around_line(line)
    call = loop.iter if isinstance(loop, ast.For) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("range", "count"))


def is_until_told(source: Source, line: int) -> bool:
    """Whether the loop at `line` is a `while` that goes on until somebody else wants it to end: it asks no clock, and
    nothing that it sets itself."""
    loop = source.loop_at(line)
    if not isinstance(loop, ast.While):
        return False
    nodes = _nodes_of(loop.body)
    tests = [loop.test, *(node.test for node in nodes if isinstance(node, ast.If) and _leaves(node))]
    asked = [node for test in tests for node in (test, *walk_own(test))]
    set_here = {ast.unparse(node) for node in nodes if _is_set(node)}
    return not any(
        (isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in _CLOCKS)
        or (isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in set_here)
        for node in asked
    )


def _leaves(branch: ast.If) -> bool:
    return any(map(_ends_loop, _nodes_of([*branch.body, *branch.orelse])))


def _is_set(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store)


_CLOCKS = frozenset(
    {"current_time", "monotonic", "monotonic_ns", "now", "perf_counter", "perf_counter_ns", "time"}
)


def is_until_a_moment(source: Source, line: int) -> bool:
    """Whether the sleep at `line` has no fixed length: it waits for a moment, such as `sleep(due - loop.time())`."""
    return any(_is_until_a_moment(source, awaited) for awaited in source.awaits_at(line))


def _is_until_a_moment(source: Source, awaited: ast.Await) -> bool:
    if not isinstance(awaited.value, ast.Call):
        return False
    length = [node for argument in awaited.value.args[:1] for node in (argument, *walk_own(argument))]
    loop = source.loop_around(awaited)
    body = _nodes_of(loop.body) if isinstance(loop, ast.For | ast.While) else []
    set_anew = {node.id for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return any(
        isinstance(node, ast.Call | ast.Sub) or (isinstance(node, ast.Name) and node.id in set_anew)
        for node in length
    )


def _ends_loop(node: ast.AST) -> bool:
    return isinstance(node, ast.Break | ast.Return)


def _nodes_of(statements: Iterable[ast.stmt]) -> list[ast.AST]:
    return [node for statement in statements for node in (statement, *walk_own(statement))]
