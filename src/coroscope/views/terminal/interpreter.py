"""What the interpreter itself took of a run: its garbage collections, and waits for its lock; where they matter."""

from __future__ import annotations

from coroscope.trace.model import Trace
from coroscope.views.terminal.sheet import Sheet
from coroscope.views.terminal.threads import name_threads

_COLLECTING_SHARE = 0.01
_LONG_COLLECTION_NS = 10_000_000
_CONTENDED_SHARE = 0.1
_ENOUGH_SAMPLES = 40
"""200 ms of a program with several threads."""
_MOST_THREADS = 3
_SHOWN_SHARE = 0.005
"""Less would be 0 %."""


def print_interpreter(sheet: Sheet, trace: Trace) -> None:
    """Tell of collections that took 1 % of the run or 10 ms at once, of a lock waited for in 10 % of the samples."""
    for text in (_collections(sheet, trace), _lock(sheet, trace)):
        if text:
            sheet.blank()
            sheet.paragraph(text)


def _collections(sheet: Sheet, trace: Trace) -> str:
    totals = trace.collection_totals
    total_ns = sum(generation.total_ns for generation in totals)
    longest_ns = max((generation.longest_ns for generation in totals), default=0)
    if total_ns < _COLLECTING_SHARE * trace.duration_ns and longest_ns < _LONG_COLLECTION_NS:
        return ""
    count = sum(generation.count for generation in totals)
    if not count:
        return ""
    ended = [seen for seen in trace.collections if seen.end_ns is not None]
    longest = max(ended, key=lambda seen: (seen.end_ns or 0) - seen.start_ns, default=None)
    when = "" if longest is None else f" at {sheet.time(longest.start_ns)}"
    many = "1 collection" if count == 1 else f"{count:,} collections"
    return f"Garbage collection: {sheet.time(total_ns)} in {many}, longest {sheet.time(longest_ns)}{when}."


def _lock(sheet: Sheet, trace: Trace) -> str:
    samples = trace.lock_samples
    if len(samples) < _ENOUGH_SAMPLES or samples.contended < _CONTENDED_SHARE:
        return ""
    names = name_threads(sheet, trace)
    shares = sorted(samples.held().items(), key=lambda pair: -pair[1])
    held = [(thread, share) for thread, share in shares if share >= _SHOWN_SHARE]
    holders = ", ".join(
        f"{names.get(thread, f'thread {thread}')} {100 * share:.0f} %"
        for thread, share in held[:_MOST_THREADS]
    )
    more = f", {len(held) - _MOST_THREADS} more" if len(held) > _MOST_THREADS else ""
    by = f" It was held by {holders}{more}." if held else ""
    return (
        f"Interpreter lock: some thread waited for it {100 * samples.contended:.0f} % of the time with several threads"
        f" ({len(samples):,} samples).{by}"
    )
