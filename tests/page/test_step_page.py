"""A recording of steps as a page: it says at each step what the recording says, and it can be moved through."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.keys import Keys

from coroscope.errors import UsageError
from coroscope.stepper.columns import Columns
from coroscope.stepper.forms import read_forms
from coroscope.stepper.moment import Moment
from coroscope.stepper.recording import Recording, load
from coroscope.stepper.running import step
from coroscope.stepper.shown_values import Value
from coroscope.views.page import write_steps
from coroscope.views.page.steps import render_steps
from tests.page.contrast import unreadable
from tests.page.opened_page import OpenedPage
from tests.stepper.corpus import PROGRAMS, threads_at_once

_MOMENT = """
const told = (value) => [value.text, value.type, value.object || null];
const all = (values) => Object.fromEntries([...values].map(([name, value]) => [name, told(value)]));
return arguments[0].map((step) => {
  const moment = coroscope.recording.at(step);
  const lastStep = (number) => (number === moment.frameNumber ? step : undefined);
  const frames = moment.order.map(({ number, state }) => moment.frameAt(number, state, lastStep(number)));
  return {
    opcode: coroscope.recording.word(moment.code.opcode[moment.index]),
    line: moment.line,
    frames: frames.map((frame) => ({
      number: frame.number,
      isSuspended: frame.state === "suspended",
      line: frame.line,
      stack: frame.isKnown ? frame.stack.map(told) : null,
      locals: all(frame.locals),
      cells: all(frame.cells),
    })),
    output: moment.output(1e9).pieces.map((piece) => piece.text).join(""),
  };
});
"""
_HELD = """
const [step] = arguments;
const moment = coroscope.recording.at(step);
const textOf = (value) => coroscope.recording.value(value, step).text;
const { shown } = moment.heap(moment.order.map(({ number, state }) => moment.frameAt(number, state)), 1e9);
return shown.map(({ number, contents }) => [number, [...contents].map(textOf)]);
"""
_PLAYED = """
const done = arguments[0];
const look = () => (coroscope.controls.player.isPlaying ? setTimeout(look, 20) : done());
look();
"""
HOSTILE = "</script><img src=x onerror='window.broken=1'>{{script}}\x1b[2J\u202e\ud800"


def _counting(limit: int) -> Iterator[int]:
    number = 0
    while number < limit:
        yield number
        number += 1


def _square(number: int) -> int:
    return number * number


def counted() -> int:
    numbers = _counting(3)
    total = _square(next(numbers))
    print("ä so far", total)
    return total + sum(numbers)


def _long_line() -> int:
    return _square(1) + _square(2) + _square(3) + _square(4) + _square(5) + _square(6) + _square(7)


def caught() -> None:
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        return


async def _ticking(name: str, times: int) -> str:
    for _ in range(times):
        await asyncio.sleep(0)
    return name


async def interleaved() -> list[str]:
    return list(await asyncio.gather(_ticking("a", 2), _ticking("b", 3)))


def _open(browser: WebDriver, tmp_path: Path, recording: Recording, **how: Any) -> OpenedPage:
    path = tmp_path / "steps.html"
    write_steps(recording, path)
    return OpenedPage(browser, path, **how)


def _value(value: Value) -> list[Any]:
    return [value.text, value.type, value.object]


def _expected(moment: Moment) -> dict[str, Any]:
    return {
        "opcode": moment.instruction.base,
        "line": moment.line,
        "frames": [
            {
                "number": frame.number,
                "isSuspended": frame.state == "suspended",
                "line": frame.line,
                "stack": None if frame.stack is None else list(map(_value, frame.stack)),
                "locals": {name: _value(value) for name, value in frame.locals.items()},
                "cells": {name: _value(value) for name, value in frame.cells.items()},
            }
            for frame in moment.frames
        ],
        "output": moment.output,
    }


def _shown(page: OpenedPage) -> int:
    return int(page.run("return coroscope.view.step"))


@pytest.mark.chromium
@pytest.mark.parametrize("name", [*PROGRAMS, "interleaved"])
def test_page_knows_of_random_steps_what_the_recording_knows(
    browser: WebDriver, tmp_path: Path, name: str
) -> None:
    recording = step(PROGRAMS.get(name, interleaved))
    page = _open(browser, tmp_path, recording)
    count = len(recording)
    numbers = [0, count - 1, *random.Random(8).sample(range(count), min(count, 60))]
    assert page.state == "ready"
    for number, told in zip(numbers, page.run(_MOMENT, numbers), strict=True):
        assert told == _expected(recording.at(number)), number
    assert page.console() == []


@pytest.mark.chromium
def test_objects_hold_what_the_recording_says(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(PROGRAMS["classes"])
    page = _open(browser, tmp_path, recording)
    for number in range(0, len(recording), 17):
        moment = recording.at(number)
        held = moment.heap
        for object_number, texts in page.run(_HELD, number):
            assert texts == [moment.value(raw).text for raw in moment._contents[object_number]]
            assert object_number in held


@pytest.mark.chromium
def test_what_is_drawn_is_what_is_known(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(counted)
    number = next(
        each.number
        for each in recording.steps
        if each.instruction.base == "BINARY_OP" and recording.codes[each.code].qualified_name == "_square"
    )
    page = _open(browser, tmp_path, recording, fragment=f"step={number}")
    assert [box.text for box in page.elements("#stack .box .text")] == ["0", "0"]
    assert page.element("#locals").text.split() == ["number", "0"]
    assert page.element("#source mark").text == "number * number"
    assert page.element("#instructions .current code").text == "BINARY_OP"
    assert page.element("#sentence").text != ""
    names = [frame.text for frame in page.elements("#frames h3 code")]
    assert names == ["_square", "counted", "_counting"]
    assert page.element(".is-suspended .text").text == "3"


@pytest.mark.chromium
def test_the_depth_after_a_jump_is_the_one_it_has_there(browser: WebDriver, tmp_path: Path) -> None:
    def loop() -> None:
        for _ in "a":
            pass

    recording = step(loop)
    first, last = (each.number for each in recording.steps if each.instruction.base == "FOR_ITER")
    page = _open(browser, tmp_path, recording)
    depths = [page.run("coroscope.view.show(arguments[0]); return document.getElementById('effect').textContent", at)
              for at in (first, last)]  # fmt: skip
    more = int(sys.version_info >= (3, 15))
    assert depths == [
        f"stack {1 + more} → {2 + more}",
        f"stack {1 + more} → {recording.at(last + 1).instruction.depth}",
    ]


@pytest.mark.chromium
@pytest.mark.parametrize(("opcode", "left", "pushed"), [("YIELD_VALUE", -1, 0), ("RETURN_GENERATOR", 0, 1)])
def test_what_leaves_a_generator_and_what_it_goes_on_with_are_told_apart(
    browser: WebDriver, tmp_path: Path, opcode: str, left: int, pushed: int
) -> None:
    recording = step(counted)
    number = next(each.number for each in recording.steps if each.instruction.base == opcode)
    depth = recording.at(number).instruction.depth or 0
    page = _open(browser, tmp_path, recording, fragment=f"step={number}")
    effect = f"stack {depth} → {depth + left} until it goes on, then {depth + pushed}"
    assert page.element("#effect").text == effect


@pytest.mark.chromium
def test_an_instruction_without_a_line_is_shown_beside_its_handlers_line_and_not_on_it(
    browser: WebDriver, tmp_path: Path
) -> None:
    recording = step(caught)
    number = next(each.number for each in recording.steps if each.instruction.base == "PUSH_EXC_INFO")
    page = _open(browser, tmp_path, recording, fragment=f"step={number}")
    assert page.element("#source.near .current code").text.strip() == "except ZeroDivisionError:"
    assert not page.elements("#source mark")
    page.run("document.getElementById('forward').click()")
    assert not page.elements("#source.near")


@pytest.mark.chromium
def test_an_object_tells_which_step_it_was_met_in(browser: WebDriver, tmp_path: Path) -> None:
    def make() -> list[int]:
        made: list[int] = []
        return made

    recording = step(make)
    built = next(each.number for each in recording.steps if each.instruction.base == "BUILD_LIST")
    page = _open(browser, tmp_path, recording, fragment=f"step={built + 1}")
    assert f"met in step {built}" in page.element("#heap .held").text
    assert "new" in page.element("#heap .held .mark").text


@pytest.mark.chromium
def test_forward_and_back_again_shows_the_same(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(counted)
    page = _open(browser, tmp_path, recording)
    shown = []
    for _ in range(len(recording) - 1):
        shown.append(page.run("return document.querySelector('main').innerText"))
        page.run("document.getElementById('forward').click()")
    assert _shown(page) == len(recording) - 1
    for before in reversed(shown):
        page.run("document.getElementById('back').click()")
        after = page.run("return document.querySelector('main').innerText")
        assert after == before
    page.run(
        "const s = document.getElementById('scrubber'); s.value = 9; s.dispatchEvent(new Event('input'))"
    )
    page.settle()
    assert _shown(page) == 9


@pytest.mark.chromium
def test_every_move_has_a_key(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(counted)
    page = _open(browser, tmp_path, recording)
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert _shown(page) == 1
    page.press(Keys.HOME, "c", "c")  # the generator is made, then `next` is called
    page.press(Keys.END)
    assert _shown(page) == len(recording) - 1
    page.press("R")
    called = recording.at(_shown(page) - 1)
    assert called.instruction.base.startswith(("RETURN", "INSTRUMENTED_RETURN"))
    page.press(Keys.HOME, "y")
    assert recording.at(_shown(page)).frame.code.qualified_name in ("_counting", "counted")
    page.press(Keys.HOME, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    line = recording.at(_shown(page)).line
    page.press(Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert recording.at(_shown(page)).line == line
    page.press(Keys.HOME, *["o"] * 12)
    assert recording.at(_shown(page)).frame.code.qualified_name == "counted"
    page.press(Keys.HOME, "p")
    assert page.element("#output").text == "ä so far 0"
    page.press("?")
    assert page.element("#help").is_displayed()


@pytest.mark.chromium
def test_what_is_marked_far_to_the_right_is_in_view_beside_the_lines_numbers(
    browser: WebDriver, tmp_path: Path
) -> None:
    recording = step(_long_line)
    page = _open(browser, tmp_path, recording, width=1100)
    source = page.element("#source").rect
    for number in range(len(recording)):
        page.run("coroscope.view.show(arguments[0])", number)
        for mark in page.elements("#source mark"):
            is_moved = page.run("return document.getElementById('source').scrollLeft") > 0
            in_view = source["width"] - 110 if is_moved else 120
            assert mark.rect["x"] + min(mark.rect["width"], in_view) <= source["x"] + source["width"]
        assert page.element("#source .current .number").rect["x"] >= source["x"]


@pytest.mark.chromium
def test_lines_stay_where_they_begin_while_the_beginning_of_what_is_marked_is_in_view(
    browser: WebDriver, tmp_path: Path
) -> None:
    recording = step(_long_line)
    page = _open(browser, tmp_path, recording, width=1280)
    moved = []
    for number in range(len(recording)):
        sideways, beginning, width = page.run(
            "coroscope.view.show(arguments[0]); const source = document.getElementById('source');"
            "const mark = source.querySelector('mark')?.getBoundingClientRect() ?? {left: 0, width: 0};"
            "const left = mark.left - source.getBoundingClientRect().left + source.scrollLeft;"
            "return [source.scrollLeft, left + Math.min(mark.width, 120), source.clientWidth]",
            number,
        )
        assert (sideways > 0) == (beginning > width)
        moved.append(sideways > 0)
    assert any(moved)
    assert not all(moved)


_ROW = """
coroscope.view.show(arguments[0]);
const list = document.getElementById("instructions");
const [row, box] = [list.querySelector(".current"), list.getBoundingClientRect()];
const parts = [...row.querySelectorAll("code, .arg")].filter((part) => part.textContent);
const rows = [...list.querySelectorAll(".row")];
const before = rows.slice(0, rows.indexOf(row) + 1);
return {
  right: Math.max(...parts.map((part) => part.getBoundingClientRect().right)) - box.left,
  isCut: parts.some((part) => part.scrollWidth > part.clientWidth && part.clientWidth),
  width: list.clientWidth,
  moved: [list.scrollLeft, list.scrollTop],
  tops: before.map((other) => other.getBoundingClientRect().top - box.top),
  height: row.getBoundingClientRect().height,
  nameLeft: row.querySelector("code").getBoundingClientRect().left - box.left,
};
"""


@pytest.mark.chromium
def test_the_current_instruction_is_shown_whole_and_moves_nothing_before_it(
    browser: WebDriver, tmp_path: Path
) -> None:
    def long_names() -> int:
        the_longest_name_of_all_of_them = _square(3)
        another_name_that_is_long_enough = the_longest_name_of_all_of_them
        return another_name_that_is_long_enough + the_longest_name_of_all_of_them

    recording = step(long_names)
    page = _open(browser, tmp_path, recording, width=1280)
    of_it = [
        each.number
        for each in recording.steps
        if recording.codes[each.code].qualified_name.endswith("long_names")
    ]
    rows = [page.run(_ROW, number) for number in of_it]
    for row in rows:
        assert row["right"] <= row["width"]
        assert not row["isCut"]
        assert row["moved"] == [0, 0]
        assert row["nameLeft"] <= 107
    for row, following in pairwise(rows):
        assert following["tops"][: len(row["tops"])] == row["tops"]
    assert max(row["height"] for row in rows) > 30
    assert (
        page.run("return document.querySelectorAll('#instructions .row:not(.current)')[1].offsetHeight") < 24
    )


@pytest.mark.chromium
@pytest.mark.parametrize("width", [1280, 1440])
def test_the_panes_stay_where_they_are_from_step_to_step(
    browser: WebDriver, tmp_path: Path, width: int
) -> None:
    recording = step(PROGRAMS["exceptions"])
    page = _open(browser, tmp_path, recording, width=width, height=900)
    heights = page.run(
        "return [...Array(coroscope.recording.count).keys()].map((step) => { coroscope.view.show(step);"
        "return document.getElementById('banner').offsetHeight; })"
    )
    usual = min(heights)
    assert usual <= 120
    assert heights.count(usual) >= 0.95 * len(heights)


@pytest.mark.chromium
def test_what_is_told_of_a_step_leaves_the_lines_about_it_together(
    browser: WebDriver, tmp_path: Path
) -> None:
    recording = step(PROGRAMS["exceptions"])
    page = _open(browser, tmp_path, recording, width=1110)
    places = page.run(
        "const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;"
        "return [...Array(coroscope.recording.count).keys()].map((step) => { coroscope.view.show(step);"
        "return [top('#opcode') - top('#where'), top('#sentence') - top('#opcode'),"
        "document.getElementById('before').offsetHeight]; })"
    )
    assert max(told for _, _, told in places) > 50
    assert len({(opcode, sentence) for opcode, sentence, _ in places}) == 1


@pytest.mark.chromium
def test_of_other_frames_few_names_are_shown_until_asked_for(browser: WebDriver, tmp_path: Path) -> None:
    def many() -> int:
        a, b, c, d, e, f = range(6)
        total = _square(a) + _square(b)
        return total + c + d + e + f

    recording = step(many)
    first, *_, last = (
        each.number for each in recording.steps if recording.codes[each.code].qualified_name == "_square"
    )
    page = _open(browser, tmp_path, recording, fragment=f"step={first}")
    names = "#frames .frame:not([aria-current]) .names dt code"
    assert [name.text for name in page.elements(names)] == ["a", "b", "c", "d"]
    assert page.element(".more-names").text == "… 2 more"
    page.click(".more-names")
    assert page.run("return document.activeElement.className") == "more-names"
    page.run("coroscope.view.show(arguments[0])", last)
    assert [name.text for name in page.elements(names)] == list("abcdef")
    page.click(".more-names")
    assert len(page.elements(names)) == 4
    page.run("coroscope.view.show(arguments[0])", first - 1)
    assert len(page.elements("#locals dt")) == 6
    assert not page.elements(".more-names")


@pytest.mark.chromium
def test_names_are_in_view_below_a_tall_stack(browser: WebDriver, tmp_path: Path) -> None:
    def tall(one: int, two: int) -> list[int]:
        return [one, two, one, two, one, _square(two)]

    recording = step(tall, 1, 2)
    number = max(range(len(recording)), key=lambda at: len(recording.at(at).frame.stack or ()))
    page = _open(browser, tmp_path, recording, fragment=f"step={number}", width=1280, height=800)
    assert len(page.elements("#stack .box")) == 8
    pane = page.element(".state-pane").rect
    name = page.element("#locals dt:last-of-type").rect
    assert name["y"] + name["height"] <= pane["y"] + pane["height"]


@pytest.mark.chromium
def test_the_depth_after_a_raise_is_the_one_that_its_handler_finds(
    browser: WebDriver, tmp_path: Path
) -> None:
    recording = step(caught)
    number = next(each.number for each in recording.steps if each.instruction.base == "BINARY_OP")
    page = _open(browser, tmp_path, recording, fragment=f"step={number}")
    depth, found = recording.at(number).instruction.depth, recording.at(number + 1).instruction.depth
    assert page.element("#effect").text == f"stack {depth} → {found} in the handler"
    page.press(Keys.ARROW_RIGHT)
    assert len(page.elements("#stack .box")) == found


@pytest.mark.chromium
def test_the_help_says_what_the_number_below_an_exception_is(browser: WebDriver, tmp_path: Path) -> None:
    page = _open(browser, tmp_path, step(caught))
    page.press("?")
    assert "is where that was raised, in units of two bytes" in " ".join(page.element("#help").text.split())


@pytest.mark.chromium
def test_a_task_switch_is_gone_to(browser: WebDriver, tmp_path: Path) -> None:
    page = _open(browser, tmp_path, step(interleaved))
    page.press("t", "t")
    first = page.element("#where").text
    page.press("t")
    assert page.element("#where").text != first
    assert "task" in first
    assert page.elements("#tasks .now")


@pytest.mark.chromium
def test_a_link_brings_back_the_step(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(counted)
    page = _open(browser, tmp_path, recording, fragment="step=17")
    assert _shown(page) == 17
    page.press(Keys.ARROW_RIGHT)
    assert page.fragment == "step=18"
    page.run("location.hash = '#step=5'")
    page.settle()
    assert _shown(page) == 5


@pytest.mark.chromium
@pytest.mark.parametrize("fragment", ["step=-1", "step=x", "step=99999999999999", "<img>", "step=1e3", "%"])
def test_an_address_that_says_nothing_does_no_harm(browser: WebDriver, tmp_path: Path, fragment: str) -> None:
    page = _open(browser, tmp_path, step(counted), fragment=fragment)
    assert page.state == "ready"


@pytest.mark.chromium
def test_a_function_and_a_line_are_found(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(counted)
    page = _open(browser, tmp_path, recording)
    page.press("/")
    page.press(*"_square", Keys.ENTER)
    assert recording.at(_shown(page)).frame.code.qualified_name == "_square"
    page.press("/")
    page.press(*"return total", Keys.ENTER)
    assert page.element("#source .current code").text.strip() == "return total + sum(numbers)"


@pytest.mark.chromium
def test_playing_goes_on_by_itself_and_ends(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(counted)
    page = _open(browser, tmp_path, recording)
    page.press(*["+"] * 7, " ")
    page.browser.execute_async_script(_PLAYED)
    assert _shown(page) == len(recording) - 1


@pytest.mark.chromium
def test_nothing_is_asked_for(browser: WebDriver, tmp_path: Path) -> None:
    page = _open(browser, tmp_path, step(counted))
    page.press(Keys.END, Keys.HOME)
    assert [each for each in page.requests() if not each.startswith(("file:", "data:"))] == []
    assert page.console() == []


def _hostile() -> Recording:
    def victim() -> None:
        kind = type(HOSTILE[:40], (), {"__module__": HOSTILE[:40]})
        thing = kind()
        held = {HOSTILE: [thing, HOSTILE]}
        print(HOSTILE[:-1], held and "")

    recording = step(victim)
    columns = recording.columns
    columns.argv = [HOSTILE]
    columns.notes.append(HOSTILE)
    columns.codes[0].qualified_name = HOSTILE
    for file in columns.sources:
        columns.sources[file] = columns.sources[file].replace("victim", HOSTILE)
    return recording


@pytest.mark.chromium
def test_nothing_from_the_program_is_markup(browser: WebDriver, tmp_path: Path) -> None:
    recording = _hostile()
    page = _open(browser, tmp_path, recording)
    for number in range(len(recording)):
        page.run("coroscope.view.show(arguments[0])", number)
    assert page.state == "ready"
    assert page.run("return window.broken") is None
    assert page.elements("img") == []
    text = str(page.run("return document.body.innerText"))
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert page.console() == []


@pytest.mark.chromium
@pytest.mark.parametrize(
    ("width", "scheme"), [(320, "light"), (360, "dark"), (1024, "light"), (3840, "dark")]
)
def test_it_fits_its_window(browser: WebDriver, tmp_path: Path, width: int, scheme: str) -> None:
    page = _open(browser, tmp_path, step(counted), fragment="step=30", width=width, scheme=scheme)
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.run("return document.documentElement.dataset.theme") == scheme


def test_a_saved_recording_makes_the_same_page(tmp_path: Path) -> None:
    recording = step(counted)
    recording.save(tmp_path / "steps")
    assert render_steps(load(tmp_path / "steps")) == render_steps(recording)


def test_path_that_cannot_be_written_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write the page to"):
        write_steps(step(counted), tmp_path / "missing" / "page.html")


def test_a_step_takes_few_bytes() -> None:
    def work() -> int:
        counts: dict[str, int] = {}
        for number in range(2000):
            word = "w" + str(number * 7919 % 101)
            counts[word] = counts.get(word, 0) + _square(number)
        return len(counts)

    recording = step(work)
    empty = len(render_steps(step(_square, 2)))
    assert (len(render_steps(recording)) - empty) / len(recording) < 4


def _deep() -> int:
    def down(depth: int) -> int:
        return 0 if depth == 0 else 1 + down(depth - 1)

    return down(300)


@pytest.mark.chromium
@pytest.mark.parametrize("program", [threads_at_once, _deep])
def test_threads_and_deep_calls_are_as_recorded(browser: WebDriver, tmp_path: Path, program: Any) -> None:
    recording = step(program)
    page = _open(browser, tmp_path, recording)
    numbers = list(range(0, len(recording), max(1, len(recording) // 20)))
    for number, told in zip(numbers, page.run(_MOMENT, numbers), strict=True):
        assert told == _expected(recording.at(number)), number
        page.run("coroscope.view.show(arguments[0])", number)
    assert page.console() == []


@pytest.mark.chromium
def test_a_stack_that_could_not_be_read_is_said(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(counted)
    recording.columns.is_symbolic = "this interpreter is of a build that is not known"
    page = _open(browser, tmp_path, recording, fragment="step=9")
    assert "of a build that is not known" in page.element("#cut").text
    assert page.element("#stack").text == "not known"


@pytest.mark.chromium
def test_a_long_list_that_changes_is_as_recorded(browser: WebDriver, tmp_path: Path) -> None:
    def changing() -> list[int]:
        kept: list[int] = []
        for number in range(200):
            kept.insert(0, number)
            if number % 7 == 0:
                kept.pop(number // 2)
        return kept

    recording = step(changing)
    page = _open(browser, tmp_path, recording)
    for number in range(0, len(recording), 97):
        moment = recording.at(number)
        for object_number, texts in page.run(_HELD, number):
            assert texts == [moment.value(raw).text for raw in moment._contents[object_number]]


@pytest.mark.chromium
def test_a_recording_of_no_step_is_said(browser: WebDriver, tmp_path: Path) -> None:
    page = _open(browser, tmp_path, Recording(Columns()))
    assert page.state == "failed"
    assert "no step was recorded" in page.element("#failure").text


@pytest.mark.chromium
def test_an_instruction_without_a_line_leaves_the_last_line_marked(
    browser: WebDriver, tmp_path: Path
) -> None:
    recording = step(PROGRAMS["exceptions"])
    number = next(each.number for each in recording.steps if each.number and each.instruction.line is None)
    page = _open(browser, tmp_path, recording, fragment=f"step={number}")
    assert "on no line of its own" in page.element("#where").text
    assert page.elements("#source .current") != []
    assert page.elements("#source mark") == []


@pytest.mark.chromium
def test_a_specialised_form_stands_in_the_instructions_place(browser: WebDriver, tmp_path: Path) -> None:
    for number in range(50):
        _square(number)
    forms = read_forms([_square.__code__])
    recording = step(_square, 3)
    number = next(each.number for each in recording.steps if each.instruction.base == "BINARY_OP")
    path = tmp_path / "steps.html"
    write_steps(recording, path, replace(forms, problem="some forms are missing"))
    page = OpenedPage(browser, path, fragment=f"step={number}")
    assert page.element("#opcode").text == "BINARY_OP_MULTIPLY_INT"
    assert page.element("#instructions .current code .form").text == "_MULTIPLY_INT"
    assert "for two ints, multiplied" in page.element("#sentence").text
    assert "some forms are missing" in page.element("#cut").text
    assert page.console() == []


@pytest.mark.chromium
@pytest.mark.parametrize("asked", ["x", "-1", "1e3", "", "<img>"])
def test_an_address_of_no_step_goes_to_the_first_and_says_so(
    browser: WebDriver, tmp_path: Path, asked: str
) -> None:
    page = _open(browser, tmp_path, step(counted), fragment=f"step={asked}")
    assert _shown(page) == 0
    sentence = page.element("#address").text
    assert f"“{asked}”" in sentence
    assert sentence.endswith("this is step 0.")
    page.press(Keys.ARROW_RIGHT)
    assert page.element("#address").text == ""


@pytest.mark.chromium
@pytest.mark.parametrize("asked", ["5000", "99999999999999999999"])
def test_an_address_beyond_the_end_goes_to_the_last_step_and_says_so(
    browser: WebDriver, tmp_path: Path, asked: str
) -> None:
    recording = step(counted)
    page = _open(browser, tmp_path, recording, fragment=f"step={asked}")
    assert _shown(page) == len(recording) - 1
    assert asked in page.element("#address").text
    assert f"the last one, {len(recording) - 1}" in page.element("#address").text


@pytest.mark.chromium
@pytest.mark.parametrize("fragment", ["", "step=5", "<img>"])
def test_an_address_that_asks_for_a_step_or_for_none_needs_no_word(
    browser: WebDriver, tmp_path: Path, fragment: str
) -> None:
    page = _open(browser, tmp_path, step(counted), fragment=fragment)
    assert not page.element("#address").is_displayed()


@pytest.mark.chromium
@pytest.mark.parametrize("text", ["", "square"])
def test_escape_leaves_the_find_box_so_that_arrow_keys_step(
    browser: WebDriver, tmp_path: Path, text: str
) -> None:
    page = _open(browser, tmp_path, step(counted))
    page.press("/", *text, Keys.ESCAPE, Keys.ARROW_RIGHT)
    assert _shown(page) == 1
    page.run("document.getElementById('source').focus()")
    page.press("/", *text, Keys.ESCAPE)
    assert page.run("return document.activeElement.id") == "source"
    page.press(Keys.ARROW_RIGHT)
    assert _shown(page) == 2


@pytest.mark.chromium
def test_escape_leaves_the_step_number_as_it_was(browser: WebDriver, tmp_path: Path) -> None:
    page = _open(browser, tmp_path, step(counted), fragment="step=3")
    page.press("g", "9", Keys.ESCAPE, Keys.ARROW_RIGHT)
    assert _shown(page) == 4


_PARTS = (
    "#banner",
    ".state-pane",
    ".source-pane",
    ".code-pane",
    ".frames-pane",
    ".heap-pane",
    ".output-pane",
)


@pytest.mark.chromium
@pytest.mark.parametrize("width", [360, 380, 400])
def test_on_a_phone_the_parts_stand_below_one_another_and_the_buttons_at_the_bottom(
    browser: WebDriver, tmp_path: Path, width: int
) -> None:
    page = _open(browser, tmp_path, step(counted), fragment="step=30", width=width, height=740)
    tops = [page.element(part).rect["y"] for part in _PARTS]
    assert tops == sorted(tops)
    assert len(set(tops)) == len(tops)
    for scrolled in (0, 400, 1e6):
        page.run("scrollTo(0, arguments[0])", scrolled)
        page.settle()
        assert page.run("return document.documentElement.scrollWidth") <= width
        for control in ("scrubber", "first", "back", "play", "forward", "last"):
            box = page.run(f"return document.getElementById('{control}').getBoundingClientRect().toJSON()")
            assert box["width"] >= 40, control
            assert box["height"] >= 40, control
            assert box["top"] > 500, control
            assert box["bottom"] <= 740, control


@pytest.mark.chromium
def test_on_a_phone_the_farther_steps_are_there_when_asked_for(browser: WebDriver, tmp_path: Path) -> None:
    page = _open(browser, tmp_path, step(counted), width=360, height=740)
    assert not page.element("#line").is_displayed()
    page.click("#more-moves")
    assert page.element("#more-moves").get_attribute("aria-expanded") == "true"
    page.click("#line")
    assert _shown(page) > 0
    page.click("#more-moves")
    page.press("/")
    assert page.run("return document.activeElement.id") == "find"


@pytest.mark.chromium
@pytest.mark.parametrize("width", [380, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_of_a_step_can_be_read_on_what_is_behind_it(
    browser: WebDriver, tmp_path: Path, scheme: str, width: int
) -> None:
    page = _open(browser, tmp_path, step(counted), fragment="step=x", scheme=scheme, width=width)
    for number in (0, 40, 60):
        assert unreadable(page) == []
        page.run("coroscope.view.show(arguments[0])", number)
