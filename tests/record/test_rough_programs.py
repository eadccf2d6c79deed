"""Programs that do to themselves, or meet, what disturbs a guest: they run as they do alone, and leave a trace."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from coroscope.trace import load
from coroscope.trace.model import Trace
from tests.programs import run_alone, run_recorded, write_program

BUSY = """\
import asyncio, os, sys, threading

async def step():
    await asyncio.sleep(0)

async def busy(times=700):
    for _ in range(times):
        task = asyncio.create_task(step(), name=f"name {_}")
        await task
    await asyncio.sleep(0.001)
    return times

"""
"""Enough to fill a chunk of events and one of definitions."""

OWN_HOOKS = """\
def report(kind, error, trace):
    print("own hook:", kind.__name__, error)
def report_thread(args):
    print("own hook of threads:", args.exc_type.__name__, args.thread.name)
def report_unraisable(args):
    print("own hook of what cannot be raised:", args.exc_type.__name__)
sys.excepthook, threading.excepthook, sys.unraisablehook = report, report_thread, report_unraisable
class Bad:
    def __del__(self): raise KeyError("del")
def fail(): raise ValueError("in a thread")
async def main():
    await busy(5)
    Bad()
    await asyncio.to_thread(print, "a thread")
    thread = threading.Thread(target=fail, name="failing"); thread.start(); thread.join()
    raise LookupError("in the main task")
asyncio.run(main())
"""
OWN_TRACERS = """\
import collections
seen = collections.Counter()
def is_own(code): return code.co_filename == __file__ and code.co_name in ("busy", "step", "main")
def trace(frame, event, _):
    if is_own(frame.f_code): seen["trace", event, frame.f_code.co_name, frame.f_lineno] += 1
    return trace
def profile(frame, event, _):
    if is_own(frame.f_code): seen["profile", event, frame.f_code.co_name] += 1
async def main():
    await busy(20)
sys.settrace(trace); sys.setprofile(profile)
asyncio.run(main())
print(sys.gettrace() is trace, sys.getprofile() is profile)
sys.settrace(None); sys.setprofile(None)
if hasattr(sys, "monitoring"):
    monitoring = sys.monitoring
    print([monitoring.get_tool(number) for number in range(6)])
    monitoring.use_tool_id(monitoring.DEBUGGER_ID, "own")
    def entered(code, offset):
        if is_own(code): seen["monitoring", code.co_name, offset] += 1
    for event in (monitoring.events.PY_START, monitoring.events.PY_RESUME, monitoring.events.PY_YIELD):
        monitoring.register_callback(monitoring.DEBUGGER_ID, event, lambda *args: entered(*args[:2]))
    monitoring.set_events(monitoring.DEBUGGER_ID,
        monitoring.events.PY_START | monitoring.events.PY_RESUME | monitoring.events.PY_YIELD)
    asyncio.run(main())
    monitoring.set_events(monitoring.DEBUGGER_ID, 0)
    monitoring.free_tool_id(monitoring.DEBUGGER_ID)
print(*sorted(map(str, seen.items())), sep="\\n")
"""
TAKING_AWAY = """\
import time
clocks = ("time", "time_ns", "monotonic_ns", "perf_counter", "perf_counter_ns")
files = ("write", "lseek", "close", "fstat", "open", "stat", "posix_fallocate")
asked = []
def jump():
    asked.append(1)
    return 1e9 - len(asked)
def refuse(*args, **options): raise RuntimeError("this would block the loop")
kept = {name: getattr(os, name) for name in files if hasattr(os, name)}
os.closerange(3, 4096)
for name in clocks: setattr(time, name, jump)
async def main():
    for name in kept: setattr(os, name, refuse)
    print(await busy())
    for name in kept: setattr(os, name, kept[name])
asyncio.run(main())
print(len(asked))
"""
FORKING = """\
import warnings; warnings.simplefilter("ignore")
async def main(): return await busy(5)
async def forking():
    await busy(5)
    child = os.fork()
    if not child: os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    print(await busy(), flush=True)
print(asyncio.run(main()), flush=True)
child = os.fork()
if not child:
    thread = threading.Thread(target=lambda: print("thread of the child", asyncio.run(main()), flush=True))
    thread.start(); thread.join()
    print("child", asyncio.run(main()), flush=True)
    sys.exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
asyncio.run(forking())
"""
THREADS = """\
import coroscope
def mark(): coroscope.mark("here")
def run(): asyncio.run(step())
for number in range(10_000):
    thread = threading.Thread(target=mark if number % 50 else run)
    thread.start(); thread.join()
print(threading.active_count())
print(os.path.getsize("program.coroscope") if os.path.exists("program.coroscope") else 0, file=sys.stderr)
"""
RECURSING = """\
made = []
async def descend():
    made.append(asyncio.ensure_future(step()))
    await descend()
async def main():
    print(await busy(5))
    try: await descend()
    except RecursionError: print("too deep")
    await asyncio.gather(*made)
    print(await busy(5))
    def fail(): fail()
    try: fail()
    except RecursionError as error: print(error)
    print(len(made), file=sys.stderr)
