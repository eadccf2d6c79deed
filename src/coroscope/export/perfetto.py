"""Perfetto's protobuf: a file of packets, of which each describes a track or tells of one moment on one.

Names and repeated texts are interned: a packet brings those that it is the first to use, and all name them by number.
Rule: a packet that uses a text stands behind the one that brings it, so packets are written in the order they are made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace as Packets
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket, TrackDescriptor, TrackEvent

from coroscope.export.tracks import Arguments, Group, Track, Tracks

_SEQUENCE = 1  # whose texts the numbers mean: there is one writer only
_BEGIN, _END, _INSTANT = TrackEvent.TYPE_SLICE_BEGIN, TrackEvent.TYPE_SLICE_END, TrackEvent.TYPE_INSTANT
_PACKETS_A_PIECE = 1000
_INT32_MAX = 0x7FFF_FFFF
_OF_ONE_TASK = frozenset({"name", "waker", "exception"})
"""Arguments whose values are rarely said twice, and would only fill the table of texts."""


def iter_perfetto(tracks: Tracks) -> Iterator[bytes]:
    """The file in pieces: one for its head, one or more for each track."""
    writer = _Writer()
    writer.packet().sequence_flags = TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
    processes = {process: uuid for uuid, process in enumerate(sorted({g.process for g in tracks.groups}), 1)}
    for process, uuid in processes.items():
        _describe_process(writer, uuid, process, tracks.program)
    for group in tracks.groups:
        _describe_group(writer, len(processes) + group.number, processes[group.process], group)
    first = len(processes) + len(tracks.groups) + 1
    for rank, track in enumerate(tracks):
        yield writer.take()
        yield from _iter_track(writer, first + rank, len(processes) + track.group.number, track)
    yield writer.take()


class _Writer:
    """Makes packets, gives each text its number, and hands out what is ready to be written."""

    def __init__(self) -> None:
        self._packets = Packets()
        self._texts: dict[str, dict[str, int]] = {}
        self.count = 0

    def packet(self) -> Any:
        self.count += 1
        packet = self._packets.packet.add()
        packet.trusted_packet_sequence_id = _SEQUENCE
        return packet

    def take(self) -> bytes:
        """The packets since the last call: files of packets laid end to end are one file."""
        data: bytes = self._packets.SerializeToString()
        self._packets = Packets()  # not Clear(), which keeps all the memory there ever was in them
        self.count = 0
        return data

    def event(self, kind: int, uuid: int, time_ns: int) -> Any:
        """One moment on a track: the packet."""
        packet = self.packet()
        packet.timestamp = time_ns
        if kind != _END:
            packet.sequence_flags = TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        packet.track_event.type = kind
        packet.track_event.track_uuid = uuid
        return packet

    def name(self, packet: Any, text: str) -> None:
        packet.track_event.name_iid = self._number(packet, "event_names", text)

    def annotate(self, packet: Any, arguments: Arguments) -> None:
        for name, value in arguments.items():
            annotation = packet.track_event.debug_annotations.add()
            annotation.name_iid = self._number(packet, "debug_annotation_names", name)
            if isinstance(value, int):
                annotation.int_value = value
            elif name in _OF_ONE_TASK:
                annotation.string_value = value
            else:
                annotation.string_value_iid = self._number(packet, "debug_annotation_string_values", value)

    def _number(self, packet: Any, table: str, text: str) -> int:
        texts = self._texts.setdefault(table, {})
        number = texts.get(text)
        if number is None:
            number = texts[text] = len(texts) + 1
            entry = getattr(packet.interned_data, table).add()
            entry.iid = number
            if table == "debug_annotation_string_values":
                entry.str = text.encode()
            else:
                entry.name = text
        return number


def _describe_process(writer: _Writer, uuid: int, process: int, program: str) -> None:
    track = writer.packet().track_descriptor
    track.uuid = uuid
    track.process.pid = process
    track.process.process_name = program
    track.child_ordering = TrackDescriptor.EXPLICIT


def _describe_group(writer: _Writer, uuid: int, parent: int, group: Group) -> None:
    track = _describe_child(writer, uuid, parent, group.name)
    track.child_ordering = TrackDescriptor.EXPLICIT


def _describe_child(writer: _Writer, uuid: int, parent: int, name: str) -> Any:
    track = writer.packet().track_descriptor
    track.uuid = uuid
    track.parent_uuid = parent
    track.name = name
    track.sibling_order_rank = min(uuid, _INT32_MAX)
    return track


def _iter_track(writer: _Writer, uuid: int, parent: int, track: Track) -> Iterator[bytes]:
    description = _describe_child(writer, uuid, parent, track.name)
    # Or tasks of the same name would share one row.
    description.sibling_merge_behavior = TrackDescriptor.SIBLING_MERGE_BEHAVIOR_NONE

    life = writer.event(_BEGIN, uuid, track.task.created_ns)
    writer.name(life, track.coroutine)
    writer.annotate(life, track.arguments)
    for piece in track.slices:
        begin = writer.event(_BEGIN, uuid, piece.start_ns)
        writer.name(begin, piece.state)
        writer.annotate(begin, piece.arguments)
        if piece.arrow_in:
            begin.track_event.terminating_flow_ids.append(piece.arrow_in)
        if piece.arrows_out:
            begin.track_event.flow_ids.extend([number for number, _ in piece.arrows_out])
        if piece.stall is not None:
            stall = writer.event(_INSTANT, uuid, piece.start_ns)
            writer.name(stall, "stall")
            writer.annotate(stall, piece.stall)
        writer.event(_END, uuid, piece.end_ns)
        if writer.count >= _PACKETS_A_PIECE:
            yield writer.take()
    writer.event(_END, uuid, track.task.end_ns)
