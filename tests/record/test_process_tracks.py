"""What a child process did, as its track tells it, and that looking at it changes nothing in it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from coroscope.record.new_trace import create_trace
from coroscope.record.supervise import run_program
from coroscope.trace import load
from coroscope.trace.model import State, Task, Trace
from tests.programs import run_alone, run_recorded, write_program

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no clocks")

PROGRAM = """\
import json, multiprocessing, resource, subprocess, sys, threading, time
from concurrent.futures import ProcessPoolExecutor

def sleeps():
    time.sleep(1.5)

def computes():
    end = time.thread_time() + 0.3
    while time.thread_time() < end:
        sum(range(1000))

def does_both():
    computes()
    sleeps()

def has_threads():
    thread = threading.Thread(target=computes, name="beside")
    thread.start()
    time.sleep(0.15)
    thread.join()

def job(number):
    time.sleep(0.01)
    return number

def used_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

if __name__ == "__main__":
    used = {}
    fork = multiprocessing.get_context("fork")
    for method in ("fork", "spawn"):
        for target in (sleeps, computes, does_both, has_threads):
            before_s = used_s()
            name = f"{method} {target.__name__}"
            process = multiprocessing.get_context(method).Process(target=target, name=name)
            process.start()
            process.join()
            used[name] = used_s() - before_s
    with ProcessPoolExecutor(1, mp_context=fork) as pool:
        print(list(pool.map(job, range(2))))
        time.sleep(0.3)
    alone = "import sys, time; time.sleep(0.3); print(sorted(sys.modules))"
    print(subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True).stdout.count("threading"))
    print(subprocess.run([sys.executable, "-c", "pass"]))
    print(subprocess.run(["sleep", "0.1"]))
    print(json.dumps(used))
"""


@dataclass
class Ran:
    """The trace, and what the children had used of a processor by the system's account."""

    trace: Trace
    used_s: dict[str, float]

    def track(self, name: str) -> Task:
        """The only process that is called so."""
        (found,) = (
            task for task in self.trace.tasks.values() if task.kind == "process" and task.name == name
        )
        return found

    def threads_of(self, track: Task) -> list[Task]:
        """The threads of its process that have tracks of their own."""
        return [thread for thread in self.trace.threads if thread.process == track.process]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    program = write_program(tmp_path_factory.mktemp("tracks"), PROGRAM)
    recorded = run_recorded(program)
    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stdout.splitlines()[:2] == ["[0, 1]", "0"]
    return Ran(load(program.with_suffix(".coroscope")), json.loads(recorded.stdout.splitlines()[-1]))


def seconds(track: Task, state: State) -> float:
    return track.time_in(state) / 1e9


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("target", ["sleeps", "computes", "does_both"])
def test_a_child_runs_for_as_long_as_the_system_says_that_it_used_a_processor(
    ran: Ran, method: str, target: str
) -> None:
    """Less what the interpreter uses before it can be looked at and after, and what those use who look."""
    track = ran.track(f"{method} {target}")
    used_s = ran.used_s[track.name]
    assert used_s - 0.1 < seconds(track, State.RUNNING) < used_s + 0.02


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("target", ["sleeps", "does_both"])
def test_a_child_that_sleeps_waits_at_that_line(ran: Ran, method: str, target: str) -> None:
    track = ran.track(f"{method} {target}")
    (wait,) = (wait for wait in track.waits if wait.on == "sleep")
    assert wait.end_ns is not None
    # On a busy machine who looks may come 0.1 s late, and who wakes as well.
    assert (wait.end_ns - wait.start_ns) / 1e9 == pytest.approx(1.5, abs=0.25)
    assert wait.place is not None
    assert (wait.place.function, wait.place.line) == ("sleeps", 5)


