"""Arrows on the page of steps: from slots to what they refer to, for what can be seen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from coroscope.stepper.recording import Recording
from coroscope.stepper.running import step
from coroscope.views.page import write_steps
from tests.page.opened_page import OpenedPage

pytestmark = pytest.mark.chromium

# Each arrow with where it begins and ends in the window: the head is drawn last, its tip in the middle.
_ARROWS = """
const origin = document.getElementById("arrows").getBoundingClientRect();
return [...document.querySelectorAll("#arrows path")].map((path) => {
  const numbers = path.getAttribute("d").match(/-?[\\d.]+/g).map(Number);
  return {
    start: [numbers[0] + origin.left, numbers[1] + origin.top],
    end: [numbers.at(-4) + origin.left, numbers.at(-3) + origin.top],
    isOwn: path.classList.contains("own"),
    isOther: path.classList.contains("other"),
    color: getComputedStyle(path).stroke,
  };
});
"""
_SLOTS = """
const inView = (element, top, bottom) => {
  const pane = element.closest(".pane");
  const head = pane.firstElementChild.getBoundingClientRect();
  return bottom > head.bottom && top < Math.min(pane.getBoundingClientRect().bottom, innerHeight);
};
return [...document.querySelectorAll(".box .ref, .names .ref, .kept .ref")].map((slot) => {
  const { object } = slot.dataset;
  const card = document.querySelector(`.held[data-object="${object}"], .frame[data-object="${object}"]`);
  const box = (slot.closest(".box, .kept .chip") ?? slot).getBoundingClientRect();
  const y = box.top + box.height / 2;
  const end = card?.getBoundingClientRect();
  return {
    isSeen: inView(slot, y, y) && card !== null && inView(card, end.top + 5, end.bottom - 5),
    right: box.right,
    y,
    sides: card && [end.left, end.right],
  };
});
"""


class Node:
    def __init__(self, value: int, after: Node | None) -> None:
        self.value = value
        self.after = after


def _walk(node: Node | None) -> Iterator[int]:
    while node is not None:
        yield node.value
        node = node.after


def chained() -> int:
    first: Node | None = None
    for number in range(12):
        first = Node(number, first)
    total = 0
    for value in _walk(first):
        total += value
    return total


@pytest.fixture(scope="module")
def recording() -> Recording:
    return step(chained)


def _open(browser: WebDriver, tmp_path: Path, recording: Recording, **how: Any) -> OpenedPage:
    path = tmp_path / "steps.html"
    write_steps(recording, path)
    return OpenedPage(browser, path, **{"width": 1400, "height": 900, **how})


def _yields(recording: Recording) -> list[int]:
    """The steps at which a node's value is handed out: in `_walk`, with all nodes there."""
    return [
        each.number
        for each in recording.steps
        if each.instruction.base == "YIELD_VALUE" and recording.codes[each.code].qualified_name == "_walk"
    ]


def _hover(page: OpenedPage, selector: str) -> None:
    ActionChains(page.browser).move_to_element(page.element(selector)).perform()
    page.settle()


def _await_whole(page: OpenedPage) -> None:
    """Until the objects out of view are filled, too."""
    WebDriverWait(page.browser, 10).until(lambda _: not page.elements(".is-bare"))
    page.settle()


def _arrows(page: OpenedPage) -> list[dict[str, Any]]:
    arrows: list[dict[str, Any]] = page.run(_ARROWS)
    return arrows


def _seen_slots(page: OpenedPage) -> list[dict[str, Any]]:
    return [slot for slot in page.run(_SLOTS) if slot["isSeen"]]


def _assert_joined(page: OpenedPage) -> None:
    """An arrow begins at each slot in view whose object is in view, and ends at a side of that object's card."""
    slots, arrows = _seen_slots(page), _arrows(page)
    assert len(slots) == len(arrows)
    for slot in slots:
        arrow = next(each for each in arrows if abs(each["start"][1] - slot["y"]) < 2)
        arrows.remove(arrow)
        assert arrow["start"][0] == pytest.approx(slot["right"], abs=1)
        assert any(arrow["end"][0] == pytest.approx(side, abs=1) for side in slot["sides"])