asyncio.run(main())
asyncio.run(busy(5))
"""
FULL_DISK = """\
import resource, time
size = os.path.getsize("program.coroscope") if os.path.exists("program.coroscope") else 0
began_ns = time.monotonic_ns()
async def main():
    print(await busy(5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 400000, resource.RLIM_INFINITY))
    print(await busy(4000))
    print(time.monotonic_ns() - began_ns, file=sys.stderr)
asyncio.run(main())
"""

INTERPRETERS = """\
import _interpreters
def work(): _interpreters.exec(_interpreters.create(), "for number in range(3_000_000): str(number)")
async def main():
    print(await asyncio.to_thread(work), await busy(5))
asyncio.run(main())
"""

ODD_CALLBACKS = """\
import functools, types
class Wakes:
    def _wakeup(self, *args): print("a method that is called like a step", *args)
    __wakeup = __step = _wakeup
class Nameless:
    def __call__(self, *args): print("called", *args)
    def __getattr__(self, name):
        print("asked for", name)
        raise AttributeError(name)
async def main():
    loop, one = asyncio.get_running_loop(), Wakes()
    for callback in (one._wakeup, one._Wakes__wakeup, types.MethodType(functools.partial(print, "of a partial"), 1),
                     types.MethodType(Nameless(), 2), Nameless(), print, [].append, main().close):
        loop.call_soon(callback, *([] if callback.__class__ is Nameless or "close" in repr(callback) else [3]))
        await busy(1)
        loop.call_later(0, callback, *([] if "close" in repr(callback) else [4]))
        await asyncio.sleep(0.001)
asyncio.run(main())
"""
"""Callbacks that are no steps of tasks, though some look like it, and some answer when asked."""

FORKING_WITHOUT_FILES = """
import asyncio, os, time
def refuse(*args, **options): raise RuntimeError("this would block the loop")
async def main():
    time.sleep(0.05)
    await asyncio.sleep(0)
    kept, os.stat = os.stat, refuse
    child = os.fork()
    if not child:
        os._exit(3)
    os.stat = kept
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
asyncio.run(main())
"""
STARTING_WITHOUT_FILES = """\
import io
def refuse(*args, **options): raise RuntimeError("this would block the loop")
async def main():
    kept = os.stat, os.path.isfile, open
    os.stat = os.path.isfile = refuse
    __builtins__.open = refuse
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print('a child')")
    os.stat, os.path.isfile, __builtins__.open = kept
    print(await child.wait())
asyncio.run(main())
"""

STAND_INS = """\
from unittest import mock
async def main():
    return await busy(3)
for stand_in in (mock.Mock(), mock.MagicMock(spec=asyncio.AbstractEventLoop), object(), None):
    asyncio._set_running_loop(stand_in)
    print(asyncio._get_running_loop() is stand_in, getattr(stand_in, "mock_calls", None))
print(asyncio.run(main()))
"""

UVLOOP_FIRST = """\
import uvloop
async def main():
    import asyncio
    return await asyncio.gather(asyncio.sleep(0.01, 1), asyncio.create_task(asyncio.sleep(0, 2)))
print(uvloop.run(main()))
"""

OWN_TASKS = """\
class Late(asyncio.Task):
    kind = subject = "of the program"
    def __init__(self, coro, **options):
        super().__init__(coro, **options)
        self.label = self.inner = coro
    def get_name(self): return self.label
    def get_coro(self): return self.inner
    def __len__(self): raise NotImplementedError
async def main():
    new = lambda loop, coro, **options: Late(coro, loop=loop, **options)
    asyncio.get_running_loop().set_task_factory(new)
    print(await asyncio.gather(busy(1), busy(2)))
asyncio.run(main())
"""

AT_THE_LIMIT = """\
done = []
async def main():
    loop = asyncio.get_running_loop()
    def fill(number):
        loop.call_soon(done.append, number)
        fill(number + 1)
    try: fill(0)
    except RecursionError: print("too deep")
    await asyncio.sleep(0)
    print(len(done) > 50)
