"""What threads did while C code kept the interpreter's lock, and only the samples from outside went on."""

from __future__ import annotations

import struct

import pytest

from coroscope.record.events import (
    EVENT,
    LOCK_STREAM,
    THREAD_WANTED,
    DefinitionKind,
    EventKind,
    TaskKind,
    ThreadStanding,
)
from coroscope.record.layout import DEFINITION
from coroscope.trace import Trace
from coroscope.trace.build import Limits, build
from coroscope.trace.model import State
from coroscope.trace.raw import RawStream, RawTrace
from tests.trace.test_phases import Given, ended, sampled, thread
from tests.trace.test_phases import looked as looked_at

AT = ThreadStanding
RUNNING, READY, WAITING = State.RUNNING, State.READY, State.WAITING
MAIN, KEEPS, SLEEPS = 5, 6, 7
"""Their tracks; the system calls them a hundred times that."""
_MODULE, _SITE = 1, 2


def definitions() -> bytearray:
    """Those of what the main thread runs."""
    name, site = b"<module>", struct.pack("<4I", _MODULE, 0, 0, 0)
    return bytearray(
        DEFINITION.pack(_MODULE, len(name), DefinitionKind.STRING)
        + name
        + DEFINITION.pack(_SITE, len(site), DefinitionKind.SITE)
        + site
    )


def packed(events: list[Given]) -> bytearray:
    return bytearray(b"".join(EVENT.pack(round(at_ms * 1e6), *rest) for at_ms, *rest in events))


def built(*threads: list[Given], looks: list[Given] | None = None) -> Trace:
    """The trace of these threads, and of looks at the interpreter's lock."""
    streams = {
        number: RawStream(packed(events), definitions()) for number, events in enumerate(threads, start=1)
    }
    return build(RawTrace({}, 0, streams | {LOCK_STREAM: RawStream(packed(looks or []))}), Limits())


def main(*samples: Given) -> list[Given]:
    _, writes = thread(MAIN, MAIN * 100)
    created: Given = (0, MAIN, 0, _SITE, 0, TaskKind.THREAD, EventKind.TASK_CREATED)
    is_main: Given = (0, MAIN, 0, 0, 0, THREAD_WANTED, EventKind.THREAD_MAIN)
    return [created, writes, is_main, *samples, ended(samples[-1][0], MAIN)]


def other(number: int, *samples: Given) -> list[Given]:
    return [*thread(number, number * 100, samples[0][0]), *samples, ended(samples[-1][0], number)]


def looks_from(start_ms: int, end_ms: int, holder: int, *waiting: int) -> list[Given]:
    """Looks at the lock, one every 5 ms."""
    natives = [number * 100 for number in waiting]
    return [looked_at(at_ms, holder * 100, *natives) for at_ms in range(start_ms, end_ms, 5)]


def stays(trace: Trace, number: int) -> list[tuple[State, float, float]]:
    return [(span.state, span.start_ns / 1e6, span.end_ns / 1e6) for span in trace.tasks[number].iter_spans()]


def waits(trace: Trace, number: int) -> list[tuple[str | None, float, float]]:
    told = trace.tasks[number].waits
    return [(wait.on, wait.start_ns / 1e6, (wait.end_ns or 0) / 1e6) for wait in told]


@pytest.mark.parametrize("standing", [AT.UNKNOWN, AT.COMPUTING, AT.CALL, AT.EVENT, AT.THREAD])
def test_the_main_thread_ran_while_it_was_alone_and_is_ready_while_another_keeps_the_lock(
    standing: int,
) -> None:
    trace = built(main(sampled(995, 305, standing, MAIN)), looks=looks_from(305, 995, KEEPS, MAIN))
    assert stays(trace, MAIN) == [(RUNNING, 0, 305), (READY, 305, 995)]


def test_what_the_main_thread_used_until_it_started_another_it_used_before_that() -> None:
    samples = [
        sampled(300, 290, AT.UNKNOWN, MAIN),
        sampled(990, 1, AT.THREAD, MAIN),
        sampled(999, 9, AT.UNKNOWN, MAIN),
    ]
    trace = built(main(*samples), looks=looks_from(350, 990, KEEPS, MAIN))
    assert stays(trace, MAIN) == [
        (RUNNING, 0, 290),
        (WAITING, 290, 300),
        (RUNNING, 300, 301),
        (READY, 301, 990),
        (RUNNING, 990, 999),
    ]


