"""Whether awaits of one function could have been under way together, as far as the source tells.

Rule: what the source does not show to be independent depends on what came before it.
A later await depends on an earlier one when it uses a name that has taken something from the earlier one's result, when
such a name decides whether it happens at all, or when the earlier one gave no result: it was awaited for its effect.
Names are dotted paths: `self.token` is one, and whoever is given `self` uses it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from coroscope.analysis.findings.source import Source, dotted, walk_own

# What one object is told in turn: to tell it all at once would mix it up.
_ORDERED = frozenset(
    {"apply", "append", "drain", "execute", "feed", "push", "put", "send", "sendall", "write", "writelines"}
)
# Parts of a program come up and go down in the order in which they rest on one another,
_LIFECYCLE = frozenset({"setup", "shutdown", "start", "startup", "stop", "teardown"})
# and an exit stack leaves what it has entered the other way round.
_ENTERING = ("enter_async_context", "enter_context")
# What ends a loop early, hands on one result at a time, or is itself a sequence.
_IN_TURN = (ast.Return, ast.Break, ast.Yield, ast.YieldFrom, ast.AsyncFor)


def is_for_each(source: Source, loop: ast.AST | None) -> bool:
    """Whether the rounds of `loop`, each for an item of its own, are independent of one another."""
    if isinstance(loop, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        targets = {name for generator in loop.generators for name in _paths(generator.target)}
        is_in_turn = any(generator.is_async for generator in loop.generators)
        awaits = _awaits_in(loop)
        return not is_in_turn and all(
            _uses(awaited, targets) and not _is_entering(awaited) for awaited in awaits
        )
    if not isinstance(loop, ast.For) or _is_backwards(loop.iter):
        return False
    nodes = [node for statement in loop.body for node in (statement, *walk_own(statement))]
    awaits = [node for node in nodes if isinstance(node, ast.Await) and not _is_turn(node)]
    if not awaits or any(map(_is_in_turn, nodes)) or any(map(is_sleep, awaits)):
        return False
    fresh = _assigned(nodes)
    own = {*_paths(loop.target), *fresh}
    tainted = _tainted_by_awaits(nodes)
    return all(
        not _carries(awaited, tainted, fresh)
        and _uses(awaited, own)
        and not _is_in_order(source, awaited, own)
        for awaited in awaits
    )


def _is_in_turn(node: ast.AST) -> bool:
    return isinstance(node, _IN_TURN) or (isinstance(node, ast.comprehension) and bool(node.is_async))


def _is_backwards(items: ast.expr) -> bool:
    """Whether the order of the items was turned, and so matters."""
    return isinstance(items, ast.Call) and _called(items) == "reversed"


def _is_entering(awaited: ast.Await) -> bool:
    call = awaited.value
    return isinstance(call, ast.Call) and _last_name(call) in _ENTERING


def is_sleep(awaited: ast.Await) -> bool:
    """Whether it is a sleep that lasts: `sleep(0)` only gives up the turn."""
    return _is_call_of_sleep(awaited) and not _is_turn(awaited)


def _is_turn(awaited: ast.Await) -> bool:
    call = awaited.value
    if not isinstance(call, ast.Call) or not _is_call_of_sleep(awaited) or not call.args:
        return False
    return isinstance(call.args[0], ast.Constant) and not call.args[0].value


def _is_call_of_sleep(awaited: ast.Await) -> bool:
    call = awaited.value
    return isinstance(call, ast.Call) and _last_name(call).endswith("sleep")


def independent_runs(source: Source, block: Sequence[ast.stmt]) -> list[list[ast.Await]]:
    """The awaits of `block`, in runs of which none uses what another one of its run has given."""
    runs: list[list[ast.Await]] = [[]]
    tainted: set[str] = set()
    for statement in block:
        awaits = _awaits_in(statement)
        if not _is_plain(source, statement, awaits, tainted):
            runs.append([])
            tainted = set()
            continue
        for awaited in awaits:
            if _conflict(_paths(awaited.value) | _receivers(awaited.value), tainted):
                runs.append([])
                tainted = set()
            runs[-1].append(awaited)
        _taint([statement, *walk_own(statement)], tainted)
    return runs


def _is_plain(source: Source, statement: ast.stmt, awaits: list[ast.Await], tainted: set[str]) -> bool:
    """Whether nothing but names leads from the awaits before `statement` to it, and on to those after it."""
    if any(is_sleep(awaited) or _is_entering(awaited) or _awaits_in(awaited) for awaited in awaits):
        return False
    if isinstance(
        statement, ast.If | ast.For | ast.While | ast.Try | ast.With | ast.Match | ast.Assert | ast.Raise
    ):
        return not awaits and not _conflict(_paths(statement), tainted)
    if isinstance(statement, ast.AsyncWith | ast.AsyncFor | ast.Global | ast.Nonlocal):
        return False
    return not any(_is_discarded(source, awaited) for awaited in awaits)


def _is_in_order(source: Source, awaited: ast.Await, own: set[str]) -> bool:
    """Whether it is awaited for its effect on something that all rounds share."""
    call = awaited.value
    if _is_entering(awaited):
        return True
    if not isinstance(call, ast.Call) or not _is_discarded(source, awaited):
        return False
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    given = {path for argument in arguments for path in _paths(argument)}
    if _last_name(call) in _ORDERED | _LIFECYCLE:
        return True
    # `await step.run(database)`: the rounds differ in what they do, not in what they do it to.
    return bool(given) and not _conflict(given, own)


def _is_discarded(source: Source, awaited: ast.Await) -> bool:
    statement = source.statement_of(awaited)
    return isinstance(statement, ast.Expr) and statement.value is awaited


def _awaits_in(node: ast.AST) -> list[ast.Await]:
    return [inner for inner in walk_own(node) if isinstance(inner, ast.Await)]


def _uses(awaited: ast.Await, names: set[str]) -> bool:
    return _conflict(_paths(awaited.value) | _receivers(awaited.value), names)


def _carries(awaited: ast.Await, tainted: set[str], fresh: dict[str, tuple[int, int]]) -> bool:
    """Whether it uses what an earlier round has left: a tainted name that this round has not yet set anew."""
    begins = (awaited.lineno, awaited.col_offset)
    left = {name for name in tainted if name not in fresh or fresh[name] > begins}
    return _conflict(_paths(awaited.value), left)


def _assigned(nodes: Iterable[ast.AST]) -> dict[str, tuple[int, int]]:
    """The names that are set as a whole, and where each is first set."""
    found: dict[str, tuple[int, int]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            set_at = (node.end_lineno or node.lineno, node.end_col_offset or 0)
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        elif isinstance(node, ast.With | ast.AsyncWith):
            targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
            set_at = (node.body[0].lineno, 0)
        elif isinstance(node, ast.For | ast.AsyncFor):
            targets, set_at = [node.target], (node.body[0].lineno, 0)
        else:
            continue
        for target in targets:
            for name in _whole(target):
                found[name] = min(found.get(name, set_at), set_at)
    return found


def _tainted_by_awaits(nodes: Sequence[ast.AST]) -> set[str]:
    tainted: set[str] = set()
    known = -1
    while len(tainted) > known:
        known = len(tainted)
        _taint(nodes, tainted)
    return tainted


def _taint(nodes: Iterable[ast.AST], tainted: set[str]) -> None:
    """Add what takes something from an await or from a tainted name."""
    nodes = list(nodes)
    awaited = {node.value for node in nodes if isinstance(node, ast.Await)}
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            takes_from: list[ast.AST | None] = [node.value]
        elif isinstance(node, ast.AsyncWith):
            for item in node.items:
                if item.optional_vars is not None:
                    tainted |= _paths(item.optional_vars)
            continue
        elif isinstance(node, ast.With):
            targets = [item.optional_vars for item in node.items if item.optional_vars is not None]
            takes_from = [item.context_expr for item in node.items]
        elif isinstance(node, ast.For | ast.AsyncFor):
            targets, takes_from = [node.target], [node.iter]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node not in awaited:
            # `results.append(await …)`: the object may keep what it is given.
            targets, takes_from = (
                [node.func.value],
                [*node.args, *(keyword.value for keyword in node.keywords)],
            )
        else:
            continue
        if any(value is not None and _takes(value, tainted) for value in takes_from):
            for target in targets:
                tainted |= _targets(target)


def _targets(target: ast.AST) -> set[str]:
    """What an assignment to `target` changes: not the index of `prices[shop]`."""
    if isinstance(target, ast.Subscript):
        return _targets(target.value)
    if isinstance(target, ast.Tuple | ast.List):
        return {path for element in target.elts for path in _targets(element)}
    return _paths(target)


def _takes(value: ast.AST, tainted: set[str]) -> bool:
    return isinstance(value, ast.Await) or bool(_awaits_in(value)) or _conflict(_paths(value), tainted)


def _conflict(used: set[str], names: set[str]) -> bool:
    return any(
        use == name or use.startswith(f"{name}.") or name.startswith(f"{use}.")
        for use in used
        for name in names
    )


def _paths(node: ast.AST) -> set[str]:
    """The dotted paths that occur in `node`, the longest of each."""
    if isinstance(node, ast.Name):
        return {node.id}
    if isinstance(node, ast.Attribute) and (path := dotted(node)):
        return {path}
    return {path for child in ast.iter_child_nodes(node) for path in _paths(child)}


def _receivers(node: ast.AST) -> set[str]:
    """The objects whose methods are called in `node`."""
    functions = [call.func for call in [node, *walk_own(node)] if isinstance(call, ast.Call)]
    return {
        path
        for function in functions
        if isinstance(function, ast.Attribute)
        for path in _paths(function.value)
    }


def _called(call: ast.Call) -> str:
    return dotted(call.func) or (call.func.attr if isinstance(call.func, ast.Attribute) else "")


def _last_name(call: ast.Call) -> str:
    return _called(call).rpartition(".")[2]


def _whole(target: ast.AST) -> list[str]:
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for element in target.elts for name in _whole(element)]
    if isinstance(target, ast.Starred):
        return _whole(target.value)
    return []
