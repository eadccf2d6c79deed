"""Exports as a viewer reads them: by the format's own rules, knowing nothing of how they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TrackEvent


@dataclass
class Shown:
    """One slice on a track; `depth` 0 is the outermost."""

    name: str
    start_ns: int
    end_ns: int
    depth: int
    arguments: dict[str, Any]


@dataclass
class ShownTrack:
    """One track: its name, that of what it stands under, its slices by their beginning, and its instants."""

    name: str
    parents: tuple[str, ...]
    rank: int
    slices: list[Shown] = field(default_factory=list)
    instants: list[tuple[str, int, dict[str, Any]]] = field(default_factory=list)

    def at_depth(self, depth: int) -> list[Shown]:
        return [piece for piece in self.slices if piece.depth == depth]


@dataclass
class View:
    """All that a viewer shows: tracks by their number, and arrows from slice to slice by theirs."""

    tracks: dict[Any, ShownTrack]
    starts: dict[int, tuple[Any, Shown, int]] = field(default_factory=dict)
    ends: dict[int, tuple[Any, Shown, int]] = field(default_factory=dict)

    def of_task(self, task: int) -> ShownTrack:
        (track,) = [track for track in self.tracks.values() if track.slices[0].arguments["task"] == task]
        return track

    def arrows(self) -> list[tuple[int, int, int, int]]:
        """Task and start of the slice that each arrow leaves, and of the one that it reaches."""
        assert self.starts.keys() == self.ends.keys()
        found = []
        for number, (leaves, origin, left_ns) in self.starts.items():
            reaches, goal, reached_ns = self.ends[number]
            assert left_ns <= reached_ns
            ids = [self.tracks[track].slices[0].arguments["task"] for track in (leaves, reaches)]
            found.append((ids[0], origin.start_ns, ids[1], goal.start_ns))
        return sorted(found)


class _Stack:
    """The open slices of one track."""

    def __init__(self, track: ShownTrack) -> None:
        self._track = track
        self._open: list[Shown] = []
        self._now_ns = 0

    def at(self, time_ns: int) -> None:
        assert time_ns >= self._now_ns
        self._now_ns = time_ns

    def begin(self, name: str, arguments: dict[str, Any]) -> Shown:
        piece = Shown(name, self._now_ns, -1, len(self._open), arguments)
        self._open.append(piece)
        self._track.slices.append(piece)
        return piece

    def end(self) -> None:
        self._open.pop().end_ns = self._now_ns

    def instant(self, name: str, arguments: dict[str, Any]) -> None:
        assert self._open
        self._track.instants.append((name, self._now_ns, arguments))

    @property
    def innermost(self) -> Shown:
        return self._open[-1]

    def check_closed(self) -> None:
        assert not self._open


def read_chrome(data: bytes) -> View:
    """The view of a file of trace-event JSON."""
    events = json.loads(data, parse_float=Decimal)["traceEvents"]
    names: dict[tuple[str, int, int], Any] = {
        (event["name"], event["pid"], event["tid"]): event["args"] for event in events if event["ph"] == "M"
    }
    view = View({})
    stacks: dict[Any, _Stack] = {}
    for event in events:
        if event["ph"] == "M":
            continue
        key = event["pid"], event["tid"]
        if key not in stacks:
            parent = names["process_name", event["pid"], 0]["name"]
            rank = names["thread_sort_index", *key]["sort_index"]
            view.tracks[key] = ShownTrack(names["thread_name", *key]["name"], (parent,), rank)
            stacks[key] = _Stack(view.tracks[key])
        _take_chrome(view, key, stacks[key], event)
    for stack in stacks.values():
        stack.check_closed()
    return view


def _take_chrome(view: View, key: Any, stack: _Stack, event: dict[str, Any]) -> None:
    time_ns = event["ts"] * 1000
    assert time_ns == int(time_ns)
    stack.at(int(time_ns))
    match event["ph"]:
        case "B":
            stack.begin(event["name"], event.get("args", {}))
        case "E":
            assert event["name"] == stack.innermost.name
            stack.end()
        case "i":
            stack.instant(event["name"], event["args"])
        case "s" | "f" as phase:
            arrows = view.starts if phase == "s" else view.ends
            assert event["id"] not in arrows
            assert phase == "s" or event["bp"] == "e"
            arrows[event["id"]] = (key, stack.innermost, int(time_ns))
        case other:
            raise AssertionError(other)


class _Texts:
    """The interned texts of a sequence, as far as the packets before have brought them."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[int, str]] = {}

    def learn(self, packet: Any) -> None:
        for name in ("event_names", "debug_annotation_names", "debug_annotation_string_values"):
            table = self._tables.setdefault(name, {})
            for entry in getattr(packet.interned_data, name):
                assert entry.iid not in table
                table[entry.iid] = entry.str.decode() if hasattr(entry, "str") else entry.name

    def name(self, event: Any) -> str:
        return self._tables["event_names"][event.name_iid]

    def arguments(self, event: Any) -> dict[str, Any]:
        return {
            self._tables["debug_annotation_names"][annotation.name_iid]: self._value(annotation)
            for annotation in event.debug_annotations
        }

    def _value(self, annotation: Any) -> Any:
        kind = annotation.WhichOneof("value")
        value = getattr(annotation, kind)
        return self._tables["debug_annotation_string_values"][value] if kind == "string_value_iid" else value


def read_perfetto(data: bytes) -> View:
    """The view of a file of Perfetto's packets."""
    trace = Trace()
    trace.ParseFromString(data)
    assert trace.packet[0].sequence_flags == 1
    descriptors = {
        p.track_descriptor.uuid: p.track_descriptor for p in trace.packet if p.HasField("track_descriptor")
    }
    view = View({})
    stacks: dict[int, _Stack] = {}
    texts = _Texts()
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        texts.learn(packet)
        if not packet.HasField("track_event"):
            continue
        event = packet.track_event
        key = event.track_uuid
        if key not in stacks:
            parents = tuple(_parents(descriptors, descriptors[key].parent_uuid))
            described = descriptors[key]
            view.tracks[key] = ShownTrack(described.name, parents, described.sibling_order_rank)
            stacks[key] = _Stack(view.tracks[key])
        stacks[key].at(packet.timestamp)
        _take_perfetto(view, key, stacks[key], event, texts)
    for stack in stacks.values():
        stack.check_closed()
    return view


def _parents(descriptors: dict[int, Any], uuid: int) -> Iterator[str]:
    """From the innermost parent to the outermost."""
    while uuid:
        yield descriptors[uuid].name or descriptors[uuid].process.process_name
        uuid = descriptors[uuid].parent_uuid


def _take_perfetto(view: View, key: int, stack: _Stack, event: Any, texts: _Texts) -> None:
    if event.type == TrackEvent.TYPE_SLICE_END:
        stack.end()
    elif event.type == TrackEvent.TYPE_INSTANT:
        stack.instant(texts.name(event), texts.arguments(event))
    else:
        assert event.type == TrackEvent.TYPE_SLICE_BEGIN
        piece = stack.begin(texts.name(event), texts.arguments(event))
        for number in event.flow_ids:
            assert number not in view.starts
            view.starts[number] = (key, piece, piece.start_ns)
        for number in event.terminating_flow_ids:
            assert number not in view.ends
            view.ends[number] = (key, piece, piece.start_ns)
