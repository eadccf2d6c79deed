"""Handlers of signals run outside the recorder's callbacks, recorded, and as the program set them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from coroscope.stepper.recording import load
from coroscope.stepper.rules import check
from tests.programs import run_alone, run_command, write_program

if sys.platform == "win32":
    pytest.skip("no timers that send signals here", allow_module_level=True)

_STEP = """
import sys
from coroscope.stepper.running import What, run_file
run = run_file(sys.argv[1], None, sys.argv[2:], what=What(), save_to=sys.argv[1] + ".steps")
run.end.leave()
"""
# Each signal is sent a millisecond behind the last one's handler, so that it comes anywhere.
NOTES = """
import signal, sys
calls, strangers = 0, []
def note(number, frame):
    global calls
    calls += 1
    if frame is not sys._getframe(1) or frame.f_code.co_filename != __file__:
        strangers.append(frame)
    if calls == 100:
        raise KeyError("the last")
    signal.setitimer(signal.ITIMER_REAL, 0.001)
def spin():
    total = 0
    while True:
        total += calls
print(signal.signal(signal.SIGALRM, note), signal.getsignal(signal.SIGALRM) is note)
note(0, sys._getframe())
try:
    spin()
except KeyError as error:
    place = error.__traceback__
    while place is not None:
        print(error, place.tb_frame.f_code.co_name)
        place = place.tb_next
print(calls, strangers, signal.getsignal(signal.SIGINT), signal.signal(signal.SIGALRM, signal.SIG_DFL) is note)
"""
INTERRUPTS = """
import signal
signal.signal(signal.SIGALRM, signal.default_int_handler)
def spin():
    signal.setitimer(signal.ITIMER_REAL, 0.001)
    while True:
        pass
for _ in range(100):
    try:
        spin()
    except KeyboardInterrupt as error:
        inner = error.__traceback__.tb_next
        assert inner.tb_frame.f_code is spin.__code__ and inner.tb_next is None
print(signal.getsignal(signal.SIGALRM))
signal.raise_signal(signal.SIGALRM)
"""
LOOP = """
import asyncio, os, signal
async def main():
    heard = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, heard.append, 1)
    for count in range(1, 101):
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        os.kill(os.getpid(), signal.SIGUSR1)
        while len(heard) < count or len(calls) < count:
            await asyncio.sleep(0)
    print(heard, len(calls))
calls = []
def note(*_):
    calls.append(0)
signal.signal(signal.SIGALRM, note)
asyncio.run(main())
"""
REFUSED = """
import signal, threading
def tries(*arguments):
    try:
        signal.signal(*arguments)
    except Exception as error:
        print(type(error).__name__, error)
tries(signal.SIGALRM, "no handler")
tries(9999, print)
tries("word", print)
thread = threading.Thread(target=tries, args=(signal.SIGALRM, print))
thread.start()
thread.join()
print(signal.getsignal(signal.SIGALRM), signal.strsignal(signal.SIGALRM), signal.pthread_sigmask(0, []))
"""


@pytest.mark.parametrize("source", [NOTES, INTERRUPTS, LOOP, REFUSED])
def test_a_program_with_signals_prints_and_ends_as_alone(source: str, tmp_path: Path) -> None:
    program = write_program(tmp_path, source)
    alone = run_alone(program)
    stepped = run_command([sys.executable, "-c", _STEP, str(program)], tmp_path)
    assert (stepped.stdout, stepped.stderr, stepped.returncode) == (
        alone.stdout,
        alone.stderr,
        alone.returncode,
    )
    recording = load(f"{program}.steps")
    assert recording.notes == [] or (source is LOOP and "signal handler note" in recording.notes[0])
    assert recording.cut is None
    assert not check(recording).broken


def test_each_call_of_a_handler_is_recorded(tmp_path: Path) -> None:
    program = write_program(tmp_path, NOTES)
    run_command([sys.executable, "-c", _STEP, str(program)], tmp_path)
    recording = load(f"{program}.steps")
    names = [recording.codes[frame.code].qualified_name for frame in recording.frames]
    assert names.count("note") == 100
    called_in = {
        recording.codes[recording.frames[frame.caller].code].qualified_name
        for frame, name in zip(recording.frames, names, strict=True)
        if name == "note" and frame.caller is not None
    }
    assert called_in <= {"<module>", "spin", "note"}
