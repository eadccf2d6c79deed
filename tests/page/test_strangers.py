"""Names, messages and files of a trace come from strangers; none of them may act on the page."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Ending, Frame, Trace
from coroscope.views.page.excerpts import read_excerpts
from coroscope.views.page.plain_text import make_source_visible, make_visible
from tests.page.conftest import Open
from tests.trace_builder import MS, TraceBuilder

HOSTILE = (
    "</script><script>window.broken = 1</script>",
    "<img src=x onerror='window.broken = 1'>",
    "{{script}}{{data}}",
    "</title><script>window.broken = 1</script>",
    "a\u202eb\x1b[31mc\x00d",
)


def _hostile_trace() -> Trace:
    builder = TraceBuilder(argv=HOSTILE, ended=Ending(1, None, HOSTILE[1], complete=True), notices=HOSTILE)
    for text in HOSTILE:
        task = builder.task(text, "running 1, waiting 50", name=text, file=text, exception=text)
        task.waits[0].on = text
        task.waits[0].chain = (Frame(text, text, 3, is_user=True),)
    return builder.build()


@pytest.mark.chromium
def test_hostile_texts_stay_text(open_page: Open) -> None:
    page = open_page(_hostile_trace())
    for row, text in enumerate(HOSTILE[:4]):
        page.click_bar(row, 25 * MS)
        assert page.element("#panel h2").text == text
        page.hover_bar(row, 26 * MS)
        assert text in page.element("#tooltip").text
    assert page.run("return window.broken") is None
    assert page.console() == []
    assert page.elements("img") == []
    assert page.run("return document.title").startswith("'</script>")


@pytest.mark.chromium
def test_hostile_texts_of_a_finding_stay_text(open_page: Open) -> None:
    findings = [
        Finding(text, text, text, Frame(text, text, 3, is_user=True), 1, MS, 9 * MS, MS, None)
        for text in HOSTILE
    ]
    page = open_page(_hostile_trace(), findings=findings)
    assert all(text in page.panel for text in (*HOSTILE[:4], "a⟨U+202E⟩b␛[31mc␀d"))
    for text in HOSTILE[:4]:
        page.press(".")
        assert page.element(".finding h2").text == text
    assert page.run("return window.broken") is None
    assert page.console() == []
    assert page.elements("img") == []


@pytest.mark.chromium
def test_controls_and_bidi_marks_are_shown_as_marks(open_page: Open) -> None:
    page = open_page(_hostile_trace())
    page.click_bar(4, None)
    assert page.element("#panel h2").text == "a⟨U+202E⟩b␛[31mc␀d"


@pytest.mark.parametrize("code", [0x85, 0x7F, 0xAD, 0x200B, 0x2028, 0x2066, 0xFEFF, 0xD800, 0xE0041, 0x8E2])
def test_invisible_characters_become_visible(code: int) -> None:
    shown = make_visible(f"a{chr(code)}b")
    assert shown.isprintable()
    assert len(shown) > 2


def test_ordinary_text_is_left_as_it_is() -> None:
    text = "fetch “größe” 日本語 🎉 <b>"
    assert make_visible(text) == text


def test_tabs_of_source_lines_become_columns() -> None:
    assert make_source_visible("\tif x:\r\n") == "        if x:"


def test_long_text_is_cut_with_an_ellipsis() -> None:
    assert make_visible("x" * 600) == "x" * 499 + "…"


def test_only_python_source_is_quoted(tmp_path: Path) -> None:
    secret, source = tmp_path / "id_rsa", tmp_path / "app.py"
    secret.write_text("a secret\n")
    source.write_text("pass\n")
    places = [Frame("f", str(file), 1, is_user=True) for file in (secret, source)]
    assert set(read_excerpts(places, recorded_until=2e9)) == {str(source)}


@pytest.mark.parametrize("file", ["/no/such/file.py", "<string>", "a\x00b.py", "/"])
def test_file_that_cannot_be_read_is_left_out(file: str) -> None:
    assert read_excerpts([Frame("f", file, 1, is_user=True)], recorded_until=2e9) == {}


def test_pipe_that_is_named_like_source_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")  # reading it would wait for ever
    assert read_excerpts([Frame("f", str(tmp_path / "pipe.py"), 1, is_user=True)], recorded_until=2e9) == {}


def test_lines_around_the_users_line_are_quoted_and_of_a_library_only_its_own(tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("".join(f"line {n}\n" for n in range(1, 40)))
    places = [Frame("f", str(source), 10, is_user=True), Frame("g", str(source), 30, is_user=False)]
    assert list(read_excerpts(places, recorded_until=2e9)[str(source)].lines) == [7, 8, 9, 10, 11, 12, 13, 30]


def test_file_that_changed_since_the_recording_is_marked(tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("pass\n")
    place = Frame("f", str(source), 1, is_user=True)
    written_at = source.stat().st_mtime
    assert read_excerpts([place], written_at - 1)[str(source)].is_newer
    assert not read_excerpts([place], written_at + 1)[str(source)].is_newer
