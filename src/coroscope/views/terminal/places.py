"""Places in the program's code as they are written in the terminal."""

from __future__ import annotations

import os
from contextlib import suppress

from rich.cells import cell_len

from coroscope.trace.model import Frame
from coroscope.views.terminal.sheet import Sheet


def file_and_line(place: Frame) -> str:
    """The file, from here where it lies below here, and the line; not yet inert."""
    file = place.file
    with suppress(FileNotFoundError):  # here can have been deleted
        file = file.removeprefix(os.path.join(os.getcwd(), ""))
    return file if place.line is None else f"{file}:{place.line}"


def place_in(sheet: Sheet, place: Frame, width: int) -> str:
    """The file and line, and where there is room for it the function."""
    whole = whole_place(sheet, place)
    if cell_len(whole) <= width:
        return whole
    return sheet.cut(sheet.inert(file_and_line(place)), max(width, 8), keep_end=True)


def whole_place(sheet: Sheet, place: Frame) -> str:
    """The file, the line and the function, however long."""
    return f"{sheet.inert(file_and_line(place))} in {own_name(sheet, place.function)}"


def own_name(sheet: Sheet, qualified: str) -> str:
    """A function's name without where a local one was defined: that tells less, and fills the line."""
    return sheet.inert(qualified.rpartition("<locals>.")[2])
