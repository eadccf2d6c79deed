"""Time that goes into pickling, and into starting processes: true sums, and nobody notices that it is measured."""

from __future__ import annotations

import json
import pickle
import re
import sys
import threading
from dataclasses import dataclass
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest

import coroscope
from coroscope.trace import load
from coroscope.trace.model import Phase, Task, Trace
from tests.programs import run_alone, run_recorded, show_json, write_program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no clocks")

PROGRAM = """\
import gc, json, multiprocessing, os, subprocess, sys, threading, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.reduction import ForkingPickler

DATA = [{"number": number, "text": str(number) * 3} for number in range(30_000)]
told = {}

def pickles():
    gc.disable()  # From 3.13 on a collection that a call calls for comes behind it.
    took_s = used_s = size = 0
    for _ in range(10):
        began, used = time.perf_counter(), time.thread_time()
        data = ForkingPickler.dumps(DATA)
        kept = ForkingPickler.loads(data)
        took_s += time.perf_counter() - began
        used_s += time.thread_time() - used
        size += len(data)
        kept = data = None  # to be freed apart
        time.sleep(0.01)
    return {"took_s": took_s, "used_s": used_s, "size": size}

def pickles_little():
    took_s = 0
    for number in range(3000):
        began = time.perf_counter()
        ForkingPickler.dumps((number, "x" * 2000))
        took_s += time.perf_counter() - began
    return {"took_s": took_s}

def work(connection, began, function):
    started_s = time.monotonic() - began
    connection.send({"started_s": started_s} | (function() if function else {}))

def echo(data):
    return len(data)

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        if method == "forkserver":  # which is one more process to start
            context.Process(target=int).start()
        for function, number in (*((None, number) for number in range(5)), (pickles, ""), (pickles_little, "")):
            ours, theirs = context.Pipe()
            name = f"{method} {function.__name__ if function else 'nothing'}{number}"
            process = context.Process(target=work, args=(theirs, time.monotonic(), function), name=name)
            process.start()
            told[name] = ours.recv()
            process.join()
    thread = threading.Thread(target=lambda: told.update(thread=pickles()), name="pickles")
    thread.start()
    thread.join()
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        print([pool.submit(echo, DATA).result() for _ in range(3)])
    command = "import sys, time; print(time.monotonic() - float(sys.argv[1]))"
    began = str(time.monotonic())
    ran = subprocess.run([sys.executable, "-c", command, began], capture_output=True, text=True)
    told["python"] = {"started_s": float(ran.stdout)}
    print(json.dumps(told))
"""


@dataclass
class Ran:
    """The trace, what `show --json` says of it, and what the program measured itself."""

    trace: Trace
    shown: dict[int, dict[str, float]]
    told: dict[str, dict[str, float]]

    def track(self, name: str) -> Task:
        """The only process or thread that is called so."""
        (found,) = (task for task in self.trace.tasks.values() if task.name == name)
        return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    program = write_program(tmp_path_factory.mktemp("pickling"), PROGRAM)
    recorded = run_recorded(program)
    assert recorded.returncode == 0, recorded.stderr
    path = program.with_suffix(".coroscope")
    shown = {task["id"]: task for task in show_json(path)["tasks"]}
    return Ran(load(path), shown, json.loads(recorded.stdout.splitlines()[-1]))


def phases(task: Task, kind: str) -> list[Phase]:
    return [phase for phase in task.phases if phase.kind == kind]


def seconds(task: Task, kind: str) -> float:
    return sum(phase.end_ns - phase.start_ns for phase in phases(task, kind)) / 1e9


def assert_between_its_clocks(recorded_s: float, told: dict[str, float]) -> None:
    """Who pickles reads its clocks outside of what the recorder sees: in between, a busy machine runs others."""
    assert told["used_s"] * 0.9 <= recorded_s <= told["took_s"]


METHODS = pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])


@METHODS
def test_pickling_in_a_child_takes_what_the_child_measures(ran: Ran, method: str) -> None:
    track, told = ran.track(f"{method} pickles"), ran.told[f"{method} pickles"]
    assert_between_its_clocks(seconds(track, "serialising"), told)


