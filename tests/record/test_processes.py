"""Child processes: however they are started, they run as they do alone, and are recorded into the one trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

import coroscope
from coroscope.trace import load
from coroscope.trace.model import Process, Task, Trace
from tests.programs import run_alone, run_recorded, write_program

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")

PROGRAM = """\
import asyncio, multiprocessing, os, subprocess, sys
from concurrent.futures import ProcessPoolExecutor

SELF_PORTRAIT = '''if True:
    import os, sys
    print(sorted(os.environ.items()), sys.path, sys.argv, sys.flags, sys.modules.get("sitecustomize"))
    sys.exit(4)
'''
SLEEP = "import asyncio; asyncio.run(asyncio.sleep(0.01))"
NESTED = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}], check=True)"

async def child(number):
    await asyncio.sleep(0.01)
    return number

def work(number):
    return asyncio.run(child(number))

def hang(ready):
    async def hanging():
        ready.set()
        await asyncio.sleep(600)
    asyncio.run(hanging())

async def main():
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SLEEP)
    print(await process.wait())

if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        process = multiprocessing.get_context(method).Process(target=work, args=(1,), name=f"by {method}")
        process.start()
        process.join()
        print(method, process.exitcode)
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        print(list(pool.map(work, range(2))))
    ready = context.Event()
    killed = context.Process(target=hang, args=(ready,), name="killed")
    killed.start()
    ready.wait()
    killed.kill()
    killed.join()
    print(killed.exitcode)
    asyncio.run(main())
    sys.stdout.flush()
    print(subprocess.run([sys.executable, "-c", NESTED], env={**os.environ, "EXTRA": "1"}).returncode)
    portrait = subprocess.run([sys.executable, "-c", SELF_PORTRAIT, "a"], capture_output=True, text=True)
    print(portrait)
    print(subprocess.run(f'"{sys.executable}" -c "{SLEEP}"; exit 3', shell=True).returncode)
    print(subprocess.run(["env"], capture_output=True, text=True))
    print(subprocess.run([sys.executable, "-I", "-c", SELF_PORTRAIT], capture_output=True, text=True))
    print(os.execve in os.supports_fd, os.execv.__name__, os.execv.__module__)
    try:
        subprocess.run(["/no/such/program"])
    except FileNotFoundError as error:
        print(error)
    spawned = os.posix_spawn(sys.executable, [sys.executable, "-c", SLEEP], os.environ)
    print(os.waitstatus_to_exitcode(os.waitpid(spawned, 0)[1]))
    sys.stdout.flush()
    forked = os.fork()
    if forked == 0:
        os.execv(sys.executable, [sys.executable, "-c", SLEEP])
    print(os.waitstatus_to_exitcode(os.waitpid(forked, 0)[1]))
    sys.stdout.flush()
    if os.fork() == 0:
        os._exit(5)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


@dataclass
class Ran:
    """The program run alone, and recorded, and the trace of that."""

    alone: subprocess.CompletedProcess[str]
    recorded: subprocess.CompletedProcess[str]
    trace: Trace
    folder: Path

    def process(self, name: str) -> Process:
        """The only process that is called so."""
        (found,) = (process for process in self.trace.processes if process.name == name)
        return found

    def tasks_in(self, process: Process) -> list[Task]:
        """What ran in it, itself aside."""
        tasks = self.trace.tasks.values()
        return [task for task in tasks if task.process == process.number and task.kind != "process"]

    def sleepers(self) -> list[Process]:
        """The processes that ran nothing but `asyncio.sleep`."""
        return [
            process
            for process in self.trace.processes
            if [task.coroutine for task in self.tasks_in(process)] == ["sleep"]
        ]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    folder = tmp_path_factory.mktemp("processes")
    program = write_program(folder, PROGRAM)
    alone, recorded = run_alone(program), run_recorded(program)
    return Ran(alone, recorded, load(program.with_suffix(".coroscope")), folder)


