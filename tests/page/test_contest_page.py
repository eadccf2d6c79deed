"""A contest of event loops as a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from selenium.webdriver.chrome.webdriver import WebDriver

from coroscope.bench.interpreter import Interpreter
from coroscope.bench.machine import Machine
from coroscope.bench.result import Result
from coroscope.errors import UsageError
from coroscope.views.page.contest import render_contest, write_contest
from tests.contest_builder import http_row, missing, result, row, standings, usual_result

HOSTILE = (
    "</title></style><script>window.broken = 1</script><img src=x onerror='window.broken = 1'>"
    "{{script}}\x1b\u202e"
)


def hostile_result() -> Result:
    interpreter = Interpreter(HOSTILE, HOSTILE, {"uvloop": HOSTILE, "trio": None, "rloop": None})
    rows = [row("switch", "coroscope", 1.0), row("switch", "uvloop", 9.0), missing("switch", "trio", HOSTILE)]
    return result(standings(*rows, interpreter=interpreter), machine=Machine(HOSTILE, HOSTILE, 1, None))


class Elements(HTMLParser):
    """The tags of a document, their attributes, and its text outside of style and script."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.widths: dict[str, list[float]] = {}
        self._inside = ""
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 (the base's signature)
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("style", "script"):
            self.text += f"{data}\n"


def test_the_page_has_the_table_of_the_terminal() -> None:
    text = Elements(render_contest(usual_result())).text
    table = " ".join(text.partition("All figures")[2].split())
    assert "switch 1.10 3.01 2.74× 1.48 1.35× 4.52 4.11× coroscope.sleep 0.52 3.01 5.79×" in table
    assert "1,000,000 sleepers 15.0 49.5 3.30×" in table
    assert "peak memory, MB 801 1401 1.75×" in table
    assert "trio, gather: trio has nothing that gathers results" in table


def test_more_requests_are_better_on_the_page_too() -> None:
    rows = [http_row("coroscope", 100, 8_000, 400), http_row("uvloop", 80, 10_000, 500)]
    document = render_contest(result(standings(*rows)))
    assert '10000 <b class="faster">1.25×</b>' in document
    assert "500 <b>1.25×</b>" in document


def test_the_page_leads_with_the_means() -> None:
    text = " ".join(Elements(render_contest(usual_result())).text.split())
    assert "uvloop 1.25× 4 workloads, median 1.21×; lowest 0.68× (cancel), highest 2.48× (sleepers)" in text


def test_a_bar_is_as_wide_as_its_ratio_up_to_the_longest() -> None:
    rows = [row("switch", "coroscope", 1.0), row("switch", "uvloop", 0.5), row("switch", "trio", 9.0)]
    document = render_contest(result(standings(*rows)))
    bars = re.findall(r'class="bar ([\w ]+)" viewBox="0 0 (\d+) .*?<rect width="([\d.]+)"', document)
    assert bars == [("ours", "400", "100.0"), ("faster", "400", "50.0"), ("theirs beyond", "400", "400.0")]


def test_text_of_other_programs_is_no_markup() -> None:
    elements = Elements(render_contest(hostile_result()))
    assert elements.tags.count("script") == 1
    assert "img" not in elements.tags
    assert "onerror" not in elements.attributes
    assert "{{script}}␛⟨U+202E⟩" in elements.text


def test_no_length_is_a_style_attribute_which_the_policy_forbids() -> None:
    assert "style" not in Elements(render_contest(usual_result())).attributes


def test_the_page_names_no_address_outside_itself() -> None:
    assert not re.search(r"https?://|//\w+\.\w+/", render_contest(usual_result()))


def test_a_contest_that_was_broken_off_says_so() -> None:
    partial = result(standings(row("switch", "coroscope", 1.0)), complete=False)
    assert "broken off" in Elements(render_contest(partial)).text
    assert "broken off" not in Elements(render_contest(usual_result())).text


def test_own_ways_alone_have_figures_but_no_bars() -> None:
    elements = Elements(render_contest(result(standings(row("switch", "coroscope.wait", 0.6)))))
    assert "svg" not in elements.tags
    assert "0.60" in elements.text


def test_a_path_that_cannot_be_written_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot write the page to"):
        write_contest(usual_result(), tmp_path / "missing" / "page.html")


@pytest.mark.chromium
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (420, "light")])
def test_the_page_opens_without_complaint_and_without_scrolling_sideways(
    browser: WebDriver, tmp_path: Path, width: int, scheme: str
) -> None:
    write_contest(hostile_result(), tmp_path / "page.html")
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    browser.get((tmp_path / "page.html").as_uri())
    assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
    assert browser.execute_script("return window.broken") is None
    assert browser.execute_script("return document.documentElement.scrollWidth") == width
    assert browser.execute_script("return document.documentElement.dataset.theme") == scheme
    browser.find_element("id", "theme").click()
    assert browser.execute_script("return document.documentElement.dataset.theme") != scheme