@METHODS
def test_many_little_ones_add_up_to_what_they_take_together(ran: Ran, method: str) -> None:
    track, told = ran.track(f"{method} pickles_little"), ran.told[f"{method} pickles_little"]
    assert seconds(track, "serialising") < told["took_s"]
    assert seconds(track, "serialising") > told["took_s"] / 6  # The rest is measuring, on both sides.
    assert len(phases(track, "serialising")) < 1000


@METHODS
def test_the_bytes_that_were_made_are_counted(ran: Ran, method: str) -> None:
    sizes = [phase.size_bytes or 0 for phase in ran.track(f"{method} pickles").phases]
    made = ran.told[f"{method} pickles"]["size"]
    assert made <= sum(sizes) <= made * 1.01


def test_a_thread_has_its_pickling_and_the_main_thread_has_not(ran: Ran) -> None:
    told = ran.told["thread"]
    assert_between_its_clocks(seconds(ran.track("pickles"), "serialising"), told)
    (main,) = (thread for thread in ran.trace.threads if thread.is_main and thread.process == 1)
    assert seconds(main, "serialising") < told["took_s"] / 2


def test_a_pools_worker_and_the_threads_that_serve_it_pickle(ran: Ran) -> None:
    (worker,) = (task for task in ran.trace.tasks.values() if task.name.startswith("ForkProcess"))
    feeder = ran.track("QueueFeederThread")
    size = ran.told["thread"]["size"] / 10
    for task in (worker, feeder):
        assert sum(phase.size_bytes or 0 for phase in task.phases) == pytest.approx(3 * size, rel=0.05)
        assert seconds(task, "serialising") > 0


@METHODS
def test_a_process_starts_until_its_target_is_called(ran: Ran, method: str) -> None:
    late_s = []
    for number in range(5):
        track, told = ran.track(f"{method} nothing{number}"), ran.told[f"{method} nothing{number}"]
        (starting,) = phases(track, "starting")
        assert starting.start_ns == track.created_ns
        late_s.append(abs(told["started_s"] - seconds(track, "starting")) - 0.1 * told["started_s"])
    # The target reads its clock a little later. How much is up to what else the machine does, but not five times.
    assert min(late_s) <= 0.02


def test_a_python_of_a_subprocess_starts_until_it_is_recorded(ran: Ran) -> None:
    (track,) = (task for task in ran.trace.tasks.values() if task.coroutine.endswith(ran_arguments(task)))
    assert 0 < seconds(track, "starting") < ran.told["python"]["started_s"]


def ran_arguments(task: Task) -> str:
    return task.coroutine if task.kind == "process" and "time.monotonic()" in task.coroutine else "\0"


def test_phases_are_in_order_apart_and_within_the_life_of_their_task(ran: Ran) -> None:
    for task in ran.trace.tasks.values():
        edges = [time_ns for phase in task.phases for time_ns in (phase.start_ns, phase.end_ns)]
        assert edges == sorted(edges)
        assert not edges or task.created_ns <= edges[0] <= edges[-1] <= task.end_ns
        assert task.kind in ("thread", "process") or not task.phases


def test_the_json_adds_them_up(ran: Ran) -> None:
    for task in ran.trace.tasks.values():
        shown = ran.shown[task.id]
        assert shown["serialising_s"] == pytest.approx(seconds(task, "serialising"))
        assert shown["starting_s"] == pytest.approx(seconds(task, "starting"))
        assert shown["serialised_bytes"] == sum(phase.size_bytes or 0 for phase in task.phases)
        if task.process > 1:
            assert shown["lock_wait_s"] is None


