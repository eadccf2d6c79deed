"""Findings in the terminal: what holds the program back, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Trace
from coroscope.views.terminal.glyphs import QUIET, STRONG, TROUBLE
from coroscope.views.terminal.places import place_in, whole_place
from coroscope.views.terminal.sheet import INDENT, Sheet

_MAX_FIRST = 5
_LABEL_WIDTH = 8
_AT = ("  at".ljust(_LABEL_WIDTH), QUIET)
_NOWHERE = "a line that was not recorded"
_NONE = "No findings: no check saw evidence of a fault."


def print_findings(trace: Trace, console: Console, findings: Sequence[Finding]) -> None:
    """Print every finding with all that is known of it."""
    sheet = Sheet(console)
    if not findings:
        sheet.paragraph(_NONE)
    for number, finding in enumerate(findings):
        if number:
            sheet.blank()
        _print_title(sheet, trace, finding)
        place = _NOWHERE if finding.place is None else whole_place(sheet, finding.place)
        sheet.uncut(Text.assemble(_AT, place, _times(finding)))
        _print_sentences(sheet, finding)
        _print_moment(sheet, trace, finding)


def print_first_findings(sheet: Sheet, trace: Trace, findings: Sequence[Finding]) -> None:
    """Print the findings that come first, in short, as a part of the summary."""
    if not findings:
        sheet.blank()
        sheet.paragraph(_NONE)
        return
    sheet.heading("Findings")
    for number, finding in enumerate(findings[:_MAX_FIRST]):
        if number:
            sheet.blank()
        _print_title(sheet, trace, finding)
        times = _times(finding)
        room = sheet.width - INDENT - _LABEL_WIDTH - cell_len(times)
        place = _NOWHERE if finding.place is None else place_in(sheet, finding.place, room)
        sheet.line(Text.assemble(_AT, place, times))
        _print_sentences(sheet, finding)
    if len(findings) > _MAX_FIRST:
        sheet.blank()
        more = f"{sheet.glyphs.ellipsis} {len(findings) - _MAX_FIRST} more: --findings prints all"
        sheet.paragraph(more, QUIET)


def _print_title(sheet: Sheet, trace: Trace, finding: Finding) -> None:
    name = Text(sheet.inert(finding.name), f"{STRONG} {TROUBLE}")
    worth = _worth(sheet, trace, finding)
    sheet.paragraph(Text.assemble(name, "  ", worth) if worth else name)


def _worth(sheet: Sheet, trace: Trace, finding: Finding) -> str:
    """What its repair would bring, or where that is not known what it cost."""
    if finding.saving_ns:
        percent = 100 * finding.saving_ns / trace.duration_ns if trace.duration_ns else 0
        share = f" ({percent:.0f} % of the run)" if percent >= 0.5 else ""
        return f"would save {sheet.time(finding.saving_ns)}{share}"
    return f"cost {sheet.time(finding.cost_ns)}" if finding.cost_ns else ""


def _times(finding: Finding) -> str:
    return f", {finding.occurrences} times" if finding.occurrences > 1 else ""


def _print_sentences(sheet: Sheet, finding: Finding) -> None:
    _print_sentence(sheet, "seen", finding.message)
    _print_sentence(sheet, "do", finding.advice)


def _print_moment(sheet: Sheet, trace: Trace, finding: Finding) -> None:
    when = f"at {sheet.time(finding.start_ns)}"
    if finding.duration_ns:
        when += f" for {sheet.time(finding.duration_ns)}"
    task = None if finding.task is None else trace.tasks.get(finding.task)
    if task is not None:
        when += f", in {sheet.inert(task.name)}"
    _print_sentence(sheet, "when", when)


def _print_sentence(sheet: Sheet, label: str, sentence: str) -> None:
    sheet.paragraph(sheet.plain(sheet.inert(sentence)), label=f"  {label}", label_width=_LABEL_WIDTH)
