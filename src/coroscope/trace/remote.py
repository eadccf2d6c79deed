"""Parts that were recorded on another machine, by its own clock: written beside a live trace, and read into it.

Such a part is a trace at rest whose metadata tells, under "remote", who recorded it, and how the two clocks were found
to stand to one another. Rule: the file keeps its own times; whoever reads it corrects them.
"""

from __future__ import annotations

import os
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from coroscope.errors import TraceFormatError
from coroscope.record.events import EVENT, THREAD_ITSELF, U32_MAX, DefinitionKind, EventKind, ProcessBegin
from coroscope.record.layout import AT_REST, DEFINITION, HEADER, MAGIC, VERSION
from coroscope.record.part import FOLDER_SUFFIX, SUFFIX, is_live
from coroscope.trace.raw import LATEST_NS, RawStream, RawTrace, next_stream
from coroscope.trace.rest import read_rest, write_rest

_FOREIGN_NATIVES = 1 << 24
"""Linux numbers threads up to four millions: those of another machine are counted on from here."""


class Reading(NamedTuple):
    """What was read of another machine's CLOCK_MONOTONIC, from here."""

    there_ns: int
    ahead_ns: int
    """How much the clock here is ahead of it."""
    within_ns: int
    """By how much that may be wrong: half of the time that the question took, there and back."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns another machine's times into those of this one: linear between two readings, as at the nearest outside."""

    readings: tuple[Reading, ...]

    @property
    def within_ns(self) -> int:
        """By how much a time may be wrong where the clocks drift evenly between two readings."""
        return max(reading.within_ns for reading in self.readings)

    @property
    def drift_ns(self) -> int:
        """How much the clock here has gained on the other between the first reading and the last."""
        return self.readings[-1].ahead_ns - self.readings[0].ahead_ns

    def here_ns(self, there_ns: int) -> int:
        """The time here at which the other clock showed this."""
        index = bisect_right(self.readings, there_ns, key=_there)
        before = self.readings[max(index - 1, 0)]
        after = self.readings[min(index, len(self.readings) - 1)]
        length_ns = after.there_ns - before.there_ns
        if length_ns <= 0:
            return there_ns + before.ahead_ns
        gained_ns = (after.ahead_ns - before.ahead_ns) * (there_ns - before.there_ns) // length_ns
        return there_ns + before.ahead_ns + gained_ns


def _there(reading: Reading) -> int:
    return reading.there_ns


@dataclass(frozen=True, slots=True)
class Origin:
    """Who recorded a part, and by which clock."""

    name: str
    host: str
    pid: int
    clock: Clock


def add_remote(trace: str, run_ns: int, recorded: str, origin: Origin) -> None:
    """Have the trace at rest at `recorded` join the live trace at `trace`, of the run that began at `run_ns`.

    OSError where it cannot be written, or that run is over; TraceFormatError where it cannot be read.
    """
    with open(recorded, "rb") as file:
        data = file.read()
    raw = read_rest(recorded, data, _origin_ns(recorded, data))
    if not is_live(trace, run_ns):
        raise OSError(f"the run recorded in {trace!r} is over")
    folder = trace + FOLDER_SUFFIX
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{origin.pid}-{origin.clock.here_ns(raw.origin_ns)}{SUFFIX}")
    about = {"name": origin.name, "host": origin.host, "pid": origin.pid, "clock": origin.clock.readings}
    raw.meta |= {"run": run_ns, "remote": about}
    with open(path, "xb"):
        pass
    write_rest(path, raw)


def _origin_ns(path: str, data: bytes) -> int:
    magic, version, layout, _, origin_ns = HEADER.unpack_from(data.ljust(HEADER.size, b"\0"))
    if (magic, version, layout) != (MAGIC, VERSION, AT_REST):
        raise TraceFormatError(path, "it is no trace at rest; record the program again")
    return int(origin_ns)


