"""How large a recording can a page be made of, and how fast is that page?

    python benchmarks/page.py [--tasks N] [--spans N] [--at-once N] [--keep FOLDER] [--no-browser]

Writes a trace of so many tasks and spans by the recorder's own writer, as a server's would be: handlers that wait for
input or for one another, of which some raise. Has `coroscope show --html` make the page, in a process of its own, and
opens the page in a headless Chromium that draws in software. Printed are the processor time and the memory that making
the page took, the page's size, the time until it is drawn, and how long drawing takes after a zoom, a move or a scroll:
the median and the longest of each.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any

from chromium import opened  # type: ignore[import-not-found]
from rich.console import Console
from rich.table import Table

from coroscope.record.events import Cause, EventKind, StepEnd, TaskKind, TaskOutcome
from coroscope.record.new_trace import create_trace
from coroscope.record.stream import ChunkFile, Stream
from coroscope.trace import compact
from coroscope.trace.model import Ending

SPANS_OF_A_WAIT = 3
"""Waiting, ready, running."""
STEP_NS, WAIT_NS = 20_000, 5_000_000
_DRAWING = """
const done = arguments[arguments.length - 1];
const { view, timeline } = coroscope;
const { camera } = view;
const moves = {
  zoom: (i) => camera.zoom(i % 8 < 4 ? 0.2 : 5, (camera.start + camera.end) / 2),
  move: (i) => camera.pan((i % 2 ? -0.3 : 0.2) * camera.span),
  scroll: (i) => camera.scrollBy((i % 3 ? 1 : -1.5) * 700, view.rowCount, view.rowsHeight),
};
const took = {};
const steps = Object.keys(moves).flatMap((name) => [...Array(24).keys()].map((i) => [name, i]));
view.fit();
requestAnimationFrame(function next() {
  const step = steps.shift();
  if (!step) return done(took);
  const [name, i] = step;
  if (name !== "zoom" && i === 0) camera.show(0, camera.duration / (name === "move" ? 50 : 3));
  moves[name](i);
  const begun = performance.now();
  view.changed();
  // The listeners draw before this callback, which was asked for later; a pixel that is read is a pixel that is drawn.
  requestAnimationFrame(() => {
    timeline.context.getImageData(0, 0, 1, 1);
    (took[name] ??= []).push(performance.now() - begun);
    requestAnimationFrame(next);
  });
});
"""


class Program:
    """What the recorder would have written of a server with one loop."""

    def __init__(self, stream: Stream, at_once: int) -> None:
        self._stream = stream
        self._at_once = at_once
        self._now_ns = 1_000_000
        self._random = Random(1)
        place = stream.place((1, 0), "serve", "/srv/app/serve.py", 12)
        self._site = stream.site("serve", "/srv/app/serve.py", 10, 0)
        self._sites = [
            stream.site(f"handle_{name}", "/srv/app/handlers.py", 30 + 10 * n, place)
            for n, name in enumerate(("index", "search", "upload", "login", "feed"))
        ]
        read = stream.place((2, 0), "StreamReader.read", "/usr/lib/python3.11/asyncio/streams.py", 713)
        self._stacks = [
            stream.stack((stream.place((3, n), "handle", "/srv/app/handlers.py", 34 + n), read))
            for n in range(40)
        ]
        self._error = stream.string("ConnectionResetError")

    def write(self, tasks: int, spans: int) -> None:
        """The main task, and the others in waves of so many at once."""
        emit = self._stream.emit
        emit(EventKind.LOOP_STARTED, self._now_ns, 1, self._stream.string("asyncio.SelectorEventLoop"))
        emit(EventKind.TASK_CREATED, self._now_ns, 1, 0, self._site, TaskKind.TASK, 1)
        self._step(1)
        self._wait(1)
        waits = max(1, round((spans / tasks - 2) / SPANS_OF_A_WAIT))
        for first in range(2, tasks + 1, self._at_once):
            self._wave(range(first, min(first + self._at_once, tasks + 1)), waits)
        emit(EventKind.WOKEN, self._now_ns, 1, 0, 0, Cause.IO, 1)
        emit(EventKind.STEP_BEGUN, self._now_ns + 1000, 1, 0, 0, 0, 1)
        emit(EventKind.TASK_ENDED, self._now_ns + 2000, 1, 0, 0, TaskOutcome.RETURNED, 1)
        emit(EventKind.PROGRAM_ENDED, self._now_ns + 3000)

    def _wave(self, tasks: range, waits: int) -> None:
        """Created by the main task, each waits so many times, and ends."""
        emit, step = self._stream.emit, self._step
        for task in tasks:
            self._pass(3000)
            emit(EventKind.TASK_CREATED, self._now_ns, task, 1, self._sites[task % 5], TaskKind.TASK, 1)
            emit(EventKind.TASK_NAMED, self._now_ns, task, task, 0, 0, 1)
        for task in tasks:
            step(task)
            self._wait(task)
        for turn in range(waits):
            self._pass(WAIT_NS)
            for task in tasks:
                self._wake(task, tasks.start)
            for task in tasks:
                step(task)
                if turn + 1 < waits:
                    self._wait(task)
                else:
                    self._end(task)

    def _pass(self, mean_ns: int) -> None:
        """Times that nothing can foretell: regular ones would make trace and page smaller than any real one is."""
        self._now_ns += 1 + int(self._random.expovariate(1 / mean_ns))

    def _step(self, task: int) -> None:
        self._pass(1000)
        self._stream.emit(EventKind.STEP_BEGUN, self._now_ns, task, 0, 0, 0, 1)
        self._pass(STEP_NS)

    def _wait(self, task: int) -> None:
        stack = self._stacks[task % 40]
        self._stream.emit(EventKind.STEP_ENDED, self._now_ns, task, 0, stack, StepEnd.WAITS_FOR_FUTURE, 1)

    def _wake(self, task: int, first: int) -> None:
        self._pass(500)
        if task % 10:
            self._stream.emit(EventKind.WOKEN, self._now_ns, task, 0, 0, Cause.IO, 1)
        else:
            self._stream.emit(EventKind.WOKEN, self._now_ns, task, max(first, task - 1), 0, Cause.TASK, 1)

    def _end(self, task: int) -> None:
        self._stream.emit(EventKind.STEP_ENDED, self._now_ns, task, 0, 0, StepEnd.DONE, 1)
        error, outcome = (
            (self._error, TaskOutcome.RAISED) if task % 50_021 == 0 else (0, TaskOutcome.RETURNED)
        )
        self._stream.emit(EventKind.TASK_ENDED, self._now_ns, task, 0, error, outcome, 1)


def write_trace(path: Path, tasks: int, spans: int, at_once: int) -> None:
    """A trace at rest."""
    create_trace(str(path), ["serve.py", "--port", "8080"])
    file = ChunkFile(str(path))
    file.start(1)
    Program(file.open_stream(), at_once).write(tasks, spans)
    file.close()
    compact(path, Ending(0, None, None, True), None)


class Making:
    """What it took to make the page."""

    def __init__(self, trace: Path, page: Path) -> None:
        command = [sys.executable, "-m", "coroscope", "show", str(trace), "--html", str(page)]
        begun_s = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None
            self.said = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"the page could not be made:\n{self.said}")
        self.wall_s = time.perf_counter() - begun_s
        self.cpu_s = usage.ru_utime + usage.ru_stime
        self.peak_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def open_page(page: Path, window: str) -> tuple[float, dict[str, list[float]]]:
    """The seconds until the page is drawn, and the milliseconds that each kind of move took."""
    with opened(page, window, remedy="give --no-browser to leave them out") as (browser, opened_s):
        return opened_s, browser.execute_async_script(_DRAWING)


def measure(options: argparse.Namespace, folder: Path) -> Table:
    """A line for each figure."""
    trace, page = folder / "big.coroscope", folder / "big.html"
    if not trace.exists():
        write_trace(trace, options.tasks, options.spans, options.at_once)
    making = Making(trace, page)
    table = Table(title=f"A page of {options.tasks:,} tasks and {options.spans:,} spans")
    table.add_column("figure")
    table.add_column("value", justify="right")
    rows: dict[str, Any] = {
        "trace": f"{trace.stat().st_size / 1e6:.1f} MB",
        "page": f"{page.stat().st_size / 1e6:.1f} MB",
        "made in, processor time": f"{making.cpu_s:.1f} s",
        "made in": f"{making.wall_s:.1f} s",
        "peak memory": f"{making.peak_bytes / 1e6:.0f} MB",
    }
    if not options.no_browser:
        opened_s, took = open_page(page, options.window)
        rows["opened in"] = f"{opened_s:.2f} s"
        for move, times_ms in took.items():
            rows[f"drawn after a {move}"] = (
                f"{statistics.median(times_ms):.0f}, at most {max(times_ms):.0f} ms"
            )
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=1_000_000, metavar="N", help="tasks (default 1,000,000)")
    parser.add_argument("--spans", type=int, metavar="N", help="spans of all tasks (default 5 a task)")
    parser.add_argument(
        "--at-once", type=int, default=1000, metavar="N", help="alive at once (default 1,000)"
    )
    parser.add_argument(
        "--keep", metavar="FOLDER", help="leave trace and page there, and take a trace that is there"
    )
    parser.add_argument(
        "--window", default="1280x800", metavar="WxH", help="of the browser, in pixels (default 1280x800)"
    )
    parser.add_argument("--no-browser", action="store_true", help="only make the page")
    options = parser.parse_args(arguments)
    options.spans = options.spans or 5 * options.tasks
    if options.tasks < 2 or options.spans < options.tasks or options.at_once < 1:
        parser.error("give --tasks of 2 or more, as many --spans at least, and --at-once of 1 or more")
    return options


if __name__ == "__main__":
    chosen = parse(sys.argv[1:])
    print(f"CPython {sys.version.split()[0]}")
    with nullcontext(chosen.keep) if chosen.keep else tempfile.TemporaryDirectory() as kept:
        Console().print(measure(chosen, Path(kept)))
