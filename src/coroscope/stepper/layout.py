"""Where CPython keeps a frame's locals, cells and value stack, in each version that is known.

The offsets are of `_PyInterpreterFrame` (Include/internal/pycore_frame.h, from 3.14 on pycore_interpframe_structs.h)
in a release build with 8-byte pointers. Nothing is read by way of them in a build that `why_unreadable` objects to.
"""

from __future__ import annotations

import struct
import sys
import sysconfig
from dataclasses import dataclass
from types import FrameType

WORD = 8
INTERPRETER_FRAME_AT = 24
"""From where a frame object begins to the pointer to its interpreter frame (3.11 to 3.15)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """An interpreter frame, in words of 8 bytes from where it begins."""

    frame_size: int
    """`FrameType.__basicsize__`: another one means another build than the offsets are of."""
    head: str
    """For `struct`: what is before the first local; in the order that the numbers below count in."""
    code: int
    frame_object: int
    module_names: int
    own_names: int
    stack_top: int
    """Its number in what `head` unpacks: on 3.11 to 3.13 how many slots are in use, later a pointer."""
    first_slot: int
    """In words from where the interpreter frame begins."""
    owner_at: int
    """In bytes: the byte that is 1 in a generator's frame."""
    is_tagged: bool
    """The two low bits of a word are no part of its address."""
    tells_depth: bool
    """At an instruction, the frame knows where its stack ends."""

    @property
    def address_mask(self) -> int:
        """What of a word is an address."""
        return ~3 if self.is_tagged else ~0


_TO_3_11 = Layout(120, "8xQ8xQQQ16xi4x", 2, 3, 0, 1, 4, 9, 69, False, True)
_TO_3_12 = Layout(120, "Q16xQ8xQQ8xi4x", 0, 3, 1, 2, 4, 9, 70, False, False)
_TO_3_13 = Layout(136, "Q16xQ8xQQ8xi4x", 0, 3, 1, 2, 4, 9, 70, False, False)
_TO_3_15 = Layout(152, "Q16xQ8xQQ8xQ8x", 0, 3, 1, 2, 4, 10, 74, True, True)
LAYOUTS = {(3, 11): _TO_3_11, (3, 12): _TO_3_12, (3, 13): _TO_3_13, (3, 14): _TO_3_15, (3, 15): _TO_3_15}
HEAD_SIZE = 5
"""How many numbers `head` unpacks."""


def why_unreadable() -> str | None:
    """Say in a sentence why this interpreter's frames must not be read, or None if they may be."""
    name = sys.implementation.name
    version = ".".join(map(str, sys.version_info[:3]))
    layout = LAYOUTS.get(sys.version_info[:2])
    if name != "cpython":
        return f"the value stack can be read in CPython only, and this is {name}"
    if layout is None:
        return f"how CPython {version} keeps its value stack is not known: 3.11 to 3.15 are"
    if sys.version_info.releaselevel != "final":
        return f"how a pre-release of CPython {version} keeps its value stack is not known"
    if struct.calcsize("P") != WORD or sys.byteorder != "little":
        return "the value stack can be read on little-endian machines of 64 bits only"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "the value stack cannot be read in a free-threaded build"
    if hasattr(sys, "gettotalrefcount") or sysconfig.get_config_var("Py_DEBUG"):
        return "the value stack cannot be read in a debug build"
    if hasattr(sys, "getobjects"):
        return "the value stack cannot be read in a build that traces references"
    if FrameType.__basicsize__ != layout.frame_size:
        return (
            f"a frame of this CPython {version} has {FrameType.__basicsize__} bytes, not {layout.frame_size}: "
            "it keeps its value stack in a way that is not known"
        )
    return None


def layout_here() -> Layout | None:
    """The layout of the frames of this interpreter; None where there is a reason in `why_unreadable`."""
    return LAYOUTS[sys.version_info[:2]] if why_unreadable() is None else None
