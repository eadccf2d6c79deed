"""Nothing of the program's runs because it is recorded, and it does what it does alone."""

from __future__ import annotations

import asyncio
import os
import sys
import textwrap
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import coroscope
from coroscope.errors import UsageError
from coroscope.stepper import layout, self_test
from coroscope.stepper.recording import load
from coroscope.stepper.rules import check
from tests.programs import run_alone, run_command, write_program

said: list[str] = []


class Meta(type):
    def __hash__(cls) -> int:
        said.append("metaclass hash")
        return 1

    def __eq__(cls, other: object) -> bool:
        said.append("metaclass eq")
        return True

    def __repr__(cls) -> str:
        said.append("metaclass repr")
        return "?"

    def __instancecheck__(cls, instance: object) -> bool:
        said.append("instance check")
        return False

    def __subclasscheck__(cls, other: type) -> bool:
        said.append("subclass check")
        return False

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        said.append("metaclass name")
        return "?"

    @property
    def __mro__(cls) -> Any:
        said.append("metaclass mro")
        return ()

    def __getattribute__(cls, name: str) -> Any:
        said.append(f"metaclass {name}")
        return type.__getattribute__(cls, name)


class Hostile(metaclass=Meta):
    def __repr__(self) -> str:
        said.append("repr")
        raise SystemExit

    def __eq__(self, other: object) -> bool:
        said.append("eq")
        raise ValueError

    def __hash__(self) -> int:
        said.append("hash")
        raise ValueError

    def __bool__(self) -> bool:
        said.append("bool")
        return True

    def __len__(self) -> int:
        said.append("len")
        return 1

    def __iter__(self) -> Any:
        said.append("iter")
        return iter(())

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        said.append("class")
        return int

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        said.append("dict")
        return {}

    def __getattribute__(self, name: str) -> Any:
        said.append(f"attribute {name}")
        return object.__getattribute__(self, name)

    def __del__(self) -> None:
        said.append("del")


class Liar(list[int]):
    def __iter__(self) -> Any:
        said.append("list iter")
        return iter([9])

    def __getitem__(self, index: Any) -> Any:
        said.append("list item")
        return 9


class Words(dict[str, int]):
    def items(self) -> Any:
        said.append("dict items")
        return []


class Number(int):
    def __repr__(self) -> str:
        said.append("int repr")
        return "?"


class Text(str):
    def __repr__(self) -> str:
        said.append("str repr")
        return "?"

    def __hash__(self) -> int:
        said.append("str hash")
        return 0


class Slots:
    __slots__ = ("__weakref__", "held", "unset")


class Resurrected:
    kept: list[Any] = []  # noqa: RUF012

    def __del__(self) -> None:
        Resurrected.kept.append(self)
        said.append("resurrected")


def hostile() -> Any:
    thing = Hostile()
    several: Any = [thing, Liar([1, 2]), Words(a=1), Number(4), Text("hey"), type(thing)]
    nested = (several, {"key": thing})
    slots = Slots()
    slots.held = thing  # type: ignore[attr-defined]
    back = Resurrected()
    del back
    weak = weakref.ref(slots)
    order = [Hostile() for _ in range(2)]
    order.clear()
    del thing, several, nested, slots
    return weak() is None, len(said)


def test_no_code_of_hostile_objects_runs_and_finalisers_keep_their_order() -> None:
    said.clear()
    alone = hostile(), list(said)
    said.clear()
    recording = coroscope.step(hostile)
    assert (recording.result, said) == alone
    assert recording.error is None
    assert not recording.notes
    assert not check(recording).broken


def test_a_task_is_not_asked_for_its_name_by_a_method_of_the_programs() -> None:
    asked: list[object] = []

    class Mine(asyncio.Task[None]):
        __module__ = "_asyncio"

        def get_name(self) -> str:
            asked.append(self)
            return "mine"

    async def inner() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        await Mine(inner(), loop=asyncio.get_running_loop(), name="kept by asyncio")

    recording = coroscope.step(lambda: asyncio.run(main()))
    assert not asked
    assert recording.tasks[1].name == "kept by asyncio"


def deeper(depths: list[int], depth: int) -> None:
    depths.append(depth)
    deeper(depths, depth + 1)


