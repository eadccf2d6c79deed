"""What stretches of time went into, on the page: starting, serialising, waiting for the interpreter's lock."""

from __future__ import annotations

import pytest

from coroscope.trace.model import Phase
from tests.page.conftest import Open
from tests.page.opened_page import Color, OpenedPage
from tests.page.page_traces import two_tasks, with_phases
from tests.trace_builder import MS, TraceBuilder

pytestmark = pytest.mark.chromium

_AT_EDGE = """
const [row, time, dy] = arguments;
const { geometry, context } = coroscope.timeline;
const bar = geometry.bar(coroscope.view.positionOf(row));
const y = Math.round(dy < 0 ? bar.top + bar.height + dy : bar.top + dy);
return [...context.getImageData(Math.floor(geometry.x(time)), y, 1, 1).data.slice(0, 3)];
"""
_EVERY_LAYER = """
const { layers, spans } = coroscope.model;
const row = arguments[0];
const seen = [];
for (let i = layers.first[row]; i < layers.first[row + 1]; i++) {
  seen.push([layers.names[layers.code[i]], layers.start[i] / 1e6, layers.end(row, i, spans) / 1e6]);
}
return seen;
"""


def _near(seen: Color, expected: tuple[float, ...]) -> bool:
    return all(abs(a - b) <= 1 for a, b in zip(seen, expected, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phase_has_a_color_of_its_own(open_page: Open, scheme: str) -> None:
    page = open_page(with_phases(), scheme=scheme)
    seen = [page.pixel(1, time_ms * MS) for time_ms in (95, 138, 250, 376, 390)]
    assert seen == [
        page.color(name) for name in ("starting", "serialising", "running", "serialising", "waiting")
    ]
    assert [page.pixel(2, time_ms * MS) for time_ms in (25, 35)] == [
        page.color("lock"),
        page.color("running"),
    ]


def test_phases_lie_over_the_states_and_cut_them(open_page: Open) -> None:
    builder = TraceBuilder()
    phases = [
        Phase("lock", 5 * MS, 15 * MS),
        Phase("serialising", 15 * MS, 20 * MS),
        Phase("lock", 25 * MS, 26 * MS),
    ]
    builder.task("plain", "running 30")
    builder.task("worker", "ready 10, running 20, waiting 10", kind="thread", phases=phases)
    page = open_page(builder.build())
    assert page.run(_EVERY_LAYER, 0) == []
    assert page.run(_EVERY_LAYER, 1) == [
        ["ready", 0, 5], ["lock", 5, 15], ["serialising", 15, 20], ["running", 20, 25], ["lock", 25, 26],
        ["running", 26, 30], ["waiting", 30, 40],
    ]  # fmt: skip


def test_pixel_of_many_phases_is_their_exact_mix(open_page: Open) -> None:
    builder = TraceBuilder()
    phases = [Phase("lock", start, start + 1000) for start in range(0, 40_000_000, 4000)]
    builder.task("worker", ", ".join(["ready 0.002, running 0.002"] * 10_000), kind="thread", phases=phases)
    page = open_page(builder.build())
    width = page.run("const { canvas, geometry } = coroscope.timeline; return canvas.width - geometry.gutter")
    page.show(0, 4000 * 4 * width)
    lock, ready, running = (page.color(name) for name in ("lock", "ready", "running"))
    expected = tuple((a + b + 2 * c) / 4 for a, b, c in zip(lock, ready, running, strict=True))
    assert _near(page.pixel(0, page.window[1] * 0.9), expected)


def test_phase_too_short_for_a_pixel_is_marked_at_the_head(open_page: Open) -> None:
    builder = TraceBuilder()
    builder.task(
        "worker", "waiting 1000", kind="process", phases=[Phase("serialising", 500 * MS, 500 * MS + 20_000)]
    )
    page = open_page(builder.build())
    assert tuple(page.run(_AT_EDGE, 0, 500 * MS, 1)) == page.color("serialising")
    assert tuple(page.run(_AT_EDGE, 0, 500 * MS, -4)) != page.color("serialising")
    assert tuple(page.run(_AT_EDGE, 0, 510 * MS, 1)) != page.color("serialising")


def _legend(page: OpenedPage) -> list[str]:
    return [item.text.split("\n")[0].split()[0] for item in page.elements("#legend li") if item.text]


def test_legend_names_only_the_phases_that_occur(open_page: Open) -> None:
    page = open_page(with_phases())
    text = page.element("#legend").text
    assert [name for name in _legend(page) if name in ("starting", "serialising", "lock")] == [
        "starting", "serialising", "lock",
    ]  # fmt: skip
    assert "80.0 ms · 1.20 MB" in text
    assert "another had the interpreter's lock" in text


def test_legend_of_a_trace_without_phases_has_the_states_alone(open_page: Open, tmp_path: object) -> None:
    page = open_page(two_tasks(tmp_path))  # type: ignore[arg-type]
    assert _legend(page) == ["running", "ready", "waiting", "Shares"]


def test_tooltip_says_the_phase_and_its_bytes(open_page: Open) -> None:
    page = open_page(with_phases())
    page.hover_bar(1, 120 * MS)
    assert "serialising for 40.0 ms · 1.20 MB" in page.element("#tooltip").text
    page.hover_bar(1, 360 * MS)
    assert "serialising for 40.0 ms from" in page.element("#tooltip").text
    page.hover_bar(1, 250 * MS)
    assert "serialising" not in page.element("#tooltip").text


def test_panel_says_the_phase_that_was_clicked(open_page: Open) -> None:
    page = open_page(with_phases())
    page.click_bar(1, 120 * MS)
    section = page.element(".span-section").text
    assert "serialising for 40.0 ms · 1.20 MB" in section
    assert section.count("serialising") == 1
    assert "starting" in page.element(".states ~ .states").text
    page.press("z")
    start, end = page.window
    assert end - start == pytest.approx(40 * MS * 1.8)


def test_panel_lists_the_phases_of_a_state(open_page: Open) -> None:
    page = open_page(with_phases())
    page.click_bar(1, 250 * MS)
    assert page.element(".span-section").text.count("serialising for") == 2


def test_address_brings_the_selected_phase_back(open_page: Open) -> None:
    page = open_page(with_phases())
    page.click_bar(1, 360 * MS)
    again = open_page(with_phases(), fragment=page.fragment)
    assert again.run("return coroscope.view.phase") == 2
    assert again.run("return coroscope.view.span") == page.run("return coroscope.view.span")
