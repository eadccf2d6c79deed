"""Coroutines that never ran: one finding for each call, or else for the function."""

from __future__ import annotations

from coroscope.analysis.findings.never_awaited import NeverAwaited
from coroscope.trace.model import Frame, Unawaited
from tests.trace_builder import MS, TraceBuilder

CALL = Frame("main", "/srv/app/main.py", 12, is_user=True)
LIBRARY = Frame("Handle._run", "/usr/lib/python3/asyncio/events.py", 84, is_user=False)


def unawaited(place: Frame | None) -> Unawaited:
    return Unawaited(3 * MS, None, "Store.save", "/srv/app/store.py", 20, place)


def test_calls_at_one_line_are_one_finding() -> None:
    (finding,) = NeverAwaited().find(TraceBuilder(unawaited=[unawaited(CALL)] * 3).build())
    assert (finding.place, finding.occurrences, finding.start_ns) == (CALL, 3, 3 * MS)
    assert "made here" in finding.message


def test_a_call_that_is_not_the_users_gives_the_function_instead() -> None:
    (finding,) = NeverAwaited().find(TraceBuilder(unawaited=[unawaited(LIBRARY), unawaited(None)]).build())
    assert finding.place == Frame("Store.save", "/srv/app/store.py", 20, is_user=True)
    assert finding.occurrences == 2
    assert "defined here" in finding.message
