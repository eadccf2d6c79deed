"""What each step of a recorded run needed before it could come: a step of another task, its own one before, a delay.

What made a task ready is kept: a timer or reply by its delay, a task by the moment of its step that did it, and the end
of several children, or jobs, by the last of them. So whoever asks what a repair would change lets come earlier what
followed the repaired part, and nothing else.

Rule: a step only needs steps that began before it, so that no two ever wait for each other, whatever the trace says.
Rule: what is told to end needs whoever told it, and not the rounds that it went through until then: a task that is
cancelled, and one that goes round a loop until it sees that it need not any more.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

from coroscope.analysis.findings.jobs import Jobs
from coroscope.analysis.findings.pauses import is_until_told
from coroscope.analysis.findings.source import source_of
from coroscope.trace.model import Frame, Job, State, Task, Trace, Wait

NOTICED_NS = 5_000_000
"""What comes from outside within this time after a stall had come during it, or was sent by it."""
SENT_NS = 1_000_000
"""What comes within this time after any other step was sent by it: from one end of a connection to the other."""

Key = tuple[int, int]
"""A step: its task, and when it began."""


@dataclass(slots=True, eq=False)
class Step:
    """One stay of a task, or of a thread, in the running state."""

    task: Task
    start_ns: int
    end_ns: int
    woken_ns: int
    """When it had all that it needed, but for its turn."""
    order_ns: int
    """When it began, among the others: what sees in a thread that another one has ended comes after that."""
    needs: list[Need] = field(default_factory=list)
    index: int = 0

    @property
    def key(self) -> Key:
        """What it is called where its object is not known."""
        return (self.task.id, self.start_ns)


@dataclass(frozen=True, slots=True)
class Need:
    """That a step cannot come before `delay_ns` after a moment of another one."""

    step: Step
    moment_ns: int
    delay_ns: int
    slack_ns: int
    """So much later that moment could have been without delaying the step."""


@dataclass(frozen=True, slots=True)
class Spared:
    """What nobody would have to wait for."""

    waits: Collection[Key] = ()
    """By task and beginning."""
    jobs: Collection[int] = ()
    """For a thread of their pool."""


class Needs:
    """The steps of some tasks and threads of a trace, and what each of them needs."""

    def __init__(
        self, trace: Trace, tasks: Iterable[Task], stalls: Iterable[Key] = (), spared: Spared | None = None
    ) -> None:
        self._started_at = trace.started_at
        self._spared = spared
        self.tasks = {task.id: task for task in tasks}
        self.steps = {number: list(_iter_steps(task)) for number, task in self.tasks.items()}
        self._starts = {
            number: array("q", (step.start_ns for step in steps)) for number, steps in self.steps.items()
        }
        self.all = sorted(
            (step for steps in self.steps.values() for step in steps), key=lambda step: step.order_ns
        )
        for index, step in enumerate(self.all):
            step.index = index
        self._by_end = sorted(self.all, key=lambda step: step.end_ns)
        self._ends = array("q", (step.end_ns for step in self._by_end))
        self._rows = _rows_by_thread(self.all)
        self._stalls = self._sorted_stalls(set(stalls))
        self._stall_ends = [step.end_ns for step in self._stalls]
        self._children = self._ended_children()
        self._jobs = Jobs(trace.jobs)
        for number, steps in self.steps.items():
            self._link(self.tasks[number], steps)

    def _sorted_stalls(self, keys: set[Key]) -> list[Step]:
        return sorted(
            (step for step in self.all if step.key in keys) if keys else (), key=lambda step: step.end_ns
        )

    def _ended_children(self) -> dict[int, dict[Frame | None, list[Step]]]:
        """By parent and line, the last steps of those that it may have awaited, the first that ended as the last."""
        endings: dict[int, dict[Frame | None, list[Step]]] = {}
        for task in self.tasks.values():
            is_awaited = task.ended_ns is not None and task.outcome != "cancelled"
            if task.parent is not None and is_awaited and self.steps[task.id]:
                of_parent = endings.setdefault(task.parent, {})
                of_parent.setdefault(task.created_at, []).append(self.steps[task.id][-1])
        for of_parent in endings.values():
            for steps in of_parent.values():
                steps.sort(key=lambda step: -step.end_ns)
        return endings

    def _take_children(self, task: Task, time_ns: int, place: Frame | None = None) -> Iterator[Step]:
        """The last steps of those that had ended by `time_ns`, each once; only those made at `place`, if any was."""
        of_parent = self._children.get(task.id, {})
        for endings in [of_parent[place]] if place in of_parent else of_parent.values():
            while endings and endings[-1].end_ns <= time_ns:
                yield endings.pop()

    def _link(self, task: Task, steps: list[Step]) -> None:
        wait_between = _waits_of(task)
        if steps:
            self._link_first(task, steps[0])
        for before, step in pairwise(steps):
            wait = wait_between(before.end_ns, step.start_ns)
            length_ns = 0 if wait is None or wait.end_ns is None else wait.end_ns - wait.start_ns
            if self._spared is not None and (task.id, before.end_ns) in self._spared.waits:
                self._need(step, before, before.end_ns, slack_ns=length_ns)
                continue
            if self._link_spared_job(task, before, step):
                continue
            is_last = step is steps[-1]
            is_told = is_last and wait is not None and self._is_told(task, wait)
            caused = wait is not None and (
                (is_told and self._link_teller(task, wait, step)) or self._link_wait(task, wait, step)
            )
            if caused and is_told:
                continue
            if caused:
                self._need(step, before, before.end_ns, slack_ns=step.start_ns - before.end_ns)
            else:
                self._need(step, before, before.end_ns, delay_ns=length_ns)
            if is_last and self._spared is not None:
                self._need_rest(task, step)

    def _link_first(self, task: Task, step: Step) -> None:
        creator = None if task.parent is None else self._step_at(task.parent, task.created_ns)
        if creator is None:
            creator = self._stall_just_before(task.created_ns, -1)
        if creator is None:
            creator = self._rows.get(task.thread, _NO_ROW).begun_by(task.created_ns)
        if creator is not None:
            self._need(step, creator, task.created_ns)

    def _link_wait(self, task: Task, wait: Wait, step: Step) -> bool:
        """Have `step` need what ended its wait; whether that is known."""
        if wait.end_ns is None:
            return False
        if task.kind == "thread":
            return self._link_wait_of_thread(task, wait, step)
        waker = None
        if wait.woken_by == "task" and wait.waker is not None:
            waker = self._step_at(wait.waker, wait.end_ns)
            if waker is not None and waker.task.parent == task.id and waker is self.steps[wait.waker][-1]:
                self._need_children(task, wait, step)
                self._need_jobs(task, wait, step)
        elif wait.woken_by not in ("timer", "yield"):
            waker = self._stall_just_before(wait.end_ns, wait.start_ns)
            if (
                waker is None
                and wait.woken_by == "thread"
                and self._need_jobs(task, wait, step, is_for_any=True)
            ):
                self._need_children(task, wait, step)
                return True
            waker = waker or self._sender(task, wait.end_ns, wait.start_ns)
        if waker is None:
            return False
        self._need(step, waker, wait.end_ns)
        return True

    def _link_wait_of_thread(self, task: Task, wait: Wait, step: Step) -> bool:
        if wait.on == "thread":
            return self._need_threads(task, wait, step)
        if wait.on == "future":
            return self._need_jobs(task, wait, step, is_for_any=True)
        if wait.on not in _FOR_ANOTHER:
            return False
        # Who let it through the trace does not tell: whoever ran just then, if anybody did.
        end_ns = wait.end_ns or 0
        others = [self._step_at(number, end_ns) for number in self._threads_beside(task)]
        running = [other for other in others if other is not None and other.end_ns >= end_ns - NOTICED_NS]
        if running:
            self._need(step, max(running, key=lambda other: (other.end_ns, other.index)), end_ns)
        return True

    def _threads_beside(self, task: Task) -> Iterator[int]:
        return (
            number for number, other in self.tasks.items() if other.kind == "thread" and other is not task
        )

    def _need_threads(self, task: Task, wait: Wait, step: Step) -> bool:
        """A thread that joins waits for all that had ended by then."""
        found = False
        for ending in self._take_children(task, (wait.end_ns or 0) + SENT_NS):
            self._need(step, ending, ending.end_ns, slack_ns=_notable((wait.end_ns or 0) - ending.end_ns))
            found = True
        return found

    def _need_children(self, task: Task, wait: Wait, step: Step) -> None:
        """Who waits for a child, or for a thread, may well wait for all: those that were made at the line that waits
        or, where none was, all that had ended by then."""
        for ending in self._take_children(task, wait.end_ns or 0, wait.place):
            self._need(step, ending, ending.end_ns, slack_ns=(wait.end_ns or 0) - ending.end_ns)

    def _need_rest(self, task: Task, step: Step) -> None:
        """A task does not end before the children that ended before it; which of them it awaited, nobody knows."""
        for ending in self._take_children(task, step.woken_ns):
            self._need(step, ending, ending.end_ns, slack_ns=step.woken_ns - ending.end_ns)

    def _need_jobs(self, task: Task, wait: Wait, step: Step, *, is_for_any: bool = False) -> bool:
        """What a thread wakes waited for all jobs of its own that had ended by then; without any, for the last one."""
        # A job's result is there just before the job is seen to have ended.
        end_ns = (wait.end_ns or 0) + SENT_NS
        jobs = list(self._jobs.take(task.id, end_ns))
        last = self._jobs.last_ended(wait.start_ns, end_ns) if is_for_any and not jobs else None
        needed = [self._need_job(job, wait, step) for job in (jobs or filter(None, [last]))]
        return any(needed)

    def _need_job(self, job: Job, wait: Wait, step: Step) -> bool:
        submitted_ns, started_ns, ended_ns = job.submitted_ns, job.started_ns or 0, job.ended_ns or 0
        slack_ns = _notable((wait.end_ns or 0) - ended_ns)
        worker = self._step_at(job.worker or 0, ended_ns)
        submitter = self._step_at(job.task or 0, submitted_ns)
        if submitter is not None and self._is_spared(job):
            slack_ns += started_ns - submitted_ns
            self._need(step, submitter, submitted_ns, ended_ns - started_ns, slack_ns)
        elif worker is not None and worker.index < step.index:
            self._need(step, worker, ended_ns, slack_ns=slack_ns)
        elif submitter is not None:
            self._need(step, submitter, submitted_ns, ended_ns - submitted_ns, slack_ns)
        else:
            return False
        return True

    def _is_spared(self, job: Job) -> bool:
        return self._spared is not None and job.id in self._spared.jobs

    def _link_spared_job(self, task: Task, before: Step, step: Step) -> bool:
        """A worker's step in which a job ended that need not have waited for a thread comes as much earlier."""
        job = self._jobs.ended_in(task.id, before.end_ns, step.end_ns) if self._spared else None
        submitter = self._step_at(job.task or 0, job.submitted_ns) if job is not None else None
        if job is None or submitter is None or not self._is_spared(job):
            return False
        queued_ns = (job.started_ns or 0) - job.submitted_ns
        self._need(
            step, submitter, job.submitted_ns, (job.ended_ns or 0) - (job.started_ns or 0), slack_ns=queued_ns
        )
        return True

    def _is_told(self, task: Task, wait: Wait) -> bool:
        """Whether the task ended with this wait because another one wanted it to."""
        if task.outcome == "cancelled":
            return True
        place = wait.place
        return (
            place is not None
            and self._asks(wait)
            and any(_is_sleep(other) and other.place == place for other in task.waits if other is not wait)
        )

    def _asks(self, wait: Wait) -> bool:
        """Whether the innermost loop around it goes on until somebody else wants it to end."""
        for frame in reversed(wait.chain):
            source = source_of(frame.file, self._started_at) if frame.is_user else None
            if source is not None and source.loop_at(frame.line or 0) is not None:
                return is_until_told(source, frame.line or 0)
        return False

    def _link_teller(self, task: Task, wait: Wait, step: Step) -> bool:
        """Have the last step of a task that has seen that it need not go on need the step that meant it."""
        if wait.end_ns is None or task.outcome == "cancelled":
            return False
        if wait.woken_by == "task":
            return self._link_teller_of_child(task, wait, step)
        if not _is_sleep(wait):
            return False
        index = bisect_right(self._ends, wait.end_ns)
        for teller in reversed(self._by_end[max(0, index - _MOST_TELLERS) : index]):
            if teller.end_ns <= wait.start_ns:
                break
            if teller.task is not task and self._waits_for(teller, task):
                self._need(step, teller, teller.end_ns, wait.end_ns - teller.end_ns)
                return True
        return False

    def _link_teller_of_child(self, task: Task, wait: Wait, step: Step) -> bool:
        """As `asyncio.wait_for` does, it had a child wait for it."""
        child = self.tasks.get(wait.waker or 0)
        if child is None or child.parent != task.id or not child.waits:
            return False
        told = child.waits[-1]
        teller = self._step_at(told.waker or 0, told.end_ns) if told.end_ns is not None else None
        if teller is None:
            return False
        self._need(step, teller, told.end_ns or 0, (wait.end_ns or 0) - (told.end_ns or 0))
        return True

    def _waits_for(self, teller: Step, task: Task) -> bool:
        """Whether a step was its task's last, or its task waited from then on for `task` to end."""
        if teller is self.steps[teller.task.id][-1]:
            return True
        waits = teller.task.waits
        index = bisect_left(waits, teller.end_ns, key=lambda wait: wait.start_ns)
        wait = waits[index] if index < len(waits) else None
        if wait is None or wait.start_ns != teller.end_ns:
            return False
        return wait.waker == task.id or (wait.on == "thread" and task.kind == "thread")

    def _step_at(self, task: int, time_ns: int) -> Step | None:
        index = bisect_right(self._starts.get(task, _NO_TIMES), time_ns) - 1
        # It may have ended: callbacks come after the steps that were ready with it.
        return self.steps[task][index] if index >= 0 else None

    def _stall_just_before(self, time_ns: int, since_ns: int) -> Step | None:
        index = bisect_right(self._stall_ends, time_ns) - 1
        if index < 0:
            return None
        stall = self._stalls[index]
        return stall if time_ns - stall.end_ns <= NOTICED_NS and stall.end_ns > since_ns else None

    def _sender(self, task: Task, time_ns: int, since_ns: int) -> Step | None:
        step = self._rows.get(task.thread, _NO_ROW).ended_by(time_ns)
        if step is None:
            return None
        return step if time_ns - step.end_ns <= SENT_NS and step.end_ns > since_ns else None

    @staticmethod
    def _need(step: Step, needed: Step, moment_ns: int, delay_ns: int = 0, slack_ns: int = 0) -> None:
        if needed.index < step.index:
            step.needs.append(Need(needed, min(moment_ns, needed.end_ns), delay_ns, slack_ns))


