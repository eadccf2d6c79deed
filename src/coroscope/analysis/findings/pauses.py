"""Whether a loop sleeps to make a pause between what it awaits, rather than to keep a period."""

from __future__ import annotations

import ast

from coroscope.analysis.findings.source import Source, walk_own


def is_pause(source: Source, line: int) -> bool:
    """Whether the loop around `line` goes through given items, or goes on until what it awaits has come about."""
    loop = source.loop_around_line(line)
    if isinstance(loop, ast.For):
        call = loop.iter
        return not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith(("range", "count")))
    if not isinstance(loop, ast.While):
        return True
    nodes = [node for statement in (loop.test, *loop.body) for node in (statement, *walk_own(statement))]
    in_test = {loop.test, *walk_own(loop.test)}
    return any(
        isinstance(node, ast.Break | ast.Return) or (isinstance(node, ast.Await) and node in in_test)
        for node in nodes
    )
