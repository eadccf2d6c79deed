"""A trace file from a stranger is shown in every view or refused in a sentence, within bounded memory and time."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coroscope.errors import TraceFormatError
from coroscope.record.events import DefinitionKind, EventKind, StepEnd, TaskKind
from coroscope.record.layout import AT_REST, DEFINITIONS, EVENTS, HEADER, MAGIC, META, VERSION
from coroscope.trace import compact, load
from coroscope.trace.model import Ending
from coroscope.trace.rest import BLOCK, END_MAGIC
from tests.trace.forgery import Definition, Event, Stream, block, forge_live, forge_rest, read_in_every_way

ANY_FILE = settings(
    max_examples=max(settings().max_examples // 3, 1),  # each is shown in five views
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
    deadline=None,
)

HOSTILE = [
    "</script><script>alert(1)</script>",
    "[bold red]x[/]",
    "\x1b[2J\x1b]0;owned\x07",
    "\ud800\udfff\udc80",
    "\u202e\u2066evil\u2069",
    "\0",
    "\r\n\u2028",
    "=cmd()",
    "a" * 70_000,
    "",
]
numbers = st.integers(0, 6) | st.sampled_from([2**31, 2**32 - 1])
times = st.integers(0, 3000) | st.sampled_from([2**62, 2**63 - 1, 2**63, 2**64 - 1]) | st.integers(0, 10**12)
texts = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=8)
payloads = st.one_of(
    texts.map(lambda text: text.encode(errors="surrogatepass")),
    st.binary(max_size=20),
    # Numbers, of itself among others.
    st.lists(numbers, max_size=5).map(lambda listed: b"".join(n.to_bytes(4, "little") for n in listed)),
    st.tuples(numbers, numbers, numbers, numbers).map(
        lambda four: b"".join(n.to_bytes(4, "little") for n in four)
    ),
)
definitions = st.lists(st.tuples(numbers, st.integers(0, 6), payloads), max_size=10)
kinds = st.integers(0, 14) | st.integers(50, 53)
events = st.lists(
    st.tuples(times, numbers, numbers, numbers, st.integers(0, 3), st.integers(0, 7), kinds),
    max_size=40,
)
streams = st.lists(st.tuples(events, definitions), max_size=3)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -1, 2**63, 2**62])
    | st.floats()
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
META_KEYS = ("python", "argv", "started_at", "library_paths", "own_path")
metas = st.fixed_dictionaries(
    {}, optional={key: json_values | st.lists(texts, max_size=3) for key in META_KEYS}
)
endings = st.none() | st.fixed_dictionaries(
    dict.fromkeys(("exit_code", "signal", "exception", "complete"), json_values)
)
parts = st.lists(
    st.fixed_dictionaries(
        {"meta": metas | json_values, "streams": st.lists(st.integers(0, 3)) | json_values}
    ),
    max_size=3,
)
abouts = st.fixed_dictionaries(
    {},
    optional={
        "meta": metas | json_values,
        "ending": endings | json_values,
        "ended_ns": json_values | times,
        "parts": parts | json_values,
        "notices": json_values,
    },
)


@given(metas, streams)
@ANY_FILE
def test_any_live_file_is_shown_or_refused(tmp_path: Path, meta: dict[str, Any], told: list[Stream]) -> None:
    path = tmp_path / "forged"
    path.write_bytes(forge_live(json.dumps(meta).encode(), told))
    assert read_in_every_way(path) is not None
    compact(path, Ending(0, None, None, True), None)
    assert read_in_every_way(path) is not None


@given(abouts, streams)
@ANY_FILE
def test_any_file_at_rest_is_shown_or_refused(
    tmp_path: Path, about: dict[str, Any], told: list[Stream]
) -> None:
    path = tmp_path / "forged"
    path.write_bytes(forge_rest(json.dumps(about).encode(), told))
    read_in_every_way(path)


def whole_file(is_at_rest: bool) -> bytes:
    """A small trace with something of everything in it."""
    told: Definition = (1, DefinitionKind.STRING, b"work")
    place = (2, DefinitionKind.PLACE, _u32(1, 1, 7))
    stack = (3, DefinitionKind.STACK, _u32(2, 2))
    site = (4, DefinitionKind.SITE, _u32(1, 1, 5, 2))
    happened: list[Event] = [
        (5, 1, 1, 0, 1, 0, EventKind.LOOP_STARTED),
        (10, 1, 0, 4, 1, TaskKind.TASK, EventKind.TASK_CREATED),
        (11, 1, 0, 1, 1, 0, EventKind.TASK_NAMED),
        (20, 1, 0, 0, 1, 0, EventKind.STEP_BEGUN),
        (30, 1, 0, 3, 1, StepEnd.WAITS_FOR_FUTURE, EventKind.STEP_ENDED),
        (35, 2, 1, 4, 1, TaskKind.TASK, EventKind.TASK_CREATED),
        (36, 2, 0, 0, 1, 0, EventKind.STEP_BEGUN),
        (40, 1, 2, 0, 1, 1, EventKind.WOKEN),
        (45, 2, 0, 3, 1, 0, EventKind.STALL_SAMPLED),
        (10**9, 2, 0, 1, 1, 2, EventKind.TASK_ENDED),
        (10**9 + 5, 0, 0, 1, 0, 0, EventKind.NOTICE),
        (10**9 + 9, 0, 0, 0, 0, 0, EventKind.PROGRAM_ENDED),
    ]
    stream = (happened, [told, place, stack, site])
    meta = {
        "python": "3.11.7",
        "argv": ["x.py"],
        "started_at": 1.5,
        "library_paths": ["/usr"],
        "own_path": "/own/",
    }
    if is_at_rest:
        ending = {"exit_code": 0, "signal": None, "exception": None, "complete": True}
        about = {"meta": meta, "ending": ending, "ended_ns": 10**9 + 20}
        return forge_rest(json.dumps(about).encode(), [stream])
    return forge_live(json.dumps(meta).encode(), [stream])


def _u32(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


@pytest.mark.parametrize("is_at_rest", [False, True])
def test_the_file_that_is_damaged_below_is_whole(tmp_path: Path, is_at_rest: bool) -> None:
    path = tmp_path / "whole"
    path.write_bytes(whole_file(is_at_rest))
    trace = read_in_every_way(path)
    assert trace is not None
    assert [len(task.states) for task in trace.tasks.values()] == [4, 2]
    assert len(trace.samples) == len(trace.notices) == len(trace.stalls(100)) == 1


@given(st.data())
@ANY_FILE
@pytest.mark.parametrize("is_at_rest", [False, True])
def test_a_damaged_file_is_shown_or_refused(tmp_path: Path, is_at_rest: bool, data: st.DataObject) -> None:
    content = bytearray(whole_file(is_at_rest))
    used = [position for position, byte in enumerate(content) if byte]
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.sampled_from(used) | st.integers(0, len(content))) % max(len(content), 1)
        match data.draw(st.sampled_from(["flip", "truncate", "splice", "repeat"])):
            case "flip" if content:
                content[position] ^= data.draw(st.integers(1, 255))
            case "truncate":
                del content[position:]
            case "splice":
                content[position:] = whole_file(data.draw(st.booleans()))[position:]
            case "repeat":
                start = data.draw(st.integers(0, position))
                content[position:position] = content[start:position][:200_000]
    path = tmp_path / "forged"
    path.write_bytes(content)
    read_in_every_way(path)


@pytest.mark.parametrize(
    "about",
    [
        "[" * 100_000,
        '{"meta": ' + "[" * 100_000,
        "nonsense",
        "[]",
        "{}",
        '{"meta": [], "ending": null, "ended_ns": null}',
        '{"meta": {}, "ending": [], "ended_ns": null}',
        '{"meta": {}, "ending": {"exit_code": 1e999, "signal": null}, "ended_ns": null}',
        '{"meta": {}, "ending": {"exit_code": null, "signal": {}}, "ended_ns": null}',
        '{"meta": {}, "ending": null, "ended_ns": "soon"}',
        '{"meta": {}, "ending": null, "ended_ns": null, "parts": 1}',
        '{"meta": {}, "ending": null, "ended_ns": null, "parts": [{"meta": {}, "streams": {}}]}',
        '{"meta": {}, "ending": null, "ended_ns": -1}',
        '{"meta": {}, "ending": null, "ended_ns": 1e999}',
        '{"meta": {}, "ending": null, "ended_ns": ' + "9" * 400 + "}",
    ],
    ids=lambda about: about[:60],
)
def test_metadata_that_says_nothing_sensible_is_refused(tmp_path: Path, about: str) -> None:
    path = tmp_path / "forged"
    path.write_bytes(forge_rest(about.encode(), []))
    with pytest.raises(TraceFormatError, match="its metadata is damaged"):
        load(path)


@pytest.mark.parametrize("kept", range(65536, 65536 + 80, 4))
def test_a_live_file_cut_in_its_metadata_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "forged"
    path.write_bytes(whole_file(False)[:kept])
    with pytest.raises(TraceFormatError, match=r"its metadata is (missing|damaged)"):
        load(path)


def with_block(one: bytes) -> bytes:
    about = block(META, 0, b'{"meta": {}, "ending": null, "ended_ns": null}')
    return HEADER.pack(MAGIC, VERSION, AT_REST, 0, 1) + about + one + BLOCK.pack(END_MAGIC, 0, 0, 0, 0, 0, 0)


MANY = 24 * 65536  # bytes of events in a full block


@pytest.mark.parametrize("content", [META, EVENTS, DEFINITIONS])
@pytest.mark.parametrize("claimed", [None, 100, 2**32 - 1])
def test_a_bomb_is_refused_before_it_inflates(tmp_path: Path, content: int, claimed: int | None) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(with_block(block(content, 1, bytes(13 * MANY), claimed, level=9)))
    tracemalloc.start()
    try:
        with pytest.raises(TraceFormatError, match=r"inflates to more|has the wrong size|size is impossible"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_block_of_too_many_events_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "forged"
    path.write_bytes(with_block(block(EVENTS, 1, bytes(MANY + 24))))
    with pytest.raises(TraceFormatError, match="a block's size is impossible"):
        load(path)


def test_what_a_recorder_writes_is_never_taken_for_a_bomb(tmp_path: Path) -> None:
    path = tmp_path / "regular"
    path.write_bytes(forge_live(b"{}", [([(0, 0, 0, 0, 0, 0, 9)] * 200_000, [])]))
    alive = load(path)
    compact(path, Ending(0, None, None, True), None)
    assert load(path).tasks == alive.tasks
    assert path.stat().st_size < 200_000 * 3.1


def test_parents_in_a_circle_are_nobodys_children(tmp_path: Path) -> None:
    created = [(1, 1, 2, 0, 0, 0, 1), (2, 2, 1, 0, 0, 0, 1), (3, 3, 3, 0, 0, 0, 1), (4, 4, 9, 0, 0, 0, 1)]
    path = tmp_path / "forged"
    path.write_bytes(forge_live(b"{}", [(created, [])]))
    trace = read_in_every_way(path)
    assert trace is not None
    assert {task.id: task.parent for task in trace.tasks.values()} == {1: None, 2: 1, 3: None, 4: None}


def test_events_of_one_stream_out_of_order_are_put_in_order(tmp_path: Path) -> None:
    events = [(30, 1, 0, 0, 0, 1, 5), (10, 1, 0, 0, 0, 0, 1), (20, 1, 0, 0, 0, 0, 4)]
    others = [(25, 2, 0, 0, 0, 0, 1), (5, 3, 0, 0, 0, 0, 1)]
    path = tmp_path / "forged"
    path.write_bytes(forge_live(b"{}", [(events, []), (others, [])]))
    trace = load(path)
    assert list(trace.tasks) == [3, 1, 2]
    assert trace.tasks[1].times_ns.tolist() == [10, 20, 30]


def test_a_long_text_and_a_deep_stack_are_cut(tmp_path: Path) -> None:
    text = (1, DefinitionKind.STRING, "é".encode() * 1_000_000)
    place = (2, DefinitionKind.PLACE, _u32(1, 1, 7))
    stack = (3, DefinitionKind.STACK, _u32(2) * 1_000_000)
    waits = [(1, 1, 0, 0, 0, 0, 1), (2, 1, 0, 0, 0, 0, 4), (3, 1, 0, 3, 0, 1, 5), (4, 1, 0, 1, 0, 0, 2)]
    path = tmp_path / "forged"
    path.write_bytes(forge_live(b"{}", [(waits, [text, place, stack])]))
    trace = read_in_every_way(path)
    assert trace is not None
    (task,) = trace.tasks.values()
    assert len(task.name) == 4096
    assert len(task.waits[0].chain) == 64


def test_a_device_without_an_end_is_refused() -> None:
    with pytest.raises(TraceFormatError, match="it is not a trace"):
        load("/dev/zero")


def test_the_command_line_refuses_a_damaged_trace_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad\x1b[2J"
    path.write_bytes(whole_file(True)[:-30])
    for verb in (["show"], ["show", "--json"], ["export", "--to", "chrome"]):
        command = [sys.executable, "-m", "coroscope", *verb, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert "\x1b" not in done.stderr


@pytest.mark.parametrize("time_ns", [2**62 + 1, 2**63, 2**64 - 1])
def test_an_event_out_of_all_time_is_left_out(tmp_path: Path, time_ns: int) -> None:
    path = tmp_path / "forged"
    path.write_bytes(forge_live(b"{}", [([(5, 1, 0, 0, 0, 0, 1), (time_ns, 2, 0, 0, 0, 0, 1)], [])]))
    for _ in range(2):
        trace = read_in_every_way(path)
        assert trace is not None
        assert (list(trace.tasks), trace.duration_ns) == ([1], 5)
        compact(path, Ending(0, None, None, True), None)
