"""The console that fits a stream."""

import io

import pytest

from coroscope.views.terminal import open_console


@pytest.mark.parametrize(("columns", "width"), [(None, 80), ("132", 132), ("0", 80), ("wide", 80)])
def test_without_a_terminal_the_width_is_columns_or_80_and_there_is_no_colour(
    columns: str | None, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if columns is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", columns)
    console = open_console(io.StringIO())
    assert console.width == width
    assert console.color_system is None


def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    stream = _Terminal()
    open_console(stream).print("said", style="red")
    assert "31m" not in stream.getvalue()
    monkeypatch.delenv("NO_COLOR")
    open_console(stream).print("said", style="red")
    assert "31m" in stream.getvalue()


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
