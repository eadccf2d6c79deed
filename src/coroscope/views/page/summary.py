"""What the page's header says about a run, in numbers and short texts."""

from __future__ import annotations

import shlex
from itertools import pairwise
from typing import Any

from coroscope.analysis import Concurrency, concurrency, main_concurrency, program_shares
from coroscope.trace.model import Ending, Process, Trace
from coroscope.views.cut_words import cut_sentence
from coroscope.views.page.plain_text import make_visible

STRIP_COLUMNS = 1200
"""As many as a wide window has pixels for, nearly."""


def summarize(trace: Trace) -> dict[str, Any]:
    """The header's facts, ready for JSON; times in nanoseconds."""
    alive, mains = concurrency(trace), main_concurrency(trace)
    shares = program_shares(trace)
    return {
        "command": make_visible(shlex.join(trace.argv)) or "(no command line)",
        "python": make_visible(trace.python),
        "duration": trace.duration_ns,
        "unkept": trace.unkept_ns,
        "cut": cut_sentence(trace),
        "ended": _describe_ending(trace.ended),
        "concurrency": {"max": alive.max, "mean": alive.mean, "mains": mains.max},
        "alive": [] if trace.runs else _peaks(trace, alive, mains),
        "program": {"running": shares.running_ns, "ready": shares.ready_ns, "waiting": shares.waiting_ns},
        "loops": {loop.id: make_visible(loop.type) for loop in trace.loops.values()},
        "processes": {process.number: _describe_process(process) for process in trace.processes},
        "notices": [make_visible(notice, 2000) for notice in trace.notices],
    }


def _peaks(trace: Trace, alive: Concurrency, mains: Concurrency) -> list[int]:
    """By column of the strip: the most tasks that were alive at once, with the main ones."""
    edges = [trace.duration_ns * number // STRIP_COLUMNS for number in range(STRIP_COLUMNS + 1)]
    return [alive.peak_between(*column) + mains.peak_between(*column) for column in pairwise(edges)]


def _describe_process(process: Process) -> str:
    """Its name, and the system's number of it where that is known."""
    name = make_visible(process.name, 200)
    return f"{name} (pid {process.pid})" if process.pid is not None and process.number > 1 else name


def _describe_ending(ended: Ending) -> dict[str, str]:
    if ended.goes_on:
        return {"text": "still running when this was saved", "tone": ""}
    if not ended.complete:
        return {"text": "incomplete: its end was not recorded", "tone": "bad"}
    if ended.signal is not None:
        return {"text": f"ended by signal {ended.signal}", "tone": "bad"}
    if ended.exception is not None:
        return {"text": "raised " + make_visible(ended.exception, 200), "tone": "bad"}
    if ended.exit_code is None:
        return {"text": "exit code not known", "tone": "bad"}
    return {"text": f"exit code {ended.exit_code}", "tone": "bad" if ended.exit_code else "good"}
