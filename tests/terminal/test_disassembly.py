"""Code in the terminal: each line of source, and below it the instructions it became."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from coroscope.stepper import all_codes
from coroscope.stepper.source import read_source
from coroscope.views.terminal.disassembly import print_disassembly

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
PROGRAM = '''"""Squares."""


def counter(limit, step=1):
    n = 0
    while n < limit:
        sent = yield n
        n += sent or step


async def main(names):
    try:
        print(f"{names!r:>10}", [n for n in names if n], sep="é\\t")
    except ValueError as error:
        raise error from None
    return (await names)(lambda: names)


class Point:
    x = 1
'''
HOSTILE = 'def f():\n\treturn "[red]\u202e\x1b[2J", x\u2028\n'


def printed(
    folder: Path,
    source: str = PROGRAM,
    width: int = 80,
    *,
    explain: bool | None = None,
    encoding: str = "utf-8",
    color: bool = False,
) -> str:
    file = folder / "program.py"
    file.write_text(source, encoding="utf-8")
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="256" if color else None,
        highlight=False,
    )
    read = read_source(str(file))
    print_disassembly(read, all_codes(read.code), console, explain=explain)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [80, 120])
def test_a_program_reads_as_it_did(
    width: int, tmp_path: Path, check_golden: Callable[[str, str], None]
) -> None:
    check_golden(f"disassembly-{VERSION}-{width}.txt", printed(tmp_path, width=width))


def test_a_console_without_unicode_gets_ascii(tmp_path: Path) -> None:
    text = printed(tmp_path, encoding="ascii")
    assert text.isascii()
    assert "-> " in text
    assert "<- " in text


@pytest.mark.parametrize("width", [24, 40, 60, 80, 100, 110, 120, 200])
@pytest.mark.parametrize("explain", [None, True, False])
def test_no_line_is_longer_than_the_console_is_wide(width: int, explain: bool | None, tmp_path: Path) -> None:
    for line in printed(tmp_path, width=width, explain=explain).splitlines():
        assert cell_len(line) <= width


def test_sentences_stand_below_where_there_is_no_room_beside(tmp_path: Path) -> None:
    told = "Pop the top value into the local variable n."
    assert told not in printed(tmp_path)
    assert told in printed(tmp_path, explain=True)
    assert "--explain" in printed(tmp_path)
    assert "--explain" not in printed(tmp_path, explain=True)
    assert "what it does" in printed(tmp_path, width=120)
    assert "what it does" not in printed(tmp_path, width=120, explain=False)


def test_nothing_in_the_source_acts_on_the_terminal(tmp_path: Path) -> None:
    text = printed(tmp_path, HOSTILE.replace("\u2028", ""))
    assert not {"\x1b", "\u202e", "\t"} & set(text)
    assert r"[red]\u202e\x1b" in text


def test_colours_leave_the_text_as_it_is(tmp_path: Path) -> None:
    import re

    coloured = printed(tmp_path, color=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == printed(tmp_path)


def test_an_empty_file_has_a_module_level(tmp_path: Path) -> None:
    assert "RESUME" in printed(tmp_path, "")


def test_a_part_of_the_source_is_found_by_bytes_not_by_characters(tmp_path: Path) -> None:
    row = next(line for line in printed(tmp_path, 'a = "ééé" + b\n').splitlines() if "LOAD_NAME" in line)
    assert row.rstrip().endswith(" b")


@pytest.mark.parametrize("width", [40, 50, 60])
def test_what_is_cut_of_the_exception_table_is_marked(width: int, tmp_path: Path) -> None:
    source = "def f(x):\n    with x:\n        yield x\n"
    whole = [line.rstrip() for line in printed(tmp_path, source, width=120).splitlines() if "  keep" in line]
    cut = [line.rstrip() for line in printed(tmp_path, source, width=width).splitlines() if "  keep" in line]
    assert len(whole) == len(cut)
    assert any(line.endswith("…") for line in cut)
    for line, full in zip(cut, whole, strict=True):
        assert line == full or (line.endswith("…") and full.startswith(line[:-1]))