asyncio.run(main())
"""

LOOPS = ["keep", "coroscope"]


def compare(text: str, folder: Path, loop: str) -> tuple[Trace, str, str]:
    """Run the program alone and recorded; the trace, and what came on stderr both times."""
    program = write_program(folder, BUSY + text)
    alone = run_alone(program)
    ran = run_recorded(program, options=("--loop", loop))
    assert (ran.stdout, ran.returncode) == (alone.stdout, alone.returncode)
    assert "Exception ignored" not in ran.stderr.removeprefix(alone.stderr)
    return load(program.with_suffix(".coroscope")), alone.stderr, ran.stderr


def number_in(printed: str) -> int:
    """The number that has a line to itself."""
    return next(int(line) for line in printed.splitlines() if line.isdigit())


@pytest.mark.parametrize("loop", LOOPS)
def test_closed_descriptors_and_replaced_functions_of_the_system_stop_nothing(
    loop: str, tmp_path: Path
) -> None:
    trace, alone, recorded = compare(TAKING_AWAY, tmp_path, loop)
    assert recorded.startswith(alone)
    assert (len(trace.tasks), trace.notices) == (701, ())


@pytest.mark.parametrize("loop", LOOPS)
def test_hooks_of_the_program_are_called_as_alone(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(OWN_HOOKS, tmp_path, loop)
    assert recorded.startswith(alone)
    assert trace.ended.exception == "LookupError"


@pytest.mark.parametrize("loop", LOOPS)
def test_callbacks_of_all_kinds_are_called_and_none_is_taken_for_a_task(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(ODD_CALLBACKS, tmp_path, loop)
    assert recorded.startswith(alone)
    assert (len(trace.loop_tasks), trace.notices) == (1 + 8, ())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
@pytest.mark.parametrize("loop", LOOPS)
def test_a_fork_where_no_file_may_be_looked_at_ends_no_recording(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(FORKING_WITHOUT_FILES, tmp_path, loop)
    assert recorded.startswith(alone)
    assert trace.notices == ()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_child_is_recorded_though_its_parent_may_look_at_no_file(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(STARTING_WITHOUT_FILES, tmp_path, loop)
    assert recorded.startswith(alone)
    assert (len(trace.processes), trace.notices) == (2, ())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
@pytest.mark.parametrize("loop", LOOPS)
def test_uvloop_may_be_what_imports_asyncio(loop: str, tmp_path: Path) -> None:
    pytest.importorskip("uvloop")
    program = write_program(tmp_path, UVLOOP_FIRST)
    ran = run_recorded(program, options=("--loop", loop))
    assert (ran.returncode, ran.stdout) == (0, "[1, 2]\n")
    trace = load(program.with_suffix(".coroscope"))
    assert (len(trace.loop_tasks), trace.notices) == (3, ())
    assert all(task.states for task in trace.loop_tasks.values())


@pytest.mark.parametrize("loop", LOOPS)
def test_tasks_of_a_class_of_the_programs_own_are_known_by_what_asyncio_keeps(
    loop: str, tmp_path: Path
) -> None:
    trace, alone, recorded = compare(OWN_TASKS, tmp_path, loop)
    assert recorded.startswith(alone)
    assert trace.notices == ()
    assert sorted(task.coroutine for task in trace.loop_tasks.values() if not task.is_main) == [
        *["busy"] * 2,
        *["step"] * 3,
    ]


@pytest.mark.parametrize("loop", LOOPS)
def test_callbacks_may_be_queued_up_to_the_limit_of_recursion(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(AT_THE_LIMIT, tmp_path, loop)
    assert recorded.startswith(alone)
    assert (len(trace.loop_tasks), trace.notices) == (1, ())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stand_in_for_a_loop_is_left_alone(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(STAND_INS, tmp_path, loop)
    assert recorded.startswith(alone)
    assert (len(trace.loop_tasks), trace.notices) == (1 + 3, ())


def test_tracers_of_the_program_see_its_code_as_alone(tmp_path: Path) -> None:
    trace, alone, recorded = compare(OWN_TRACERS, tmp_path, "keep")
    assert recorded.startswith(alone)
    assert len(trace.tasks) >= 21


@pytest.mark.parametrize("loop", LOOPS)
def test_a_forked_child_goes_on_and_the_parent_is_recorded(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(FORKING, tmp_path, loop)
    assert recorded.startswith(alone)
    of_parent = [task for task in trace.loop_tasks.values() if task.process == 1]
    assert len(of_parent) == 1 + 5 + 1 + 5 + 700
    assert trace.ended.complete


def test_threads_that_follow_one_another_share_their_room(tmp_path: Path) -> None:
    trace, _, recorded = compare(THREADS, tmp_path, "keep")
    assert (len(trace.loop_tasks), len(trace.marks)) == (200, 9800)
    assert 0 < int(recorded.split()[0]) < 4_000_000  # Of the file while it is written, in bytes.


@pytest.mark.parametrize("loop", LOOPS)
def test_the_limit_of_recursion_is_met_where_it_is_alone(loop: str, tmp_path: Path) -> None:
    trace, alone, recorded = compare(RECURSING, tmp_path, loop)
    assert abs(number_in(recorded) - number_in(alone)) < 10
    assert trace.notices in ((), ("the recording stopped early: RecursionError in the recorder",))


@pytest.mark.parametrize("loop", LOOPS)
def test_a_trace_that_may_not_grow_says_so(loop: str, tmp_path: Path) -> None:
    trace, _, recorded = compare(FULL_DISK, tmp_path, loop)
    assert trace.notices == ("the recording stopped early: its file cannot be written (File too large)",)
    assert trace.notices[0] in " ".join(recorded.split())
    assert len(trace.tasks) > 700
    (main,) = [task for task in trace.tasks.values() if task.is_main]
    assert trace.duration_ns - main.created_ns < number_in(recorded), "it ends where the recording stopped"


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the module has another name")
def test_interpreters_with_locks_of_their_own_are_left_alone(tmp_path: Path) -> None:
    trace, alone, recorded = compare(INTERPRETERS, tmp_path, "keep")
    assert recorded.startswith(alone)
    assert len(trace.loop_tasks) == 6
