"""Chrome's trace-event JSON, which chrome://tracing, Perfetto and Speedscope open.

A group of tracks is a process there, and a track a thread. Slices are pairs of B and E, not X with a duration:
readers count in microseconds, as floats, and would round the end of one slice past the start of the next.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from coroscope.export.tracks import Group, Slice, Track, Tracks

_EVENTS_A_PIECE = 1000
_encode = json.JSONEncoder(separators=(",", ":")).encode


def iter_chrome(tracks: Tracks) -> Iterator[bytes]:
    """The file in pieces: one for its head, one or more for each track, one for its foot."""
    head = [event for group in tracks.groups for event in _describe(group, tracks.program)]
    # Where there is a track there is a group, so that every event of a track can bring its comma along.
    yield ('{"displayTimeUnit":"ns","traceEvents":[\n' + ",\n".join(head)).encode("ascii")
    for rank, track in enumerate(tracks):
        events = _iter_events(track, rank)
        while piece := list(islice(events, _EVENTS_A_PIECE)):
            yield "".join([f",\n{event}" for event in piece]).encode("ascii")
    yield b"\n]}\n"


def _describe(group: Group, program: str) -> list[str]:
    return [
        _metadata(group.number, 0, "process_name", name=f"{program} · {group.name}"),
        _metadata(group.number, 0, "process_sort_index", sort_index=group.number),
    ]


def _iter_events(track: Track, rank: int) -> Iterator[str]:
    pid, tid = track.group.number, track.task.id
    yield _metadata(pid, tid, "thread_name", name=track.name)
    yield _metadata(pid, tid, "thread_sort_index", sort_index=rank)
    of_track = f'"pid":{pid},"tid":{tid},"ts":'
    name = _encode(track.coroutine)
    yield _begin(of_track, track.task.created_ns, name, track.arguments)
    for piece in track.slices:
        yield from _iter_slice(of_track, piece)
    yield _end(of_track, track.task.end_ns, name)


def _iter_slice(of_track: str, piece: Slice) -> Iterator[str]:
    name = f'"{piece.state}"'
    yield _begin(of_track, piece.start_ns, name, piece.arguments)
    if piece.arrow_in:
        yield f'{{"ph":"f","bp":"e",{of_track}{_us(piece.start_ns)},{_flow(piece.arrow_in)}}}'
    if piece.stall is not None:
        about = _encode(piece.stall)
        yield f'{{"ph":"i","s":"t",{of_track}{_us(piece.start_ns)},"name":"stall","args":{about}}}'
    for number, woken_ns in piece.arrows_out:
        # Before the wakeup, because readers that sort by time drop an arrow whose end comes first; and inside the
        # step, which is what ties the arrow to it.
        time_ns = max(piece.start_ns, min(woken_ns, piece.end_ns) - 1)
        yield f'{{"ph":"s",{of_track}{_us(time_ns)},{_flow(number)}}}'
    yield _end(of_track, piece.end_ns, name)


def _begin(of_track: str, time_ns: int, name: str, arguments: Any) -> str:
    about = f',"args":{_encode(arguments)}' if arguments else ""
    return f'{{"ph":"B",{of_track}{_us(time_ns)},"name":{name}{about}}}'


def _end(of_track: str, time_ns: int, name: str) -> str:
    # Speedscope finds the slice that ends by its name.
    return f'{{"ph":"E",{of_track}{_us(time_ns)},"name":{name}}}'


def _flow(number: int) -> str:
    return f'"id":{number},"cat":"wakeup","name":"wakes"'


def _us(time_ns: int) -> str:
    return f"{time_ns // 1000}.{time_ns % 1000:03}"


def _metadata(pid: int, tid: int, name: str, /, **arguments: str | int) -> str:
    return _encode({"ph": "M", "pid": pid, "tid": tid, "name": name, "args": arguments})
