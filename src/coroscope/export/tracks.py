"""A trace as other tools draw it: groups of tracks, a track a task, a slice a state.

Rule: every span of the trace is exactly one slice; they touch, in order of time, and lie inside the track's life.
Rule: tracks and slices are made when they are asked for; none is kept.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coroscope.export.arrows import Arrows
from coroscope.trace.model import Frame, LoopInfo, Stall, State, Task, Trace, Wait

Arguments = Mapping[str, str | int]
"""What a viewer shows beside a slice that is selected."""

_LONGEST_TEXT = 500  # A name is repeated with each slice, so that one of a megabyte would make gigabytes.
_STATES = {state: state.name.lower() for state in State}
_NO_ARGUMENTS: Arguments = {}


@dataclass(frozen=True, slots=True)
class Group:
    """The tasks of one loop, or the threads, in one process; numbered from 1."""

    number: int
    process: int
    name: str


@dataclass(frozen=True, slots=True)
class Slice:
    """One stay in one state, with the arrows that meet it, and the stall that it is."""

    state: str
    start_ns: int
    end_ns: int
    arguments: Arguments
    arrow_in: int
    """The arrow that ends where this begins; 0: none."""
    arrows_out: Sequence[tuple[int, int]]
    """The arrows that leave from here, and the moments of their wakeups, in order of time."""
    stall: Arguments | None


@dataclass(frozen=True, slots=True)
class Track:
    """One task: its life as a whole, and its states within."""

    task: Task
    name: str
    group: Group
    coroutine: str
    arguments: Arguments
    slices: Iterator[Slice]


class Tracks:
    """All that an export tells of a trace; steps longer than `slow_ms` milliseconds are stalls.

    `advance` is called after each track.
    """

    def __init__(self, trace: Trace, slow_ms: float, advance: Callable[[], object]) -> None:
        self._trace = trace
        self._advance = advance
        self.program = plain(shlex.join(trace.argv)) or "program"
        self._arrows = Arrows(trace)
        self._stalls = {(stall.task, stall.start_ns): stall for stall in trace.stalls(slow_ms)}
        self._places: dict[Frame, str] = {}
        loops = sorted({_group_of(task) for task in trace.tasks.values()})
        self._groups = {
            (process, loop, is_thread): Group(
                number, process, "threads" if is_thread else _loop_name(loop, trace.loops.get(loop))
            )
            for number, (process, loop, is_thread) in enumerate(loops, 1)
        }

    @property
    def groups(self) -> list[Group]:
        """In order of process and loop; every task is in one of them."""
        return list(self._groups.values())

    def __iter__(self) -> Iterator[Track]:
        """The tracks, in order of their tasks' creation."""
        for task in self._trace.tasks.values():
            coroutine = plain(task.coroutine)
            yield Track(
                task,
                plain(f"{task.name} {coroutine}"),
                self._groups[_group_of(task)],
                coroutine,
                self._about(task, coroutine),
                self._iter_slices(task),
            )
            self._advance()

    def _about(self, task: Task, coroutine: str) -> Arguments:
        about: dict[str, str | int] = {
            "task": task.id,
            "name": plain(task.name),
            "kind": task.kind,
            "coroutine": coroutine,
            "steps": task.steps,
            "outcome": task.outcome,
        }
        if task.file is not None:
            about["defined_at"] = plain(_file_line(task.file, task.line))
        if task.created_at is not None:
            about["created_at"] = self._place(task.created_at)
        if task.parent is not None:
            about["parent"] = task.parent
        if task.exception is not None:
            about["exception"] = plain(task.exception)
        return about

    def _iter_slices(self, task: Task) -> Iterator[Slice]:
        waits, arrows_in = iter(task.waits), iter(self._arrows.into(task.id))
        arrows_out = self._arrows.out_of(task.id)
        arrow_in = 0
        for number, span in enumerate(task.iter_spans()):
            is_waiting = span.state is State.WAITING
            wait = next(waits, None) if is_waiting else None
            yield Slice(
                _STATES[span.state],
                span.start_ns,
                span.end_ns,
                _NO_ARGUMENTS if wait is None else self._about_wait(wait),
                arrow_in,
                arrows_out.get(number, ()),
                self._about_stall(task.id, span.start_ns, span.end_ns)
                if span.state is State.RUNNING
                else None,
            )
            arrow_in = next(arrows_in, 0) if is_waiting else 0

    def _about_wait(self, wait: Wait) -> Arguments:
        about: dict[str, str | int] = {}
        if (place := wait.place) is not None:
            about["at"] = self._place(place)
        if wait.on is not None:
            about["on"] = plain(wait.on)
        if wait.woken_by is not None:
            about["woken_by"] = wait.woken_by
        if wait.waker is not None:
            waker = self._trace.tasks.get(wait.waker)
            about["waker"] = plain(f"task {wait.waker}" if waker is None else waker.name)
        return about

    def _about_stall(self, task: int, start_ns: int, end_ns: int) -> Arguments | None:
        stall: Stall | None = self._stalls.get((task, start_ns))
        if stall is None or stall.duration_ns != end_ns - start_ns:
            return None
        about: dict[str, str | int] = {"duration_ns": stall.duration_ns}
        if stall.place is not None:
            about["at"] = self._place(stall.place)
        return about

    def _place(self, frame: Frame) -> str:
        text = self._places.get(frame)
        if text is None:
            text = plain(f"{_file_line(frame.file, frame.line)} in {frame.function}")
            self._places[frame] = text
        return text


def _group_of(task: Task) -> tuple[int, int, bool]:
    return task.process, task.loop, task.kind == "thread"


def _loop_name(number: int, loop: LoopInfo | None) -> str:
    if loop is None:
        return f"loop {number}" if number else "no loop"
    return plain(f"loop {number}: {loop.type}, thread {loop.thread}")


def _file_line(file: str, line: int | None) -> str:
    return file if line is None else f"{file}:{line}"


def plain(text: str) -> str:
    """`text` as it can be written: not too long, and with lone surrogates, which UTF-8 lacks, as escapes."""
    if len(text) > _LONGEST_TEXT:
        text = text[: _LONGEST_TEXT - 1] + "…"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
