"""Where the interpreter's lock is in a process's memory, and where a thread's state has its number.

No table of versions: this process runs the same interpreter, so it looks into itself. The lock's struct
(`_gil_runtime_state`, Include/internal/pycore_gil.h, 3.11 to 3.15) begins with the switch interval in µs, the state of
the thread that holds the lock or held it last, and whether it is held. That is the state of one of this process's
threads, not always this one: reading gives the lock away. A state holds `thread_id`: on Linux the address at which the
C library keeps what it knows of the thread, the system's number of it included. (The state's `native_thread_id` is the
creating thread's in 3.11 and 3.12.) What is found lies as far from where its file is mapped as in any other process of
the same interpreter.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import get_ident, get_native_id, main_thread

LOCK = struct.Struct("=QQi")
"""Switch interval in µs, state of the last holder, 1 while the lock is held."""
LOCK_SIZE = 24 + 8 + 2 * (48 + 40)
"""With the number of switches, and two pairs of a condition and a mutex as glibc and musl have them at most."""
_CONDITION = 32
"""Where its condition begins, on which threads wait for it."""
_ID = struct.Struct("=Q")
_NATIVE_ID = struct.Struct("=I")
_STATE_SIZE = 512
_THREAD_SIZE = 2048
_LARGEST_MAPPING = 1 << 24
_MOST_LOOKS = 10


@dataclass(frozen=True, slots=True)
class LockLayout:
    """Where it is in every process of this interpreter."""

    file: tuple[str, str]
    """Device and inode of what is mapped: the interpreter or its library."""
    offset: int
    """From where that file is mapped."""
    id_offset: int
    """From where a thread's state begins to the address of the C library's knowledge of it."""
    native_id_offset: int
    """From there to the system's number."""

    def address_in(self, process: int) -> int | None:
        """Where the lock is in `process`; None while that has not mapped the file."""
        for mapping in _mappings(process):
            if mapping.file == self.file:
                return mapping.start + self.offset
        return None


@dataclass(frozen=True, slots=True)
class _Mapping:
    start: int
    end: int
    is_writable: bool
    file: tuple[str, str]


def find_lock() -> LockLayout | None:
    """The layout of this interpreter; None where it has no such lock, or not on this system."""
    is_free_threaded = hasattr(sys, "_is_gil_enabled") and not sys._is_gil_enabled()
    if sys.platform != "linux" or struct.calcsize("P") != 8 or is_free_threaded:
        return None
    memory = os.open("/proc/self/mem", os.O_RDONLY | os.O_CLOEXEC)
    try:
        native_id_offset = _native_id_offset(memory)
        if native_id_offset is None:
            return None
        looks = (_look_for_lock(memory, native_id_offset) for _ in range(_MOST_LOOKS))
        return next((layout for layout in looks if layout is not None), None)
    finally:
        os.close(memory)


def _look_for_lock(memory: int, native_id_offset: int) -> LockLayout | None:
    """One look, which finds nothing if the last holder ends meanwhile."""
    bases: dict[tuple[str, str], int] = {}
    idents = [_ID.pack(ident) for ident in sys._current_frames()]
    owner = ("", "")
    end = 0
    for mapping in _mappings(os.getpid()):
        # Behind a file's last mapping comes what it has of zeros, which is mapped without its name.
        is_behind = mapping.file == _NO_FILE and mapping.start == end
        owner = owner if is_behind else mapping.file
        end = mapping.end
        bases.setdefault(owner, mapping.start)
        if owner == _NO_FILE or not mapping.is_writable or mapping.end - mapping.start > _LARGEST_MAPPING:
            continue
        for address, id_offset in _locks_in(memory, mapping, idents):
            return LockLayout(owner, address - bases[owner], id_offset, native_id_offset)
    return None


_NO_FILE = ("00:00", "0")


def waiting_offsets() -> tuple[int, ...]:
    """Where, from the lock on, glibc counts who is in a wait for its two conditions, eight each; none for others.

    On the second one waits who has given the lock away, until somebody else has taken it: then it wants it again. The
    number is `__wrefs` of `pthread_cond_t` (sysdeps/nptl/bits/thread-shared-types.h); glibc 2.41 took a field before
    it away.
    """
    name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    major, _, minor = version.partition(".")
    if name != "glibc" or major != "2" or not minor.isdecimal() or int(minor) < 25:
        return ()
    first = _CONDITION + (36 if int(minor) < 41 else 28)
    mutex_size = 48 if os.uname().machine == "aarch64" else 40
    return first, first + 48 + mutex_size


def _mappings(process: int) -> Iterator[_Mapping]:
    with open(f"/proc/{process}/maps") as lines:
        for line in lines:
            addresses, permissions, _, device, inode, *_ = line.split(maxsplit=5)
            start, _, end = addresses.partition("-")
            yield _Mapping(int(start, 16), int(end, 16), permissions.startswith("rw"), (device, inode))


def _native_id_offset(memory: int) -> int | None:
    """Where the C library keeps the system's number of a thread; None where two threads differ in that."""
    places: list[set[int]] = []
    for ident, native_id in ((get_ident(), get_native_id()), (main_thread().ident, main_thread().native_id)):
        data = os.pread(memory, _THREAD_SIZE, ident or 0)
        numbers = range(0, len(data) - _NATIVE_ID.size + 1, _NATIVE_ID.size)
        places.append({at for at in numbers if _NATIVE_ID.unpack_from(data, at)[0] == native_id})
    return min(places[0] & places[1], default=None)


def _locks_in(memory: int, mapping: _Mapping, idents: list[bytes]) -> Iterator[tuple[int, int]]:
    """Addresses of what looks as the lock does now, each with where its holder's state has the holder's id."""
    try:
        data = os.pread(memory, mapping.end - mapping.start, mapping.start)
    except OSError:
        return
    interval = struct.pack("=Q", round(sys.getswitchinterval() * 1e6))
    position = data.find(interval)
    while 0 <= position <= len(data) - LOCK.size:
        _, holder, is_held = LOCK.unpack_from(data, position)
        if position % 8 == 0 and is_held in (0, 1) and 0 < holder < 1 << 63:
            with suppress(OSError):
                state = os.pread(memory, _STATE_SIZE, holder)
                places = [state.find(ident) for ident in idents]
                found = min((place for place in places if place >= 0), default=None)
                if found is not None:
                    yield mapping.start + position, found
        position = data.find(interval, position + 1)
