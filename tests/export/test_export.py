"""What other tools show of a trace is what the trace says: each state once, each wakeup, each stall, nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coroscope.errors import UsageError
from coroscope.export.write import FORMATS, Format, iter_export, write_export
from coroscope.trace import load
from coroscope.trace.model import Frame, LoopInfo, Sample, State, Task, Trace
from tests.export.read_back import View, read_chrome, read_perfetto
from tests.programs import coroscope, run_recorded, write_program
from tests.trace_builder import MS, TraceBuilder, fetch_trace

READERS: dict[Format, Callable[[bytes], View]] = {"chrome": read_chrome, "perfetto": read_perfetto}

PROGRAM = """\
import asyncio, time
async def child(event, number):
    await asyncio.sleep(0.01)
    if number == 1:
        time.sleep(0.2)
    event.set()
async def main():
    for number in range(3):
        event = asyncio.Event()
        task = asyncio.create_task(child(event, number), name=f"child <{number}>")
        await event.wait()
        await task
asyncio.run(main())
"""


@pytest.fixture(params=FORMATS)
def to(request: pytest.FixtureRequest) -> Format:
    chosen: Format = request.param
    return chosen


def view_of(trace: Trace, to: Format, path: Path, **options: Any) -> View:
    write_export(trace, path, to, **options)
    return READERS[to](path.read_bytes())


def spans_of(task: Task) -> list[tuple[str, int, int]]:
    return [(span.state.name.lower(), span.start_ns, span.end_ns) for span in task.iter_spans()]


def wakeups_of(trace: Trace) -> list[tuple[int, int, int, int]]:
    """Each wakeup by a task: waker and start of its last step till then, woken task and start of what followed."""
    found = []
    for task in trace.tasks.values():
        spans = list(task.iter_spans())
        waits = iter(task.waits)
        for span, following in zip(spans, [*spans[1:], None], strict=True):
            wait = next(waits) if span.state is State.WAITING else None
            if wait is None or following is None or wait.end_ns is None or wait.waker not in trace.tasks:
                continue
            begun = [start for start, _ in trace.tasks[wait.waker].iter_steps() if start <= wait.end_ns]
            if begun:
                found.append((wait.waker, begun[-1], task.id, following.start_ns))
    return sorted(found)


def check(trace: Trace, view: View) -> None:
    assert len(view.tracks) == len(trace.tasks)
    for task in trace.tasks.values():
        track = view.of_task(task.id)
        (life,) = track.at_depth(0)
        assert (life.name, life.start_ns, life.end_ns) == (
            life.arguments["coroutine"],
            task.created_ns,
            task.end_ns,
        )
        shown = track.at_depth(1)
        assert [(piece.name, piece.start_ns, piece.end_ns) for piece in shown] == spans_of(task)
        for state in State:
            total_ns = sum(
                piece.end_ns - piece.start_ns for piece in shown if piece.name == state.name.lower()
            )
            assert total_ns == task.time_in(state)
        assert len(track.slices) == 1 + len(task.states)
    assert view.arrows() == wakeups_of(trace)
    shown_stalls = [
        (track.slices[0].arguments["task"], time_ns, arguments["duration_ns"])
        for track in view.tracks.values()
        for name, time_ns, arguments in track.instants
        if name == "stall"
    ]
    stalls = [(stall.task, stall.start_ns, stall.duration_ns) for stall in trace.stalls(100.0)]
    assert sorted(shown_stalls) == sorted(stalls)


def test_a_built_trace_is_shown_as_it_is(to: Format, tmp_path: Path) -> None:
    trace = fetch_trace()
    view = view_of(trace, to, tmp_path / "out")
    check(trace, view)
    assert [name for track in view.tracks.values() for name, _, _ in track.instants] == ["stall"]


texts = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["</script><b>", "\x1b[2J", "\ud800", "\u202eevil", '"},{"ph":"X', "a" * 5000, "\0", "😀" * 600]
)
stays = st.lists(
    st.tuples(
        st.sampled_from(["ready", "running", "waiting"]),
        st.sampled_from([0, 0, 1, 2, 999, 1000, 150 * MS]) | st.integers(0, 10**15),
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=8,
)
tasks = st.lists(
    st.tuples(stays, st.integers(0, 10**6), texts, st.integers(0, 2), st.booleans()), min_size=1, max_size=5
)


@given(tasks, st.sampled_from(FORMATS))
def test_any_trace_is_shown_as_it_is(written: list[Any], to: Format) -> None:
    builder = TraceBuilder(argv=("x", written[0][2]))
    for stays, at_ns, text, loop, ended in written:
        # Times in whole nanoseconds: the builder's own are rounded from milliseconds.
        task = builder.task(
            text, ", ".join(f"{state} 0" for state, _, _ in stays), ended=ended, loop=loop, name=text
        )
        now_ns = task.created_ns = at_ns
        waits = iter(task.waits)
        for index, (state, length_ns, waker) in enumerate(stays):
            task.times_ns[index] = now_ns
            if state == "waiting":
                wait = next(waits)
                wait.start_ns, wait.end_ns = now_ns, now_ns + length_ns
                wait.woken_by, wait.waker = "task", waker
                wait.chain = (Frame(text, text, 3, is_user=True),)
            now_ns += length_ns
        task.end_ns = now_ns
        task.ended_ns = now_ns if ended else None
        task.exception = text
    trace = builder.build()
    check(trace, READERS[to](b"".join(iter_export(trace, to))))


def test_a_wait_says_where_on_what_and_who_ended_it(to: Format, tmp_path: Path) -> None:
    here = Frame("fetch", "/srv/app/fetch.py", 31, is_user=True)
    builder = TraceBuilder()
    builder.task("main", "running 5, waiting 5, running 1", name="chief")
    woken = builder.task("fetch", "ready 1, running 1, waiting 2, ready 1, running 1", place=here)
    woken.waits[0].woken_by, woken.waits[0].waker = "task", 1
    view = view_of(builder.build(), to, tmp_path / "out")
    (wait,) = [piece for piece in view.of_task(2).slices if piece.name == "waiting"]
    assert wait.arguments == {
        "at": "/srv/app/fetch.py:31 in fetch",
        "on": "future",
        "woken_by": "task",
        "waker": "chief",
    }


def test_a_task_says_what_it_is(to: Format, tmp_path: Path) -> None:
    builder = TraceBuilder()
    builder.task("main", "running 5")
    made_at = Frame("main", "/srv/app/fetch.py", 50, is_user=True)
    builder.task("fetch", "running 5", outcome="raised", exception="TimeoutError: no", created_at=made_at)
    track = view_of(builder.build(), to, tmp_path / "out").of_task(2)
    assert track.name == "Task-2 fetch"
    assert track.slices[0].arguments == {
        "task": 2,
        "name": "Task-2",
        "kind": "task",
        "coroutine": "fetch",
        "steps": 1,
        "outcome": "raised",
        "defined_at": "/srv/app/fetch.py:30",
        "created_at": "/srv/app/fetch.py:50 in main",
        "parent": 1,
        "exception": "TimeoutError: no",
    }


def test_tracks_stand_under_their_loop_in_order_of_creation(to: Format, tmp_path: Path) -> None:
    builder = TraceBuilder(loops={1: LoopInfo(1, 1, "a.Loop"), 2: LoopInfo(2, 4, "b.Loop")})
    for loop in (1, 2, 1, 0):
        builder.task("work", "running 1", loop=loop, name="same")
    view = view_of(builder.build(), to, tmp_path / "out")
    parents = [view.of_task(number).parents for number in (1, 2, 3, 4)]
    expected = ["loop 1: a.Loop, thread 1", "loop 2: b.Loop, thread 4", "loop 1: a.Loop, thread 1", "no loop"]
    for given_, name in zip(parents, expected, strict=True):
        assert " · ".join(reversed(given_)) == f"examples/fetch.py · {name}"
    ranks = [view.of_task(number).rank for number in (1, 2, 3, 4)]
    assert ranks == sorted(set(ranks))


def test_a_stall_is_marked_at_the_line_that_was_sampled(to: Format, tmp_path: Path) -> None:
    parse = Frame("parse", "app.py", 40, is_user=True)
    builder = TraceBuilder(samples=[Sample(1, 60 * MS, (parse,))])
    builder.task("fetch", "ready 20, running 80")
    trace = builder.build()
    assert view_of(trace, to, tmp_path / "out").of_task(1).instants == []
    shown = view_of(trace, to, tmp_path / "out", slow_ms=79.9).of_task(1).instants
    assert shown == [("stall", 20 * MS, {"duration_ns": 80 * MS, "at": "app.py:40 in parse"})]


def test_a_trace_without_tasks_is_an_empty_view(to: Format, tmp_path: Path) -> None:
    assert view_of(TraceBuilder().build(), to, tmp_path / "out").tracks == {}


def test_a_recorded_program_is_shown_as_its_trace_says(to: Format, tmp_path: Path) -> None:
    program = write_program(tmp_path, PROGRAM)
    assert run_recorded(program).returncode == 0
    trace = load(program.with_suffix(".coroscope"))
    done = coroscope("export", "program.coroscope", "--to", to, folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    suffix = {"perfetto": ".pftrace", "chrome": ".trace.json"}[to]
    assert f"'program{suffix}'" in done.stderr
    view = READERS[to]((tmp_path / f"program{suffix}").read_bytes())
    check(trace, view)
    assert len(view.starts) >= 3
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["program.coroscope", "program.py", f"program{suffix}"]
    )


def test_the_trace_itself_is_never_overwritten(to: Format, tmp_path: Path) -> None:
    run_recorded(write_program(tmp_path, PROGRAM))
    trace = tmp_path / "program.coroscope"
    (tmp_path / "link").symlink_to(trace)
    before = trace.read_bytes()
    for name in ("program.coroscope", "link"):
        done = coroscope("export", "program.coroscope", "--to", to, "-o", name, folder=tmp_path)
        assert done.returncode == 2
        assert done.stderr == f"coroscope: {name!r} is the trace itself: give -o another name\n"
    assert trace.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("missing", "--to", "chrome"), "'missing' as a trace"),
        (("missing",), "--to"),
        (("missing", "--to", "svg"), "'svg'"),
        (("missing", "--to", "chrome", "-o", "no/folder"), "cannot write the export to 'no/folder'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    done = coroscope("export", *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_is_not_installed_is_named_with_the_remedy(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['perfetto'] = None\n"
        "from coroscope.export.write import write_export\nfrom tests.trace_builder import fetch_trace\n"
        "write_export(fetch_trace(), 'out', 'perfetto')"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "UsageError: the format 'perfetto' needs 'perfetto" in done.stderr
    assert "pip install 'coroscope[export]'" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_fails_midway_leaves_what_was_there(to: Format, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before")

    def fail() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_export(fetch_trace(), path, to, advance=fail)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_said_and_leaves_nothing(to: Format) -> None:
    with pytest.raises(UsageError, match=r"cannot write the export to '/dev/full'.*choose another path"):
        write_export(fetch_trace(), "/dev/full", to)


def test_an_export_can_be_written_into_a_pipe(to: Format, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(pipe.read_bytes)
        write_export(fetch_trace(), pipe, to)
        check(fetch_trace(), READERS[to](reading.result()))


def test_long_names_do_not_blow_the_file_up(to: Format, tmp_path: Path) -> None:
    builder = TraceBuilder()
    place = Frame("f", "x" * 1_000_000, 1, is_user=True)
    builder.task(
        "c" * 1_000_000, ", ".join(["running 1", "waiting 1"] * 100), place=place, name="n" * 1_000_000
    )
    write_export(builder.build(), tmp_path / "out", to)
    assert (tmp_path / "out").stat().st_size < 200_000


def test_progress_tells_of_every_task(to: Format, tmp_path: Path) -> None:
    told: list[None] = []
    write_export(fetch_trace(), tmp_path / "out", to, advance=lambda: told.append(None))
    assert len(told) == len(fetch_trace().tasks)


def test_no_piece_grows_with_the_trace(to: Format) -> None:
    builder = TraceBuilder()
    builder.task("work", ", ".join(["running 1", "waiting 1"] * 20_000))
    sizes = [len(piece) for piece in iter_export(builder.build(), to)]
    assert sum(sizes) > 1_000_000
    assert max(sizes) < 200_000
