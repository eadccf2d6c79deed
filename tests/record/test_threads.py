"""What a trace says of threads and pools whose every wait is known, and that they notice nothing."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import coroscope
from coroscope.trace import Trace, load
from coroscope.trace.model import Job, State, Task
from tests.programs import run_alone, run_recorded, show_json, write_program

SCRIPT = """\
import _thread, asyncio, json, queue, sys, threading, time, traceback
from concurrent.futures import ThreadPoolExecutor

used_s = {}
lock = threading.Lock()
results = queue.Queue()
go = threading.Event()

def clocked(function):
    def run(*args):
        function(*args)
        used_s[threading.current_thread().name] = time.thread_time()
    return run

class Client:
    def __init__(self):
        self._lock = threading.RLock()
    def request(self):
        with self._lock:
            time.sleep(0.12)

@clocked
def asks(client):
    client.request()

@clocked
def acquires():
    lock.acquire()
    lock.release()

@clocked
def takes():
    results.get()

@clocked
def awaits():
    go.wait()

@clocked
def computes():
    end = time.thread_time() + 0.35
    number = 0
    while time.thread_time() < end:
        for number in range(1000): number += 1

@clocked
def sleeps_a_little():
    for _ in range(20):
        sum(range(20_000))
        time.sleep(0.005)

class Failing(threading.Thread):
    def run(self):
        traceback.print_stack(file=sys.stdout)
        raise LookupError("as it should")

def job(number):
    if number == 0: traceback.print_stack(file=sys.stdout)
    if number == 3: raise KeyError(number)
    time.sleep(0.06)

def raw():
    time.sleep(0.15)
    done.release()

done = _thread.allocate_lock(); done.acquire()
_thread.start_new_thread(raw, ())
client = Client()
lock.acquire()
threads = [threading.Thread(target=asks, args=(client,), name=f"asks-{n}") for n in (1, 2)]
threads += [threading.Thread(target=f, name=f.__closure__[0].cell_contents.__name__)
            for f in (acquires, takes, awaits, computes, sleeps_a_little)]
for thread in threads: thread.start()
print(set(threading.enumerate()) <= {threading.main_thread(), *threads})
time.sleep(0.15)
lock.release(); results.put(1); go.set()
for thread in threads: thread.join()
done.acquire()
failing = Failing(name="failing"); failing.start(); failing.join()
with ThreadPoolExecutor(2, thread_name_prefix="pool") as pool:
    futures = [pool.submit(job, number) for number in range(4)]
    print([type(future.exception()).__name__ for future in futures])
    traceback.print_exception(futures[3].exception(), file=sys.stdout)

async def main():
    await asyncio.to_thread(time.sleep, 0.02)

asyncio.run(main())
print(sorted(thread.name for thread in threading.enumerate()))
print(json.dumps(used_s))
"""

CURIOUS = """\
import threading, sys, time, traceback, weakref
from concurrent.futures import ThreadPoolExecutor
calls=[]
class Odd(threading.Thread):
    def __getattribute__(self, name):
        calls.append(name)
        return super().__getattribute__(name)
    @property
    def __dict__(self): calls.append("DICT"); return {}
    def run(self): time.sleep(0.05)
class L:
    def __init__(self): self.l=threading.Lock()
    @property
    def lock(self): calls.append("PROP"); return self.l
    def __getattr__(self, n): calls.append("GETATTR"); raise AttributeError(n)
o=Odd(); o.start(); o.join()
x=L()
def f():
    with x.lock: time.sleep(0.05)
def g():
    d=locals(); y=1
    with x.l: pass
    print(sorted(d))
ts=[threading.Thread(target=f) for _ in range(3)]+[threading.Thread(target=g)]
for t in ts: t.start()
for t in ts: t.join()
print([c for c in calls if c in("DICT","GETATTR")], calls.count("PROP"))
class P(ThreadPoolExecutor):
    def submit(self, fn, /, *a, **k): return super().submit(fn,*a,**k)
    def __eq__(self,o): calls.append("EQ"); return False
    def __hash__(self): calls.append("HASH"); return 1
