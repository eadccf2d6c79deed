"""How a page gets into its file, and what is in that file."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coroscope.errors import UsageError
from coroscope.views.page import write_page
from coroscope.views.page.bundle import join_modules
from coroscope.views.page.columns import number_column, zigzag
from coroscope.views.page.layout import plan_page
from tests.trace_builder import TraceBuilder, fetch_trace


def test_page_is_written_with_the_mode_of_an_ordinary_file(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_page(fetch_trace(), tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_mode == ordinary.stat().st_mode


def test_existing_page_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("old")
    write_page(fetch_trace(), path)
    assert path.read_text("utf-8").startswith("<!doctype html>")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["missing/page.html", "", "file/page.html"])
def test_path_that_cannot_be_written_is_a_mistake_of_the_user(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write the page to"):
        write_page(fetch_trace(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_link_to_a_page_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link.html").symlink_to(tmp_path / "page.html")
    write_page(fetch_trace(), tmp_path / "link.html")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_text("utf-8").startswith("<!doctype html>")


def test_page_can_be_written_into_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(pipe.read_text, "utf-8")
        write_page(fetch_trace(), pipe)
        assert reading.result().startswith("<!doctype html>")
    assert pipe.is_fifo()


def test_same_trace_gives_the_same_page(tmp_path: Path) -> None:
    write_page(fetch_trace(), tmp_path / "one.html")
    write_page(fetch_trace(), tmp_path / "two.html")
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()


def test_page_names_no_address_outside_itself(tmp_path: Path) -> None:
    write_page(fetch_trace(), tmp_path / "page.html")
    assert not re.search(r"https?://|//\w+\.\w+/", _without_data((tmp_path / "page.html").read_text("utf-8")))


def _without_data(document: str) -> str:
    return re.sub(r'id="data">[^<]*<', "<", document)


def test_planning_reads_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert plan_page(fetch_trace()) == plan_page(fetch_trace())
    assert list(tmp_path.iterdir()) == []


def test_default_names_share_one_string() -> None:
    builder = TraceBuilder()
    for _ in range(100):
        builder.task("work", "running 1")
    strings = plan_page(builder.build()).facts["strings"]
    assert [text for text in strings if text and text.startswith("Task")] == ["Task-"]


def test_waits_that_follow_from_their_spans_take_no_room() -> None:
    columns = {column.name: column for column in plan_page(fetch_trace()).columns}
    assert columns["wait.start"].count > 60
    assert columns["wait.start"].planes == columns["wait.end"].planes == ()


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_planes_give_the_numbers_back(numbers: list[int]) -> None:
    column = number_column("x", numbers)
    weights = range(len(column.planes))
    back = [sum(column.planes[weight][i] << 8 * weight for weight in weights) for i in range(column.count)]
    assert back == numbers


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_no_plane_is_kept_for_zeros_alone(numbers: list[int]) -> None:
    column = number_column("x", numbers)
    assert len(column.planes) == (max(numbers).bit_length() + 7) // 8


@given(st.integers(-(2**60), 2**60))
def test_zigzag_keeps_small_numbers_small_and_can_be_undone(number: int) -> None:
    folded = zigzag(number)
    assert 0 <= folded <= 2 * abs(number)
    assert (-(folded + 1) // 2 if folded % 2 else folded // 2) == number


def test_joined_modules_stand_after_those_they_need() -> None:
    sources = {
        "main.js": 'import { b } from "./b.js";\nimport { a } from "./a.js";\nb(a);\n',
        "b.js": 'import { a } from "./a.js";\nexport function b() {}\n',
        "a.js": "export const a = 1;\n",
    }
    joined = join_modules(sources, "main.js")
    assert joined.index("const a") < joined.index("function b") < joined.index("b(a)")
    assert "import" not in joined
    assert "export" not in joined


def test_modules_that_import_each_other_are_refused() -> None:
    sources = {
        "a.js": 'import { b } from "./b.js";\nexport const a = 1;\n',
        "b.js": 'import { a } from "./a.js";\nexport const b = 1;\n',
    }
    with pytest.raises(ValueError, match=r"a\.js → b\.js → a\.js"):
        join_modules(sources, "a.js")


@pytest.mark.parametrize("line", ['import * as b from "./b.js";', "export default 1;", "export { a };"])
def test_form_of_import_or_export_that_joining_does_not_know_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"a\.js"):
        join_modules({"a.js": f"{line}\n", "b.js": ""}, "a.js")
