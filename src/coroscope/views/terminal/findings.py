"""Findings in the terminal: what holds the program back, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Trace
from coroscope.views.terminal.glyphs import QUIET, STRONG, TROUBLE
from coroscope.views.terminal.places import place_in
from coroscope.views.terminal.sheet import INDENT, Sheet

_MAX_FIRST = 5
_LABEL_WIDTH = 8
_NONE = "No findings: no check saw evidence of a fault."


def print_findings(trace: Trace, console: Console, findings: Sequence[Finding]) -> None:
    """Print every finding with all that is known of it."""
    sheet = Sheet(console)
    if not findings:
        sheet.paragraph(_NONE)
    for number, finding in enumerate(findings):
        if number:
            sheet.blank()
        _print_finding(sheet, trace, finding)
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
        _print_finding(sheet, trace, finding)
    if len(findings) > _MAX_FIRST:
        sheet.blank()
        more = f"{sheet.glyphs.ellipsis} {len(findings) - _MAX_FIRST} more: --findings prints all"
        sheet.paragraph(more, QUIET)


def _print_finding(sheet: Sheet, trace: Trace, finding: Finding) -> None:
    title = Text(sheet.inert(finding.name), TROUBLE)
    title.stylize(STRONG)
    worth = _worth(sheet, trace, finding)
    sheet.paragraph(Text.assemble(title, "  ", worth) if worth else title)
    sheet.line(Text.assemble(("  at".ljust(_LABEL_WIDTH), QUIET), _where(sheet, finding)))
    _print_sentence(sheet, "seen", finding.message)
    _print_sentence(sheet, "do", finding.advice)


def _worth(sheet: Sheet, trace: Trace, finding: Finding) -> str:
    """What its repair would bring, or where that is not known what it cost."""
    if finding.saving_ns:
        percent = 100 * finding.saving_ns / trace.duration_ns if trace.duration_ns else 0
        share = f" ({percent:.0f} % of the run)" if percent >= 0.5 else ""
        return f"would save {sheet.time(finding.saving_ns)}{share}"
    return f"cost {sheet.time(finding.cost_ns)}" if finding.cost_ns else ""


def _where(sheet: Sheet, finding: Finding) -> str:
    times = f", {finding.occurrences} times" if finding.occurrences > 1 else ""
    if finding.place is None:
        return f"a line that was not recorded{times}"
    room = sheet.width - INDENT - _LABEL_WIDTH - cell_len(times)
    return place_in(sheet, finding.place, room) + times


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
