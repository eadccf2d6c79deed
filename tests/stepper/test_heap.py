"""What is known of the program's objects, and which of them are still the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import coroscope
from coroscope.stepper.columns import Columns
from coroscope.stepper.heap import Heap
from coroscope.stepper.recording import Recording, load


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
    heap.look_again([address], list)
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


KEEPING = """
class Shared:
    items = []

    @staticmethod
    def plain(x, seen=[]):
        return seen

def add(x, acc=[]):
    acc.append(x)
    return acc

def only(*, acc=[]):
    acc.append(1)
    return acc

def counter():
    count = [0]
    def up():
        count[0] += 1
        return count
    return up

class L(list):
    pass

class D(dict):
    pass

class T(tuple):
    pass

class S(set):
    pass

class E(Exception):
    pass

add(1)
add(2)
only()
only()
Shared.items.append(3)
Shared.plain(1).append(4)
Shared.plain(1).append(5)
up = counter()
up()
up()
add.attribute = [6]
add.attribute.append(7)
later = [8]
setattr(Shared, "later", later)
del later
Shared.later.append(9)
Shared.again = [10]
Shared.again.append(11)
for kept in L(), D(), T(), S(), E(1):
    kept.extra = [12]
    kept.extra.append(13)
kept = S()
kept.add((14, 15))
(pair,) = kept
add.__defaults__[0].append(16)
add.__defaults__ = ([17],)
add(18)
"""


def recording_of(source: str, tmp_path: Path) -> Recording:
    file = tmp_path / "program.py"
    file.write_text(source)
    kept = tmp_path / "kept.steps"
    subprocess.run(
        [sys.executable, "-m", "coroscope", "step", "-o", kept, file],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return load(kept)


def last_texts(recording: Recording) -> list[tuple[str, bool]]:
    """How each list and tuple is written in the end, and whether it lives on then."""
    last = len(recording) - 1
    told = []
    for facts in recording.objects[1:]:
        if facts.type in ("list", "tuple"):
            step = last if facts.died is None else max(facts.died - 1, 0)
            told.append(
                (recording.at(step).value(-facts.number).text, facts.died is None or facts.died >= last)
            )
    return told


def test_what_functions_classes_and_subclasses_of_containers_keep_is_one_object(tmp_path: Path) -> None:
    told = last_texts(recording_of(KEEPING, tmp_path))
    lasting = ("[1, 1]", "[3]", "[4, 5]", "[2]", "[6, 7]", "[8, 9]", "[10, 11]", "[17, 18]")
    for text in lasting:
        assert [lives for last, lives in told if last == text] == [True], text
    assert [last for last, _ in told].count("[1, 2, 16]") == 1
    assert [last for last, _ in told].count("(14, 15)") == 1
    assert [last for last, _ in told].count("[12, 13]") == 5
    assert "[]" not in [last for last, _ in told]


def test_a_functions_tuple_of_cells_is_one_object_as_long_as_the_function_lives(tmp_path: Path) -> None:
    source = """\
def outer():
    x = 1
    def inner():
        return x
    return inner
f = outer()
t = f.__closure__
"""
    tuples = [facts for facts in recording_of(source, tmp_path).objects if facts.type == "tuple"]
    assert [facts.died for facts in tuples] == [None]


def test_a_call_that_changes_what_a_class_keeps_is_told_at_once(tmp_path: Path) -> None:
    source = "class Shared:\n    items = []\nShared.items.append(3)\nShared.items.append(4)\n"
    recording = recording_of(source, tmp_path)
    [items] = [facts for facts in recording.objects if facts.type == "list"]
    changes = [
        (step, len(contents))
        for step, number, contents in zip(
            recording.columns.content_steps,
            recording.columns.content_objects,
            recording.columns.contents,
            strict=True,
        )
        if number == items.number
    ]
    calls = [each.number for each in recording.steps if each.instruction.base == "CALL"][-2:]
    assert changes[1:] == [(calls[0] + 1, 1), (calls[1] + 1, 2)]


class _Box:
    def __init__(self) -> None:
        self.item = 1


_box = _Box()


def _of_a_module() -> object:
    return _box


def test_an_instance_that_a_module_has_had_before_is_looked_into() -> None:
    recording = coroscope.step(_of_a_module)
    [box] = [facts.number for facts in recording.objects if facts.type.endswith("_Box")]
    assert [value.text for value in recording.at(-1).object(box).items] == ["'item'", "1"]