CURIOUS = """\
import gc, io, multiprocessing, pickle, signal, sys, threading, time, traceback
from multiprocessing.reduction import ForkingPickler, dump

class Curious:
    def __reduce__(self):
        traceback.print_stack(file=sys.stdout)
        return (make, ())

def make():
    traceback.print_stack(file=sys.stdout)
    return 5

class Failing:
    def __reduce__(self): raise LookupError("as it should")

class Own(ForkingPickler):
    def __init__(self, *args):
        print(sys._getframe(1).f_code.co_name)
        super().__init__(*args)

def fails(): raise LookupError("as it should")
class FailsLater:
    def __reduce__(self): return (fails, ())

def shown(function, *args):
    try: print(function(*args))
    except BaseException: traceback.print_exc(file=sys.stdout)

data = ForkingPickler.dumps(Curious())
print(type(data), ForkingPickler.loads(data), ForkingPickler.loads(bytes(data), fix_imports=True))
print(type(Own.dumps([1])), Own.loads(Own.dumps([1])), ForkingPickler.dumps(1, 0).nbytes)
shown(ForkingPickler.dumps, Failing())
shown(ForkingPickler.dumps, type("Local", (), {}))
shown(ForkingPickler.dumps, 1, 99)
shown(ForkingPickler.loads, b"nonsense")
shown(ForkingPickler.loads, ForkingPickler.dumps(FailsLater()))
shown(ForkingPickler.loads)
print(ForkingPickler.loads, ForkingPickler.loads.__name__, ForkingPickler.dumps.__qualname__)
print(pickle.loads(pickle.dumps(ForkingPickler.loads))(ForkingPickler.dumps(3)))
print(ForkingPickler.__init__.__qualname__, ForkingPickler(io.BytesIO()).loads(ForkingPickler.dumps(4)))
buffer = io.BytesIO(); dump([1], buffer); print(len(buffer.getvalue()))

class Interrupted(Exception): pass
def interrupt(*_): raise Interrupted
signal.signal(signal.SIGALRM, interrupt)
gc.disable()
many = [[number] for number in range(1_500_000)]
for function, argument in ((ForkingPickler.dumps, many), (ForkingPickler.loads, bytes(pickle.dumps(many)))):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        function(argument)
        time.sleep(5)
        print("never came")
    except Interrupted:
        print("interrupted")
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
"""


def test_who_pickles_notices_nothing(tmp_path: Path) -> None:
    program = write_program(tmp_path, CURIOUS)
    alone, recorded = run_alone(program), run_recorded(program)
    assert without_addresses(recorded.stdout) == without_addresses(alone.stdout)
    assert without_addresses(recorded.stderr).startswith(without_addresses(alone.stderr))
    assert recorded.stdout.count("interrupted") == 2
    assert not load(program.with_suffix(".coroscope")).notices


def without_addresses(text: str) -> str:
    return re.sub("0x[0-9a-f]+", "0x…", text)


NESTED = """\
import threading, time
from multiprocessing.reduction import ForkingPickler
class Inner:
    def __reduce__(self):
        time.sleep(0.05)
        return (int, ())
class Outer:
    def __reduce__(self):
        ForkingPickler.loads(ForkingPickler.dumps(Inner()))
        return (int, ())
thread = threading.Thread(target=ForkingPickler.dumps, args=(Outer(),), name="pickles")
thread.start()
thread.join()
"""


def test_pickling_inside_of_pickling_counts_once(tmp_path: Path) -> None:
    program = write_program(tmp_path, NESTED)
    assert run_recorded(program).returncode == 0
    (pickles,) = (task for task in load(program.with_suffix(".coroscope")).threads if task.name == "pickles")
    (phase,) = pickles.phases
    assert 0.05e9 <= phase.end_ns - phase.start_ns <= pickles.end_ns - pickles.created_ns


KEPT = """\
import gc, threading
from multiprocessing.reduction import ForkingPickler
plain = [each for each in gc.get_objects() if type(each) is type(lambda: 0)]
(kept,) = [function for function in plain if function.__qualname__ == "ForkingPickler.dumps"]
def work():
    kept(ForkingPickler, [1])
    ForkingPickler.dumps([2])
    try: ForkingPickler.dumps()
    except TypeError as error: print(error)
    kept(ForkingPickler, [1])
thread = threading.Thread(target=work, name="work")
thread.start()
thread.join()
"""


def test_calls_that_were_not_seen_to_begin_are_passed_over(tmp_path: Path) -> None:
    program = write_program(tmp_path, KEPT)
    assert run_recorded(program).stdout == run_alone(program).stdout
    trace = load(program.with_suffix(".coroscope"))
    (work,) = (task for task in trace.threads if task.name == "work")
    assert not trace.notices
    assert sum(phase.size_bytes or 0 for phase in work.phases) == len(ForkingPickler.dumps([2]))


