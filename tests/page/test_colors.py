"""What colour a pixel has, and whether text can be read on it."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations, product
from math import dist
from operator import mul
from pathlib import Path

import pytest

from coroscope.analysis.findings import Finding
from coroscope.trace.model import Frame
from tests.page.conftest import Open
from tests.page.contrast import READABLE, contrast, linear, seen_texts, unreadable
from tests.page.opened_page import Color
from tests.page.page_traces import two_tasks
from tests.trace_builder import MS, TraceBuilder

_BLOCK = re.compile(r'(:root(?:\[data-theme="dark"\])?) \{(.*?)\n\}', re.DOTALL)
_COLOR = re.compile(r"--([\w-]+): (#[0-9a-f]{6});")
_SURFACES = ("page", "raised", "cursor", "selection")
_STATES = ("running", "ready", "waiting")
_PHASES = ("starting", "serialising", "lock")
_INKS = ("text", "muted", "accent", "bad", "good")
_APART = 0.12  # in OKLab, where 0.02 can just be told apart side by side
# What they who lack one of the three kinds of cones see: Machado, Oliveira, Fernandes 2009, in linear light.
_SIGHTS = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.01182, 0.04294, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.3039),
    ),
}
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_LAB = (
    (0.2104542553, 0.793617785, -0.0040720468),
    (1.9779984951, -2.428592205, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_VISIBLE = 3  # and for what shows where a control is


def _themes() -> dict[str, dict[str, str]]:
    style = files("coroscope.views.page").joinpath("style.css").read_text("utf-8")
    found = {selector: dict(_COLOR.findall(body)) for selector, body in _BLOCK.findall(style)}
    return {"light": found[":root"], "dark": found[':root[data-theme="dark"]']}


def _times(matrix: tuple[tuple[float, ...], ...], vector: list[float]) -> list[float]:
    return [sum(map(mul, row, vector)) for row in matrix]


def _seen(color: str, sight: str) -> list[float]:
    """The colour in OKLab, as it is seen."""
    light = [min(max(channel, 0), 1) for channel in _times(_SIGHTS[sight], linear(color))]
    return _times(_TO_LAB, [cone ** (1 / 3) for cone in _times(_TO_CONES, light)])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_on_every_surface(theme: str) -> None:
    colors = _themes()[theme]
    on_bars = [(f"on-{name}", name) for name in (*_STATES, *_PHASES)]
    pairs = [*product(_INKS, _SURFACES), *on_bars]
    too_weak = {pair for pair in pairs if contrast(colors[pair[0]], colors[pair[1]]) < READABLE}
    assert not too_weak


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_edge_of_a_field_stands_out_from_every_surface(theme: str) -> None:
    colors = _themes()[theme]
    assert {s for s in ("page", "raised") if contrast(colors["edge"], colors[s]) < _VISIBLE} == set()


@pytest.mark.chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("keys", ["", ".tg", "jn", "?"])
def test_every_text_can_be_read_on_what_is_behind_it(
    open_page: Open, tmp_path: Path, scheme: str, keys: str
) -> None:
    place = Frame("fetch", str(tmp_path / "program.py"), 8, is_user=True)
    findings = [Finding("blocking-call", "It held the loop.", "Use a thread.", place, 2, MS, MS, MS, MS)]
    page = open_page(two_tasks(tmp_path), scheme=scheme, findings=findings)
    page.press(*keys)
    if "j" in keys:
        page.click_bar(1, 100 * MS)
    if "t" in keys:
        page.click("#statistics tbody button")
    assert len(seen_texts(page)) > 30
    assert unreadable(page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_states_stand_out_from_one_another(theme: str) -> None:
    colors = _themes()[theme]
    pairs = combinations(("running", "ready", "waiting"), 2)
    assert {pair for pair in pairs if contrast(*(colors[state] for state in pair)) < _VISIBLE} == set()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", _SIGHTS)
def test_states_and_phases_can_be_told_apart_by_everybody(theme: str, sight: str) -> None:
    colors = _themes()[theme]
    pairs = combinations((*_STATES, *_PHASES), 2)
    apart = {pair: dist(*(_seen(colors[name], sight) for name in pair)) for pair in pairs}
    assert {pair for pair, distance in apart.items() if distance < _APART} == set()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_stand_out_from_every_row(theme: str) -> None:
    colors = _themes()[theme]
    pairs = product(("running", "ready", "waiting-edge", "lane", *_PHASES), _SURFACES)
    assert {pair for pair in pairs if contrast(*(colors[name] for name in pair)) < _VISIBLE} == set()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_a_lane(theme: str) -> None:
    colors = _themes()[theme]
    assert contrast(colors["text"], colors["lane-fill"]) >= READABLE


@pytest.mark.chromium
@pytest.mark.parametrize("rows", ["4", "22"])
def test_pale_bar_has_an_edge(open_page: Open, rows: str) -> None:
    builder = TraceBuilder()
    builder.task("main", "waiting 100")
    page = open_page(builder.build(), fragment=f"rows={rows}&y=0&q=main")
    lowest = """
    const { geometry, context, canvas } = coroscope.timeline;
    const { top, height } = geometry.bar(0);
    return [...context.getImageData(canvas.width - 40, Math.round(top + height) - 1, 1, 1).data.slice(0, 3)];
    """
    assert tuple(page.run(lowest)) == page.color("waiting-edge")


@pytest.mark.chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_middle_of_a_span_has_its_states_color(open_page: Open, scheme: str) -> None:
    builder = TraceBuilder()
    builder.task("main", "ready 100, running 100, waiting 100")
    page = open_page(builder.build(), scheme=scheme)
    page.press("s")
    seen = [page.pixel(0, time_ms * MS) for time_ms in (40, 160, 290)]
    assert seen == [page.color("ready"), page.color("running"), page.color("waiting")]


@pytest.mark.chromium
def test_toggle_changes_the_colors_that_are_drawn(open_page: Open) -> None:
    builder = TraceBuilder()
    builder.task("main", "running 100")
    page = open_page(builder.build(), scheme="light")
    light = page.pixel(0, 90 * MS)
    page.click("#theme")
    dark = page.pixel(0, 90 * MS)
    assert dark == page.color("running") != light
    page.click("#theme")
    assert page.pixel(0, 90 * MS) == light


@pytest.mark.chromium
def test_page_follows_the_system_from_light_to_dark(open_page: Open) -> None:
    builder = TraceBuilder()
    builder.task("main", "running 100")
    page = open_page(builder.build(), scheme="light")
    light = page.pixel(0, 90 * MS)
    page.use_scheme("dark")
    assert page.pixel(0, 90 * MS) == page.color("running") != light


@pytest.mark.chromium
@pytest.mark.parametrize(
    ("stays", "run", "ready", "wait"),
    [("running 0.001, waiting 0.001", 1, 0, 1), ("running 0.001, ready 0.001, waiting 0.002", 1, 1, 2)],
)
def test_pixel_of_many_spans_is_their_exact_mix(
    open_page: Open, stays: str, run: int, ready: int, wait: int
) -> None:
    builder = TraceBuilder()
    pattern_ms = sum(float(stay.split()[1]) for stay in stays.split(", "))
    builder.task("main", ", ".join([stays] * round(40 / pattern_ms)))
    page = open_page(builder.build())
    # A pixel is a whole number of patterns wide, so wherever it begins, it holds the same shares.
    width = page.run("const { canvas, geometry } = coroscope.timeline; return canvas.width - geometry.gutter")
    page.show(0, 10 * pattern_ms * MS * width)
    colors = [page.color(name) for name in ("running", "ready", "waiting")]
    expected = _mix(colors, (run, ready, wait))
    seen = page.pixel(0, page.window[1] * 0.9)
    assert all(abs(a - b) <= 1 for a, b in zip(seen, expected, strict=True)), (seen, expected)


@pytest.mark.chromium
def test_pixel_in_which_a_task_ends_is_part_background(open_page: Open) -> None:
    builder = TraceBuilder()
    builder.task("long", "waiting 1000")
    page = open_page(builder.build())
    width = page.run("const { canvas, geometry } = coroscope.timeline; return canvas.width - geometry.gutter")
    half_pixel_ms = 1000 / width / 2
    builder = TraceBuilder()
    builder.task("long", "waiting 1000")
    builder.task("brief", f"running {half_pixel_ms}", at_ms=100 * 2 * half_pixel_ms)
    page = open_page(builder.build())
    expected = _mix([page.color("running"), page.color("page")], (1, 1))
    seen = page.pixel(1, 100.5 * 2 * half_pixel_ms * MS)
    assert all(abs(a - b) <= 1 for a, b in zip(seen, expected, strict=True)), (seen, expected)


def _mix(colors: list[Color], shares: tuple[int, ...]) -> tuple[int, ...]:
    channels = zip(*colors, strict=True)
    return tuple(round(sum(map(mul, channel, shares)) / sum(shares)) for channel in channels)
