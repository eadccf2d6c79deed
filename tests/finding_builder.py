"""Findings written down by hand, for tests of what shows them."""

from __future__ import annotations

from typing import Any

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Frame
from tests.trace_builder import MS


def finding(name: str = "blocking-call", **changes: Any) -> Finding:
    """A finding with everything that one can have."""
    fields: dict[str, Any] = {
        "name": name,
        "message": "A call of time.sleep held the loop for 180 ms, and 12 tasks could not run.",
        "advice": "Await asyncio.sleep instead.",
        "place": Frame("parse", "/srv/app/parse.py", 40, is_user=True),
        "task": 1,
        "start_ns": 2_530 * MS,
        "duration_ns": 180 * MS,
        "cost_ns": 360 * MS,
        "saving_ns": 330 * MS,
        "occurrences": 2,
    }
    return Finding(**(fields | changes))


def some_findings() -> list[Finding]:
    """One with a saving, one with a cost alone, one of which hardly anything is known, one far down a long path."""
    return [
        finding(),
        finding(
            "low-concurrency",
            place=Frame(
                "Crawler.run.<locals>.fetch_one",
                "/home/somebody/projects/a-rather-long-name/source/crawler/networking/connections/pool.py",
                1234,
                is_user=True,
            ),
            message="60 tasks waited for one semaphore that let 2 through at a time, for 2.1 s of 3.3 s; its holders "
            "waited for replies meanwhile.",
            advice="Give the semaphore a larger value; the servers answered as fast with all of them in flight.",
            saving_ns=None,
            occurrences=1,
        ),
        finding(
            "leaked-task",
            place=None,
            task=None,
            duration_ns=0,
            cost_ns=0,
            saving_ns=None,
            occurrences=1,
            message="Task-9 was still pending when the main task ended.",
            advice="Await it, or cancel it.",
        ),
    ]