def test_the_main_thread_that_had_no_processor_while_it_was_alone_is_ready_then() -> None:
    trace = built(main(sampled(300, 200, AT.DELAYED, MAIN), sampled(310, 10, AT.UNKNOWN, MAIN)))
    assert stays(trace, MAIN) == [(RUNNING, 0, 200), (READY, 200, 300), (RUNNING, 300, 310)]


def test_who_sleeps_and_then_wants_the_lock_is_ready_from_when_it_was_seen_to() -> None:
    samples = [
        sampled(300, 0, AT.UNKNOWN, SLEEPS),
        sampled(990, 2, AT.SLEEP, SLEEPS),
        sampled(999, 9, AT.UNKNOWN, SLEEPS),
    ]
    looks = [*looks_from(340, 600, KEEPS), *looks_from(600, 990, KEEPS, SLEEPS)]
    trace = built(other(SLEEPS, *samples), looks=looks)
    assert stays(trace, SLEEPS) == [
        (RUNNING, 300, 302),
        (WAITING, 302, 597.5),
        (READY, 597.5, 990),
        (RUNNING, 990, 999),
    ]
    assert waits(trace, SLEEPS) == [("sleep", 302, 597.5)]


def test_who_keeps_the_lock_and_has_no_processor_for_a_while_is_ready() -> None:
    samples = [sampled(300, 0, AT.UNKNOWN, KEEPS), sampled(990, 600, AT.CALL, KEEPS)]
    trace = built(other(KEEPS, *samples), looks=looks_from(350, 990, KEEPS))
    assert stays(trace, KEEPS) == [(RUNNING, 300, 900), (READY, 900, 990)]


def test_who_keeps_the_lock_and_hardly_runs_waits_at_the_call() -> None:
    samples = [sampled(300, 0, AT.UNKNOWN, KEEPS), sampled(990, 2, AT.CALL, KEEPS)]
    trace = built(other(KEEPS, *samples), looks=looks_from(350, 990, KEEPS))
    assert waits(trace, KEEPS) == [("call", 302, 990)]


def test_it_runs_where_it_held_the_lock_in_the_middle_of_a_long_time() -> None:
    samples = [sampled(0, 0, AT.SLEEP, KEEPS), sampled(600, 200, AT.LOCK, KEEPS)]
    looks = [*looks_from(0, 200, MAIN), *looks_from(200, 400, KEEPS), *looks_from(400, 600, MAIN)]
    trace = built(other(KEEPS, *samples), looks=looks)
    assert stays(trace, KEEPS) == [(WAITING, 0, 197.5), (RUNNING, 197.5, 397.5), (WAITING, 397.5, 600)]
    assert [on for on, *_ in waits(trace, KEEPS)] == ["sleep", "lock"]


def test_who_wanted_the_lock_when_looked_at_waits_at_the_call_that_it_is_seen_at_next() -> None:
    samples = [
        sampled(300, 300, AT.UNKNOWN, MAIN),
        sampled(900, 1, AT.EVENT, MAIN),
        sampled(950, 1, AT.THREAD, MAIN),
    ]
    trace = built(main(*samples), looks=looks_from(350, 900, KEEPS, MAIN))
    assert waits(trace, MAIN) == [("thread", 901, 950)]


def test_of_a_program_that_was_killed_meanwhile_the_samples_tell_who_ran_and_who_wanted_to() -> None:
    keeps = [*thread(KEEPS, KEEPS * 100), sampled(0, 0, AT.UNKNOWN, KEEPS)]
    wants = [*thread(SLEEPS, SLEEPS * 100), sampled(0, 0, AT.CALL, SLEEPS)]
    trace = built(keeps, wants, looks=looks_from(5, 501, KEEPS, SLEEPS))
    assert stays(trace, KEEPS) == [(RUNNING, 0, 500)]
    assert stays(trace, SLEEPS) == [(READY, 0, 500)]


@pytest.mark.parametrize(
    ("before", "after"), [(AT.COMPUTING, AT.UNKNOWN), (AT.UNKNOWN, AT.COMPUTING), (AT.COMPUTING, AT.CALL)]
)
def test_without_samples_of_the_lock_it_ran_on_from_a_look_that_is_far_from_the_next(
    before: int, after: int
) -> None:
    trace = built(other(KEEPS, sampled(0, 0, before, KEEPS), sampled(500, 100, after, KEEPS)))
    assert stays(trace, KEEPS) == [(RUNNING, 0, 100), (WAITING, 100, 500)]


def test_without_samples_of_the_lock_the_main_thread_ran_first_while_it_was_alone() -> None:
    trace = built(main(sampled(500, 100, AT.UNKNOWN, MAIN)))
    assert stays(trace, MAIN) == [(RUNNING, 0, 100), (WAITING, 100, 500)]
