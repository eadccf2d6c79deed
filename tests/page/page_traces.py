"""Traces for the page's tests, each with what its test needs and no more."""

from __future__ import annotations

from pathlib import Path

from coroscope.trace import side_by_side
from coroscope.trace.model import Collection, Frame, LoopInfo, Mark, Phase, Region, Sample, Trace, Wait
from coroscope.views.page import Comparison
from tests.trace_builder import MS, TraceBuilder

SOURCE = """\
async def main():
    task = create_task(fetch())
    await task


async def fetch():
    before = 1
    await reply()  # <b>bold?</b>
    return before
"""


def two_tasks(folder: Path) -> Trace:
    """main waits for fetch, which waits for a reply at line 8 of a file in `folder` and then wakes main."""
    file = folder / "program.py"
    file.write_text(SOURCE)
    builder = TraceBuilder()
    main = builder.task("main", "running 10, waiting 200, ready 20, running 20", is_main=True, file=str(file))
    fetch = builder.task(
        "fetch", "ready 10, running 20, waiting 150, running 20", at_ms=10, name="fetch a page"
    )
    in_main = Frame("main", str(file), 3, is_user=True)
    in_fetch = Frame("fetch", str(file), 8, is_user=True)
    in_library = Frame("reply", "/usr/lib/python3.11/asyncio/streams.py", 5, is_user=False)
    _set_wait(main.waits[0], "task fetch a page", (in_main,), woken_by_task=2)
    _set_wait(fetch.waits[0], "future", (in_fetch, in_library))
    return builder.build()


def _set_wait(wait: Wait, on: str, chain: tuple[Frame, ...], woken_by_task: int | None = None) -> None:
    wait.on, wait.chain = on, chain
    if woken_by_task is not None:
        wait.woken_by, wait.waker = "task", woken_by_task


def many_tasks(number: int) -> Trace:
    """`number` tasks of 100 ms, the even ones named "even …" and running "pair"."""
    builder = TraceBuilder()
    for i in range(number):
        name = f"even {i}" if i % 2 == 0 else f"odd {i}"
        builder.task("pair" if i % 2 == 0 else "single", "running 10, waiting 90", at_ms=i * 10, name=name)
    return builder.build()


def stalled() -> Trace:
    """A step of 250 ms, seen twice by the watchdog at line 40."""
    builder = TraceBuilder()
    builder.task("calm", "ready 5, running 5, waiting 900, running 5")
    builder.task("parse", "running 1, waiting 400, running 250", at_ms=20)
    trace = builder.build()
    place = Frame("parse_all", "/srv/app/parse.py", 40, is_user=True)
    trace.samples += [Sample(2, time_ms * MS, (place,)) for time_ms in (450, 500)]
    return trace


def crowded() -> Trace:
    """main and 100 tasks of `crawl`, the n-th of which runs for n ms and then ends."""
    builder = TraceBuilder()
    builder.task("main", "ready 2, running 3, waiting 95", is_main=True)
    for n in range(1, 101):
        builder.task("crawl", f"running {n}", name=f"page {n}")
    return builder.build()


def spread_out() -> Trace:
    """Six tasks over two processes, three threads, three loops, three parents and three coroutines."""
    builder = TraceBuilder(loops={1: LoopInfo(1, 1, "asyncio.SelectorEventLoop")})
    stays = "ready 1, running 5, waiting 90"
    builder.task("main", stays, name="first")
    builder.task("work", stays, name="second", parent=1)
    builder.task("work", stays, name="third", parent=1, loop=2, thread=2)
    builder.task("work", stays, name="fourth", parent=2, loop=2, thread=2, file="/srv/app/other.py")
    builder.task("main", stays, name="fifth", parent=2, process=2, loop=3)
    builder.task("work", stays, name="sixth", parent=1, process=2, loop=3)
    return builder.build()


def with_lanes() -> Trace:
    """Two tasks of one loop; three marks, two regions of one name that overlap, one that never ends, a collection."""
    builder = TraceBuilder()
    builder.task("main", "running 10, waiting 200, running 90", name="main")
    builder.task("fetch", "ready 10, running 20, waiting 150, running 20", at_ms=10, name="fetch")
    trace = builder.build()
    trace.marks = [
        Mark("begin", 5 * MS, 1, 1),
        Mark("cache miss", 60 * MS, 1, 2),
        Mark("half way", 150 * MS, 1, None),
    ]
    trace.regions = [
        Region("request", 20 * MS, 120 * MS, 1, 2),
        Region("request", 90 * MS, 190 * MS, 1, 1),
        Region("shutting down", 250 * MS, None, 1, 1),
    ]
    trace.collections = [Collection(210 * MS, 230 * MS, 2, 1, 1)]
    return trace