def test_the_program_and_its_children_say_what_they_say_alone(ran: Ran) -> None:
    assert ran.recorded.stdout == ran.alone.stdout
    assert ran.recorded.stderr.startswith(ran.alone.stderr)
    assert ran.recorded.returncode == ran.alone.returncode == 0


def test_nothing_is_left_beside_the_trace(ran: Ran) -> None:
    assert sorted(path.name for path in ran.folder.iterdir()) == ["program.coroscope", "program.py"]
    assert not ran.trace.notices


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_of_multiprocessing_is_named_and_has_its_task(ran: Ran, method: str) -> None:
    process = ran.process(f"by {method}")
    assert (process.parent, process.exit_code, process.signal) == (1, 0, None)
    (task,) = ran.tasks_in(process)
    assert (task.coroutine, task.outcome, task.is_main) == ("child", "returned", True)
    track = ran.trace.tasks[process.task or 0]
    assert (track.kind, track.coroutine, track.process) == ("process", "work", process.number)
    assert track.created_at is not None
    assert (track.created_at.line, track.created_at.is_user) == (32, True)


def test_a_worker_of_a_pool_has_the_tasks_of_all_its_jobs(ran: Ran) -> None:
    (worker,) = (process for process in ran.trace.processes if process.name.startswith("ForkProcess"))
    assert [task.coroutine for task in ran.tasks_in(worker)] == ["child", "child"]


def test_a_child_that_is_killed_has_ended_by_the_signal_and_so_has_its_task(ran: Ran) -> None:
    killed = ran.process("killed")
    assert (killed.exit_code, killed.signal) == (None, signal.SIGKILL)
    (task,) = ran.tasks_in(killed)
    assert (task.coroutine, task.outcome, task.ended_ns) == (
        "hang.<locals>.hanging",
        "pending",
        killed.ended_ns,
    )
    assert ran.trace.tasks[killed.task or 0].outcome == "cancelled"


def test_pythons_started_in_every_other_way_are_recorded(ran: Ran) -> None:
    sleepers = ran.sleepers()
    # By asyncio, nested in one with a changed environment, in a shell, by posix_spawn, by fork and execv.
    assert len(sleepers) == 5
    parents = Counter(ran.trace.processes[(process.parent or 1) - 1].name for process in sleepers)
    assert parents[f"{Path(sys.executable).name} -c"] == 1
    assert all(process.python is not None for process in sleepers)


def test_a_process_started_in_a_task_is_its_child(ran: Ran) -> None:
    (main,) = (task for task in ran.trace.tasks.values() if task.coroutine == "main")
    (child,) = (
        task for task in ran.trace.tasks.values() if task.kind == "process" and task.parent == main.id
    )
    assert [task.coroutine for task in ran.tasks_in(ran.trace.processes[child.process - 1])] == ["sleep"]


def test_processes_that_are_no_python_are_known_by_how_they_ended(ran: Ran) -> None:
    shell = next(process for process in ran.trace.processes if process.exit_code == 3)
    assert shell.python is None
    assert ran.trace.tasks[shell.task or 0].outcome == "raised"


def test_the_summary_says_how_those_children_ended_that_did_not_return(ran: Ran) -> None:
    said = " ".join(ran.recorded.stderr.split())
    assert "; 1 killed by SIGKILL" in said
    assert "; 1 exit code 3" in said
    tracks = [ran.trace.tasks[process.task or 0] for process in ran.trace.processes[1:]]
    assert {track.exception for track in tracks} >= {None, "killed by SIGKILL", "exit code 3"}


def test_a_fork_that_only_exits_is_known_with_its_exit_code(ran: Ran) -> None:
    (fork,) = (process for process in ran.trace.processes if process.exit_code == 5)
    assert (fork.parent, fork.pid is not None) == (1, True)


def test_a_program_that_could_not_be_started_is_no_process(ran: Ran) -> None:
    assert not any("/no/such/program" in task.coroutine for task in ran.trace.tasks.values())


