"""What is known of the program's objects, and which of them are still the same."""

from __future__ import annotations

import pytest

import coroscope
from coroscope.stepper.columns import Columns
from coroscope.stepper.heap import Heap


def test_a_shorter_tuple_at_the_address_of_one_that_has_died_is_read_as_it_is() -> None:
    lists = [[number] for number in range(23)]
    heap = Heap(Columns())
    for _ in range(100):  # Long ones: the interpreter keeps no list of free ones of their length.
        longer = tuple(lists)
        address = id(longer)
        value = heap.value_of(longer)
        heap.finish_reading()
        del longer
        shorter = tuple(lists[:-1])
        if id(shorter) == address:
            break
    else:
        pytest.skip("memory that is free is not used again at once here")
    heap.look_again([address])
    assert heap.columns.content_objects[-1] == -value
    assert len(heap.columns.contents[-1]) == len(shorter)


def _appending() -> list[int]:
    found: list[int] = []
    found.append(1)
    found.extend((2,))
    found.append(3)
    return found


def test_a_method_of_a_builtin_class_is_one_object_as_long_as_the_program_runs() -> None:
    recording = coroscope.step(_appending)
    assert [facts.detail for facts in recording.objects if facts.type == "method_descriptor"] == [
        "list.append",
        "list.extend",
    ]


def _class_body() -> object:
    class Box:
        def __len__(self) -> int:
            return 0

    return Box


def test_all_names_of_a_class_body_are_listed() -> None:
    recording = coroscope.step(_class_body)
    [body] = [frame.number for frame in recording.frames if recording.codes[frame.code].kind == "class"]
    listed = [set(moment.locals) for moment in recording.iter_moments() if moment.step.frame == body]
    assert {"__module__", "__qualname__", "__len__"} <= listed[-1]


def test_a_list_that_is_cut_shows_no_half_of_an_item() -> None:
    def run() -> list[str]:
        return [f"{number:02} is one of them" for number in range(9)]

    text = coroscope.step(run).at(-1).stack[-1].text  # type: ignore[index]
    assert text.endswith("'03 is one of them', …]")


@pytest.mark.parametrize(("more", "end"), [({}, "a…}"), ({"other": 1}, "a…, …}")])
def test_of_a_first_item_that_is_too_long_the_beginning_is_shown(more: dict[str, int], end: str) -> None:
    def run() -> dict[str, object]:
        return {"key": "a" * 98, **more}

    text = coroscope.step(run).at(-1).stack[-1].text  # type: ignore[index]
    assert text.startswith("{'key': 'aaa")
    assert text.endswith(end)
    assert len(text) <= 100