def with_phases() -> Trace:
    """A thread that computes; a process that starts, unpickles, computes and pickles; a thread that wants the lock."""
    builder = TraceBuilder()
    builder.task("<module>", "running 20, waiting 380", kind="thread", loop=0, is_main=True, name="main")
    phases = [
        Phase("starting", 0, 100 * MS),
        Phase("serialising", 100 * MS, 140 * MS, 1_200_000),
        Phase("serialising", 340 * MS, 380 * MS),
    ]
    builder.task(
        "_worker",
        "waiting 100, running 280, waiting 20",
        kind="process",
        loop=0,
        name="worker",
        phases=phases,
    )
    locks = [Phase("lock", start_ms * MS, (start_ms + 10) * MS) for start_ms in range(0, 200, 20)]
    stays = ", ".join(["ready 10, running 10"] * 10 + ["waiting 200"])
    builder.task("_worker", stays, kind="thread", loop=0, name="contending", phases=locks)
    return builder.build()


def _sequential() -> Trace:
    builder = TraceBuilder()
    builder.task(
        "<module>",
        ", ".join(["running 20, waiting 80"] * 8),
        kind="thread",
        loop=0,
        is_main=True,
        name="MainThread",
    )
    return builder.build()


def _threads() -> Trace:
    builder = TraceBuilder()
    builder.task("<module>", "running 2, waiting 288", kind="thread", loop=0, is_main=True, name="MainThread")
    for number in range(4):
        ready_ms = 10 * number
        stays = f"waiting 5, ready {1 + ready_ms}, running 20, waiting 80, ready 40, running 20, waiting 80"
        phases = [
            Phase("lock", 5 * MS, (6 + ready_ms) * MS),
            Phase("lock", (106 + ready_ms) * MS, (146 + ready_ms) * MS),
        ]
        name = f"ThreadPoolExecutor-0_{number}"
        builder.task("_worker", stays, kind="thread", loop=0, thread=number + 2, name=name, phases=phases)
    return builder.build()


def _processes() -> Trace:
    builder = TraceBuilder()
    builder.task(
        "<module>", "running 12, waiting 378", kind="thread", loop=0, is_main=True, name="MainThread"
    )
    for number in range(4):
        phases = [
            Phase("starting", 0, 120 * MS),
            Phase("serialising", 120 * MS, 135 * MS, 2_400_000),
            Phase("serialising", 355 * MS, 370 * MS, 1_200_000),
        ]
        builder.task(
            "_process_worker", "waiting 120, running 35, waiting 80, running 40, waiting 80, running 15, waiting 10",
            at_ms=3 * number, kind="process", loop=0, process=number + 2, name=f"SpawnProcess-{number + 1}", phases=[
                Phase(one.kind, one.start_ns + 3 * number * MS, one.end_ns + 3 * number * MS, one.size_bytes)
                for one in phases
            ],
        )  # fmt: skip
    return builder.build()


def _cooperative() -> Trace:
    builder = TraceBuilder()
    builder.task("main", "running 1, waiting 259", is_main=True, name="main")
    for number in range(8):
        before = f"ready {20 * number}, " if number else ""
        builder.task(
            "fetch", f"{before}running 20, waiting {80 if number < 7 else 99}", name=f"fetch-{number}"
        )
    return builder.build()


def four_runs() -> Trace:
    """Eight items that take 20 ms of a processor and 80 ms of waiting, in sequence, threads, processes and a loop."""
    runs = {
        "sequential": _sequential(), "threads × 4": _threads(),
        "processes × 4": _processes(), "cooperative": _cooperative(),
    }  # fmt: skip
    return side_by_side(list(runs.items()))


def compared() -> Comparison:
    """What might be said of the four runs; a fifth was not recorded."""
    return Comparison(
        title="fetch: 40 items, in 4 ways",
        headline=(("4", "ways"), ("790 ms", "the slowest took"), ("250 ms", "the fastest took")),
        columns=(
            "strategy",
            "wall",
            "CPU",
            "idle",
            "speed-up",
            "memory per worker",
            "serialised",
            "start-up",
            "lock",
        ),
        rows=(
            ("sequential", "800 ms", "160 ms", "80 %", "1.0 ×", "21 MB", "–", "–", "–"),
            ("threads × 4", "290 ms", "162 ms", "60 %", "2.8 ×", "22 MB", "–", "–", "140 ms"),
            ("processes × 4", "390 ms", "360 ms", "42 %", "2.1 ×", "19 MB", "14.4 MB, 120 ms", "120 ms", "–"),
            ("cooperative", "260 ms", "161 ms", "38 %", "3.1 ×", "21 MB", "–", "–", "–"),
            ("cluster × 4", "not run", "", "", "", "", "", "", ""),
        ),
        best=3,
        sentence="Take the cooperative strategy: it was the fastest, and it needs no second thread.",
        facts=(("workload", "pages: 8 items"), ("results", "all equal"), ("machine", "2 cores")),
        notes=("cluster: distributed is not installed; pip install coroscope[cluster]",),
    )
