"""Exceptions that nobody has fetched: one finding for each line that raised them."""

from __future__ import annotations

from coroscope.analysis.findings.unretrieved_exception import UnretrievedException
from coroscope.trace.model import Frame, Unretrieved
from tests.trace_builder import MS, TraceBuilder

OUTER = Frame("run", "/srv/app/main.py", 5, is_user=True)
RAISE = Frame("save", "/srv/app/store.py", 20, is_user=True)
LIBRARY = Frame("loads", "/usr/lib/python3/json/__init__.py", 300, is_user=False)


def test_the_innermost_line_of_the_users_is_named_once() -> None:
    unretrieved = [
        Unretrieved(90 * MS, None, "OSError", (OUTER, RAISE, LIBRARY)),
        Unretrieved(91 * MS, 1, "OSError", (RAISE,)),
    ]
    builder = TraceBuilder(unretrieved=unretrieved)
    builder.task("save", "running 50", outcome="raised")
    (finding,) = UnretrievedException().find(builder.build())
    assert (finding.place, finding.occurrences, finding.task) == (RAISE, 2, 1)
    assert (finding.start_ns, finding.saving_ns) == (50 * MS, None)


def test_what_no_line_of_the_users_has_raised_is_no_finding() -> None:
    trace = TraceBuilder(unretrieved=[Unretrieved(1, None, "OSError", (LIBRARY,))]).build()
    assert list(UnretrievedException().find(trace)) == []
