"""Whether calls in a row change what another one of them reads, as far as their own source tells.

Two calls share what both are given, the object whose method both are, and what the module or the function around them
holds. They need their order where one of them changes a part of that which another one reads.

Rule: what only counts (`self.requests += 1`), what only collects (`results.append(x)`), what is kept under a key of the
call's own (`self.cache[key] = value`), and what is made once (`if self.session is None: self.session = …`) needs none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from coroscope.analysis.findings.calls import Call
from coroscope.analysis.findings.source import Function, Source, dotted, source_of, walk_own
from coroscope.trace.model import Frame

_CHANGING = frozenset(
    {
        "add",
        "append",
        "appendleft",
        "clear",
        "discard",
        "extend",
        "insert",
        "remove",
        "reverse",
        "sort",
        "update",
    }
)
_TAKING = frozenset({"pop", "popitem", "popleft"})
"""They give what they take away, so that the next one gets another."""
_BY_KEY = frozenset({"get", "pop", "setdefault", "discard", "remove"})

_OF_ROUND = " of round "

Names = Mapping[str, str]
"""What the names of a function that its caller knows too are called there."""


def need_their_order(source: Source, rounds: Iterable[Sequence[Call]], started_at: float) -> bool:
    """Whether one of the calls in `rounds`, which a function of `source` awaits, changes what another one reads."""
    touched: list[_Touched] = []
    seen: dict[tuple[int | None, str], int] = {}
    for calls in rounds:
        for call in calls:
            chain = call.waits[0].chain
            inner = chain[chain.index(call.at) + 1 :]
            if not inner or not inner[0].is_user:
                continue
            key = (call.at.line, inner[0].function)
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= 2:  # What a third round does, the second did as well.
                touched.append(_touched_by(source, call.at, inner, seen[key] - 1, started_at))
    return any(one.changes(other) for one in touched for other in touched if one is not other)


@dataclass(slots=True)
class _Touched:
    """What one call does to what it may share with others, by the names that their caller has for it."""

    read: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    """What it is given as a whole: to hand that on is not to read what is in it."""

    def changes(self, other: _Touched) -> bool:
        """Whether it changes what the other one reads: this, a part of it, or what it is part of."""
        return any(
            read == path or _is_part(read, path) or (_is_part(path, read) and read not in other.given)
            for read in other.read
            for path in self.changed
        )


def _is_part(path: str, whole: str) -> bool:
    return path.startswith((f"{whole}.", f"{whole}["))


def _touched_by(
    source: Source, at: Frame, inner: Sequence[Frame], number: int, started_at: float
) -> _Touched:
    """Follow a call down the functions that it was seen to wait in."""
    touched = _Touched()
    line, own = at.line or 0, _own_names(source, at.line or 0)
    names: Names | None = None
    for frame in inner:
        callee = source_of(frame.file, started_at) if frame.is_user else None
        function = callee.function_at(frame.line or 0) if callee is not None else None
        awaits = [node.value for node in source.awaits_at(line) if isinstance(node.value, ast.Call)]
        matching = [call for call in awaits if _last_name(call.func) == frame.function.rpartition(".")[2]]
        if callee is None or function is None or not matching:
            break
        names = _names_within(function, matching[number % len(matching)], own, names, number, callee)
        reader = _Reader(frame.file, names, _locals_of(function))
        reader.visit_all(function.body)
        touched.read |= reader.read
        touched.changed |= reader.changed | (reader.set_anew - reader.made_once)
        touched.given |= set(names.values())
        source, line, own = callee, frame.line or 0, frozenset()
    return touched


def _names_within(
    function: Function, call: ast.Call, own: frozenset[str], outer: Names | None, number: int, callee: Source
) -> dict[str, str]:
    """The parameters of `function` that `call` gives what its own caller has a name for."""
    parameters = [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]
    given: dict[str, ast.expr] = {}
    if callee.is_method(function) and parameters and isinstance(call.func, ast.Attribute):
        given[parameters.pop(0)] = call.func.value
    given |= dict(zip(parameters, call.args, strict=False))
    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg is not None}
    names: dict[str, str] = {}
    for parameter, value in given.items():
        path = dotted(value)
        root = path.partition(".")[0]
        if not path:
            continue
        if outer is None:
            names[parameter] = f"{path}{_OF_ROUND}{number}" if root in own else path
        elif root in outer:
            names[parameter] = outer[root] + path.removeprefix(root)
    return names


def _own_names(source: Source, line: int) -> frozenset[str]:
    """What each round of the loop at `line` has for itself."""
    loop = source.loop_around_line(line)
    if loop is None:
        return frozenset()
    targets = [
        node for node in walk_own(loop) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return frozenset(node.id for node in targets)


def _locals_of(function: Function) -> frozenset[str]:
    """The names that are the call's own, its parameters included."""
    arguments = function.args
    names = {
        parameter.arg
        for parameter in (
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        )
        if parameter is not None
    }
    outer: set[str] = set()
    for node in walk_own(function):
        if isinstance(node, ast.Global | ast.Nonlocal):
            outer |= set(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names - outer)


