"""The page says of each step what the terminal says, in the same words."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from coroscope.stepper.recording import Recording
from coroscope.stepper.running import step
from coroscope.views.page import write_steps
from coroscope.views.step_words import value_in_few_words
from coroscope.views.terminal.interactive.look import Look, Sight
from tests.page.opened_page import OpenedPage
from tests.stepper.corpus import PROGRAMS, threads_at_once
from tests.stepper.test_moves import counted, failing, interleaved

_TOLD = """
const { recording, view } = coroscope;
const numbered = ({ text, object }) => (object && !/ #\\d+>?$/.test(text) ? `${text} #${object}` : text);
const plain = ({ pieces }) => pieces.map((piece) => (typeof piece === "string" ? piece : numbered(piece))).join("");
return arguments[0].map((number) => {
  const moment = recording.at(number);
  return [view.telling.before(moment).map(plain), view.telling.leadsTo(moment).map(plain)];
});
"""
_CHIPS = """
coroscope.view.show(arguments[0]);
const part = (chip, name) => chip.querySelector(name)?.textContent ?? "";
return [...document.querySelectorAll("#stack .chip")].map((chip) => [part(chip, ".text"), part(chip, ".ref")]);
"""


def unwinding() -> str:
    def kept(*given: Any) -> Any:
        return given

    class Held:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> bool:
            return True

    with Held():
        kept(1, "two", [3], Held, Held(), len, kept, kept(4), int("x"))
    try:
        for each in kept("a", None):
            if each is None:
                raise KeyError(each)
    except (ValueError, KeyError) as error:
        return str(error) or "none"
    return "never"


def ending() -> int:
    total = 10

    def adding(number: int) -> int:
        return number + total

    def numbers() -> Any:
        yield adding(1)
        yield adding(2)

    async def ticks(last: int) -> Any:
        for number in range(last):
            yield number

    async def added() -> int:
        return sum([number async for number in ticks(2)])

    def delegating() -> Any:
        yield from numbers()

    closed = numbers()
    next(closed)
    closed.close()
    for how in ("close", "throw"):
        through = delegating()
        next(through)
        with suppress(KeyError):
            getattr(through, how)(*[KeyError][: how == "throw"])
    asked = ticks(1)
    try:
        asked.asend(None).send(None)
    except StopIteration:
        asked = None
    return asyncio.run(added())


def managed() -> list[Any]:
    @contextmanager
    def opened(name: str) -> Iterator[list[str]]:
        yield [name]

    def inner() -> Iterator[int]:
        with suppress(KeyError):
            yield 1

    def outer() -> Iterator[int]:
        yield from inner()

    def keyed(item: int) -> int:
        return -item

    found: list[Any] = []
    with opened("a") as names:
        found.append(names)
    for how in ("close", "throw"):
        through = outer()
        next(through)
        with suppress(ValueError):
            getattr(through, how)(*[ValueError][: how == "throw"])
    pair, named = (3, 4), {"key": keyed}
    found.append(sorted(pair, key=keyed, reverse=True))
    found.append(max(*pair))
    found.append(min(*pair, **named))
    found.append(dict())  # noqa: C408
    return found


_ALL: dict[str, Any] = {
    **PROGRAMS, "counted": counted, "interleaved": interleaved, "threads": threads_at_once, "failing": failing,
    "unwinding": unwinding, "ending": ending, "managed": managed,
}  # fmt: skip


def _open(browser: WebDriver, tmp_path: Path, recording: Recording) -> OpenedPage:
    path = tmp_path / "steps.html"
    write_steps(recording, path)
    return OpenedPage(browser, path)


@pytest.mark.chromium
@pytest.mark.parametrize("name", _ALL)
def test_page_and_terminal_say_the_same_of_every_step(browser: WebDriver, tmp_path: Path, name: str) -> None:
    recording = step(_ALL[name])
    page = _open(browser, tmp_path, recording)
    sight, count = Sight(recording), len(recording)
    numbers = sorted({0, count - 1, *random.Random(5).sample(range(count), min(count, 300))})
    for number, told in zip(numbers, page.run(_TOLD, numbers), strict=True):
        look = Look(sight, number)
        assert told == [[each.text for each in part] for part in (look.happened, look.leads_to)], number
    assert page.console() == []


@pytest.mark.chromium
def test_a_chip_names_an_object_as_the_terminal_does_in_few_words(browser: WebDriver, tmp_path: Path) -> None:
    recording = step(unwinding)
    page = _open(browser, tmp_path, recording)
    high = max(range(len(recording)), key=lambda number: len(recording.at(number).stack or ()))
    stack = list(reversed(recording.at(high).stack or ()))
    chips = page.run(_CHIPS, high)
    assert [number for _, number in chips] == [f"#{value.object}" if value.object else "" for value in stack]
    assert [text for text, _ in chips] == [
        re.sub(r" #\d+(?=>?$)", "", value_in_few_words(value)) if value.object else value.text
        for value in stack
    ]
    assert {"class Held", "<Held>", "built-in len", "function kept"} <= {text for text, _ in chips}
