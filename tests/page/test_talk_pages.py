"""What the page shows of the talk's programs at chosen steps, as each CPython runs them.

Each version's recordings are kept in `golden/talk-VERSION`, and the page of each of them is read in one browser, on
whatever version the browser's tests run. That a version still records them so is checked by that version itself. To
make all of it anew, on every version that is there, and then read the diff:

    for python in python3.11 python3.12 python3.13 python3.14 python3.15; do
      $python -m pytest --rewrite-golden tests/page/test_talk_pages.py
    done
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from coroscope.stepper.document import step_rows
from coroscope.stepper.events import Event
from coroscope.stepper.recording import Recording, load
from coroscope.views.page import write_steps
from tests.page.opened_page import OpenedPage
from tests.programs import coroscope, write_program
from tests.stepper.talk import OUTPUT, TALK

GOLDEN = Path(__file__).parent / "golden"
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
VERSIONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
_READ = """
coroscope.view.show(arguments[0]);
const text = (element) => element.innerText.replace(/\\s*\\n\\s*/g, " ").trim();
const one = (selector) => [...document.querySelectorAll(selector)].map(text).join(" ");
const all = (selector) => [...document.querySelectorAll(selector)].map(text);
const named = (name) => `${text(name)}: ${text(name.nextElementSibling)}`;
return Object.entries({
  where: [one("#where")],
  instruction: [one(".instruction")],
  sentence: [one("#sentence")],
  before: all("#before li"),
  "leads to": all("#leads li"),
  line: all("#source .current"),
  "the part of it": all("#source mark"),
  listed: all("#instructions .current"),
  stack: all("#stack li"),
  names: [...document.querySelectorAll("#locals dt")].map(named),
  frames: all("#frames > li"),
  tasks: all("#task-box:not([hidden]) #tasks li"),
  output: document.getElementById("output").innerText.trim().split("\\n"),
});
"""


def _kept(version: str, name: str) -> Path:
    return GOLDEN / f"talk-{version}" / f"{name}.steps"


def _recorded(folder: Path, name: str) -> Recording:
    """Made by this version; the same wherever it was made."""
    program = write_program(folder, TALK[name])
    done = coroscope("step", "-o", "kept", "--rows", "1", program.name, folder=folder)
    assert (done.stdout, done.returncode) == (OUTPUT[name], 0), done.stderr
    recording = load(folder / "kept")
    columns = recording.columns
    columns.python = VERSION
    columns.sources = {Path(file).name: text for file, text in columns.sources.items()}
    for code in columns.codes:
        code.file = Path(code.file).name
    return recording


def _events(recording: Recording) -> list[Event]:
    return list(recording.events)


@pytest.mark.parametrize("name", TALK)
def test_this_version_records_the_talks_programs_as_it_did(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    recording, kept = _recorded(tmp_path, name), _kept(VERSION, name)
    if request.config.getoption("--rewrite-golden"):
        kept.parent.mkdir(parents=True, exist_ok=True)
        recording.save(kept)
    known = load(kept)
    assert list(step_rows(recording)) == list(step_rows(known))
    assert _events(recording) == _events(known)


def _chosen(recording: Recording) -> list[int]:
    """The first and the last step, and what follows the first event of each kind."""
    found: dict[str, int] = {}
    for event in recording.events:
        found.setdefault(event.kind, event.position)
    last = len(recording) - 1
    return sorted({0, last, *(min(position, last) for position in found.values())})


def _read(page: OpenedPage, steps: list[int], count: int) -> Iterator[str]:
    for step in steps:
        told: list[tuple[str, list[str]]] = page.run(_READ, step)
        yield f"== step {step} of {count} =="
        for part, lines in told:
            shown = [line for line in lines if line]
            yield f"{part}: {shown[0] if shown else '-'}"
            yield from (" " * (len(part) + 2) + line for line in shown[1:])
        yield ""


@pytest.mark.chromium
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", TALK)
def test_the_page_shows_of_the_talks_programs_what_it_showed(
    name: str, version: str, browser: WebDriver, tmp_path: Path, check_golden: Callable[[str, str], None]
) -> None:
    recording = load(_kept(version, name))
    path = tmp_path / "steps.html"
    write_steps(recording, path)
    page = OpenedPage(browser, path)
    lines = list(_read(page, _chosen(recording), len(recording)))
    assert page.console() == []
    check_golden(f"talk-{version}/{name}.txt", "\n".join(lines))