def test_a_worker_of_a_pool_that_has_nothing_to_do_waits(ran: Ran) -> None:
    (worker,) = (task for task in ran.trace.tasks.values() if task.name.startswith("ForkProcess"))
    assert seconds(worker, State.WAITING) > 0.3
    assert seconds(worker, State.RUNNING) < 0.2


def test_a_python_that_never_imports_threading_is_looked_at_and_still_does_not_import_it(ran: Ran) -> None:
    waits = [wait for task in ran.trace.tasks.values() if task.name.endswith(" -c") for wait in task.waits]
    assert sum(wait.on == "sleep" for wait in waits) == 1


def test_a_python_too_short_for_a_look_runs_as_long_as_its_clock_did(ran: Ran) -> None:
    short = [task for task in ran.trace.tasks.values() if task.name.endswith(" -c")][-1]
    assert set(short.states) <= {State.RUNNING, State.WAITING, State.READY}
    assert State.RUNNING in short.states
    assert short.times_ns[0] == short.created_ns


def test_of_what_is_no_python_nothing_is_known_and_it_runs_all_its_life(ran: Ran) -> None:
    track = ran.track("sleep")
    assert bytes(track.states) == bytes([State.RUNNING])
    assert ran.trace.processes[track.process - 1].python is None


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_process_with_several_threads_has_the_states_of_its_main_one_and_their_tracks(
    ran: Ran, method: str
) -> None:
    track = ran.track(f"{method} has_threads")
    main, beside = sorted(ran.threads_of(track), key=lambda thread: thread.name)
    assert (main.name, main.is_main, beside.name) == ("MainThread", True, "beside")
    assert [wait.on for wait in track.waits if wait.on in ("sleep", "thread")] == ["sleep", "thread"]
    assert seconds(beside, State.RUNNING) == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize("name", ["fork sleeps", "spawn does_both"])
def test_a_main_thread_that_is_alone_has_no_track_besides_its_process(ran: Ran, name: str) -> None:
    assert ran.threads_of(ran.track(name)) == []
    shown = set(ran.trace.tasks)
    assert {sample.task for sample in ran.trace.thread_samples} <= shown


ALONE = """\
import os, sys, time
time.sleep(0.1)
if len(sys.argv) < 2:
    os.execv(sys.executable, [sys.executable, __file__, "again"])
"""


def test_a_program_has_a_track_of_its_lone_main_thread_where_that_is_wanted_and_only_there(
    tmp_path: Path,
) -> None:
    program = write_program(tmp_path, ALONE)
    assert run_recorded(program).returncode == 0
    assert load(program.with_suffix(".coroscope")).tasks == {}
    path = str(tmp_path / "wanted.coroscope")
    create_trace(path, [str(program)])
    run_program([str(program)], path, "keep", watch_alone=True)
    trace = load(path)
    assert [(thread.name, thread.process) for thread in trace.threads] == [("MainThread", 1)] * 2
    assert [[wait.on for wait in thread.waits if wait.on] for thread in trace.threads] == [["sleep"]] * 2


REPLACED = """\
import os, sys, time
end = time.process_time() + 0.2
while time.process_time() < end: pass
if len(sys.argv) < 2:
    if os.fork() == 0:
        end = time.process_time() + 0.2
        while time.process_time() < end: pass
        os.execv(sys.executable, [sys.executable, __file__, "again"])
    print(os.wait()[1], os.wait4 and __import__("resource").getrusage(-1)[:2])
"""


def test_a_child_that_goes_on_in_another_program_has_one_track_of_both(tmp_path: Path) -> None:
    program = write_program(tmp_path, REPLACED)
    status, utime, stime = (
        run_recorded(program).stdout.replace("(", "").replace(")", "").replace(",", "").split()
    )
    trace = load(program.with_suffix(".coroscope"))
    (track,) = trace.tasks.values()
    assert (status, track.kind) == ("0", "process")
    assert seconds(track, State.RUNNING) == pytest.approx(float(utime) + float(stime), rel=0.1, abs=0.06)


