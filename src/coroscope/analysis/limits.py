"""What a test may ask of its event loop: that no step holds it for long, and that no task is left behind.

Rule: a task is the test's if the user's code created it in the recording, or is where it waits. So those that a library
keeps for itself are not, nor is one that is older than the recording: it has no parent there.
Rule: a loop's work ends with the last of its tasks that no task has created: main tasks, mostly. What is cancelled
later, by nothing in the program, was left to whoever closes the loop, as `asyncio.run` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from coroscope.trace.model import Frame, Stall, Task, Trace


def longest_step(trace: Trace) -> Stall | None:
    """The step that held its loop longest; None where there was none."""
    lengths_ns = (
        end_ns - start_ns for task in trace.loop_tasks.values() for start_ns, end_ns in task.iter_steps()
    )
    longest_ns = max(lengths_ns, default=0)
    # Where it was is looked up in every sample: for this one only.
    return trace.stalls((longest_ns - 1) / 1e6)[0] if longest_ns else None


def left_pending(trace: Trace) -> list[Task]:
    """The tasks created in the recording that were pending when their loop's work was done, in order of creation.

    None of a trace that is cut: nobody knows what they would have done.
    """
    if trace.cut is not None:
        return []
    ends_ns = dict.fromkeys(trace.loops, 0)
    for task in trace.loop_tasks.values():
        if task.parent is None:
            ended_ns = trace.duration_ns if task.ended_ns is None else task.ended_ns
            ends_ns[task.loop] = max(ends_ns.get(task.loop, 0), ended_ns)
    # Nurseries leave none behind, and what trio's system tasks do until the end is no leak.
    trios = {loop.id for loop in trace.loops.values() if loop.type == "trio"}
    return [
        task
        for task in trace.loop_tasks.values()
        if task.loop not in trios and _is_left(task, ends_ns.get(task.loop, 0))
    ]


def _is_left(task: Task, end_ns: int) -> bool:
    if task.parent is None or _place_of_user(task) is None:
        return False
    if task.ended_ns is None:
        return True
    if task.outcome != "cancelled" or task.ended_ns < end_ns or not task.waits:
        return False
    wait = task.waits[-1]
    return wait.woken_by is None and wait.end_ns is not None and wait.end_ns >= end_ns


def complaints(trace: Trace, max_stall_ms: float | None, no_leaked_tasks: bool) -> Iterator[str]:
    """A sentence for every limit that was broken, with the line and the task."""
    if max_stall_ms is not None:
        for stall in trace.stalls(max_stall_ms):
            task = trace.tasks[stall.task]
            where = stall.place or _definition(task)
            yield (
                f"{_place(where)}: a step of {_name(task)} held the loop for {stall.duration_ns / 1e6:.0f} ms "
                f"(max_stall_ms={max_stall_ms:g})"
            )
    if no_leaked_tasks:
        for task in left_pending(trace):
            waits_at = _waits_at(task)
            waiting = "" if waits_at is None else f", waiting at {_place(waits_at)}"
            yield f"{_place(_place_of_user(task))}: {_name(task)} is still pending at the end{waiting}"


def _place_of_user(task: Task) -> Frame | None:
    """Where the user's code made the task or, if it did not, where it waits."""
    return task.created_at if task.created_at is not None and task.created_at.is_user else _waits_at(task)


def _waits_at(task: Task) -> Frame | None:
    return task.waits[-1].place if task.waits else None


def _definition(task: Task) -> Frame | None:
    return None if task.file is None else Frame(task.coroutine, task.file, task.line, is_user=True)


def _name(task: Task) -> str:
    return f"task {task.name!r} ({task.coroutine})"


def _place(frame: Frame | None) -> str:
    return "?" if frame is None else f"{frame.file}:{frame.line}"
