"""Places in the program's code as they are written in the terminal."""

from __future__ import annotations

import os

from rich.cells import cell_len

from coroscope.trace.model import Frame
from coroscope.views.terminal.sheet import Sheet


def file_and_line(place: Frame) -> str:
    """The file, from here where it lies below here, and the line; not yet inert."""
    here = os.path.join(os.getcwd(), "")
    return place.file.removeprefix(here) + ("" if place.line is None else f":{place.line}")


def place_in(sheet: Sheet, place: Frame, width: int) -> str:
    """The file and line, and where there is room for it the function."""
    where = sheet.inert(file_and_line(place))
    function = own_name(sheet, place.function)
    if cell_len(where) + 4 + cell_len(function) <= width:
        return f"{where} in {function}"
    return sheet.cut(where, max(width, 8), keep_end=True)


def own_name(sheet: Sheet, qualified: str) -> str:
    """A function's name without where a local one was defined: that tells less, and fills the line."""
    return sheet.inert(qualified.rpartition("<locals>.")[2])