HARMLESS = """\
import os, signal, sys, threading, time, traceback
def child():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    os.kill(os.getppid(), signal.SIGUSR2)
    time.sleep(0.03)
    print(signal.sigwait({signal.SIGUSR1}) == signal.SIGUSR1, flush=True)
    traceback.print_stack(file=sys.stdout)
    print(threading.enumerate() == [threading.main_thread()], threading.active_count(), flush=True)
    deeper = os.fork()
    if deeper == 0:
        time.sleep(0.03)
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(deeper, 0)[1]), flush=True)
    raise LookupError("as it should")
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
number = os.fork()
if number == 0:
    try:
        child()
    except LookupError:
        traceback.print_exc(file=sys.stdout)
    sys.stdout.flush()
    os._exit(3)
signal.sigwait({signal.SIGUSR2})
time.sleep(0.06)
os.kill(number, signal.SIGUSR1)
print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]))
"""


def test_a_child_that_is_looked_at_does_what_it_does_alone(tmp_path: Path) -> None:
    program = write_program(tmp_path, "import warnings; warnings.simplefilter('error')\n" + HARMLESS)
    alone, recorded = run_alone(program), run_recorded(program)
    assert (recorded.stdout, recorded.returncode) == (alone.stdout, alone.returncode)
    assert recorded.stdout.startswith("True\n")
    assert recorded.stderr.startswith(alone.stderr)


ELSEWHERE = """\
import os, time
if os.fork() == 0:
    time.sleep(0.03)
    for what in (os.CLONE_NEWUSER, os.CLONE_NEWPID):
        try:
            print(os.unshare(what), flush=True)
        except OSError as error:
            print(error, flush=True)
    time.sleep(0.03)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no os.unshare")
def test_a_child_may_enter_namespaces_that_are_closed_to_processes_of_several_threads(tmp_path: Path) -> None:
    program = write_program(tmp_path, ELSEWHERE)
    alone, recorded = run_alone(program), run_recorded(program)
    assert (recorded.stdout, recorded.returncode) == (alone.stdout, alone.returncode)


KILLED = """\
import os, signal, time
number = os.fork()
if number == 0:
    time.sleep(600)
time.sleep(0.2)
os.kill(number, signal.SIGKILL)
os.wait()
"""


def test_what_a_child_did_is_known_though_it_was_killed(tmp_path: Path) -> None:
    program = write_program(tmp_path, KILLED)
    assert run_recorded(program).returncode == 0
    (track,) = load(program.with_suffix(".coroscope")).tasks.values()
    assert track.waits[-1].on == "sleep"
    assert seconds(track, State.WAITING) > 0.15


IMPORTING = """\
import subprocess, sys
child = '''
import _thread, sys, time, types
sys.modules["threading"] = types.ModuleType("threading")  # as it is in the middle of its import
def waits():
    with ended: pass
ended = _thread.allocate_lock()
ended.acquire()
_thread.start_new_thread(waits, ())
time.sleep(0.3)
del sys.modules["threading"]
ended.release()
time.sleep(0.1)
'''
sys.exit(subprocess.run([sys.executable, "-c", child]).returncode)
"""


def test_a_look_while_threading_is_being_imported_is_a_look_like_any_other(tmp_path: Path) -> None:
    program = write_program(tmp_path, IMPORTING)
    assert run_recorded(program).returncode == 0
    trace = load(program.with_suffix(".coroscope"))
    assert trace.notices == ()
    functions = {wait.place.function for thread in trace.threads for wait in thread.waits if wait.place}
    assert "waits" in functions


def test_without_the_probe_of_threads_nothing_is_known_of_what_children_did(tmp_path: Path) -> None:
    program = write_program(tmp_path, KILLED)
    assert run_recorded(program, options=("--without", "threads")).returncode == 0
    (track,) = load(program.with_suffix(".coroscope")).tasks.values()
    assert bytes(track.states) == bytes([State.RUNNING])