class C:
    def __call__(self, *a): return sys._getframe().f_back.f_code.co_name
with P(2) as p: print(p.submit(C()).result(), p.submit(lambda: sys._getframe(1).f_code.co_name).result())
print([c for c in calls if c in("EQ","HASH")])
try: ts[0].start()
except RuntimeError:
    traceback.print_exc(file=sys.stdout)
r=weakref.ref(ts[0]); del ts,t; print(r() is None)
t=threading.Timer(0.01, lambda: print("timer", threading.current_thread().name)); t.start(); t.join()
with P(1) as p:
    fs=[p.submit(time.sleep,0.05) for _ in range(5)]
    p.shutdown(wait=False,cancel_futures=True)
print(fs[-1].cancelled(), "_invoke_excepthook" in vars(threading.Thread()))
def hook(a):
    print("hook", a.exc_type.__name__, a.thread.name, sys._getframe(1).f_code.co_name)
    print(traceback.format_tb(a.exc_traceback))
threading.excepthook=hook
def bad(): 1/0
t=threading.Thread(target=bad,name="b"); t.start(); t.join()
def quits(): raise SystemExit(3)
t=threading.Thread(target=quits); t.start(); t.join()
d=threading.Thread(target=time.sleep,args=(100,),daemon=True); d.start()
sys.exit(5)
"""
"""Its classes tell when they are looked at, and it asks what a profiler might change."""


def line_of(text: str) -> int:
    return SCRIPT[: SCRIPT.index(text)].count("\n") + 1


class Recorded:
    """The program's trace, and what it has said itself."""

    def __init__(self, program: Path) -> None:
        self.alone = run_alone(program)
        self.ran = run_recorded(program)
        assert self.ran.returncode == 0, self.ran.stderr
        self.trace: Trace = load(program.with_suffix(".coroscope"))
        self.shown = show_json(program.with_suffix(".coroscope"))
        self.used_s: dict[str, float] = json.loads(self.ran.stdout.splitlines()[-1])

    def thread(self, name: str) -> Task:
        (found,) = [thread for thread in self.trace.threads if thread.name == name]
        return found

    def jobs(self, pool: str) -> list[Job]:
        return [job for job in self.trace.jobs if self.trace.pools[job.pool].name == pool]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(write_program(tmp_path_factory.mktemp("threads"), SCRIPT))


def test_the_program_says_what_it_says_alone(recorded: Recorded) -> None:
    def said(output: str) -> list[str]:
        return output.splitlines()[:-1]  # Not how much processor time it used.

    assert said(recorded.ran.stdout) == said(recorded.alone.stdout)
    assert recorded.alone.stderr in recorded.ran.stderr


def test_a_thread_has_its_name_what_it_runs_and_who_started_it_where(recorded: Recorded) -> None:
    thread = recorded.thread("asks-1")
    assert thread.kind == "thread"
    assert (thread.coroutine, thread.line) == ("clocked.<locals>.run", line_of("    def run(*args)"))
    assert thread.parent == recorded.thread("MainThread").id
    assert thread.created_at is not None
    assert thread.created_at.line == line_of("for thread in threads: thread.start()")
    assert recorded.thread("failing").coroutine == "Failing.run"


def test_a_thread_that_raises_has_ended_so_and_others_returned(recorded: Recorded) -> None:
    failing = recorded.thread("failing")
    assert (failing.outcome, failing.exception) == ("raised", "LookupError")
    assert {recorded.thread(name).outcome for name in ("MainThread", "asks-2", "computes")} == {"returned"}


@pytest.mark.parametrize(
    ("name", "on", "line"),
    [
        ("acquires", "lock", "    lock.acquire()\n    lock.release()"),
        ("takes", "queue", "results.get()"),
        ("awaits", "event", "go.wait()"),
    ],
)
def test_a_wait_has_what_it_waits_for_and_where(recorded: Recorded, name: str, on: str, line: str) -> None:
    waits = recorded.thread(name).waits
    assert (on, line_of(line)) in {(wait.on, wait.place.line) for wait in waits if wait.place is not None}


