"""An exception thrown into a thread while the recorder works is the program's, and the recording is valid to there."""

from __future__ import annotations

import sys
from pathlib import Path

from coroscope.stepper.recording import load
from coroscope.stepper.rules import check
from tests.programs import run_alone, run_command, write_program

_STEP = """
import sys
from coroscope.stepper.running import What, run_file
run = run_file(sys.argv[1], None, sys.argv[2:], what=What(), save_to=sys.argv[1] + ".steps")
run.end.leave()
"""
# Thrown into a thread that has nothing else to do, so that it comes anywhere in that loop.
THROWS = """
import ctypes, threading
class Stop(Exception):
    pass
def work():
    global caught, goes_round
    while caught < 10:
        try:
            numbers = [1]
            while True:
                goes_round = True
                numbers[0] = len(numbers)
        except KIND:
            caught += 1
caught, goes_round = 0, False
thread = threading.Thread(target=work)
thread.start()
for count in range(10):
    goes_round = False
    while not goes_round and thread.is_alive():
        pass
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(KIND))
    while caught == count and thread.is_alive():
        pass
print(caught)
"""


def _try(kind: str, tmp_path: Path) -> None:
    program = write_program(tmp_path, THROWS.replace("KIND", kind))
    alone = run_alone(program)
    stepped = run_command([sys.executable, "-c", _STEP, str(program)], tmp_path)
    assert (stepped.stdout, stepped.stderr, stepped.returncode) == ("10\n", "", 0)
    assert alone.stdout == stepped.stdout
    recording = load(f"{program}.steps")
    assert not check(recording).broken
    assert len(recording) > 50


def test_an_exception_of_the_programs_own_reaches_it(tmp_path: Path) -> None:
    _try("Stop", tmp_path)


def test_one_that_the_recorder_could_raise_reaches_it(tmp_path: Path) -> None:
    _try("ValueError", tmp_path)


def test_one_that_ends_programs_reaches_it(tmp_path: Path) -> None:
    _try("SystemExit", tmp_path)
