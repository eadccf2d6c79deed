"""Puts a page where it was asked for, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Sequence

from coroscope.analysis.findings import Finding, find
from coroscope.errors import UsageError
from coroscope.export.whole_file import open_whole
from coroscope.stepper.forms import Forms
from coroscope.stepper.recording import Recording
from coroscope.trace.model import Trace
from coroscope.views.page.comparison import Comparison
from coroscope.views.page.document import render_document
from coroscope.views.page.excerpts import read_excerpts
from coroscope.views.page.layout import plan_page
from coroscope.views.page.steps import linked_steps, render_steps


def write_page(
    trace: Trace,
    path: str | os.PathLike[str],
    *,
    slow_ms: float = 100.0,
    findings: Sequence[Finding] | None = None,
    comparison: Comparison | None = None,
    steps: Recording | None = None,
) -> None:
    """Write `trace` as one HTML file that opens anywhere, offline.

    Steps longer than `slow_ms` milliseconds are listed as stalls. The page lists `findings` in their
    order; for `None`, what the checks find with their default thresholds. `comparison` stands above them,
    where `trace` holds several runs. With `steps`, those of the same run, the page leads from a bar to its
    instructions and back. Source lines are read from the
    files that the trace names, where they exist. Raises `UsageError` when `path` cannot be written.
    """
    if findings is None:  # Of runs side by side each has its own: what two of them did is no hint for either.
        findings = () if trace.runs else find(trace)
    plan = plan_page(trace, slow_ms, findings, comparison, None if steps is None else steps.columns)
    excerpts = read_excerpts(plan.places, trace.started_at + trace.duration_ns / 1e9)
    write_document(
        render_document(plan, excerpts, None if steps is None else linked_steps(steps, trace)), path
    )


def write_steps(recording: Recording, path: str | os.PathLike[str], forms: Forms | None = None) -> None:
    """Write `recording` as one HTML file that opens anywhere, offline.

    It shows the source, the instructions, the stack, the frames and the objects at any step, and with `forms` the
    specialised form of each instruction. Raises `UsageError` when `path` cannot be written.
    """
    write_document(render_steps(recording, forms), path)


def write_document(document: str, path: str | os.PathLike[str]) -> None:
    """Put a page at `path`. Raises `UsageError` when that cannot be written."""
    try:
        with open_whole(path) as file:
            file.write(document.encode("utf-8"))
    except OSError as error:
        problem = f"cannot write the page to {os.fspath(path)!r}: {error.strerror or error}"
        raise UsageError(f"{problem}; choose another path") from error
