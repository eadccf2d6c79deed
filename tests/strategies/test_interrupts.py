"""Ctrl-C at any moment: KeyboardInterrupt, and nothing that hangs, is left, or is printed by a worker."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coroscope.strategies.interpreters import HAS_INTERPRETERS
from tests.strategies.functions import wait_until
from tests.strategies.ways import (
    START_METHODS,
    end_of,
    processes_in_group,
    run_program,
    start_program,
)

PROGRAM = """
import os, signal, sys
import coroscope
from tests.strategies.functions import square, square_async

class Countdown:
    \"\"\"Interrupts this process, or its whole group, at the n-th call of a function from now on.\"\"\"

    def __init__(self, calls, whole_group):
        self.left, self.whole_group = calls, whole_group

    def __call__(self, frame, event, argument):
        self.left -= 1
        if self.left == 0:
            sys.setprofile(None)
            os.killpg(0, signal.SIGINT) if self.whole_group else os.kill(os.getpid(), signal.SIGINT)

def main(strategy, start_method, calls, whom):
    function = square_async if strategy in ("cooperative", "loop-per-core") else square
    options = {"strategy": strategy, "workers": 2, "limit": 20, "start_method": start_method or None}
    countdown = Countdown(int(calls), whom == "group")
    sys.setprofile(countdown)
    assert list(coroscope.map(function, range(60), **options)) == [number**2 for number in range(60)]
    sys.setprofile(None)
    print(-countdown.left)

if __name__ == "__main__":
    main(*sys.argv[1:])
"""
WAYS = [
    ("sequential", ""),
    ("threads", ""),
    ("cooperative", ""),
    *(("processes", start_method) for start_method in START_METHODS),
    *(("loop-per-core", start_method) for start_method in START_METHODS),
    *([("interpreters", "")] if HAS_INTERPRETERS else []),
]


def check_the_end(done: subprocess.CompletedProcess[str], group: int) -> None:
    """It was interrupted, said so as any program does, and has left no process behind."""
    assert done.returncode == -signal.SIGINT, done.stderr
    assert done.stderr.splitlines()[-1:] in ([], ["KeyboardInterrupt"]), done.stderr
    assert not has_words_of_a_worker(done.stderr), done.stderr
    wait_until(lambda: not processes_in_group(group))


LOST = re.compile(
    r"^Exception ignored [^\n]*(?:_WeakValueDictionary|_get_module_lock)[^\n]*\n(?:[^\n]*\n)*?KeyboardInterrupt:? ?\n",
    re.MULTILINE,
)
"""What CPython says where an interrupt comes while it forgets the lock of a module that it has imported.

Two kinds of locks have such callbacks, under these names (CPython 3.13, Lib/importlib/_bootstrap.py).
"""


def end_by_ctrl_c(program: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Press Ctrl-C, and again where CPython says that it has lost the first."""
    os.killpg(program.pid, signal.SIGINT)
    try:
        program.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(program.pid, signal.SIGINT)
        done = end_of(program)
        assert LOST.search(done.stderr), f"the first Ctrl-C did nothing\n{done.stderr}"
        done.stderr = LOST.sub("", done.stderr)
        return done
    return end_of(program)


def has_words_of_a_worker(errors: str) -> bool:
    """The fork server is none: what CPython's says of an interrupt while it starts is its own."""
    words = (
        r"^Process \w+:",
        "in spawn_main",
        "never awaited",
        "was destroyed",
        "ignored in",
    )
    return any(re.search(word, errors, re.MULTILINE) for word in words)


def moments(last: int, count: int, seed: str) -> Iterator[int]:
    """Calls from the first to the last one of the program, a few of them at random."""
    chosen = random.Random(seed)
    for number in range(count):
        yield chosen.randint(1 + last * number // count, last * (number + 1) // count)


@pytest.mark.parametrize(("strategy", "start_method"), WAYS)
@pytest.mark.parametrize("whom", ["parent", "group"])
def test_ctrl_c_at_any_call_of_a_function_ends_the_program(
    strategy: str, start_method: str, whom: str, tmp_path: Path
) -> None:
    alone = run_program(tmp_path, PROGRAM, strategy, start_method, "0", whom)
    assert alone.returncode == 0, alone.stderr
    for calls in moments(int(alone.stdout), 2, f"{strategy} {start_method} {whom}"):
        program = start_program(tmp_path, PROGRAM, strategy, start_method, str(calls), whom)
        done = end_of(program)
        # Fewer calls than when it was counted: it was over before.
        if done.returncode == 0 and done.stdout:
            continue
        check_the_end(done, program.pid)


@pytest.mark.parametrize(
    "strategy",
    [
        "processes",
        pytest.param("interpreters", marks=pytest.mark.skipif(not HAS_INTERPRETERS, reason="3.14 on")),
    ],
)
def test_ctrl_c_while_a_parcel_is_handed_out_leaves_no_lock_of_its_future_taken(
    strategy: str, tmp_path: Path
) -> None:
    text = PROGRAM.replace(
        "        self.left -= 1\n",
        """        code = frame.f_code
        if event != "return" or code.co_name != "__enter__" or frame.f_back.f_code.co_name != "add_done_callback":
            return
        self.left -= 1
""",
    )
    assert text != PROGRAM
    program = start_program(tmp_path, text, strategy, "", "2", "parent")
    check_the_end(end_of(program), program.pid)


@pytest.mark.parametrize(("strategy", "start_method"), WAYS)
def test_ctrl_c_in_a_terminal_at_any_time_ends_the_program(
    strategy: str, start_method: str, tmp_path: Path
) -> None:
    text = PROGRAM.replace("range(60), **options", "iter(int, 1), **options").replace(
        "main(*sys", "print('begun', flush=True); main(*sys"
    )
    for delay_s in (0.0, 0.05):
        program = start_program(tmp_path, text, strategy, start_method, "0", "parent")
        assert program.stdout is not None
        program.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(delay_s)
        check_the_end(end_by_ctrl_c(program), program.pid)


@pytest.mark.parametrize(("strategy", "start_method"), WAYS)
def test_the_program_may_go_on_after_ctrl_c(strategy: str, start_method: str, tmp_path: Path) -> None:
    done = run_program(
        tmp_path,
        PROGRAM
        + """
    try:
        main(*sys.argv[1:3], 1000, "parent")
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        main(*sys.argv[1:3], 0, "parent")
        print("went on")
""",
        strategy,
        start_method,
        "0",
        "parent",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "went on"