def read_remote(path: str, data: bytes, run_ns: int, number: int) -> RawTrace:
    """The part in `data`, with times since `run_ns` here, and a notice on its clock; `number` tells it from others.

    TraceFormatError where it is no such part.
    """
    origin_ns = _origin_ns(path, data)
    raw = read_rest(path, data, origin_ns)
    origin = _origin_from(path, raw.meta.get("remote"))
    for stream in raw.streams.values():
        stream.events = _moved(stream.events, origin.clock, origin_ns, run_ns)
        _renumber_threads(stream.events, number)
    begun_ns = _since(run_ns, origin.clock.here_ns(origin_ns))
    own = {next_stream(raw.streams): _introduction(origin, raw.meta, begun_ns)}
    raw.streams = own | raw.streams
    raw.notices.append(_sentence(origin))
    return raw


def _moved(events: bytearray, clock: Clock, origin_ns: int, run_ns: int) -> bytearray:
    words = array("Q")
    words.frombytes(bytes(events))
    words[::3] = array(
        "Q",
        [
            time_ns if time_ns > LATEST_NS else _since(run_ns, clock.here_ns(origin_ns + time_ns))
            for time_ns in words[::3]
        ],
    )
    return bytearray(words.tobytes())


def _since(run_ns: int, time_ns: int) -> int:
    return min(max(time_ns - run_ns, 0), LATEST_NS)


def _renumber_threads(events: bytearray, number: int) -> None:
    """Keep the system's numbers of its threads from being taken for those of another machine's."""
    for index, event in enumerate(EVENT.iter_unpack(bytes(events))):
        time_ns, a, b, c, source, detail, kind = event
        if kind == EventKind.THREAD_IS:
            a = _foreign(a, number)
        elif kind == EventKind.THREAD_WRITES and detail == THREAD_ITSELF:
            b = _foreign(b, number)
        elif kind == EventKind.COLLECTED:
            c = _foreign(c, number)
        else:
            continue
        EVENT.pack_into(events, index * EVENT.size, time_ns, a, b, c, source, detail, kind)


def _foreign(native: int, number: int) -> int:
    return native and (native + number * _FOREIGN_NATIVES) & U32_MAX


def _introduction(origin: Origin, meta: dict[str, Any], begun_ns: int) -> RawStream:
    """What a child process says of itself at the beginning of its part."""
    argv = meta.get("argv")
    command = " ".join(word for word in argv if isinstance(word, str)) if isinstance(argv, list) else ""
    texts = [command.encode(errors="surrogatepass"), f"{origin.name} on {origin.host}".encode()]
    definitions = bytearray()
    for number, text in enumerate(texts, 1):
        definitions += DEFINITION.pack(number, len(text), DefinitionKind.STRING) + text
    pid = origin.pid
    begun = EVENT.pack(begun_ns, pid, 0, 1, 0, ProcessBegin.EXECUTED, EventKind.PROCESS_BEGUN)
    named = EVENT.pack(begun_ns, pid, 0, 2, 0, 0, EventKind.PROCESS_NAMED)
    return RawStream(bytearray(begun + named), definitions)


def _sentence(origin: Origin) -> str:
    clock = origin.clock
    drift_ns = clock.drift_ns
    drift = f"; a drift of {drift_ns / 1e6:+.3f} ms is corrected" if abs(drift_ns) > clock.within_ns else ""
    return (
        f"the clocks of worker {origin.name} on {origin.host} and of the program agree "
        f"to {clock.within_ns / 1e6:.2g} ms{drift}"
    )


def _origin_from(path: str, about: object) -> Origin:
    if isinstance(about, dict):
        name, host, pid = (about.get(key) for key in ("name", "host", "pid"))
        readings = _readings_from(about.get("clock"))
        if isinstance(name, str) and isinstance(host, str) and _is_number(pid, U32_MAX) and readings:
            return Origin(name[:200], host[:200], int(str(pid)), Clock(tuple(readings)))
    raise TraceFormatError(path, "it does not say by which clock it was recorded; record the program again")


def _readings_from(stored: object) -> Sequence[Reading]:
    if not isinstance(stored, list):
        return []
    readings = []
    for each in stored:
        if not (isinstance(each, list) and len(each) == 3 and all(_is_number(one, 1 << 63) for one in each)):
            return []
        readings.append(Reading(*each))
    return sorted(readings)


def _is_number(value: object, most: int) -> bool:
    return isinstance(value, int) and abs(value) <= most