def test_every_slot_in_view_has_an_arrow_to_its_object_in_view(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording)
    for number in (*range(0, len(recording), len(recording) // 9), *_yields(recording)[::4]):
        page.run("coroscope.view.show(arguments[0])", number)
        page.settle()
        _assert_joined(page)
    assert len(_arrows(page)) > 5
    assert page.console() == []


def test_arrows_follow_what_scrolls(browser: WebDriver, tmp_path: Path, recording: Recording) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[0]}")
    before = _arrows(page)
    page.run("document.querySelector('.heap-pane').scrollTop = 230")
    page.settle()
    assert _arrows(page) != before
    _assert_joined(page)


def test_arrows_follow_the_windows_size(browser: WebDriver, tmp_path: Path, recording: Recording) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[0]}")
    metrics = {"width": 1000, "height": 700, "deviceScaleFactor": 1, "mobile": False}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.settle()
    page.run("scrollTo(0, 500)")
    page.settle()
    assert _arrows(page) != []
    _assert_joined(page)


def test_a_slot_that_is_pointed_at_has_its_arrow_stand_out(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[-1]}")
    _hover(page, "#locals dd .chip")
    (own,) = [arrow for arrow in _arrows(page) if arrow["isOwn"]]
    slot = page.element("#locals dd .ref").rect
    assert own["start"] == pytest.approx([slot["x"] + slot["width"], slot["y"] + slot["height"] / 2], abs=1)
    assert all(arrow["isOther"] for arrow in _arrows(page) if not arrow["isOwn"])
    _hover(page, "#opcode")
    assert not any(arrow["isOwn"] or arrow["isOther"] for arrow in _arrows(page))


def test_an_object_that_is_pointed_at_has_its_arrows_stand_out_in_and_out(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[6]}")
    page.run("document.querySelector('.heap-pane').scrollTop = 0")
    _await_whole(page)
    second = ".held:nth-child(2)"
    number = page.element(second).get_attribute("data-object")
    inward = page.elements(f".names .ref[data-object='{number}']")
    outward = page.elements(f"{second} .names .ref")
    assert inward
    assert outward
    _hover(page, f"{second} h3")
    assert sum(arrow["isOwn"] for arrow in _arrows(page)) == len(inward) + len(outward)


def test_what_has_the_focus_has_its_arrow_stand_out(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[-1]}")
    page.run("document.querySelector('#locals dd .ref').focus()")
    page.settle()
    assert [arrow["isOwn"] for arrow in _arrows(page)].count(True) == 1
    page.run("document.activeElement.blur()")
    page.settle()
    assert not any(arrow["isOwn"] for arrow in _arrows(page))


def test_the_arrow_of_what_is_pointed_at_ends_at_the_panes_edge_if_its_object_is_scrolled_away(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[-1]}")
    page.run("document.querySelector('.heap-pane').scrollTop = 1e9")
    page.settle()
    _hover(page, "#locals dd .chip")
    (own,) = [arrow for arrow in _arrows(page) if arrow["isOwn"]]
    head = page.element(".heap-pane h2").rect
    assert own["end"][1] == pytest.approx(head["y"] + head["height"], abs=8)


def test_a_generator_is_led_to_its_frame(browser: WebDriver, tmp_path: Path, recording: Recording) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[3] + 1}")
    frame = page.element(".frame.is-suspended")
    number = frame.get_attribute("data-object")
    _hover(page, f"#stack .chip[data-object='{number}']")
    (own,) = [arrow for arrow in _arrows(page) if arrow["isOwn"]]
    assert own["end"][0] == pytest.approx(frame.rect["x"] + frame.rect["width"], abs=1)


def test_arrows_are_switched_off_and_on_by_key_and_button(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[0]}")
    assert _arrows(page) != []
    page.press("a")
    assert _arrows(page) == []
    button = page.element("#show-arrows")
    assert button.get_attribute("aria-pressed") == "false"
    assert "(A)" in str(button.get_attribute("title"))
    page.press(Keys.ARROW_RIGHT)
    assert _arrows(page) == []
    page.click("#show-arrows")
    assert _arrows(page) != []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_arrow_has_the_colour_of_its_object_in_the_theme(
    browser: WebDriver, tmp_path: Path, recording: Recording, scheme: str
) -> None:
    page = _open(browser, tmp_path, recording, fragment=f"step={_yields(recording)[-1]}", scheme=scheme)
    _hover(page, "#locals dd .chip")
    (own,) = [arrow for arrow in _arrows(page) if arrow["isOwn"]]
    assert own["color"] == page.run(
        "return getComputedStyle(document.querySelector('#locals dd .ref')).color"
    )


# What has become of objects


