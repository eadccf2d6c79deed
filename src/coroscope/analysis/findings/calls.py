"""From the waits of a task to the calls that one of its functions awaited, one after another.

A wait's await chain names functions and lines, not the single calls. So where one call ends and the next begins is read
from the lines: a function that is at an earlier line than before, or at the same one, has been called anew, unless
a loop leads back there. Where both can be, it counts as the same call: rather too few calls than too many.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from coroscope.analysis.findings.source import Source, source_of
from coroscope.trace.model import Frame, Task, Trace, Wait

# What asyncio's, trio's and anyio's own functions do for the caller alone. Their others wait for what somebody else
# does, or in turn.
_WORK = frozenset(
    {
        "BaseEventLoop.create_connection",
        "BaseEventLoop.getaddrinfo",
        "Process.communicate",
        "Process.wait",
        "connect_tcp",
        "connect_unix",
        "create_subprocess_exec",
        "create_subprocess_shell",
        "getaddrinfo",
        "open_connection",
        "open_ssl_over_tcp_stream",
        "open_tcp_stream",
        "open_unix_connection",
        "open_unix_socket",
        "run_process",
        "run_sync",
        "to_thread",
        "to_thread_run_sync",
        "wait_for",
    }
)


@dataclass(slots=True)
class Call:
    """One thing that a function awaited, with all its waits; `is_work` is false for sleeps, queues and locks."""

    at: Frame
    waits: list[Wait]
    is_work: bool
    waited_ns: int = 0

    @property
    def start_ns(self) -> int:
        """When it first waited."""
        return self.waits[0].start_ns

    @property
    def end_ns(self) -> int:
        """When its last wait was over."""
        return self.waits[-1].end_ns or self.waits[-1].start_ns


def iter_functions(trace: Trace, task: Task, shortest_ns: int) -> Iterator[tuple[Source, list[Call]]]:
    """The calls of each function of the user's that `task` was in, with its source.

    Calls that waited less than `shortest_ns` are left out.

    A function that calls another one is followed by the other.
    """
    waits = [wait for wait in task.waits if wait.chain]
    deepest = max((len(wait.chain) for wait in waits), default=0)
    for depth in range(deepest):
        for stretch in _stretches(waits, depth):
            source = source_of(stretch[0].chain[depth].file, trace.started_at) if len(stretch) > 1 else None
            if source is not None:
                calls = _calls(trace, stretch, depth)
                yield source, [call for call in calls if call.waited_ns >= shortest_ns]


def _length_ns(wait: Wait) -> int:
    return wait.end_ns - wait.start_ns if wait.end_ns is not None else 0


def _waited_ns(trace: Trace, wait: Wait) -> int:
    """Its length, but for what a task that it waited for ran: that could not have overlapped with anything."""
    waker = trace.tasks.get(wait.waker or 0)
    if wait.on != "task" or waker is None:
        return _length_ns(wait)
    return min(_length_ns(wait), sum(map(_length_ns, waker.waits)))


def _stretches(waits: list[Wait], depth: int) -> Iterator[list[Wait]]:
    """The longest runs of waits in which the function at `depth` and its callers' lines stay the same."""
    stretch: list[Wait] = []
    for wait in waits:
        if len(wait.chain) <= depth or not wait.chain[depth].is_user:
            continues = False
        else:
            continues = bool(stretch) and _is_same_function(stretch[-1].chain, wait.chain, depth)
        if stretch and not continues:
            yield stretch
            stretch = []
        if len(wait.chain) > depth and wait.chain[depth].is_user:
            stretch.append(wait)
    if stretch:
        yield stretch


def _is_same_function(before: tuple[Frame, ...], after: tuple[Frame, ...], depth: int) -> bool:
    if before is after:
        return True
    one, other = before[depth], after[depth]
    return before[:depth] == after[:depth] and (one.function, one.file) == (other.function, other.file)


def _calls(trace: Trace, waits: list[Wait], depth: int) -> list[Call]:
    calls: list[Call] = []
    for wait in waits:
        if calls and _is_same_call(trace, calls[-1].waits[-1], wait, depth):
            calls[-1].waits.append(wait)
        else:
            calls.append(Call(wait.chain[depth], [wait], _is_work(wait, depth)))
        calls[-1].waited_ns += _waited_ns(trace, wait)
    return calls


def _is_work(wait: Wait, depth: int) -> bool:
    if len(wait.chain) == depth + 1:
        return wait.on == "task" or wait.woken_by == "thread"
    callee = wait.chain[depth + 1]
    return callee.is_user or not is_asyncio(callee) or callee.function in _WORK


def is_asyncio(frame: Frame) -> bool:
    """Whether it is a function of asyncio's own, of the loop that stands in for it, or of trio's or anyio's."""
    folders = os.path.dirname(frame.file).split(os.sep)
    return not frame.is_user and (
        folders[-1:] == ["asyncio"]
        or folders[-2:] == ["coroscope", "loop"]
        or not {"trio", "anyio"}.isdisjoint(folders[-2:])
    )


def _is_same_call(trace: Trace, before: Wait, after: Wait, depth: int) -> bool:
    if before.chain[depth].line != after.chain[depth].line:
        return False
    inner = list(zip(before.chain[depth + 1 :], after.chain[depth + 1 :], strict=False))
    if not inner:
        return False
    can_repeat = False
    for level, (one, other) in enumerate(inner):
        if (one.function, one.file) != (other.function, other.file):
            return level > 0
        if one.line is None or other.line is None:
            return True
        can_repeat = can_repeat or _is_in_one_loop(trace, one, other)
        if one.line != other.line:
            return one.line < other.line or can_repeat
    return can_repeat


def _is_in_one_loop(trace: Trace, one: Frame, other: Frame) -> bool:
    source = source_of(one.file, trace.started_at)
    if source is None:
        return one.is_user  # Not known; the standard library's are read wherever it is installed.
    return source.is_in_one_loop(one.line or 0, other.line or 0)