PARCELS = """\
import json, sys, threading, time, traceback
import coroscope
try:
    import coroscope.strategies
except ImportError:
    coroscope.__path__.append(sys.argv[1])
    import coroscope.strategies
coroscope.strategies.__path__.insert(0, sys.argv[1] + "/strategies")
from coroscope.strategies import parcels
from coroscope.strategies.parcels import loads
told = {}
def work():
    began = time.perf_counter()
    data = parcels.dumps("x" * 1000)
    told.update(took_s=time.perf_counter() - began, size=len(data))
    print(loads(data) == "x" * 1000, parcels.dumps.__name__, parcels.dumps.__module__)
    for call, argument in ((parcels.dumps, lambda: 0), (loads, b"nonsense")):
        began = time.perf_counter()
        try: call(argument)
        except Exception as error: print(type(error).__name__)
        told["took_s"] += time.perf_counter() - began
thread = threading.Thread(target=work, name="work")
thread.start()
thread.join()
print(json.dumps(told))
"""

STAND_IN = """\
import pickle, time
from multiprocessing.reduction import ForkingPickler
def dumps(obj):
    time.sleep(0.1)
    return bytes(ForkingPickler.dumps(obj))
def loads(data):
    return pickle.loads(data)
"""


def test_parcels_of_strategies_are_watched_as_the_librarys_pickling_is(tmp_path: Path) -> None:
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "parcels.py").write_text(STAND_IN)
    program = write_program(tmp_path, PARCELS)
    recorded = run_recorded(program, str(tmp_path))
    assert recorded.returncode == 0, recorded.stderr
    said = recorded.stdout.splitlines()
    assert said[0] == "True dumps coroscope.strategies.parcels"
    told = json.loads(said[-1])
    (work,) = (task for task in load(program.with_suffix(".coroscope")).threads if task.name == "work")
    assert (
        0.2 <= seconds(work, "serialising") <= told["took_s"]
    )  # Each of its two calls of `dumps` sleeps for 0.1 s.
    assert sum(phase.size_bytes or 0 for phase in work.phases) >= 2 * told["size"]


def test_a_recording_in_code_sees_pickling_and_leaves_the_library_as_it_was(tmp_path: Path) -> None:
    before = dict(vars(ForkingPickler))
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        assert vars(ForkingPickler)["loads"] is not before["loads"]
        thread = threading.Thread(target=ForkingPickler.dumps, args=(list(range(100_000)),), name="pickles")
        thread.start()
        thread.join()
        kept = ForkingPickler.loads
    assert dict(vars(ForkingPickler)) == before
    assert kept(pickle.dumps(5)) == 5
    (pickles,) = (task for task in recording.load().threads if task.name == "pickles")
    assert [phase.kind for phase in pickles.phases] == ["serialising"]


def test_without_the_probe_there_is_no_serialising(tmp_path: Path) -> None:
    program = write_program(tmp_path, NESTED)
    assert run_recorded(program, options=("--without", "pickling")).returncode == 0
    assert not any(task.phases for task in load(program.with_suffix(".coroscope")).tasks.values())


SHORT = """\
import multiprocessing, os, sys
for _ in range(3):
    process = multiprocessing.get_context("fork").Process(target=int)
    process.start()
    process.join()
print(os.listdir("program.coroscope.parts") if os.path.exists("program.coroscope.parts") else [])
"""


def test_a_fork_too_short_for_a_look_tells_when_its_work_began_without_a_file(tmp_path: Path) -> None:
    program = write_program(tmp_path, SHORT)
    recorded = run_recorded(program)
    trace = load(program.with_suffix(".coroscope"))
    without_file = [process.task for process in trace.processes[1:] if process.python is None]
    if recorded.stdout == "[]\n":
        assert len(without_file) == 3
    for task in without_file:
        assert [phase.kind for phase in trace.tasks[task or 0].phases] == ["starting"]