def made_and_changed() -> list[int]:
    kept: list[int] = []
    kept.append(4)
    pair = [kept]
    kept.append(5)
    del pair
    return kept


def test_the_objects_of_a_step_are_said_to_be_new_changed_or_gone(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(made_and_changed)
    page = _open(browser, tmp_path, recording)
    # Those that this module's functions keep, the marks of tests, are there from the start.
    kept, pair = (each.number for each in recording.objects if each.type == "list" and each.born)
    seen: list[tuple[int, str]] = []
    for number in range(len(recording)):
        page.run("coroscope.view.show(arguments[0])", number)
        said = [each.text for each in page.elements("#heap-note > span")]
        told = [
            (number, each.split()[0]) for each in said for number in map(int, re.findall(r"#(\d+)", each))
        ]
        seen += [(each, word) for each, word in told if each in (kept, pair)]
        marked = [
            int(str(card.get_attribute("data-object"))) for card in page.elements(".is-new, .is-changed")
        ]
        assert sorted(marked) == sorted(each for each, word in told if word != "gone")
    assert seen == [(kept, "new"), (kept, "changed"), (pair, "new"), (kept, "changed"), (pair, "gone")]
    assert recording.objects[pair - 1].died is not None


def test_only_the_item_that_has_changed_is_marked_in_an_object(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(made_and_changed)
    page = _open(browser, tmp_path, recording)
    marked = []
    for number in range(len(recording)):
        page.run("coroscope.view.show(arguments[0])", number)
        marked += [cell.text for cell in page.elements(".is-changed dd.new")]
    assert marked == ["4", "5"]


def test_a_change_far_back_in_a_long_list_is_shown(browser: WebDriver, tmp_path: Path) -> None:
    def changing() -> None:
        items = list(range(200))
        items[60] = -1

    recording = step(changing)
    page = _open(browser, tmp_path, recording)
    rows = []
    for number in range(len(recording)):
        page.run("coroscope.view.show(arguments[0])", number)
        rows += [card.text.split("\n") for card in page.elements(".is-changed dl")]
    (texts,) = rows
    assert texts[-4:] == ["… 45 more", "60", "-1", "… 39 more at least"]
    assert texts[:2] == ["0", "0"]


def test_an_object_stays_where_it_is_when_another_slot_refers_to_it(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording)
    for number in _yields(recording):
        page.run("coroscope.view.show(arguments[0])", number)
        order = [int(str(card.get_attribute("data-object"))) for card in page.elements(".held")]
        assert order == sorted(order)


def test_a_changed_object_is_brought_into_view(browser: WebDriver, tmp_path: Path) -> None:
    def filling() -> None:
        rows: list[list[int]] = [[number] for number in range(20)]
        rows[0].append(1)
        rows[19].append(2)

    recording = step(filling)
    page = _open(browser, tmp_path, recording)
    for number in range(len(recording)):
        page.run("coroscope.view.show(arguments[0])", number)
        for card in page.elements(".is-changed")[:1]:
            pane = page.element(".heap-pane").rect
            assert card.rect["y"] >= pane["y"]
            assert card.rect["y"] + min(card.rect["height"], 100) <= pane["y"] + pane["height"] + 1
    assert page.run("return document.querySelector('.heap-pane').scrollTop") > 0


def test_objects_out_of_view_are_filled_when_they_come_into_view_or_no_step_comes(
    browser: WebDriver, tmp_path: Path, recording: Recording
) -> None:
    page = _open(browser, tmp_path, recording)
    page.run("coroscope.view.show(arguments[0])", _yields(recording)[0])
    in_view = """
      const pane = document.querySelector(".heap-pane").getBoundingClientRect();
      return [...document.querySelectorAll(".is-bare")].filter((card) => {
        const { top, bottom } = card.getBoundingClientRect();
        return bottom > pane.top && top < pane.bottom;
      }).length;
    """
    assert page.run(in_view) == 0
    for scrolled in (300, 1e6, 0):
        page.run("coroscope.view.show(arguments[0])", _yields(recording)[5])
        page.run(f"document.querySelector('.heap-pane').scrollTop = {scrolled}")
        page.settle()
        assert page.run(in_view) == 0
    anew = """
      for (const step of [0, arguments[0]]) coroscope.view.show(step);
      return document.querySelectorAll(".is-bare").length;
    """
    assert page.run(anew, _yields(recording)[0]) > 0
    _await_whole(page)
    assert len(page.elements(".held dl")) == len(page.elements(".held")) > 10
    _assert_joined(page)
