"""How time is shared out between running, ready and waiting."""

from hypothesis import given
from hypothesis import strategies as st

from coroscope.analysis import Shares, program_shares, task_shares, total_shares
from coroscope.trace.model import State, Trace
from tests.trace_builder import MS, TraceBuilder

_STAYS = st.lists(
    st.tuples(st.sampled_from(["ready", "running", "waiting"]), st.integers(0, 5)), min_size=1, max_size=8
)


@st.composite
def _traces(draw: st.DrawFn) -> Trace:
    builder = TraceBuilder()
    for stays in draw(st.lists(_STAYS, max_size=6)):
        text = ", ".join(f"{state} {length}" for state, length in stays)
        builder.task("work", text, at_ms=draw(st.integers(0, 20)))
    return builder.build()


def _program_shares_by_looking_at_every_millisecond(trace: Trace) -> Shares:
    counts = {State.RUNNING: 0, State.READY: 0, State.WAITING: 0}
    for now_ns in range(0, trace.duration_ns, MS):
        states = {
            span.state
            for task in trace.tasks.values()
            for span in task.iter_spans()
            if span.start_ns <= now_ns < span.end_ns
        }
        for state in (State.RUNNING, State.READY, State.WAITING):
            if state in states:
                counts[state] += MS
                break
    return Shares(counts[State.RUNNING], counts[State.READY], counts[State.WAITING])


@given(_traces())
def test_program_time_is_what_looking_at_every_moment_gives(trace: Trace) -> None:
    assert program_shares(trace) == _program_shares_by_looking_at_every_millisecond(trace)


@given(_traces())
def test_task_time_is_the_sum_of_the_spans(trace: Trace) -> None:
    for task in trace.tasks.values():
        expected = [task.time_in(state) for state in (State.RUNNING, State.READY, State.WAITING)]
        shares = task_shares(task)
        assert [shares.running_ns, shares.ready_ns, shares.waiting_ns] == expected


def test_two_tasks_waiting_at_once_wait_twice_as_long_together_as_the_program() -> None:
    builder = TraceBuilder()
    builder.task("one", "running 1, waiting 9")
    builder.task("other", "ready 1, running 1, waiting 8")
    trace = builder.build()
    assert total_shares(trace.tasks.values()) == Shares(2 * MS, MS, 17 * MS)
    assert program_shares(trace) == Shares(2 * MS, 0, 8 * MS)


def test_a_trace_without_tasks_has_no_shares() -> None:
    assert program_shares(TraceBuilder().build()) == Shares(0, 0, 0)
