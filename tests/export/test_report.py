"""The object of `coroscope show --json`: its keys, in order, and their types are a promise."""

import json
from array import array
from typing import Any

import pytest

from coroscope.export.report import report
from coroscope.trace.lock_samples import LockSamples
from coroscope.trace.model import Collection, Collections, Ending, Frame, Mark, Region, Sample
from tests.finding_builder import some_findings
from tests.trace_builder import MS, TraceBuilder, fetch_trace

_MAYBE_TEXT = (str, type(None))
_MAYBE_INT = (int, type(None))
_MAYBE_FLOAT = (float, type(None))

_REPORT: dict[str, Any] = {
    "format": int,
    "python": str,
    "argv": list,
    "duration_s": float,
    "unkept_s": float,
    "ended": dict,
    "concurrency": dict,
    "tasks": list,
    "stalls": list,
    "findings": list,
    "marks": list,
    "regions": list,
    "collections": list,
    "collection_totals": list,
    "interpreter_lock": (dict, type(None)),
    "processes": list,
    "cut": (dict, type(None)),
    "pools": list,
    "jobs": list,
}
_ENDED = {
    "exit_code": _MAYBE_INT,
    "signal": _MAYBE_INT,
    "exception": _MAYBE_TEXT,
    "complete": bool,
    "goes_on": bool,
}
_CONCURRENCY = {"max": int, "mean": float}
_TASK: dict[str, Any] = {
    "id": int,
    "name": str,
    "kind": str,
    "coroutine": str,
    "file": _MAYBE_TEXT,
    "line": _MAYBE_INT,
    "process": int,
    "thread": int,
    "loop": int,
    "parent": _MAYBE_INT,
    "created_s": float,
    "ended_s": _MAYBE_FLOAT,
    "outcome": str,
    "steps": int,
    "running_s": float,
    "ready_s": float,
    "waiting_s": float,
}
_WAIT = {
    "start_s": float,
    "end_s": _MAYBE_FLOAT,
    "on": _MAYBE_TEXT,
    "file": _MAYBE_TEXT,
    "line": _MAYBE_INT,
    "woken_by": _MAYBE_TEXT,
    "waker": _MAYBE_INT,
}
_STALL = {
    "task": int,
    "file": _MAYBE_TEXT,
    "line": _MAYBE_INT,
    "start_s": float,
    "duration_s": float,
    "collecting_s": float,
}
_FINDING = {
    "name": str,
    "task": _MAYBE_INT,
    "file": _MAYBE_TEXT,
    "line": _MAYBE_INT,
    "start_s": float,
    "duration_s": float,
    "cost_s": float,
    "saving_s": _MAYBE_FLOAT,
    "occurrences": int,
    "message": str,
    "advice": str,
}


def _check(value: dict[str, Any], schema: dict[str, Any]) -> None:
    assert list(value) == list(schema)
    for key, types in schema.items():
        assert isinstance(value[key], types), key


def test_every_key_is_there_in_order_with_its_type() -> None:
    given = json.loads(json.dumps(report(fetch_trace(), some_findings(), waits=True)))
    _check(given, _REPORT)
    _check(given["ended"], _ENDED)
    _check(given["concurrency"], _CONCURRENCY)
    assert len(given["tasks"]) == 63
    for task in given["tasks"]:
        _check(task, _TASK | {"waits": list})
        for wait in task["waits"]:
            _check(wait, _WAIT)
    assert len(given["stalls"]) == 1
    _check(given["stalls"][0], _STALL)
    assert len(given["findings"]) == 3
    for finding in given["findings"]:
        _check(finding, _FINDING)
    assert given["findings"][0]["file"] == "/srv/app/parse.py"
    assert [given["findings"][0][key] for key in ("line", "task", "occurrences")] == [40, 1, 2]
    times = ("start_s", "duration_s", "cost_s", "saving_s")
    assert [given["findings"][0][key] for key in times] == pytest.approx([2.53, 0.18, 0.36, 0.33])
    assert [given["findings"][2][key] for key in ("task", "file", "line", "saving_s")] == [None] * 4


def test_waits_are_given_only_when_asked_for() -> None:
    _check(report(fetch_trace())["tasks"][0], _TASK)