def test_threads_that_wait_for_one_lock_say_which(recorded: Recorded) -> None:
    waits = [
        wait
        for name in ("asks-1", "asks-2", "acquires")
        for wait in recorded.thread(name).waits
        if wait.on == "lock"
    ]
    by_line = {wait.place.line: wait.lock for wait in waits if wait.place is not None}
    assert by_line.keys() == {line_of("        with self._lock"), line_of("    lock.acquire()\n")}
    assert None not in by_line.values()
    assert len(set(by_line.values())) == 2


def test_what_ran_on_a_processor_agrees_with_the_clock_of_the_thread(recorded: Recorded) -> None:
    for name in ("computes", "sleeps_a_little"):
        ran_s = recorded.thread(name).time_in(State.RUNNING) / 1e9
        # What a thread does before and behind what it runs is in neither of them whole.
        assert ran_s == pytest.approx(recorded.used_s[name], rel=0.02, abs=0.001)


def test_states_add_up_to_the_life_of_a_thread(recorded: Recorded) -> None:
    for thread in recorded.trace.threads:
        life_ns = thread.end_ns - thread.created_ns
        assert sum(thread.time_in(state) for state in State) == life_ns


def test_a_thread_that_threading_does_not_know_is_met_by_sampling(recorded: Recorded) -> None:
    raw = [thread for thread in recorded.trace.threads if thread.coroutine == "?"]
    assert {wait.place.function for thread in raw for wait in thread.waits if wait.place} == {"raw"}


def test_jobs_have_who_submitted_them_where_and_when_they_waited_ran_and_ended(recorded: Recorded) -> None:
    jobs = recorded.jobs("pool")
    assert [job.outcome for job in jobs] == ["returned", "returned", "returned", "raised"]
    assert {(job.function, job.task) for job in jobs} == {("job", recorded.thread("MainThread").id)}
    assert {job.place.line for job in jobs if job.place} == {line_of("futures = [pool.submit")}
    assert {recorded.trace.tasks[job.worker].name for job in jobs if job.worker} == {"pool_0", "pool_1"}
    for job in jobs:
        assert job.started_ns is not None
        assert job.ended_ns is not None
        assert job.submitted_ns <= job.started_ns <= job.ended_ns
    assert (jobs[2].started_ns or 0) >= min(job.ended_ns or 0 for job in jobs[:2])


GATHERED = """\
import asyncio, time

async def main():
    await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.001) for _ in range(3)))  # line 4
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(time.sleep, 0.001))  # line 6

asyncio.run(main())
"""


@pytest.mark.parametrize("loop", ["asyncio", "coroscope", "uvloop"])
def test_a_job_of_a_task_that_is_to_thread_itself_is_submitted_where_that_task_was_created(
    tmp_path: Path, loop: str
) -> None:
    if loop == "uvloop":
        pytest.importorskip("uvloop")
    program = GATHERED
    if loop != "asyncio":
        program = program.replace("import asyncio, time", f"import asyncio, time, {loop}").replace(
            "asyncio.run(main())", f"asyncio.Runner(loop_factory={loop}.new_event_loop).run(main())"
        )
    script = write_program(tmp_path, program)
    assert run_recorded(script).returncode == 0
    jobs = load(script.with_suffix(".coroscope")).jobs
    assert [job.place and job.place.line for job in jobs] == [4, 4, 4, 6]


def test_a_job_of_to_thread_is_submitted_by_the_task_at_its_line(recorded: Recorded) -> None:
    (job,) = recorded.jobs("asyncio")
    (main,) = recorded.trace.loop_tasks
    assert (job.function, job.task) == ("sleep", main)
    assert job.place is not None
    assert job.place.line == line_of("await asyncio.to_thread")