def test_ids_are_one_of_a_kind_and_times_within_the_processes(ran: Ran) -> None:
    trace = ran.trace
    assert all(number == task.id for number, task in trace.tasks.items())
    loops = {(task.process, task.loop) for task in trace.tasks.values() if task.loop}
    assert len(loops) == len({loop for _, loop in loops})
    for process in trace.processes[1:]:
        assert process.ended_ns is not None
        assert 0 <= process.started_ns <= process.ended_ns <= trace.duration_ns
        for task in ran.tasks_in(process):
            assert process.started_ns <= task.created_ns <= task.end_ns <= process.ended_ns
    assert [process.number for process in trace.processes] == sorted({p.number for p in trace.processes})


def test_the_summary_counts_the_children_and_no_task_for_them(ran: Ran) -> None:
    count = len(ran.trace.processes) - 1
    assert f"children {count} processes" in ran.recorded.stderr
    counted = [task for task in ran.trace.loop_tasks.values() if not task.is_main]
    assert f"tasks    {len(counted)} beside " in ran.recorded.stderr


REPLACED = """\
import asyncio, os, sys
async def first(): await asyncio.sleep(0)
async def second(): await asyncio.sleep(0)
asyncio.run(second() if len(sys.argv) > 1 else first())
print(len(sys.argv), flush=True)
if len(sys.argv) < 2:
    os.execv(sys.executable, [sys.executable, __file__, "again"])
sys.exit(7)
"""


def test_a_program_that_replaces_itself_stays_the_same_process(tmp_path: Path) -> None:
    program = write_program(tmp_path, REPLACED)
    alone, recorded = run_alone(program), run_recorded(program)
    assert (recorded.stdout, recorded.returncode) == (alone.stdout, 7)
    trace = load(program.with_suffix(".coroscope"))
    assert [(task.coroutine, task.process) for task in trace.tasks.values()] == [("first", 1), ("second", 1)]
    assert [process.number for process in trace.processes] == [1]
    assert trace.ended.complete


FORK_IN_TASK = """\
import asyncio, os, sys, warnings
warnings.simplefilter("error")
async def again():
    await asyncio.sleep(0.01)
    return "child"
async def main():
    await asyncio.sleep(0.01)
    child = os.fork()
    if child == 0:
        print(asyncio.run(again()), flush=True)
        os._exit(6)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    await asyncio.sleep(0.01)
asyncio.run(main())
"""


