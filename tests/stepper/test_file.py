"""A recording in a file."""

from __future__ import annotations

import random
from dataclasses import fields
from pathlib import Path

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.stepper.columns import Columns
from coroscope.stepper.file import RecordingFormatError
from coroscope.stepper.recording import load
from tests.stepper.corpus import PROGRAMS, fib


@pytest.mark.parametrize("name", ["recursion", "under_asyncio", "classes"])
def test_what_is_loaded_is_what_was_saved(name: str, tmp_path: Path) -> None:
    recording = coroscope.step(PROGRAMS[name])
    recording.save(tmp_path / "a.steps")
    loaded = load(tmp_path / "a.steps")
    for field in fields(Columns):
        assert getattr(loaded.columns, field.name) == getattr(recording.columns, field.name), field.name
    assert loaded.at(-1).locals == recording.at(-1).locals


def test_a_file_of_the_first_format_is_read() -> None:
    recording = load(Path(__file__).parent / "golden" / "format-1.steps")  # As it was written before moments.
    assert [recording.codes[frame.code].qualified_name for frame in recording.frames][:2] == [
        "<module>",
        "main",
    ]
    assert recording.at(-1).output == "[0, 1, 4]\n"
    assert not recording.columns.run_times
    assert recording.columns.origin_ns == 0


def test_a_step_of_an_ordinary_program_takes_four_bytes_at_most(tmp_path: Path) -> None:
    recording = coroscope.step(fib, 16)
    recording.save(tmp_path / "a.steps")
    assert (tmp_path / "a.steps").stat().st_size < 4 * len(recording)


def test_a_file_cut_short_or_damaged_gives_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "a.steps"
    coroscope.step(PROGRAMS["generator_sent_to"]).save(path)
    whole = path.read_bytes()
    chance = random.Random(1)
    for size in {*range(0, len(whole) - 1, 211), len(whole) - 1}:
        path.write_bytes(whole[:size])
        with pytest.raises(RecordingFormatError) as caught:
            load(path)
        assert "\n" not in str(caught.value)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[chance.randrange(10, len(damaged))] ^= 1 << chance.randrange(8)
        path.write_bytes(bytes(damaged))
        with pytest.raises(RecordingFormatError):
            load(path)


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordingFormatError, match="No such file"):
        load(tmp_path / "none.steps")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(RecordingFormatError, match="it is not one"):
        load(tmp_path / "text")
    with pytest.raises(UsageError, match="give another path"):
        coroscope.step(PROGRAMS["squares"]).save(tmp_path / "no" / "folder")
