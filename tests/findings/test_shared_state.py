"""Calls that change what another one of them reads, and calls that only look like it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coroscope.analysis.findings.sequential_awaits import SequentialAwaits
from coroscope.trace.model import Frame
from tests.trace_builder import TraceBuilder

LIBRARY = Frame("fetch", "site-packages/client.py", 9, is_user=False)
ROW = "a = await call(shared, 1)\nb = await call(shared, 2)\nc = await call(shared, 3)"
LOOP = "for item in items:\n    out.append(await call(shared, item))"
METHOD = "for item in items:\n    out.append(await api.call(item))"


def is_found(folder: Path, callee: str, caller: str) -> bool:
    """Whether the calls of `call`, which waits where it says `wait`, are told of when `caller` awaits them in a row."""
    is_method = "api.call" in caller
    head = "class Api:\n" if is_method else ""
    indent = "    " if is_method else ""
    text = head + "".join(f"{indent}{line}\n" for line in callee.splitlines())
    text += "async def main(items):\n" + "".join(f"    {line}\n" for line in caller.splitlines())
    file = folder / "program.py"
    file.write_text(text)
    os.utime(file, (1_000_000_000, 1_000_000_000))
    lines = text.splitlines()
    waiting = next(number for number, line in enumerate(lines, 1) if "wait(" in line)
    calling = [number for number, line in enumerate(lines, 1) if "await" in line and "call(" in line]
    calling = calling if len(calling) > 1 else calling * 4
    builder = TraceBuilder()
    task = builder.task("main", ", ".join("running 1, waiting 100" for _ in calling), is_main=True)
    inner = Frame("Api.call" if is_method else "call", str(file), waiting, is_user=True)
    for line, wait in zip(calling, task.waits, strict=True):
        wait.chain = (Frame("main", str(file), line, is_user=True), inner, LIBRARY)
    return bool(list(SequentialAwaits().find(builder.build())))


def function(*body: str) -> str:
    return "async def call(shared, item):\n" + "".join(f"    {line}\n" for line in body)


def method(*body: str) -> str:
    return "async def call(self, item):\n" + "".join(f"    {line}\n" for line in body)


@pytest.mark.parametrize("caller", [ROW, LOOP])
@pytest.mark.parametrize(
    "body",
    [
        ("balance = shared['balance']", "await wait()", "shared['balance'] = balance + item"),
        ("await wait()", "shared['balance'] += item", "return shared['balance']"),
        ("await wait(shared.pos)", "shared.pos += item"),
        ("await wait(shared[0])", "shared.append(item)"),
        ("await wait(shared.waiting.pop())",),
        ("global total", "await wait(total)", "total = total + item"),
        ("await wait(len(STATE))", "STATE.append(item)"),
        ("if not shared.left: return", "await wait(shared.left.pop())"),
    ],
)
def test_calls_that_change_what_they_share_and_read_are_left_alone(
    tmp_path: Path, body: tuple[str, ...], caller: str
) -> None:
    assert not is_found(tmp_path, function(*body), caller)


@pytest.mark.parametrize("caller", [ROW, LOOP])
@pytest.mark.parametrize(
    "body",
    [
        ("return await wait(shared.session, item)",),
        ("shared.requests += 1", "return await wait(shared.session, item)"),
        ("shared.results.append(await wait(item))",),
        ("shared[item] = await wait(item)",),
        ("if item in shared: return shared[item]", "shared[item] = await wait(item)"),
        ("if shared.get(item): return shared[item]", "shared[item] = await wait(item)"),
        (
            "if shared.session is None:",
            "    shared.session = make()",
            "return await wait(shared.session, item)",
        ),
        ("if shared.session is not None:", "    return shared.session", "shared.session = await wait()"),
        ("shared.last = item", "return await wait(shared, item)"),
        ("total = 0", "total += await wait(item)", "return total"),
    ],
)
def test_calls_that_only_count_collect_or_keep_what_they_made_are_found(
    tmp_path: Path, body: tuple[str, ...], caller: str
) -> None:
    assert is_found(tmp_path, function(*body), caller)


def test_a_method_that_moves_its_own_object_on_is_left_alone(tmp_path: Path) -> None:
    assert not is_found(tmp_path, method("await wait(self.pos)", "self.pos += item"), METHOD)


def test_a_method_that_keeps_each_answer_under_its_own_key_is_found(tmp_path: Path) -> None:
    body = ("if item not in self.cache:", "    self.cache[item] = await wait()", "return self.cache[item]")
    assert is_found(tmp_path, method(*body), METHOD)


@pytest.mark.parametrize(
    "caller",
    [
        "a = await call(one, 1)\nb = await call(two, 2)\nc = await call(three, 3)",
        "for item in items:\n    out.append(await call(item, 1))",
    ],
)
def test_calls_that_each_change_an_object_of_their_own_are_found(tmp_path: Path, caller: str) -> None:
    body = ("balance = shared.balance", "await wait()", "shared.balance = balance + item")
    assert is_found(tmp_path, function(*body), caller)
