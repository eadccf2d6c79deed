"""The frames that there are at a step, each with the stack and names that it keeps, and the tasks they belong to."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from coroscope.stepper.frames_at import FrameAt
from coroscope.stepper.shown_values import Value
from coroscope.views.step_words import value_in_few_words
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.rows import POINTER, QUIET, STRONG, Rows, quiet

_MOST_FRAMES = 200
_MOST_TASKS = 200


def frame_rows(look: Look, width: int, height: int) -> Rows:  # noqa: ARG001 (as every pane's)
    """The running one, those that wait for it, other threads', then every suspended generator and coroutine."""
    frames = look.moment.frames
    rows = [row for frame in frames[:_MOST_FRAMES] for row in _rows_of(frame, look)]
    if len(frames) > _MOST_FRAMES:
        rows.append(quiet(f"{len(frames) - _MOST_FRAMES:,} more"))
    return Rows.of(rows, focus=0)


def _rows_of(frame: FrameAt, look: Look) -> Iterator[Content]:
    is_current = frame.number == look.frame.number
    sign = POINTER if is_current else "┊" if frame.state == "suspended" else " "
    yield Content.assemble(
        (sign, STRONG),
        (inert(look.sight.telling.name(frame.number)), STRONG),
        f" {_state(frame, look)}",
    )
    margin = "┊  " if frame.state == "suspended" else "   "
    yield quiet(margin + place(frame, look))
    if is_current:
        return
    stack = frame.stack
    if stack:
        below = "" if frame.state == "suspended" else "below the call "
        yield Content.assemble((f"{margin}stack {below}", QUIET), " │ ".join(map(_in_few, stack)))
    else:
        empty = "empty stack" if frame.state == "suspended" else "nothing on its stack below the call"
        yield quiet(margin + ("stack not known" if stack is None else empty))
    names = (f"{name} = {_in_few(value)}" for name, value in frame.locals.items())
    if frame.locals and frame.code.kind != "module":
        yield Content.assemble((margin, QUIET), inert(", ".join(names)))


def _in_few(value: Value) -> str:
    return inert(value_in_few_words(value))


def _state(frame: FrameAt, look: Look) -> str:
    if frame.state == "suspended":
        is_made = frame.instruction is not None and frame.instruction.base == "RETURN_GENERATOR"
        return "waits to be started" if is_made else "suspended"
    if frame.number == look.frame.number:
        return "runs"
    return "waits for the one above" if frame.thread == look.frame.thread else "of another thread"


def place(frame: FrameAt, look: Look) -> str:
    """What kind of code it is, where it stands, in which task and thread."""
    parts = [] if frame.code.kind == "function" else [frame.code.kind]
    if frame.step is None:
        parts.append("not begun")
    else:
        parts.append(f"line {frame.line}" if frame.line else "on no line of its own")
    task = look.sight.turns.of(frame, is_current=frame.number == look.frame.number)
    threads = look.recording.threads
    thread = f"thread {threads[frame.thread - 1].name}" if len(threads) > 1 else ""
    return inert(", ".join(filter(None, (*parts, look.sight.task_name(task), thread))))


def task_rows(look: Look, width: int, height: int) -> Rows:  # noqa: ARG001 (as every pane's)
    """Of those that have had their first turn, which runs, which are suspended, and of which no frame is left."""
    states: dict[int, str] = {}
    for frame in look.moment.frames:
        number = look.sight.turns.of(frame, is_current=frame.number == look.frame.number)
        if number and (number not in states or frame.state != "suspended"):
            states[number] = frame.state
    rows: list[Content] = []
    focus = None
    for task in look.recording.tasks[:_MOST_TASKS]:
        if not look.sight.turns.has_begun(task.number, look.moment.number):
            continue
        state = states.get(task.number)
        runs = state == "running"
        focus = len(rows) if runs else focus
        said = "its frames have ended" if state is None else "runs" if runs else state
        name = (inert(task.name), STRONG if runs else "")
        rows.append(Content.assemble((POINTER if runs else " ", STRONG), name, (f" {said}", QUIET)))
    return Rows.of(rows or [quiet("no task has run")], focus)
