"""The live trace file of a child process: a part of its run's trace, which joins it when the program has ended.

It is like any live trace file, in a folder beside the run's, and begins with the first event: a fork that has nothing
to tell leaves none, and a Python that has nothing to tell but its end has none open before that.
Rule: no part is begun once the run is over, which its trace's header tells.
"""

from __future__ import annotations

import _thread
import gc
import os
import sys
import time
from contextlib import suppress
from io import FileIO

# As they are: programs replace them to find what blocks their loop.
from os import getpid, getppid, mkdir

from coroscope.record import stream
from coroscope.record.events import EventKind, ProcessBegin
from coroscope.record.layout import HEADER, LIVE
from coroscope.record.stream import ChunkFile, Stream

FOLDER_SUFFIX = ".parts"
SUFFIX = ".part"
_OWN_PATH = os.path.dirname(os.path.dirname(__file__)) + os.sep


class PartFile(ChunkFile):
    """Where a child of the run that is recorded into `trace`, and began at `run_ns`, writes."""

    def __init__(self, trace: str, run_ns: int, how: ProcessBegin) -> None:
        self._trace = trace
        self._run_ns = run_ns
        self._how = how
        self._begun_ns = 0
        self._is_begun = False
        self._beginning = _thread.allocate_lock()
        self._streams: list[Stream] = []

    def start(self, origin_ns: int) -> None:
        self._begun_ns = origin_ns

    def open_stream(self) -> Stream:
        with self._beginning:
            if self._is_begun:
                return super().open_stream()
            was_enabled = gc.isenabled()
            gc.disable()  # What a collection makes our probes write would wait for us.
            try:
                self._begin()
            finally:
                if was_enabled:
                    gc.enable()
            self._is_begun = True
            first = super().open_stream()
        command = first.string(" ".join(_argv(self._how)))
        first.emit(EventKind.PROCESS_BEGUN, self._begun_ns, getpid(), getppid(), command, int(self._how))
        return first

    @property
    def is_growing(self) -> bool:
        return self._beginning.locked() or (self._is_begun and super().is_growing)

    def _begin(self) -> None:
        if not is_live(self._trace, self._run_ns):
            raise OSError(f"the run recorded in {self._trace!r} is over")
        folder = self._trace + FOLDER_SUFFIX
        with suppress(FileExistsError):
            mkdir(folder)
        path = os.path.join(folder, f"{getpid()}-{self._begun_ns}{SUFFIX}")
        stream.create_from_text(path, _meta(self._run_ns, _argv(self._how)))
        super().__init__(path)
        super().start(self._begun_ns)


def is_live(trace: str, run_ns: int) -> bool:
    """Whether the run that began at `run_ns` is still recorded into `trace`; OSError where there is no such file."""
    with FileIO(trace) as file:
        header = file.read(HEADER.size)
    _, _, layout, _, origin_ns = HEADER.unpack(header)
    return bool(layout == LIVE and origin_ns == run_ns)


def _argv(how: ProcessBegin) -> list[str]:
    # While `site` is imported, `sys.argv` is not yet what the program will see; later it is the program's to change.
    argv = sys.argv if how is ProcessBegin.FORKED else sys.orig_argv[1:]
    return [text for text in argv if type(text) is str] if type(argv) is list else []


def _meta(run_ns: int, argv: list[str]) -> str:
    members = {
        "run": str(run_ns),
        "python": _quoted(".".join(map(str, sys.version_info[:3]))),
        "argv": f"[{', '.join(map(_quoted, argv))}]",
        "started_at": repr(time.time()),
        "library_paths": f"[{_quoted(os.path.dirname(os.__file__))}]",
        "own_path": _quoted(_OWN_PATH),
    }
    return f"{{{', '.join(f'{_quoted(name)}: {value}' for name, value in members.items())}}}"


def _quoted(text: str) -> str:
    """As JSON has it; the module of that name would be one that the program has not imported."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    code = ord(character)
    if 32 <= code < 127:
        return character
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
