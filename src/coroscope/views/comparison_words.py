"""What is said of a comparison, alike in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Iterator

from coroscope.comparison.recommendation import megabytes, seconds
from coroscope.comparison.result import Comparison, Row
from coroscope.figures import three_digits

_NONE = "–"
TOOK = ("strategy", "time", "speed-up", "CPU", "memory", "per worker", "start-up")
"""What it took."""
WENT_ON = ("strategy", "idle", "serialised", "serialising", "lock wait", "switches", "forced")
"""What went on in it."""
TOOK_MEANS = (
    "time: from the first item handed out to the end of the last worker, start-up included; the recommendation goes by "
    "it. CPU: of all processes. memory: of all together, at most; per worker: of one worker's process. start-up: until "
    "the first item began."
)
WENT_ON_MEANS = (
    "idle: the share of the workers' time in which they waited, for input, a timer or an item. serialised: bytes that "
    "went to workers and came back; serialising: the time to pickle and unpickle them. lock wait: for the "
    "interpreter's lock, in the caller's process. switches: threads that left a processor, by themselves to wait, or "
    f"forced to by the system. {_NONE}: none, or not known."
)
BARS_MEAN = (
    "At the right: how much of the run's time a worker was running. Where a bar is empty, it was not there."
)


def took(comparison: Comparison, row: Row) -> list[str]:
    """The figures of `TOOK`; a dash where there is none."""
    speedup = comparison.speedup(row)
    return [
        label(row),
        seconds(row.wall_s),
        _NONE if speedup is None else f"{three_digits(speedup)} ×",
        seconds(row.cpu_s),
        _size(row.memory_bytes),
        _size(row.worker_memory_bytes),
        _NONE if row.startup_s is None else seconds(row.startup_s),
    ]


def went_on(row: Row) -> list[str]:
    """The figures of `WENT_ON`; a dash where there is none."""
    shares = row.shares
    return [
        label(row),
        _NONE if shares is None or shares.idle_share is None else f"{shares.idle_share * 100:.0f} %",
        _size(row.serialised_bytes),
        _NONE if shares is None or not shares.serialising_s else seconds(shares.serialising_s),
        _NONE if shares is None or not shares.lock_s else seconds(shares.lock_s),
        f"{row.switches:,}",
        f"{row.involuntary_switches:,}",
    ]


def label(row: Row) -> str:
    """The way, with a mark where it makes do with the other form of the work."""
    return row.way.label + (" *" if row.is_derived else "")


def _size(size_bytes: int | None) -> str:
    if not size_bytes:
        return _NONE
    if size_bytes < 1e6:
        return f"{three_digits(size_bytes / 1e3)} kB"
    return megabytes(size_bytes)


def title(comparison: Comparison) -> str:
    """`waiting: 40 items, in 7 ways`: those that came to a result."""
    measured = comparison.measured
    items = measured[0].samples[0].items if measured else comparison.workload.items
    count = "" if items is None else f": {items} item{'' if items == 1 else 's'}"
    ways = f", in {len(measured)} way{'s' if len(measured) > 1 else ''}" if measured else ""
    return f"{comparison.workload.name}{count}{ways}"


def headline(comparison: Comparison) -> Iterator[tuple[str, str]]:
    """The measured figures that a title may stand above, and what they are of."""
    rows = comparison.measured
    yield f"{len(rows)}", "way" if len(rows) == 1 else "ways"
    if rows:
        times_s = [row.wall_s for row in rows]
        yield seconds(max(times_s)), "the slowest took"
        yield seconds(min(times_s)), "the fastest took"


def method(comparison: Comparison) -> str:
    """How the figures came about; "" where there are none."""
    if not comparison.measured:
        return ""
    repeat = comparison.repeat
    times = "once" if repeat == 1 else f"{repeat} times in turn"
    figures = "" if repeat == 1 else " Figures are medians, of memory the most."
    return (
        f"Each way was run {times} to be measured (what it took, and switches), and once more to be recorded (the "
        f"bars, idle, serialising, lock wait): so the two differ, also by what recording costs.{figures}"
    )


def recommendation(comparison: Comparison) -> str:
    """One sentence."""
    recommended = comparison.recommendation
    if recommended is not None:
        return f"Take {recommended.way.label}: {recommended.reason}."
    if not comparison.measured:
        return "Nothing can be recommended: no way came to a result."
    return "Nothing can be recommended: no way holds the limits and returned what the others did."


def notes(comparison: Comparison) -> Iterator[str]:
    """What is to be known of the rows, and of what is missing."""
    for row in comparison.rows:
        if row.problem is not None:
            yield f"{row.way.label}: {row.problem}"
        elif row.are_results_equal is False:
            where = (
                "it gave another number of results"
                if row.first_difference == -1
                else (f"its result of item {row.first_difference} is another")
            )
            yield f"{row.way.label} did not return what {comparison.measured[0].way.label} did: {where}"
        elif row.samples and row.samples[0].digest is None:
            yield f"{row.way.label}: its results cannot be pickled, and were not compared"
        left = max((sample.left_behind for sample in row.samples), default=0)
        if left:
            yield f"{row.way.label} left {left} process{'es' if left > 1 else ''} behind, which had to be ended"
    if any(row.is_derived for row in comparison.measured):
        form = "coroutine" if comparison.workload.has_coroutine else "blocking function"
        how = "on a loop in each worker" if comparison.workload.has_coroutine else "in threads"
        yield f"*: the workload has only a {form}, which runs {how} there"
    for name, reason in comparison.left_out:
        yield f"{name} was left out: {reason}"
    machine = comparison.machine
    if machine.load is not None and machine.load > machine.processors / 2:
        yield (
            f"the machine was busy when this began (load {machine.load:.1f} on {machine.processors} processors): "
            "times may be off by much; repeat it on a quiet one"
        )
    if comparison.repeat == 1 and comparison.measured:
        yield "each way was measured once only: repeat it (--repeat 3) before you rely on small differences"
    if not comparison.complete:
        yield "broken off: not all runs were made"
