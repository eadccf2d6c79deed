"""A command on a terminal of its own: what it writes is waited for, and keys are typed."""

from __future__ import annotations

import os
import pty
import subprocess
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


class Terminal:
    """The person's side of it."""

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self.written = ""
        """All that has come, escape sequences too."""

    def wait_for(self, text: str) -> None:
        """Read on until that has come; an AssertionError if it ends before."""
        while text not in self.written:
            assert self._read(), f"{text!r} has not come:\n{self.written}"

    def type(self, keys: str) -> None:
        """As if typed."""
        os.write(self._descriptor, keys.encode())

    def end(self) -> int:
        """Read on to the end; the exit code."""
        while self._read():
            pass
        return self._process.wait()

    def _read(self) -> bool:
        try:
            data = os.read(self._descriptor, 1 << 16)
        except OSError:  # EIO: nobody has the other side open any more.
            return False
        self.written += data.decode("utf-8", "replace")
        return bool(data)


@contextmanager
def on_terminal(command: Sequence[str], folder: Path, size: tuple[int, int] = (24, 80)) -> Iterator[Terminal]:
    """Run it in `folder` on a terminal of so many lines and columns."""
    own, other = pty.openpty()
    termios.tcsetwinsize(own, size)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COROSCOPE")}
    environment |= {"TERM": "xterm-256color"}
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)
        try:
            yield Terminal(process, own)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(own)
