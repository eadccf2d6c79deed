"""From a task's bar to its await and its instructions, and back: two views in one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from coroscope.stepper.recording import Recording, load
from tests.page.opened_page import OpenedPage
from tests.programs import coroscope, write_program

pytestmark = pytest.mark.chromium

_PROGRAM = """\
import asyncio

async def helper(number):
    await asyncio.sleep(0.001)
    return number * 2

async def work(times):
    total = 0
    for number in range(times):
        total += await helper(number)
    return total

async def main():
    one = asyncio.create_task(work(2), name="one")
    two = asyncio.create_task(work(3), name="two")
    print(await one, await two)

asyncio.run(main())
"""
_SPANS = """
const { spans } = coroscope.model;
const [row] = arguments;
const indices = [...Array(spans.first[row + 1] - spans.first[row]).keys()].map((i) => spans.first[row] + i);
return indices.map((i) => [spans.state[i], spans.start[i], spans.end(row, i)]);
"""
_READY, _RUNNING, _WAITING = range(3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page of a run, and its steps."""
    folder = tmp_path_factory.mktemp("stepped")
    write_program(folder, _PROGRAM)
    done = coroscope("run", "--step-task", "two", "--html", "page.html", "program.py", folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def _open(browser: WebDriver, run: Path, **how: Any) -> OpenedPage:
    return OpenedPage(browser, run / "page.html", **how)


def _steps(run: Path) -> Recording:
    return load(run / "program.coroscope.steps")


def _select(page: OpenedPage, state: int) -> tuple[float, float]:
    """Click the first span of the stepped task that is in `state` and not its first; when that was."""
    row = page.rows.index("two")
    spans = page.run(_SPANS, row)
    page.run("coroscope.view.zoomTo(...arguments)", row, spans[0][1], spans[-1][2])
    page.settle()
    _, start, end = next(span for span in spans if span[0] == state)
    page.click_bar(row, (start + end) / 2)
    assert page.selected_row == row
    return start, end


def _follow(page: OpenedPage, text: str) -> None:
    """Click a link of the panel, and wait for the other view."""
    link = next(link for link in page.elements("#panel a") if text in link.text)
    page.run("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    _await_view(page, "steps")


def _await_view(page: OpenedPage, name: str) -> None:
    script = "return [document.body.className, document.documentElement.dataset.state]"
    WebDriverWait(page.browser, 10).until(lambda _: page.run(script) == [name, "ready"])
    page.settle()


def test_a_running_bar_leads_to_its_instructions_and_these_back_to_it(browser: WebDriver, run: Path) -> None:
    page = _open(browser, run)
    start, end = _select(page, _RUNNING)
    row = page.selected_row
    _follow(page, "the first")
    recording = _steps(run)
    assert page.fragment == "step=0"
    assert page.element("#opcode").text == recording.at(0).instruction.base
    assert "two at " in page.element("#moment").text
    page.click("#moment")
    _await_view(page, "")
    assert page.selected_row == row
    assert page.element(".span-section h3").text.startswith("Running for")
    shown = page.run("return coroscope.view.selectedStretch")
    assert shown == [start, end]
    window = page.window
    assert window[0] < start < end < window[1]
    assert window[1] - window[0] < 3 * (end - start)
    assert page.console() == []
    assert [url for url in page.requests() if not url.startswith(("file:", "data:"))] == []


def test_a_wait_leads_to_the_await_of_its_innermost_frame_and_to_what_goes_on(
    browser: WebDriver, run: Path
) -> None:
    page = _open(browser, run)
    _select(page, _WAITING)
    _follow(page, "that it waits in")
    moment = _steps(run).at(page.run("return coroscope.view.step"))
    assert moment.frame.code.qualified_name == "helper"
    assert moment.instruction.base == "YIELD_VALUE"
    assert moment.line == 4
    browser.back()
    _await_view(page, "")
    assert "Waiting for" in page.panel
    _follow(page, "goes on with")
    moment = _steps(run).at(page.run("return coroscope.view.step"))
    assert moment.frame.code.qualified_name == "work"
    assert page.run("return coroscope.view.step") in _steps(run).columns.run_steps


def test_the_panel_lists_the_runs_of_a_task_that_were_stepped_and_none_of_others(
    browser: WebDriver, run: Path
) -> None:
    page = _open(browser, run)
    assert "Stepped through (1)" in page.panel
    page.click_text(f"{len(_steps(run)):,} instructions")
    assert page.selected_row == page.rows.index("two")
    page.click_bar(page.rows.index("one"), None)
    assert "stepped" not in page.panel
    page.click_bar(page.rows.index("two"), None)
    assert "Instructions (4 runs stepped)" in page.panel
    assert "await asyncio.sleep(0.001)" in page.panel
    recording = _steps(run)
    page.click_text(f"to {len(recording) - 1:,}")
    _await_view(page, "steps")
    assert page.run("return coroscope.view.step") > 0
    page.run("coroscope.view.goTo(coroscope.recording.count - 1)")
    assert "line 11" in page.element("#where").text


def test_every_step_leads_to_the_span_in_which_it_ran(browser: WebDriver, run: Path) -> None:
    page = _open(browser, run, fragment="step=0")
    count = len(_steps(run))
    hrefs = {}
    for step in range(0, count, 7):
        page.run("coroscope.view.goTo(arguments[0])", step)
        hrefs[step] = str(page.element("#moment").get_attribute("href")).partition("#")[2]
    page = _open(browser, run)
    spans = page.run(_SPANS, page.rows.index("two"))
    for href in hrefs.values():
        time_ns = float(href.partition("at=")[2].partition("&")[0])
        assert next(span[0] for span in spans if span[1] <= time_ns < span[2]) == _RUNNING


def test_the_chosen_look_stays_from_view_to_view(browser: WebDriver, run: Path) -> None:
    page = _open(browser, run, scheme="light")
    page.click("#theme")
    _select(page, _RUNNING)
    _follow(page, "the last")
    assert page.run("return document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("fragment", ["step=x", "step=", "step=1e9", "step=-1&task=2", "step=99999999"])
def test_nonsense_in_the_address_of_a_step_is_harmless(browser: WebDriver, run: Path, fragment: str) -> None:
    page = _open(browser, run, fragment=fragment)
    assert page.state == "ready"
    assert page.console() == []
    assert 0 <= page.run("return coroscope.view.step") < len(_steps(run))


@pytest.mark.parametrize("width", [320, 1280])
def test_the_steps_beside_a_timeline_fit_as_those_alone_do(browser: WebDriver, run: Path, width: int) -> None:
    page = _open(browser, run, fragment="step=20", width=width, height=800)
    assert page.run("return document.documentElement.scrollWidth") <= width


def test_a_page_without_steps_has_one_view(browser: WebDriver, run: Path) -> None:
    page_file = run / "plain.html"
    write = coroscope("run", "-o", "plain.coroscope", "--html", "plain.html", "program.py", folder=run)
    assert write.returncode == 0
    page = OpenedPage(browser, page_file, fragment="step=3")
    assert page.state == "ready"
    assert page.elements("#other-view") == []
    assert page.rows == ["Task-1", "one", "two"]