def how_deep() -> tuple[int, str]:
    depths: list[int] = []
    try:
        deeper(depths, 0)
    except RecursionError as error:
        return len(depths), str(error)
    return 0, ""


def _called(function: Any) -> Any:
    return function()


_COUNTS_GARBAGE = """\
import gc

def numbers():
    yield 1
    yield 2

async def nothing():
    return [number for number in numbers()]

def run(times):
    for _ in range(times):
        list(numbers())
        begun = numbers()
        next(begun)
        begun.close()
        try:
            nothing().send(None)
        except StopIteration:
            pass

run(5)
gc.collect()
gc.disable()
run(20)
print(gc.collect())
"""


def test_what_the_program_counts_as_garbage_is_its_own(tmp_path: Path) -> None:
    program = write_program(tmp_path, _COUNTS_GARBAGE)
    stepped = run_command([sys.executable, "-m", "coroscope", "step", "--rows", "1", program.name], tmp_path)
    assert stepped.stdout == run_alone(program).stdout == "0\n"


def test_infinite_recursion_goes_as_deep_as_alone() -> None:
    limit = sys.getrecursionlimit()
    alone = _called(how_deep)
    recording = coroscope.step(how_deep)
    assert recording.result == alone
    assert sys.getrecursionlimit() == limit
    if sys.version_info < (3, 12):
        assert "limit of recursion" in (recording.cut or "")
    else:
        assert not recording.notes
    assert not check(recording).broken


def counted(key: int, found: dict[int, int]) -> None:
    total = 0
    for number in range(500):
        total += number
    found[key] = total


def test_threads_are_recorded_each_with_its_frames() -> None:
    def several() -> dict[int, int]:
        found: dict[int, int] = {}
        threads = [threading.Thread(target=counted, args=(key, found)) for key in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    recording = coroscope.step(several)
    assert len(recording.result) == 4  # type: ignore[arg-type]
    frames = [frame for frame in recording.frames if recording.codes[frame.code].qualified_name == "counted"]
    assert len({frame.thread for frame in frames}) == 4
    assert not check(recording).broken


def test_a_program_that_traces_itself_sees_what_it_sees_alone() -> None:
    def traced() -> list[str]:
        seen: list[str] = []

        def trace(_frame: Any, event: str, _argument: Any) -> Any:
            seen.append(event)
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        counted(1, {})
        sys.settrace(before if before is None else None)
        return seen

    alone = traced()
    recording = coroscope.step(traced)
    assert recording.result == alone
    assert "sys.settrace" in " ".join(recording.notes)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tracing takes the recorder's away")
def test_steps_go_on_behind_what_a_program_traces() -> None:
    def traced() -> None:
        before = sys.gettrace()
        sys.settrace(lambda *_: None)
        sys.settrace(before)
        counted(1, {})
        counted(2, {})

    recording = coroscope.step(traced)
    steps = [recording.codes[step.code].qualified_name for step in recording.steps].count("counted")
    assert steps > 500 * 5
    assert "sys.settrace" in " ".join(recording.notes)
    assert not check(recording).broken


LOW_LIMITS = """
import sys
def depth():
    frame, count = sys._getframe(), 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count
def down(count):
    return 0 if count == 0 else 1 + down(count - 1)
def endless():
    return endless()
class Alike:
    def __eq__(self, other):
        return self == other
def caught():
    try:
        caught()
    except RecursionError:
        raise
for limit in (60, depth() + 20, depth() + 12, 200, 1000):
    sys.setrecursionlimit(limit)
    for deep in (endless, lambda: Alike() == 1, caught):
        try:
            deep()
        except RecursionError as error:
            print(str(error)[:32])
    print(down(3), sys.getrecursionlimit() == limit)
"""


def test_a_low_limit_of_recursion_is_the_programs_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, LOW_LIMITS)
    alone, stepped = run_alone(program), run_stepped(program)
    assert (stepped.stdout, stepped.stderr, stepped.returncode) == (alone.stdout, "", 0)
    recording = load(f"{program}.steps")
    assert "limit of recursion" in (recording.cut or "")
    assert not check(recording).broken


