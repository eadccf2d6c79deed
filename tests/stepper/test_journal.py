"""What a program that was killed has left is a recording, wherever the file ends."""

from __future__ import annotations

import sys
from pathlib import Path

from coroscope.stepper.file import load, save
from coroscope.stepper.journal import MOST_BETWEEN, recover
from coroscope.stepper.recording import Recording
from coroscope.stepper.rules import check
from tests.programs import run_command, write_program

_LEAVES_A_JOURNAL = """
import os, sys
from coroscope.stepper.running import run_file
os.unlink = lambda path: None
run_file(sys.argv[1], save_to=sys.argv[1] + ".steps", journal=sys.argv[1] + ".journal")
"""
_PROGRAM = """\
import threading

class Pair:
    def __init__(self, one, other):
        self.one, self.other = one, other

def numbers(count):
    for number in range(count):
        yield number

def work(found, count):
    for number in numbers(count):
        found.append(Pair(number, str(number)))
        try:
            {}[number]
        except KeyError as error:
            found[-1].other = error

given_up = numbers(2)
next(given_up)
given_up.close()
found = []
threads = [threading.Thread(target=work, args=(found, 60)) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(found))
"""


def test_a_journal_is_a_recording_wherever_it_ends(tmp_path: Path) -> None:
    program = write_program(tmp_path, _PROGRAM)
    done = run_command([sys.executable, "-c", _LEAVES_A_JOURNAL, str(program)], tmp_path)
    assert done.stdout == "120\n", done.stderr
    whole, journal, cut_off = (tmp_path / name for name in ("program.py.steps", "program.py.journal", "cut"))
    known, data = load(whole), journal.read_bytes()
    lengths = []
    for part in range(1, 9):
        cut_off.write_bytes(data[: len(data) * part // 8])
        columns = recover(cut_off)
        assert columns is not None
        save(
            columns, tmp_path / "again"
        )  # A file whose parts do not belong together is refused as it is loaded.
        steps = len(load(tmp_path / "again").instructions)
        assert columns.instructions == known.instructions[:steps]
        assert columns.ends == known.ends[:steps]
        assert columns.changes[: columns.ends[-1]] == known.changes[: columns.ends[-1]]
        assert not check(Recording(columns)).broken
        lengths.append(steps)
    assert lengths == sorted(lengths)
    # The first generator, which was closed before the threads began.
    first = next(frame.number for frame in known.frames if known.codes[frame.code].kind == "generator")
    left = recover(journal)
    assert left is not None
    assert left.frames[first].outcome == known.frames[first].outcome is not None
    assert lengths[-1] > len(known.instructions) - MOST_BETWEEN


_CLOSES_ALL = """\
import os
os.closerange(3, 64)
files = [os.open("own", os.O_WRONLY | os.O_CREAT | os.O_APPEND) for _ in range(8)]
for number in range(3000):
    number += 1
os.write(files[0], b"own")
print(open("own", "rb").read())
"""


def test_a_program_that_closes_all_descriptors_keeps_its_files_to_itself(tmp_path: Path) -> None:
    program = write_program(tmp_path, _CLOSES_ALL)
    done = run_command([sys.executable, "-c", _LEAVES_A_JOURNAL, str(program)], tmp_path)
    assert (done.stdout, done.stderr) == ("b'own'\n", "")
    columns = recover(tmp_path / "program.py.journal")
    assert columns is not None
    assert len(columns.instructions) > 3000


def test_what_is_no_journal_any_more_is_read_up_to_there(tmp_path: Path) -> None:
    program = write_program(tmp_path, _PROGRAM)
    run_command([sys.executable, "-c", _LEAVES_A_JOURNAL, str(program)], tmp_path)
    journal = tmp_path / "program.py.journal"
    whole = recover(journal)
    journal.write_bytes(journal.read_bytes() + (9).to_bytes(8, "little") + b"something")
    again = recover(journal)
    assert whole is not None
    assert again is not None
    assert again.instructions == whole.instructions


def test_where_there_is_none_nothing_is_recovered(tmp_path: Path) -> None:
    assert recover(tmp_path / "none") is None
    (tmp_path / "empty").write_bytes(b"")
    assert recover(tmp_path / "empty") is None
