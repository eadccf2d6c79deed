"""What runs in a worker of a cluster that is being recorded: it records itself into a file of its own.

Rule: it is asked by handlers of its Dask server, which leave no word in its log.
Rule: a caller that is not heard of any more has gone: the recording is then ended, and removed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from contextlib import suppress
from typing import Any

from coroscope.loop.clock import now_ns
from coroscope.record import marks
from coroscope.recording import Recording

NOW, END, READ, REMOVE = "coroscope_now", "coroscope_end", "coroscope_read", "coroscope_remove"
_FORGOTTEN_S = 60.0
_current: _Recorded | None = None


def begin(dask_worker: Any) -> tuple[int, str, str]:
    """Begin to record this process: its number, its host, and "", or why it cannot be. Called in the worker's loop."""
    global _current
    who = os.getpid(), socket.gethostname()
    if _current is not None or marks.current_recorder() is not None:
        return *who, "it is being recorded already"
    try:
        _current = _Recorded(dask_worker)
    except Exception as error:
        return *who, str(error)
    return *who, ""


class _Recorded:
    """A recording of this process for a caller elsewhere, in the folder that Dask empties behind a killed worker."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._handlers = {NOW: self.now, END: self.end, READ: self.read, REMOVE: self.remove}
        self._folder = tempfile.mkdtemp(prefix="coroscope-", dir=server.local_directory)
        self._path = os.path.join(self._folder, "worker.coroscope")
        self._recording: Recording | None = Recording(self._path)
        try:
            self._recording.__enter__()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        server.handlers.update(self._handlers)
        self._loop = asyncio.get_running_loop()
        self._forgetting = self._loop.call_later(_FORGOTTEN_S, self.remove)

    def _is_heard(self) -> None:
        self._forgetting.cancel()
        self._forgetting = self._loop.call_later(_FORGOTTEN_S, self.remove)

    def now(self) -> int:
        """The clock that events are stamped by."""
        self._is_heard()
        return now_ns()

    def end(self) -> int:
        """End the recording: the size of its file, which is now at rest."""
        self._is_heard()
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.__exit__(None, None, None)
        return os.path.getsize(self._path)

    def read(self, at: int, count: int) -> bytes:
        """Some of the file."""
        self._is_heard()
        with open(self._path, "rb") as file:
            file.seek(at)
            return file.read(count)

    def remove(self) -> None:
        """Leave nothing of it behind."""
        global _current
        self._forgetting.cancel()
        with suppress(Exception):
            self.end()
        self._forgetting.cancel()
        for name in self._handlers:
            self._server.handlers.pop(name, None)
        shutil.rmtree(self._folder, ignore_errors=True)
        _current = None