@pytest.mark.parametrize("options", [(), ("--loop", "coroscope")])
def test_a_fork_in_a_task_goes_on_by_itself_and_does_not_take_the_parents_tasks_along(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    program = write_program(tmp_path, FORK_IN_TASK)
    alone, recorded = run_alone(program), run_recorded(program, options=options)
    assert (recorded.stdout, recorded.returncode) == (alone.stdout, alone.returncode)
    trace = load(program.with_suffix(".coroscope"))
    told = [(task.coroutine, task.process, task.outcome) for task in trace.tasks.values() if task.loop]
    assert told == [("main", 1, "returned"), ("again", 2, "returned")]
    assert not trace.notices


OUTLIVED = """\
import subprocess, sys
code = "import asyncio; print('ready', flush=True); asyncio.run(asyncio.sleep(600))"
process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
process.stdout.readline()
print(process.pid)
"""


def test_a_child_that_outlives_the_program_is_not_waited_for(tmp_path: Path) -> None:
    program = write_program(tmp_path, OUTLIVED)
    recorded = run_recorded(program)
    os.kill(int(recorded.stdout), signal.SIGKILL)
    trace = load(program.with_suffix(".coroscope"))
    child = trace.processes[1]
    assert (child.pid, child.ended_ns) == (int(recorded.stdout), None)
    assert trace.tasks[child.task or 0].outcome == "pending"


HANGING = """\
import asyncio, os, time
if os.fork() == 0:
    async def hanging():
        print(os.getpid(), flush=True)
        await asyncio.sleep(600)
    asyncio.run(hanging())
os.wait()
"""


def test_what_children_have_recorded_can_be_read_while_they_run_and_after_all_were_killed(
    tmp_path: Path,
) -> None:
    program = write_program(tmp_path, HANGING)
    command = [sys.executable, "-m", "coroscope", "run", str(program)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        child = int(supervisor.stdout.readline())
        running = load(program.with_suffix(".coroscope"))
        supervisor.kill()  # The program dies with it; its child does not.
        os.kill(child, signal.SIGKILL)
    killed = load(program.with_suffix(".coroscope"))
    for trace in (running, killed):
        assert [task.coroutine for task in trace.tasks.values() if task.process == 2 and task.loop] == [
            "hanging"
        ]
    assert run_recorded(write_program(tmp_path, "print('done')")).stdout == "done\n"
    assert len(load(program.with_suffix(".coroscope")).processes) == 1
    assert not program.with_suffix(".coroscope.parts").exists()


STARTS_ONE = """\
import os, subprocess, sys
own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
code = "import asyncio; asyncio.run(asyncio.sleep(0)); print('coroscope' in __import__('sys').modules)"
ran = subprocess.run([sys.argv[1], "-c", code], env=own, capture_output=True, text=True)
print(ran.returncode, ran.stderr)
"""


def test_a_python_without_coroscope_is_recorded_too(tmp_path: Path) -> None:
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    program = write_program(tmp_path, STARTS_ONE)
    python = str(tmp_path / "bare" / "bin" / "python")
    assert run_recorded(program, python).stdout == "0 \n"
    trace = load(program.with_suffix(".coroscope"))
    assert [task.coroutine for task in trace.tasks.values() if task.loop] == ["sleep"]


def test_a_python_that_is_too_old_takes_the_recording_out_of_its_environment_and_is_left_alone() -> None:
    from coroscope.record.heritage import Heritage

    code = (
        "import importlib.util, os, sys\n"
        "sys.version_info = (3, 8)\n"
        "path = os.environ['PYTHONPATH'].split(os.pathsep)[0]\n"
        "spec = importlib.util.spec_from_file_location('sitecustomize', path + '/sitecustomize.py')\n"
        "module = sys.modules['sitecustomize'] = importlib.util.module_from_spec(spec)\n"
        "try: spec.loader.exec_module(module)\n"
        "except ImportError: pass\n"
        "print([name for name in os.environ if 'COROSCOPE' in name], os.environ.get('PYTHONPATH'))\n"
        "print('coroscope' in sys.modules)\n"
    )
    environment = Heritage("/no/such/trace", "keep", (), 1).variables("/own")
    command = [sys.executable, "-S", "-c", code]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("[] /own\nFalse\n", "")


def test_without_the_probe_children_are_as_if_nothing_recorded(tmp_path: Path) -> None:
    program = write_program(tmp_path, STARTS_ONE)
    assert run_recorded(program, sys.executable, options=("--without", "processes")).stdout == "0 \n"
    trace = load(program.with_suffix(".coroscope"))
    assert (trace.tasks, len(trace.processes)) == ({}, 1)


def test_a_recording_made_in_code_leaves_the_children_alone(tmp_path: Path) -> None:
    with coroscope.record(tmp_path / "out.coroscope") as recording:
        code = "import sys; print('coroscope' in sys.modules)"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"
    assert len(recording.load().processes) == 1


FORKING = """\
import asyncio, os, warnings
warnings.simplefilter("error")
async def main():
    for _ in range(100):
        await asyncio.sleep(0.002)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
asyncio.run(main())
print("no fork was warned of")
"""


def test_no_thread_of_the_recorders_is_there_at_a_fork(tmp_path: Path) -> None:
    ran = run_recorded(write_program(tmp_path, FORKING))
    assert (ran.stdout, ran.returncode) == ("no fork was warned of\n", 0)
