"""A recording of steps shows itself: printed by rich, and as the result of a notebook's cell."""

from __future__ import annotations

import io
import linecache
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from coroscope.stepper.columns import Columns
from coroscope.stepper.recording import Recording
from coroscope.stepper.running import step
from coroscope.views import displayed

HOSTILE = "\"></iframe></pre><img src=x onerror='top.broken=1'>\x1b[2J\u202e[red]"


def _square(number: int) -> int:
    return number * number


def _squares() -> int:
    total = 0
    for number in range(9):
        total += _square(number)
    print(HOSTILE, total)
    return total


def _html(recording: Recording) -> str:
    return recording._repr_html_()


def _printed(recording: Recording, width: int, encoding: str = "utf-8", *, colored: bool = False) -> str:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding, write_through=True)
    Console(file=stream, width=width, force_terminal=colored, highlight=False).print(recording)
    return written.getvalue().decode(encoding)


@contextmanager
def _opened(browser: WebDriver, folder: Path, shown: str) -> Iterator[WebDriver]:
    """What a notebook makes of a cell's result: a part of its own page."""
    path = folder / "notebook.html"
    path.write_text(f"<!doctype html><title>notebook</title><body>{shown}</body>", encoding="utf-8")
    browser.get(path.as_uri())
    try:
        yield browser
    finally:
        browser.switch_to.default_content()


def test_it_is_one_line_as_text() -> None:
    recording = step(_square, 3)
    assert repr(recording) == f"<Recording of {len(recording)} steps in 1 frame>"


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_rich_prints_the_first_steps_and_how_to_see_more(width: int) -> None:
    recording = step(_squares)
    text = _printed(recording, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert f"{len(recording)} instructions in 10 frames" in " ".join(text.split())
    assert "for number in range(9):" in text
    assert f"{len(recording) - displayed.ROWS} more were recorded" in " ".join(text.split())
    assert "write_steps(recording,path)" in "".join(text.split())


def test_rich_prints_to_a_console_without_unicode_and_nothing_acts_on_a_terminal() -> None:
    recording = step(_squares)
    assert "-> " in _printed(recording, 80, "ascii")
    colored = _printed(recording, 200, colored=True)
    assert "\x1b[2J" not in colored
    assert "\u202e" not in colored


def test_a_recording_without_steps_shows_that() -> None:
    recording = Recording(Columns())
    assert "No instruction was recorded" in _printed(recording, 80)
    assert "No instruction was recorded" in _html(recording)


def test_nothing_that_shows_it_is_loaded_before_it_is_shown() -> None:
    program = """
        import sys
        import coroscope

        def square(x):
            return x * x

        recording = coroscope.step(square, 3)
        assert "rich" not in sys.modules
        assert "coroscope.views" not in sys.modules
        assert "<iframe" in recording._repr_html_()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=100)


def test_no_code_of_what_was_recorded_runs() -> None:
    ran: list[str] = []

    class Hostile:
        def __repr__(self) -> str:
            ran.append("repr")
            return "hostile"

        def __format__(self, _: str) -> str:
            ran.append("format")
            return "hostile"

    def give() -> Any:
        return Hostile()

    recording = step(give)
    assert isinstance(recording.result, Hostile)
    assert repr(recording) + _printed(recording, 80) + _html(recording)
    assert ran == []


def test_what_was_typed_into_a_cell_has_its_source() -> None:
    source = "def double(x):\n    return x + x\n"
    name = "<cell 7>"
    names: dict[str, Any] = {}
    exec(compile(source, name, "exec"), names)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        recording = step(names["double"], 4)
    finally:
        del linecache.cache[name]
    assert recording.sources == {name: source}
    assert "return x + x" in _printed(recording, 80)


@pytest.mark.chromium
def test_in_a_notebook_it_is_the_page_and_can_be_stepped_through(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(_squares)
    with _opened(browser, tmp_path, _html(recording)):
        browser.get_log("browser")  # type: ignore[no-untyped-call]
        frame = browser.find_element(By.TAG_NAME, "iframe")
        assert frame.size["height"] > 600
        browser.switch_to.frame(frame)
        WebDriverWait(browser, 30).until(
            lambda _: browser.execute_script("return document.documentElement.dataset.state")
        )
        assert browser.find_element(By.ID, "opcode").text == "RESUME"
        assert "_squares" in browser.find_element(By.ID, "command").text
        for _ in range(3):
            browser.find_element(By.ID, "forward").click()
        shown = recording.at(3).instruction.base
        assert browser.find_element(By.ID, "opcode").text == shown
        browser.find_element(By.ID, "theme").click()
        reach = "try { return String(parent.document.title) } catch (error) { return error.name }"
        assert browser.execute_script(reach) == "SecurityError"
        browser.switch_to.default_content()
        assert browser.execute_script("return window.broken") is None
        assert browser.find_elements(By.TAG_NAME, "img") == []
        assert list(browser.get_log("browser")) == []  # type: ignore[no-untyped-call]


@pytest.mark.chromium
def test_too_large_for_a_notebook_it_is_the_first_steps(
    browser: WebDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(displayed, "LARGEST_PAGE_BYTES", 10_000)
    monkeypatch.setattr(displayed, "ROWS", 200)
    with _opened(browser, tmp_path, _html(step(_squares))):
        text = browser.find_element(By.TAG_NAME, "pre").text
        assert "for number in range(9):" in text
        assert "</iframe></pre><img" in text
        assert browser.execute_script("return window.broken") is None
        assert browser.find_elements(By.CSS_SELECTOR, "img, iframe") == []


def test_ipython_takes_the_page_and_the_one_line() -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    recording = step(_square, 3)
    shown, _ = formatters.DisplayFormatter().format(recording)
    assert shown["text/html"] == _html(recording)
    assert shown["text/plain"] == repr(recording)


def test_a_notebook_that_is_run_and_converted_has_the_page_and_the_cells_source() -> None:
    pytest.importorskip("ipykernel")
    nbconvert: Any = pytest.importorskip("nbconvert")
    preprocessors: Any = pytest.importorskip("nbconvert.preprocessors")
    nbformat: Any = pytest.importorskip("nbformat")
    source = "import coroscope\ndef double(x):\n    return x + x\ncoroscope.step(double, 4)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    preprocessors.ExecutePreprocessor(timeout=100, kernel_name="python3").preprocess(notebook)
    [output] = notebook.cells[0].outputs
    assert output.data["text/plain"].startswith("<Recording of ")
    assert "<iframe" in output.data["text/html"]
    converted, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    assert 'sandbox="allow-scripts"' in converted