class _Reader:
    """Goes through a function, and notes what it reads and changes of what it may share."""

    def __init__(self, file: str, names: Names, own: frozenset[str]) -> None:
        self._file = file
        self._names = names
        self._own = own
        self.read: set[str] = set()
        self.changed: set[str] = set()
        self.set_anew: set[str] = set()
        self.made_once: set[str] = set()

    def visit_all(self, nodes: Iterable[ast.AST]) -> None:
        """Go through `nodes`, and what is in them."""
        for node in nodes:
            self._visit(node)

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            return
        if isinstance(node, ast.If):
            self._visit_if(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete):
            self._visit_assignment(node)
        elif isinstance(node, ast.Call):
            self._visit_call(node)
        elif (
            isinstance(node, ast.Compare)
            and isinstance(node.ops[0], ast.In | ast.NotIn)
            and self._is_own(node.left)
        ):
            self._visit(node.left)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            self._note(node, self.read)
        else:
            self.visit_all(ast.iter_child_nodes(node))

    def _visit_if(self, node: ast.If) -> None:
        missing, there = _asks_for(node.test)
        path = self._path(missing or there) if missing or there else None
        if path is not None and (missing or isinstance(node.body[-1], ast.Return)):
            self.made_once.add(path)
        self.visit_all(ast.iter_child_nodes(node))

    def _visit_assignment(self, node: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Delete) -> None:
        targets = node.targets if isinstance(node, ast.Assign | ast.Delete) else [node.target]
        for target in targets:
            for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                if not isinstance(part, ast.Name) or part.id not in self._own:
                    self._note(part, self.set_anew if isinstance(node, ast.Assign) else self.changed)
        if not isinstance(node, ast.Delete) and node.value is not None:
            self._visit(node.value)

    def _visit_call(self, node: ast.Call) -> None:
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        held = node.func.value if isinstance(node.func, ast.Attribute) else None
        self.visit_all([*node.args, *node.keywords])
        if held is None:
            self._visit(node.func)
        elif method in _BY_KEY and node.args and self._is_own(node.args[0]):
            return
        elif method in _CHANGING:
            self._note(held, self.changed)
        else:
            self._note(held, self.read)
            if method in _TAKING:
                self._note(held, self.changed)

    def _note(self, node: ast.AST, paths: set[str]) -> None:
        path = self._path(node)
        if path is not None:
            paths.add(path)
        self._visit_keys(node)

    def _visit_keys(self, node: ast.AST) -> None:
        while isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Subscript):
                self._visit(node.slice)
            node = node.value
        if not isinstance(node, ast.Name):
            self._visit(node)

    def _path(self, node: ast.AST | None) -> str | None:
        """What `node` is called where it is shared; None where it is the call's own, or under a key of its own."""
        if isinstance(node, ast.Name):
            if node.id in self._names:
                return self._names[node.id]
            return None if node.id in self._own else f"{self._file}:{node.id}"
        if isinstance(node, ast.Attribute):
            held = self._path(node.value)
            return None if held is None else f"{held}.{node.attr}"
        if isinstance(node, ast.Subscript):
            held = self._path(node.value)
            return None if held is None or self._is_own(node.slice) else f"{held}[{ast.unparse(node.slice)}]"
        return None

    def _is_own(self, key: ast.AST) -> bool:
        """Whether a key is not the same for all calls."""
        return any(
            isinstance(node, ast.Name)
            and node.id in self._own
            and (node.id not in self._names or _OF_ROUND in self._names[node.id])
            for node in (key, *walk_own(key))
        )


def _asks_for(test: ast.expr) -> tuple[ast.expr | None, ast.expr | None]:
    """What a condition is met without, and what with: `x is None`, `not x`; `x is not None`, `x`."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return test.operand, None
    if isinstance(test, ast.Compare) and isinstance(test.comparators[0], ast.Constant):
        if test.comparators[0].value is None and isinstance(test.ops[0], ast.Is):
            return test.left, None
        if test.comparators[0].value is None and isinstance(test.ops[0], ast.IsNot):
            return None, test.left
    return None, test


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
