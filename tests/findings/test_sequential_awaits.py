"""Independent calls awaited one after another, and the many shapes that only look like it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from coroscope.analysis.findings import Finding
from coroscope.analysis.findings.sequential_awaits import SequentialAwaits
from coroscope.trace.model import Frame, Trace
from tests.trace_builder import MS, TraceBuilder

LIBRARY = Frame("fetch", "site-packages/client.py", 9, is_user=False)
SLEEP = Frame("sleep", "lib/asyncio/tasks.py", 9, is_user=False)


def traced(
    folder: Path, body: str, lines: list[int], *, callee: Frame = LIBRARY, woken_by: Any = "io"
) -> TraceBuilder:
    """A task that waits for 100 ms at each of `lines` of `body`, the body of a function that begins on line 2."""
    file = folder / "program.py"
    file.write_text("async def main():\n" + "".join(f"    {line}\n" for line in body.splitlines()))
    os.utime(file, (1_000_000_000, 1_000_000_000))
    builder = TraceBuilder()
    task = builder.task("main", ", ".join("running 1, waiting 100" for _ in lines), is_main=True)
    for line, wait in zip(lines, task.waits, strict=True):
        wait.chain = (Frame("main", str(file), line, is_user=True), callee)
        wait.woken_by = woken_by
    return builder


def found(trace: Trace) -> list[Finding]:
    return list(SequentialAwaits().find(trace))


LOOP = "for page in pages:\n    results.append(await fetch(page))"
ROW = "a = await fetch(1)\nb = await fetch(2)\nc = await fetch(3)"


def test_a_loop_over_independent_items_is_found_at_its_await(tmp_path: Path) -> None:
    (finding,) = found(traced(tmp_path, LOOP, [3, 3, 3, 3]).build())
    assert finding.place is not None
    assert (finding.place.line, finding.cost_ns, finding.saving_ns) == (3, 400 * MS, 300 * MS)


def test_tasks_that_begin_eagerly_are_found_too(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        "async def main():\n    for page in pages:\n        found.append(await create_task(fetch(page)))\n"
    )
    os.utime(file, (1_000_000_000, 1_000_000_000))
    builder = TraceBuilder()
    main = builder.task(
        "main", ", ".join("running 1, ready 2, running 1, waiting 100" for _ in range(4)), is_main=True
    )
    for number, wait in enumerate(main.waits):
        begins_ms = number * 104 + 1
        child = builder.task("fetch", "running 2, waiting 101, running 0", at_ms=begins_ms, parent=main.id)
        wait.chain, wait.on = (Frame("main", str(file), 3, is_user=True),), "task"
        wait.woken_by, wait.waker = "task", child.id
    (finding,) = found(builder.build())
    assert finding.saving_ns == 300 * MS


def test_what_threads_compute_takes_as_long_beside_one_another(tmp_path: Path) -> None:
    builder = traced(tmp_path, LOOP, [3, 3, 3, 3], woken_by="thread")
    assert len(found(builder.build())) == 1
    builder.task("work", "running 150, ready 100, waiting 154", kind="thread", thread=2)
    assert found(builder.build()) == []


def test_how_long_what_processes_compute_takes_beside_one_another_is_not_known(tmp_path: Path) -> None:
    builder = traced(tmp_path, LOOP, [3, 3, 3, 3], woken_by="thread")
    builder.task("work", "running 300, waiting 104", kind="process", thread=2)
    (finding,) = found(builder.build())
    assert (finding.cost_ns, finding.saving_ns) == (400 * MS, None)


def test_what_threads_compute_meanwhile_does_not_matter_to_who_waits_for_replies(tmp_path: Path) -> None:
    builder = traced(tmp_path, LOOP, [3, 3, 3, 3], woken_by="io")
    builder.task("work", "running 404", kind="thread", thread=2)
    assert len(found(builder.build())) == 1


def test_statements_that_do_not_need_one_another_are_found_at_the_first(tmp_path: Path) -> None:
    (finding,) = found(traced(tmp_path, ROW, [2, 3, 4]).build())
    assert finding.place is not None
    assert (finding.place.line, finding.saving_ns) == (2, 200 * MS)


def test_what_a_loop_awaits_for_one_item_counts_as_one_round(tmp_path: Path) -> None:
    body = "for page in pages:\n    text = await fetch(page)\n    await store(page, text)"
    (finding,) = found(traced(tmp_path, body, [3, 4] * 3).build())
    assert finding.saving_ns == 400 * MS


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("token = await login()\nuser = await get(token)\norders = await get(user)", [2, 3, 4]),
        ("await migrate()\nawait load()\nawait index()", [2, 3, 4]),
        ("self.token = await self.login()\na = await self.get(1)\nb = await self.get(2)", [2, 3, 4]),
        ("a = await get(1)\nif not a:\n    return\nb = await get(2)\nc = await get(3)", [2, 5, 6]),
        ("a = await get(1)\nheaders = make(a)\nb = await get(headers)\nc = await get(b)", [2, 4, 5]),
        ("for page in pages:\n    cursor = await fetch(page, cursor)", [3] * 4),
        ("for page in pages:\n    out.append(await fetch(page, out))", [3] * 4),
        ("for attempt in range(5):\n    if await fetch(attempt):\n        break", [3] * 4),
        ("for mirror in mirrors:\n    return await fetch(mirror)", [3] * 4),
        ("for page in pages:\n    await fetch(page)\n    await asyncio.sleep(1)", [3] * 4),
        ("for message in messages:\n    await channel.send(message)", [3] * 4),
        ("for step in steps:\n    await step.run(database)", [3] * 4),
        ("for part in parts:\n    await part.start()", [3] * 4),
        ("for part in reversed(parts):\n    await part.close()", [3] * 4),
        ("for part in parts:\n    await stack.enter_async_context(part)", [3] * 4),
        ("entered = [await stack.enter_async_context(part) for part in parts]", [2] * 4),
        (
            "a = await stack.enter_async_context(A())\nb = await stack.enter_async_context(B())\n"
            "c = await stack.enter_async_context(C())",
            [2, 3, 4],
        ),
        ("for _ in range(9):\n    times.append(await ping())", [3] * 4),
        ("while pages:\n    out.append(await fetch(pages.pop()))", [3] * 4),
        ("[page async for page in pages()]", [2] * 4),
        ("async for page in pages():\n    pass", [2] * 4),
    ],
)
def test_what_may_depend_on_what_came_before_is_left_alone(
    tmp_path: Path, body: str, lines: list[int]
) -> None:
    assert found(traced(tmp_path, body, lines).build()) == []


def test_the_program_is_silent_about_a_source_that_has_changed_or_gone(tmp_path: Path) -> None:
    trace = traced(tmp_path, LOOP, [3] * 4).build()
    file = tmp_path / "program.py"
    os.utime(file, (2_000_000_000, 2_000_000_000))
    assert found(trace) == []
    file.unlink()
    assert found(trace) == []


def test_sleeps_and_wakeups_by_other_tasks_are_no_work(tmp_path: Path) -> None:
    assert found(traced(tmp_path, LOOP, [3] * 4, callee=SLEEP).build()) == []
    assert found(traced(tmp_path, LOOP, [3] * 4, woken_by="task").build()) == []


def test_an_expression_too_deep_to_be_read_is_left_alone(tmp_path: Path) -> None:
    deep = "results.append(await fetch(page" + " + 1" * 3_000 + "))"
    assert found(traced(tmp_path, f"for page in pages:\n    {deep}", [3] * 4).build()) == []


def test_two_calls_are_too_few(tmp_path: Path) -> None:
    assert found(traced(tmp_path, LOOP, [3, 3]).build()) == []


def test_another_task_under_way_meanwhile_silences_it(tmp_path: Path) -> None:
    builder = traced(tmp_path, LOOP, [3] * 4)
    builder.task("worker", "waiting 200", place=LIBRARY)
    assert found(builder.build()) == []


def test_a_task_that_sleeps_between_rounds_without_end_does_not_silence_it(tmp_path: Path) -> None:
    builder = traced(tmp_path, LOOP, [3] * 4)
    beat = builder.task("heartbeat", "waiting 200, running 1, waiting 200", outcome="cancelled")
    for wait in beat.waits:
        wait.chain, wait.woken_by = (Frame("heartbeat", "app.py", 3, is_user=True), SLEEP), "timer"
    assert len(found(builder.build())) == 1


def test_the_handler_of_a_connection_that_came_in_does_not_silence_it(tmp_path: Path) -> None:
    builder = traced(tmp_path, LOOP, [3] * 4)
    builder.task("handle", "waiting 300", parent=None)
    assert len(found(builder.build())) == 1


@pytest.mark.parametrize(
    "body",
    ["return [await fetch(page) for page in pages]", "for page in pages: out.append(await fetch(page))"],
)
def test_a_loop_is_found_rather_than_a_loop_that_calls_it(tmp_path: Path, body: str) -> None:
    outer = Frame("run", str(tmp_path / "program.py"), 4, is_user=True)
    builder = traced(tmp_path, f"{body}\nfor job in jobs:\n    await job(job)", [2] * 4)
    trace = builder.build()
    for wait in trace.tasks[1].waits:
        wait.chain = (outer, *wait.chain)
    (finding,) = found(trace)
    assert finding.place is not None
    assert finding.place.line == 2