def test_what_is_not_known_is_null() -> None:
    builder = TraceBuilder(ended=Ending(None, None, None, complete=False))
    task = builder.task("fetch", "running 150, waiting 1", ended=False, file=None, line=None)
    task.waits[0].end_ns = task.waits[0].woken_by = None
    given = report(builder.build(), waits=True)
    assert given["ended"] == {
        "exit_code": None,
        "signal": None,
        "exception": None,
        "complete": False,
        "goes_on": False,
    }
    described = given["tasks"][0]
    assert [described[key] for key in ("file", "line", "parent", "ended_s")] == [None] * 4
    assert [described["waits"][0][key] for key in ("end_s", "file", "line", "woken_by", "waker")] == [
        None
    ] * 5
    assert given["stalls"] == [
        {"task": 1, "file": None, "line": None, "start_s": 0.0, "duration_s": 0.15, "collecting_s": 0.0}
    ]
    assert given["interpreter_lock"] is None


def test_times_are_seconds() -> None:
    builder = TraceBuilder()
    builder.task("fetch", "ready 1, running 2, waiting 30, running 1", at_ms=500)
    given = report(builder.build())
    task = given["tasks"][0]
    assert given["duration_s"] == pytest.approx(0.534)
    assert [task[key] for key in ("created_s", "ended_s")] == pytest.approx([0.5, 0.534])
    assert [task[key] for key in ("running_s", "ready_s", "waiting_s")] == pytest.approx([0.003, 0.001, 0.03])


def test_a_waits_place_is_the_innermost_frame_of_the_users_code() -> None:
    builder = TraceBuilder()
    builder.task("main", "waiting 5").waits[0].chain = (
        Frame("main", "app.py", 50, is_user=True),
        Frame("fetch", "app.py", 31, is_user=True),
        Frame("read", "asyncio/streams.py", 700, is_user=False),
    )
    wait = report(builder.build(), waits=True)["tasks"][0]["waits"][0]
    assert (wait["file"], wait["line"]) == ("app.py", 31)


def test_a_stall_is_a_step_longer_than_asked_for_at_the_line_that_was_sampled() -> None:
    parse = Frame("parse", "app.py", 40, is_user=True)
    builder = TraceBuilder(samples=[Sample(1, 60 * MS, (parse,))])
    builder.task("fetch", "ready 20, running 80")
    trace = builder.build()
    assert report(trace, slow_ms=80)["stalls"] == []
    stalls = report(trace, slow_ms=79.9)["stalls"]
    assert [(stall["file"], stall["line"], stall["start_s"]) for stall in stalls] == [("app.py", 40, 0.02)]


def test_marks_and_regions_are_given_with_their_places_in_time() -> None:
    builder = TraceBuilder(
        marks=[Mark("warm", 5 * MS, 2, None)],
        regions=[Region("load", 10 * MS, 20 * MS, 1, 1), Region("serve", 30 * MS, None, 1, None)],
    )
    builder.task("main", "running 100")
    given = report(builder.build())
    assert given["marks"] == [{"name": "warm", "time_s": 0.005, "thread": 2, "task": None}]
    assert given["regions"] == [
        {"name": "load", "start_s": 0.01, "end_s": 0.02, "thread": 1, "task": 1},
        {"name": "serve", "start_s": 0.03, "end_s": None, "thread": 1, "task": None},
    ]


def test_collections_and_the_interpreters_lock_are_given_where_they_are_known() -> None:
    samples = LockSamples(
        array("q", [10, 20, 30, 40]),
        array("I", [1, 2, 1, 0]),
        array("L", [1, 2, 4, 4]),
        array("I", [2, 1, 2, 3]),
    )
    samples.gaps.append((20 * MS, 30 * MS))
    builder = TraceBuilder(
        collections=[Collection(20 * MS, 80 * MS, 2, 1, 1, 300, 4)],
        collection_totals=[Collections(2, 7, 90 * MS, 60 * MS)],
        lock_samples=samples,
    )
    builder.task("main", "running 110")
    given = report(builder.build())
    assert given["collections"] == [
        {
            "start_s": 0.02,
            "duration_s": 0.06,
            "generation": 2,
            "thread": 1,
            "collected": 300,
            "uncollectable": 4,
        }
    ]
    assert given["collection_totals"] == [{"generation": 2, "count": 7, "total_s": 0.09, "longest_s": 0.06}]
    assert given["stalls"][0]["collecting_s"] == 0.06
    assert given["interpreter_lock"] == {
        "samples": 4,
        "gaps": 1,
        "gaps_s": 0.01,
        "contended_share": 0.75,
        "threads": [
            {"thread": 1, "held_share": 0.5, "waiting_share": 0.25},
            {"thread": 2, "held_share": 0.25, "waiting_share": 0.5},
            {"thread": 3, "held_share": 0.0, "waiting_share": 0.25},
        ],
    }
