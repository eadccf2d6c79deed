"""What the tasks of one kind have in common: what they run, and the places in the program that create them.

A code object is known here by its id(), and kept, so that its id() is never another's.
"""

from __future__ import annotations

import sys
import types
from types import FrameType
from typing import Any

from coroscope.record.chains import WALKED_AT_ONCE
from coroscope.record.recorder import OWN_PATH, place_number
from coroscope.record.stream import Stream
from coroscope.record.subjects import describe


class Root:
    """One kind of task, by what it runs."""

    __slots__ = ("_sites", "code", "file", "line", "qualname", "to_walk")

    def __init__(self, qualname: str, file: str, line: int, code: types.CodeType | None) -> None:
        self.qualname, self.file, self.line, self.code = qualname, file, line, code
        self.to_walk = WALKED_AT_ONCE
        """So many of its waits are still to be walked as they begin."""
        self._sites: dict[tuple[int, int, int], tuple[int, types.CodeType]] = {}

    def site(self, stream: Stream, creator: FrameType | None) -> int:
        """The definition of such tasks that the code in `creator` asks for where it is now."""
        if creator is None:
            return stream.site(self.qualname, self.file, self.line, 0)
        code, offset = creator.f_code, creator.f_lasti
        key = (id(stream), id(code), offset)
        known = self._sites.get(key)
        if known is not None:
            return known[0]
        place = place_number(stream, (code, offset, creator.f_lineno or 0))
        site = stream.site(self.qualname, self.file, self.line, place)
        if site:  # It is 0 where it interrupts another definition.
            self._sites[key] = site, code
        return site


class Roots:
    """Every kind of task of one loop."""

    __slots__ = ("_codes", "_renamed", "_roots")

    def __init__(self) -> None:
        self._roots: dict[int, Root] = {}
        """By the id() of their code, where an entry stays: compiled code remembers them."""
        self._renamed: dict[int, Root] = {}
        """Of code that has had another name before: the last one."""
        self._codes: dict[int, tuple[bool, types.CodeType]] = {}
        """Whether code is the user's, as far as was asked."""

    def of(self, subject: Any) -> Root:
        """The kind of those that run `subject`."""
        if type(subject) is types.CoroutineType:
            root = self._roots.get(id(subject.cr_code))
            if root is not None:
                return root
        qualname, file, line, code = describe(subject)
        if code is None:
            root = Root(qualname, file, line, None)
            root.to_walk = 0
            return root
        first = self._roots.get(id(code))
        roots = self._roots if first is None or first.qualname == qualname else self._renamed
        root = roots.get(id(code))
        if root is None or root.qualname != qualname:
            root = roots[id(code)] = Root(qualname, file, line, code)
        return root

    def learn(self, code: types.CodeType) -> tuple[bool, types.CodeType]:
        """Whether `code` is the user's, which is known from now on."""
        file = code.co_filename
        is_users = not file.startswith(OWN_PATH) and "asyncio" not in file.rsplit("/", 2)[-2:-1]
        # CPython 3.13+ has a frame between a class that is called and its `__init__`, which no frame object tells of.
        is_users = is_users and (file, code.co_name) != ("__init__", "__init__")
        known = self._codes[id(code)] = is_users, code
        return known

    def user_frame(self, depth: int) -> FrameType | None:
        """The innermost frame, from `depth` callers above on, that is neither ours nor asyncio's."""
        frame: FrameType | None = sys._getframe(depth + 1)
        while frame is not None:
            code = frame.f_code
            known = self._codes.get(id(code))
            if known is None:
                known = self.learn(code)
            if known[0]:
                return frame
            frame = frame.f_back
        return None