LOWEST_LIMIT = """
import sys
def set_lowest():
    depth = 1
    while True:
        try:
            sys.setrecursionlimit(depth)
        except RecursionError:
            depth += 1
        else:
            break
    sys.setrecursionlimit(depth + 10)
    return "set"
def numbers():
    yield set_lowest()
before = sys.getrecursionlimit()
print(set_lowest(), *numbers())
sys.setrecursionlimit(before)
print(*numbers())
"""


def test_a_limit_of_recursion_that_leaves_no_call_ends_the_recording_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, LOWEST_LIMIT)
    alone, stepped = run_alone(program), run_stepped(program)
    assert (stepped.stdout, stepped.stderr, stepped.returncode) == (alone.stdout, "", 0)
    recording = load(f"{program}.steps")
    assert "limit of recursion" in " ".join((*recording.notes, recording.cut or ""))
    assert not check(recording).broken


TAKES_THE_TOOL = """
import sys
monitoring, events = sys.monitoring, sys.monitoring.events
def f():
    return 1
f()
for tool in range(6):
    if monitoring.get_tool(tool):
        monitoring.free_tool_id(tool)
f()
exec("def g():\\n    return 1\\ng()")
if "again" in sys.argv:
    monitoring.use_tool_id(3, "the program's")
    monitoring.set_events(3, 0)  # Up to 3.13 an id that is freed keeps them.
    monitoring.register_callback(3, events.PY_START, lambda code, _: print(code.co_name))
    monitoring.set_local_events(3, f.__code__, events.PY_START)
f()
import atexit
atexit.register(f)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no sys.monitoring")
@pytest.mark.parametrize("argument", ["once", "again"])
def test_a_program_that_takes_the_tool_away_goes_on_alone(argument: str, tmp_path: Path) -> None:
    program = write_program(tmp_path, TAKES_THE_TOOL)
    alone, stepped = run_alone(program, argument), run_stepped(program, argument)
    assert (stepped.stdout, stepped.stderr, stepped.returncode) == (alone.stdout, "", 0)
    recording = load(f"{program}.steps")
    assert "took the recorder's tool id" in " ".join(recording.notes)
    assert len(recording) > 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_goes_on_alone() -> None:
    def forking() -> int:
        child = os.fork()
        if not child:
            counted(1, {})
            os._exit(3)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    recording = coroscope.step(forking)
    assert recording.result == 3
    assert recording.notes == ["1 child process was forked by the program, and not recorded"]


def test_what_raises_is_recorded_to_its_end() -> None:
    def failing() -> None:
        counted(1, {})
        raise KeyError("gone")

    recording = coroscope.step(failing)
    assert isinstance(recording.error, KeyError)
    assert [event.kind for event in recording.events][-2:] == ["raise", "unwind"] or recording.events[
        -1
    ].kind == "raise"


def test_what_has_no_instructions_is_refused_with_a_sentence() -> None:
    with pytest.raises(UsageError, match="written in Python"):
        coroscope.step(len, [])


def test_an_unknown_build_gets_steps_without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "why_unreadable", lambda: "this build is not known")
    recording = coroscope.step(how_deep_not)
    assert recording.is_symbolic == "this build is not known"
    assert recording.result == 3
    assert len(recording) > 10
    assert recording.at(5).stack is None


def how_deep_not() -> int:
    total = 0
    for number in range(3):
        total += number
    return total


def test_another_size_of_frames_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    other = layout.LAYOUTS | {sys.version_info[:2]: layout.Layout(8, "Q", 0, 0, 0, 0, 0, 1, 1, False, False)}
    monkeypatch.setattr(layout, "LAYOUTS", other)
    assert "bytes, not 8" in (layout.why_unreadable() or "")
    monkeypatch.setattr(layout, "LAYOUTS", {})
    assert "is not known" in (layout.why_unreadable() or "")


def test_the_self_test_is_run_once_for_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert self_test._result() is None
    assert len(list((tmp_path / "coroscope").iterdir())) == 1
    monkeypatch.setattr(self_test, "_try_in_child", lambda: ("run again", True))
    assert self_test._result() is None


def test_a_self_test_that_crashes_leaves_the_stack_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(self_test, "_CHILD", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert "ended by signal 11" in (self_test._result() or "")


# Scripts

_STEP = """
import sys
from coroscope.stepper.running import What, run_file
run = run_file(sys.argv[1], None, sys.argv[2:], what=What(), save_to=sys.argv[1] + ".steps")
sys.exit(run.end.exit_code)
"""


def run_stepped(program: Path, *arguments: str) -> Any:
    return run_command([sys.executable, "-c", _STEP, str(program), *arguments], program.parent)


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nprint('héllo', sys.argv[1:], __name__)\nprint('err', file=sys.stderr)\nsys.exit(4)",
        "def f(x):\n    return 1 / x\nprint('a')\nf(0)",
        "import sys\nsys.exit('a word')",
        "import atexit\natexit.register(print, 'last')\nprint('first', end='')\nprint(flush=True)",
        "import threading, time\ndef work():\n    time.sleep(0.05)\n    print('thread')\n"
        "threading.Thread(target=work).start()\nprint('main')",
        "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    print('async')\nasyncio.run(main())",
        "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as out:\n    print('in')\n"
        "print(out.getvalue())",
        "import os, sys\nprint('before')\nsys.stdout.flush()\nos._exit(5)",
        "import signal, os\nsignal.signal(signal.SIGUSR1, lambda *a: print('signal'))\n"
        "os.kill(os.getpid(), signal.SIGUSR1)\nfor i in range(50): pass\nprint('end')",
        # A finaliser that runs while what C code was called with is freed.
        "class Last:\n    def __del__(self):\n        kept = [1]\n        kept.append(2)\n        print(kept)\n"
        "for number in range(20):\n    len([Last()])\n    sorted([Last(), number][:1], key=lambda each: 1)\n"
        "    list(map(lambda each: 1, [Last()]))\n    [*map(lambda each: 2, [Last()])]\n    'x' in {Last(): 1}",
    ],
)
def test_a_script_prints_and_ends_as_alone(source: str, tmp_path: Path) -> None:
    program = write_program(tmp_path, source)
    alone = run_alone(program, "x", "y")
    stepped = run_stepped(program, "x", "y")
    assert stepped.stdout == alone.stdout
    assert stepped.stderr == alone.stderr
    assert stepped.returncode == alone.returncode
    recording = load(f"{program}.steps")
    assert len(recording) > 5
    assert not check(recording).broken


def test_output_is_told_as_it_is_printed(tmp_path: Path) -> None:
    program = write_program(tmp_path, "print('one')\nx = 2\nprint('two', x)\n")
    run_stepped(program)
    recording = load(f"{program}.steps")
    assert "".join(text for _, _, text in recording.output) == "one\ntwo 2\n"
    lines = [recording.at(number).line for number in range(len(recording))]
    assert recording.at(lines.index(2)).output == "one\n"
    assert recording.at(len(recording) - 1).output == "one\ntwo 2\n"


def test_limits_say_what_they_cut(tmp_path: Path) -> None:
    source = "x = 0\nfor i in range(1000):\n    x += i\ny = 1\nz = 2\n"
    program = write_program(tmp_path, source)
    code = textwrap.dedent(
        """
        import sys
        from coroscope.stepper.running import What, run_file
        program = sys.argv[1]
        a = run_file(program, what=What(most_steps=100)).recording
        b = run_file(program, what=What(from_line=4, until_line=5)).recording
        print(len(a), a.cut)
        print(sorted({b.at(n).line for n in range(len(b))}), b.cut)
        """
    )
    done = run_command([sys.executable, "-c", code, str(program)], tmp_path)
    assert done.stdout.splitlines() == [
        "100 the recording ends after 100 steps, as many as it was told to keep",
        "[4] the recording ends before line 5, as it was told",
    ], done.stderr


def test_a_function_of_a_script_is_recorded_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, "def f(x, name):\n    print(x * 2, name)\nfor i in range(100): pass\n")
    code = (
        "import sys\nfrom coroscope.stepper.running import run_file\n"
        "r = run_file(sys.argv[1], 'f', ['21', 'word']).recording\n"
        "print({r.codes[s.code].qualified_name for s in r.steps})"
    )
    done = run_command([sys.executable, "-c", code, str(program)], tmp_path)
    assert done.stdout == "42 word\n{'f'}\n", done.stderr
