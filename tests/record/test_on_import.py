"""What waits for a module acts when it is imported, and is nothing to who imports it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from coroscope.record.on_import import when_imported

NAME = "waited_for_by_a_test"


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / f"{NAME}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = list(sys.meta_path)
    yield
    sys.modules.pop(NAME, None)
    assert sys.meta_path == before


def import_it() -> ModuleType:
    return importlib.import_module(NAME)


def test_all_that_wait_for_a_module_act_once_it_has_been_executed() -> None:
    seen: list[int] = []
    failures: list[Exception] = []
    for _ in range(3):
        when_imported(NAME, lambda module: seen.append(module.value), failures.append)
    assert seen == []
    module = import_it()
    assert (seen, failures) == ([1, 1, 1], [])
    importlib.reload(module)
    assert seen == [1, 1, 1]


def test_what_fails_is_told_to_its_owner_and_not_to_who_imports() -> None:
    failures: list[Exception] = []

    def fail(_: ModuleType) -> None:
        raise LookupError("as it should")

    when_imported(NAME, fail, failures.append)
    assert import_it().value == 1
    when_imported(NAME, fail, failures.append)
    assert [type(failure) for failure in failures] == [LookupError, LookupError]


def test_who_waits_no_more_does_not_act() -> None:
    seen: list[str] = []
    failures: list[Exception] = []
    when_imported(NAME, lambda _: seen.append("first"), failures.append)
    when_imported(NAME, lambda _: seen.append("second"), failures.append)()
    import_it()
    assert (seen, failures) == (["first"], [])


def test_what_waits_for_a_module_that_is_just_being_executed_acts_when_it_has_been(tmp_path: Path) -> None:
    text = "import sys\nfrom coroscope.record.on_import import when_imported\n"
    text += (
        "when_imported(__name__, lambda module: vars(module).update(seen=module.value), print)\nvalue = 1\n"
    )
    (tmp_path / f"{NAME}.py").write_text(text)
    module = import_it()
    assert module.seen == 1
    assert type(module.__spec__) is type(sys.__spec__)
