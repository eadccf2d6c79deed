"""`coroscope export`: a recorded run as a file for other tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import click

from coroscope.cli.cut import tell_cut
from coroscope.cli.looking import slow_ms_option
from coroscope.cli.output import check_writable
from coroscope.errors import UsageError
from coroscope.export.write import FORMATS, SUFFIXES, Format, write_export
from coroscope.trace import load
from coroscope.trace.model import Trace

_TOOLS: dict[Format, str] = {
    "perfetto": "open it at ui.perfetto.dev",
    "chrome": "open it in chrome://tracing, at ui.perfetto.dev or in Speedscope",
}
_MANY_STATES = 100_000  # to write them takes a second or more


@click.command()
@click.argument("file")
@click.option(
    "--to", type=click.Choice(FORMATS), required=True, help="write Perfetto's protobuf, or Chrome's JSON"
)
@click.option(
    "-o", "--output", metavar="OUT", help="write to OUT (default FILE's name with .pftrace or .trace.json)"
)
@slow_ms_option("mark steps longer than N ms as stalls (default 100)")
def export(file: str, to: Format, output: str | None, slow_ms: float) -> None:
    """Write the run recorded in FILE for a timeline viewer: Perfetto, chrome://tracing, Speedscope."""
    path = output or os.path.splitext(file)[0] + SUFFIXES[to]
    check_writable(path, "the export", "-o")
    trace = load(file)
    tell_cut(trace)
    if os.path.exists(path) and os.path.samefile(file, path):
        raise UsageError(f"{path!r} is the trace itself: give -o another name")
    with _bar(trace) as advance:
        write_export(trace, path, to, slow_ms=slow_ms, advance=advance)
    print(f"The export is in {path!r}: {_TOOLS[to]}.", file=sys.stderr)


def _bar(trace: Trace) -> AbstractContextManager[Callable[[], object]]:
    """Progress by tasks, on a terminal, where it takes long enough to wonder."""
    if not sys.stderr.isatty() or sum(len(task.states) for task in trace.tasks.values()) < _MANY_STATES:
        return nullcontext(lambda: None)
    from coroscope.views.terminal.progress import open_bar  # needs rich's progress, which is slow to load

    return open_bar(len(trace.tasks))
