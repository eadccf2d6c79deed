"""From events to processes: whose children the processes of a run are, when they began, and how they ended.

A process is told of from several sides: by the one that forked it, by an object that stands for it, by itself. All
name it by the system's number, which the system gives to another one in time. So an event is about the process that
has that number at the time, and a process is a new one if the same side has told of its number before.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable
from dataclasses import dataclass, field

from coroscope.record.events import EventKind, ProcessBegin, ProcessEnd, ProcessTold
from coroscope.record.pythons import name_of_command
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.definitions import UserCode, cut
from coroscope.trace.model import Frame, Outcome, Process, State, Task, Trace
from coroscope.trace.raw import Part, RawTrace

PROGRAM = 1
_TOLD_LATE_NS = 1_000_000_000
"""So long after a process's end its number is not yet another's, and an object may still tell of its start."""


@dataclass(slots=True)
class _Known:
    """What is known of a process so far."""

    process: Process
    told: set[int] = field(default_factory=set)
    has_begun: bool = False
    what: str = ""
    file: str | None = None
    line: int | None = None
    created_at: Frame | None = None
    thread: int = 0
    task: int | None = None
    has_started: bool = True
    works_ns: int | None = None
    """When its work began, after its interpreter had started or `multiprocessing` had prepared it."""


class Processes(Chapter):
    """All processes of a run, and which of them wrote which stream."""

    def __init__(self, raw: RawTrace) -> None:
        self._ended_ns = raw.ended_ns
        self._parts = {stream: part for part in raw.parts for stream in part.streams}
        self._of_part: dict[int, _Known] = {}
        """By the part's first stream."""
        self._program = _Known(Process(PROGRAM, None, None, "", (), None, 0), has_begun=True)
        self._known = [self._program]
        self._by_pid: dict[tuple[str, int], _Known] = {}
        """By machine and number."""

    def handlers(self) -> dict[int, Handler]:
        return {
            EventKind.PROCESS_STARTED: self._start,
            EventKind.PROCESS_NAMED: self._name,
            EventKind.PROCESS_BEGUN: self._begin,
            EventKind.PROCESS_ENDED: self._end,
            EventKind.PROCESS_WORKS: self._work,
        }

    def user_code_of(self, stream: int, program: UserCode) -> UserCode:
        """What tells the user's code in `stream`; `program` does it in those of the program itself."""
        part = self._parts.get(stream)
        return program if part is None else UserCode(part.meta)

    def number_of(self, stream: int) -> int:
        """The number of the process that wrote `stream`."""
        return self._writer(stream).process.number

    def _writer(self, stream: int) -> _Known:
        part = self._parts.get(stream)
        if part is None:
            return self._program
        known = self._of_part.get(part.streams[0])
        if known is None:  # Its beginning was lost.
            known = self._of_part[part.streams[0]] = self._add(0, 0)
        return known

    def _machine(self, stream: int) -> str:
        part = self._parts.get(stream)
        return "" if part is None else part.machine

    def _add(self, pid: int, time_ns: int, machine: str = "") -> _Known:
        known = _Known(Process(len(self._known) + 1, pid or None, None, "", (), None, time_ns))
        self._known.append(known)
        if pid:
            self._by_pid[machine, pid] = known
        return known

    def _start(self, event: Event) -> None:
        time_ns, pid, task, site_number, _, how, _, stream = event
        if not pid:
            return
        machine = self._machine(stream)
        known = self._by_pid.get((machine, pid))
        if known is None or how in known.told or _is_over(known.process, time_ns) or known is self._program:
            known = self._add(pid, time_ns, machine)
        known.told.add(how)
        known.process.started_ns = min(known.process.started_ns, time_ns)
        if how == ProcessTold.BY_OBJECT or ProcessTold.BY_OBJECT not in known.told:
            site = self.definitions[stream].site(site_number)
            known.created_at, known.task, known.thread = site.created_at, task or None, self.thread(stream)
            known.process.parent = self.number_of(stream)
            if how == ProcessTold.BY_OBJECT:
                known.what, known.file, known.line = site.coroutine, site.file or None, site.line

    def _name(self, event: Event) -> None:
        known = self._by_pid.get((self._machine(event[7]), event[1]))
        if known is not None:
            known.process.name = self.text(event[7], event[3])

    def _begin(self, event: Event) -> None:
        time_ns, pid, parent, command, _, how, _, stream = event
        part = self._parts.get(stream)
        if part is None:
            self._program.process.pid = pid or None
            self._by_pid["", pid] = self._program
            return
        if part.streams[0] in self._of_part:
            return
        known = self._by_pid.get((part.machine, pid))
        if (
            known is None
            or (known.has_begun and how == ProcessBegin.FORKED)
            or _is_over(known.process, time_ns)
        ):
            known = self._add(pid, time_ns, part.machine)
        self._of_part[part.streams[0]] = known
        if how == ProcessBegin.EXECUTED and not known.has_begun:
            known.works_ns = time_ns
        known.has_begun = True
        if known is not self._program:
            self._describe(known, part, self.text(stream, command))
        teller = self._by_pid.get((part.machine, parent))
        if known.process.parent is None and known is not self._program and teller is not None:
            known.process.parent = teller.process.number

    def _work(self, event: Event) -> None:
        known = self._by_pid.get((self._machine(event[7]), event[1]))
        if known is not None and not _is_over(known.process, event[0]):
            known.works_ns = event[0]

    def work_began(self) -> dict[int, int]:
        """When processes began with their work, by their numbers, where that is known."""
        every = self._known[1:]
        return {known.process.number: known.works_ns for known in every if known.works_ns is not None}

    def _describe(self, known: _Known, part: Part, command: str) -> None:
        python, argv = part.meta.get("python"), part.meta.get("argv")
        known.process.python = cut(python) if isinstance(python, str) else None
        if isinstance(argv, list):
            known.process.argv = tuple(cut(word) for word in argv if isinstance(word, str))
        known.what = known.what or command

    def _end(self, event: Event) -> None:
        time_ns, pid, code, _, _, how, _, stream = event
        known = self._by_pid.get((self._machine(stream), pid))
        if known is None or known is self._program:
            return
        process = known.process
        known.has_started = how != ProcessEnd.NOT_STARTED
        if process.ended_ns is None:
            process.ended_ns = max(time_ns, process.started_ns)
        elif _is_over(process, time_ns) or process.exit_code is not None:
            return
        if how == ProcessEnd.EXIT_CODE:
            process.exit_code = code
        elif how == ProcessEnd.SIGNAL:
            process.signal = code

    def end_program(self, event: Event, exception: str | None) -> None:
        """The process that wrote this has come to its program's end."""
        process = self._writer(event[7]).process
        if process is self._program.process:
            self._ended_ns = event[0]
            return
        process.exception = exception
        if process.ended_ns is None:
            process.ended_ns = event[0]

    def add_to(self, trace: Trace) -> None:
        program = self._program.process
        program.name, program.argv, program.python = _name_of(trace.argv), trace.argv, trace.python
        program.exit_code, program.signal = trace.ended.exit_code, trace.ended.signal
        program.exception, program.ended_ns = trace.ended.exception, self._ended_ns
        known = [self._program, *(each for each in self._known[1:] if each.has_started)]
        trace.processes = [each.process for each in known]
        if len(known) == 1:
            return
        self._end_tasks(trace)
        number = max(trace.tasks, default=0)
        tasks = [self._task(each, number + index, trace) for index, each in enumerate(known[1:], 1)]
        every = sorted((*trace.tasks.values(), *tasks), key=lambda task: task.created_ns)
        trace.tasks = {task.id: task for task in every}

    def _end_tasks(self, trace: Trace) -> None:
        """What a process had not ended when it ended itself has ended with it."""
        ends_ns = {each.process.number: each.process.ended_ns for each in self._known[1:]}
        for task in trace.tasks.values():
            ended_ns = ends_ns.get(task.process)
            if ended_ns is not None and task.ended_ns is None:
                task.ended_ns = task.end_ns = max(ended_ns, task.times_ns[-1])
                if task.waits and task.waits[-1].end_ns is None:
                    task.waits[-1].end_ns = task.end_ns

    def _name_of_fork(self, process: Process) -> str:
        """That of the program which forked, and goes on in it."""
        parent = next((each.process for each in self._known if each.process.number == process.parent), None)
        return f"pid {process.pid}" if parent is None else parent.name

    def _task(self, known: _Known, number: int, trace: Trace) -> Task:
        process = known.process
        process.task = number
        process.name = process.name or _name_of(process.argv) or self._name_of_fork(process)
        created_ns = min(process.started_ns, trace.duration_ns)
        end_ns = max(created_ns, trace.duration_ns if process.ended_ns is None else process.ended_ns)
        outcome = _outcome(process)
        task = Task(
            id=number,
            name=process.name,
            kind="process",
            coroutine=known.what or "os.fork",
            file=known.file,
            line=known.line,
            process=process.number,
            thread=known.thread,
            loop=0,
            parent=known.task if known.task in trace.tasks else None,
            is_main=False,
            created_ns=created_ns,
            created_at=known.created_at,
            ended_ns=None if process.ended_ns is None else end_ns,
            outcome=outcome,
            exception=failure_of(process),
            end_ns=end_ns,
        )
        task.times_ns.append(created_ns)
        task.states = bytes([State.RUNNING])
        return task


def _is_over(process: Process, time_ns: int) -> bool:
    """Whether its number may be another's at `time_ns`."""
    return process.ended_ns is not None and time_ns - process.ended_ns > _TOLD_LATE_NS


def _name_of(argv: Iterable[str]) -> str:
    return name_of_command(["python", *argv]) if argv else ""


def _outcome(process: Process) -> Outcome:
    if process.signal is not None:
        return "cancelled"
    if process.exit_code or process.exception is not None:
        return "raised"
    return "pending" if process.ended_ns is None else "returned"


def failure_of(process: Process) -> str | None:
    """How it ended, in words: "exit code 3", "killed by SIGKILL", an exception's type; None for a plain end."""
    if process.signal is not None:
        return f"killed by {_name_of_signal(process.signal)}"
    return process.exception or (f"exit code {process.exit_code}" if process.exit_code else None)


def _name_of_signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # one of the real-time signals, or of another system
        return f"signal {number}"