def test_threads_are_no_tasks_of_a_loop_for_those_who_count(recorded: Recorded) -> None:
    assert [task.coroutine for task in recorded.trace.loop_tasks.values()] == ["main"]
    assert recorded.shown["concurrency"]["max"] == 0
    assert {stall.task for stall in recorded.trace.stalls(0)} == set(recorded.trace.loop_tasks)
    kinds = {task["kind"] for task in recorded.shown["tasks"]}
    assert kinds == {"task", "thread"}


def test_the_json_has_the_pools_and_their_jobs(recorded: Recorded) -> None:
    assert [pool["name"] for pool in recorded.shown["pools"]] == ["pool", "asyncio"]
    job = recorded.shown["jobs"][0]
    assert job["worker"] in {task["id"] for task in recorded.shown["tasks"]}
    assert job["started_s"] < job["ended_s"]


def test_the_summary_counts_threads_and_jobs(recorded: Recorded) -> None:
    assert "2 pools with 3 of them at work on 5 jobs" in " ".join(recorded.ran.stderr.split())


def test_a_program_that_looks_closely_sees_nothing_of_the_watch(tmp_path: Path) -> None:
    program = write_program(tmp_path, CURIOUS)
    alone, ran = run_alone(program), run_recorded(program)
    assert (ran.returncode, ran.stdout) == (alone.returncode, alone.stdout)
    assert load(program.with_suffix(".coroscope")).notices == ()


@pytest.fixture
def waiting() -> Iterator[threading.Event]:
    """A thread that is older than the recording, and ends when the event is set."""
    event = threading.Event()
    thread = threading.Thread(target=event.wait, name="older")
    thread.start()
    yield event
    event.set()
    thread.join()


def test_a_thread_that_is_older_than_the_recording_is_met_by_its_name(
    waiting: threading.Event, tmp_path: Path
) -> None:
    before = dict(vars(threading.Thread))
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        for _ in range(2):
            thread = threading.Thread(target=waiting.wait, args=(0.1,))
            thread.start()
            thread.join()
    assert dict(vars(threading.Thread)) == before
    older = [thread for thread in recording.load().threads if thread.name == "older"]
    assert [(thread.coroutine, thread.outcome) for thread in older] == [("Event.wait", "pending")]


def test_many_threads_one_after_another_cost_no_streams(tmp_path: Path) -> None:
    path = tmp_path / "out.coroscope"
    with coroscope.record(path):
        for _ in range(400):
            thread = threading.Thread(target=int)
            thread.start()
            thread.join()
        size = path.stat().st_size
    assert size <= 8 * 65536
    trace = load(path)
    assert len([thread for thread in trace.threads if thread.coroutine == "int"]) == 400


