"""A file of Python source, compiled but not run."""

from __future__ import annotations

import io
import tokenize
import warnings
from dataclasses import dataclass
from types import CodeType

from coroscope.errors import UsageError
from coroscope.stepper.instructions import Instruction


@dataclass(frozen=True, slots=True)
class Source:
    """The text of a file, by lines, and the code of its module level."""

    file: str
    lines: tuple[str, ...]
    code: CodeType

    def line(self, number: int | None) -> str:
        """The text of a line, counted from 1; "" where there is none."""
        return self.lines[number - 1] if number is not None and 0 < number <= len(self.lines) else ""

    def fragment(self, instruction: Instruction) -> str:
        """The part of the source that became `instruction`, of several lines the first one's; "" if not known."""
        line, column, end_column = instruction.line, instruction.column, instruction.end_column
        if line is None or column is None or end_column is None:
            return ""
        # Columns count bytes of UTF-8, whatever the file's own encoding.
        encoded = self.line(line).encode("utf-8", "surrogatepass")
        end = end_column if instruction.end_line == line else len(encoded)
        return encoded[column:end].decode("utf-8", "replace")


def read_source(file: str) -> Source:
    """Read and compile `file`; nothing of it runs. Raises UsageError, in a sentence, where that is not possible."""
    try:
        with open(file, "rb") as opened:
            content = opened.read()
    except OSError as error:
        raise UsageError(f"cannot read {file!r} ({error.strerror}): give a file of Python source") from error
    if b"\0" in content:
        raise UsageError(f"cannot compile {file!r}: source code cannot contain null bytes")
    text = _decoded(file, content)
    return Source(file, tuple(text.split("\n")), _compiled(file, text))


def _decoded(file: str, content: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        text = content.decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        # `detect_encoding` tells of a first line that is not UTF-8, and of an encoding that there is not.
        where = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        problem = (
            f"it is not {error.encoding}{where}" if isinstance(error, UnicodeDecodeError) else error.args[0]
        )
        raise UsageError(f"cannot read {file!r} as Python source ({problem}): save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _compiled(file: str, text: str) -> CodeType:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code = compile(text, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        where = "" if error.lineno is None else f" (line {error.lineno})"
        raise UsageError(f"cannot compile {file!r}: {error.msg}{where}") from error
    except (ValueError, OverflowError) as error:
        raise UsageError(f"cannot compile {file!r}: {error}") from error
    except (MemoryError, RecursionError) as error:
        raise UsageError(f"cannot compile {file!r}: it is nested too deeply") from error
    return code
