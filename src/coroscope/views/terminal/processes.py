"""The one line of the summary on the processes that the program started."""

from __future__ import annotations

from collections import Counter

from rich.text import Text

from coroscope.trace.model import Process, Trace
from coroscope.trace.processes import failure_of
from coroscope.views.terminal.glyphs import TROUBLE
from coroscope.views.terminal.sheet import Sheet

_MOST_NAMES = 3


def print_processes(sheet: Sheet, trace: Trace, label_width: int = 10) -> None:
    """Say how many processes there were beside the program, which, and how those failed that did."""
    children = trace.processes[1:]
    if not children:
        return
    names = Counter(_name(child) for child in children)
    named = [f"{sheet.inert(name)}{_times(sheet, count)}" for name, count in names.most_common(_MOST_NAMES)]
    if len(names) > _MOST_NAMES:
        named.append(sheet.glyphs.ellipsis)
    noun = "process" if len(children) == 1 else "processes"
    text = Text(f"{len(children)} {noun}: {', '.join(named)}")
    ends = Counter(filter(None, map(failure_of, children)))
    for how, count in ends.most_common(_MOST_NAMES):
        text.append(f"; {count} {sheet.inert(how)}", TROUBLE)
    others = ends.total() - sum(count for _, count in ends.most_common(_MOST_NAMES))
    if others:
        text.append(f"; {others} failed otherwise", TROUBLE)
    sheet.paragraph(text, label="children", label_width=label_width)


def _name(process: Process) -> str:
    """Without the number that tells one worker from another, as in `ForkPoolWorker-3`."""
    head, _, number = process.name.rpartition("-")
    return head if head and number.isdigit() else process.name


def _times(sheet: Sheet, count: int) -> str:
    return f" {sheet.plain('×')}{count}" if count > 1 else ""