def test_threads_can_be_left_out(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope", without=["threads"]) as recording:
        thread = threading.Thread(target=int)
        thread.start()
        thread.join()
    assert recording.load().tasks == {}


def test_a_program_with_the_main_thread_alone_has_no_tracks(tmp_path: Path) -> None:
    program = write_program(tmp_path, "import asyncio\nasyncio.run(asyncio.sleep(0.03))\n")
    run_recorded(program)
    shown = show_json(program.with_suffix(".coroscope"))
    assert [task["kind"] for task in shown["tasks"]] == ["task"]
    assert shown["jobs"] == []


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_while_threads_are_watched_goes_on_in_both(tmp_path: Path) -> None:
    text = """\
import os, threading
def wait(event): event.wait()
event = threading.Event()
thread = threading.Thread(target=wait, args=(event,)); thread.start()
child = os.fork()
if not child:
    own = threading.Thread(target=int); own.start(); own.join()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
event.set(); thread.join()
later = threading.Thread(target=int, name="later"); later.start(); later.join()
"""
    program = write_program(tmp_path, text)
    ran = run_recorded(program)
    assert ran.stdout == "7\n"
    trace = load(program.with_suffix(".coroscope"))
    assert [thread.name for thread in trace.threads][-1] == "later"
    assert trace.notices == ()


def test_a_flight_recorder_has_the_threads_and_jobs_too(tmp_path: Path) -> None:
    text = (
        "from concurrent.futures import ThreadPoolExecutor\nimport time\n"
        "with ThreadPoolExecutor(2) as pool: list(pool.map(time.sleep, [0.03] * 4))\n"
    )
    program = write_program(tmp_path, text)
    run_recorded(program, options=("--last", "30s"))
    trace = load(program.with_suffix(".coroscope"))
    assert len(trace.threads) == 3
    assert [job.outcome for job in trace.jobs] == ["returned"] * 4


def test_who_joins_a_thread_waits_for_it(tmp_path: Path) -> None:
    text = (
        "import threading, time\nother = threading.Thread(target=time.sleep, args=(0.5,))\n"
        "other.start()\nother.join()\n"
    )
    program = write_program(tmp_path, text)
    run_recorded(program)
    (main,) = [thread for thread in load(program.with_suffix(".coroscope")).threads if thread.is_main]
    assert ("thread", 4) in {(wait.on, wait.place.line) for wait in main.waits if wait.place is not None}


@pytest.mark.skipif(sys.platform != "linux", reason="threads have a clock on Linux alone")
def test_what_the_main_thread_does_before_it_starts_another_is_told_by_its_clock_then(tmp_path: Path) -> None:
    text = """\
import threading, time
began = time.thread_time()
while time.thread_time() < began + 0.2: pass
threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(2)]
print(time.thread_time() - began)
threads[0].start()
time.sleep(0.2)
threads[1].start()
"""
    program = write_program(tmp_path, text)
    used_s = float(run_recorded(program).stdout)
    trace = load(program.with_suffix(".coroscope"))
    (main,) = [thread for thread in trace.threads if thread.is_main]
    first, second = (thread.created_ns for thread in trace.threads if not thread.is_main)

    def ran_s(start_ns: int, end_ns: int) -> float:
        return sum(max(min(end, end_ns) - max(start, start_ns), 0) for start, end in main.iter_steps()) / 1e9

    # What it used before its first line counts too.
    assert used_s * 0.98 <= ran_s(0, first) <= used_s + 0.15
    assert ran_s(first, second) <= 0.05


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_where_the_main_thread_waits_is_told_when_the_others_have_ended_and_behind_a_fork(
    tmp_path: Path,
) -> None:
    program = write_program(
        tmp_path,
        """\
import os, threading, time
thread = threading.Thread(target=time.sleep, args=(0.05,)); thread.start(); thread.join()
if os.fork() == 0: os._exit(0)
os.wait()
time.sleep(0.3)
time.sleep(0.4)
""",
    )
    assert run_recorded(program).returncode == 0
    trace = load(program.with_suffix(".coroscope"))
    (main,) = [task for task in trace.main_tracks.values() if task.name == "MainThread"]
    lines = [wait.chain[-1].line for wait in main.waits if wait.chain]
    assert [line for line in lines if line in (5, 6)] == [5, 6]


IN_INTERPRETERS = """\
import _interpreters, threading, time
computing = "import time\\nend = time.thread_time() + 0.3\\nwhile time.thread_time() < end: pass"
def work():
    time.sleep(0.2)
    _interpreters.exec(interpreter, computing)
    _interpreters.exec(interpreter, "import time; time.sleep(0.3)")
interpreter = _interpreters.create()
thread = threading.Thread(target=work, name="works")
thread.start()
thread.join()
"""


@pytest.mark.skipif(sys.version_info < (3, 13), reason="the module has another name")
def test_a_thread_in_another_interpreter_runs_when_its_clock_does(tmp_path: Path) -> None:
    program = write_program(tmp_path, IN_INTERPRETERS)
    assert run_recorded(program).returncode == 0
    trace = load(program.with_suffix(".coroscope"))
    (works,) = [task for task in trace.threads if task.name == "works"]
    steps = list(works.iter_steps())
    running_ns = sum(end_ns - start_ns for start_ns, end_ns in steps)
    assert running_ns == pytest.approx(300e6, rel=0.1)
    last_ns = max(end_ns for start_ns, end_ns in steps if end_ns - start_ns > 1e6)
    assert works.end_ns - last_ns > 250e6, "and it waited behind that"