_FOR_ANOTHER = frozenset({"lock", "queue", "condition", "event", "semaphore", "barrier"})
"""What a thread waits for until another one does something."""
_NO_TIMES = array("q")
_SEEN_LATE = ("thread", "future")
"""What these waits of a thread are for, it may be seen to have before the other thread is seen to have ended."""
_MOST_TELLERS = 1_000
"""Of the steps in a task's last wait, so many are looked at."""


class _Row:
    """The steps of one thread, which come one after another."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._starts = [step.start_ns for step in steps]
        self._ends = [step.end_ns for step in steps]

    def begun_by(self, time_ns: int) -> Step | None:
        """The last that had begun at `time_ns`."""
        index = bisect_right(self._starts, time_ns) - 1
        return self._steps[index] if index >= 0 else None

    def ended_by(self, time_ns: int) -> Step | None:
        """The last that had ended at `time_ns`."""
        index = bisect_right(self._ends, time_ns) - 1
        return self._steps[index] if index >= 0 else None


_NO_ROW = _Row([])


def _rows_by_thread(steps: list[Step]) -> dict[int, _Row]:
    rows: dict[int, list[Step]] = {}
    for step in steps:
        rows.setdefault(step.task.thread, []).append(step)
    return {thread: _Row(row) for thread, row in rows.items()}


def _waits_of(task: Task) -> Callable[[int, int], Wait | None]:
    """What gives the wait between two steps, by the end of one and the start of the other.

    A thread may have several there, with time in between in which it only seemed to be ready: they count as one, which
    the last of them ended.
    """
    starts = array("q", (wait.start_ns for wait in task.waits))

    def between(ended_ns: int, start_ns: int) -> Wait | None:
        first, behind = bisect_left(starts, ended_ns), bisect_left(starts, max(start_ns, ended_ns + 1))
        if first >= behind:
            return None
        last = task.waits[behind - 1]
        return last if behind - first == 1 else replace(last, start_ns=starts[first])

    return between


def _is_sleep(wait: Wait) -> bool:
    return wait.woken_by == "timer" or wait.on == "sleep"


def _notable(slack_ns: int) -> int:
    """What passes between the end of something in a thread and its being noticed is no slack."""
    return slack_ns if slack_ns > SENT_NS else 0


def _iter_steps(task: Task) -> Iterator[Step]:
    times_ns, states = task.times_ns, task.states
    last = len(states) - 1
    late = {wait.end_ns for wait in task.waits if wait.on in _SEEN_LATE} if task.kind == "thread" else ()
    order_ns = 0
    index = states.find(State.RUNNING)
    while index >= 0:
        start_ns = times_ns[index]
        woken_ns = times_ns[index - 1] if index and states[index - 1] == State.READY else start_ns
        order_ns = max(order_ns, start_ns + SENT_NS if woken_ns in late else start_ns)
        yield Step(task, start_ns, times_ns[index + 1] if index < last else task.end_ns, woken_ns, order_ns)
        index = states.find(State.RUNNING, index + 1)
