"""The events of a recording: the only contract between what records and what reads.

An event is 24 bytes, little-endian: `time_ns u64, a u32, b u32, c u32, source u16, detail u8, kind u8`.
`kind` comes last, because a record is filled front to back: a program killed in the middle of
one leaves kind 0, which is "no event", and never a torn record.

`time_ns` is CLOCK_MONOTONIC's in a live file, and counts from the recording's start everywhere else. `source` is the
loop (0: none). An id of 0 is "none" throughout.
Strings, places and stacks are *definitions*: written once to the stream that first needs them, and named by
a number that is valid in that stream only; so no stream ever waits for another one's lock.
Task and loop ids are the process's own and count from 1.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from struct import Struct
from typing import Literal

EVENT = Struct("<QIIIHBB")
U32_MAX = 0xFFFF_FFFF


class EventKind(IntEnum):
    """What happened; the comment gives the fields that are used, in the order a, b, c, detail."""

    NONE = 0
    TASK_CREATED = 1  # task, parent task, site definition, detail: TaskKind, perhaps with NAMED_IN_STEP
    TASK_NAMED = 2  # task, n of the name "Task-n" or 0, string of any other name
    TASK_ENDED = 3  # task, cancellations outstanding, string of the exception's type, detail: TaskOutcome
    STEP_BEGUN = 4  # task, task that has just given up its turn, -, detail: 1 where it goes on after a pause
    STEP_ENDED = 5  # task, -, stack it now waits in (0: not walked, or not waiting), detail: StepEnd
    WOKEN = 6  # task, waking task (by TASK) or microseconds since the timer fell due (by TIMER), stack, detail: Cause
    STALL_SAMPLED = 7  # task, 1 + ‰ of processor time since the last look or 0, call stack, detail: Standing
    LOOP_STARTED = 8  # loop, string of its class's qualified name, -
    LOOP_STOPPED = 9  # loop
    POLLED = 10  # loop, microseconds that the poll blocked (the event is stamped at its end)
    NOTICE = 11  # -, -, string: a sentence for the user about what could not be recorded
    PROGRAM_ENDED = 12  # -, -, string of the exception that ended the program (0: none)
    MARKED = 13  # task (0: outside any), -, string of the mark's name
    REGION = 14  # task (0: outside any), -, string of the region's name, detail: RegionEdge
    # 15 to 19 are free
    TASK_LEFT = 20  # task: still pending when the loop is shut down, and nobody has cancelled it
    NEVER_AWAITED = 21  # task whose step it was, -, site of the coroutine
    UNRETRIEVED = 22  # task (0: a future), string of the exception's type, stack of its traceback
    CANCELLATION_CAUGHT = (
        23  # task, cancellations outstanding, place of the clause, detail: 1 where it may raise
    )
    UNCANCELLED = 24  # task that had caught a cancellation which is taken back
    THREAD_SAMPLED = (
        30  # thread, µs of processor time since its last one, stack, detail: ThreadStanding; source: lock
    )
    THREAD_WRITES = 31  # thread, number of its stream or (detail 1) the system's of itself
    POOL_SEEN = 32  # pool, workers at most, string of its name
    JOB_SUBMITTED = 33  # job, task or thread that submitted it, site of what it runs, -; source: pool
    JOB_STARTED = 34  # job, thread
    JOB_ENDED = 35  # job, thread, -, detail: TaskOutcome, 0 where not known
    THREAD_MAIN = 36  # thread, µs that it had used of a processor by then, -, detail: THREAD_WANTED or 0
    SERIALISED = (
        37  # native id of the thread, ns that it took, bytes made or read; detail, source: more of b, c
    )
    COLLECTED = (
        40  # µs that it took, objects collected, native id of the thread, source: uncollectable, generation
    )
    COLLECTIONS = 41  # count so far, µs that they took together, µs that the longest took, detail: generation
    THREAD_IS = 45  # native id of the thread that writes this stream
    LOCK_SAMPLED = 46  # native ids of the holder (0: none) and of two that wait, source: 0.1 ms to the next
    LOCK_WAITERS = 47  # native ids of three more that wait, of the sample just before
    LOCK_UNSEEN = 48  # the interpreter has one thread, and nobody looks
    PROCESS_STARTED = 50  # pid (0: it was not), task whose step started it, site, detail: ProcessTold
    PROCESS_NAMED = 51  # pid, -, string of its name
    PROCESS_BEGUN = 52  # its own pid, its parent's, string of its command, detail: ProcessBegin
    PROCESS_ENDED = 53  # pid (0: none), exit code or signal, -, detail: ProcessEnd
    PROCESS_WORKS = 54  # pid (0: none): what `multiprocessing` has started in it begins with its work
    # 38 and 39: more of threads and their pools; 40 to 44: garbage collections; 45 to 49: the interpreter's lock;
    # 55 to 59: more of processes; 60 to 69: trio; 73 to 79: more of the flight recorder
    # These are only in what a ring carries on.
    CARRIED_TEXT = 70  # size in bytes; the text lies behind it
    CARRIED_END = 72  # task that has ended, and whose creation is still in a chunk
    CARRIED_MAIN = 71  # loop, the first task without a parent that was created in it


class TaskKind(IntEnum):
    """What runs as a task; in `TASK_CREATED`."""

    TASK = 0
    POLLABLE = 1
    GENERATOR = 2
    CALLABLE = 3
    THREAD = 4


NAMED_IN_STEP = 0x80
"""Added to the detail of a `TASK_CREATED` whose task is called "Task-n", where no `TASK_NAMED` tells it: n is as much
ahead of the task's id as in the last `TASK_NAMED` with a number that the same stream has of the same loop, if any."""


class TaskOutcome(IntEnum):
    """How a task ended; in `TASK_ENDED`. DESTROYED: collected while still pending."""

    RETURNED = 1
    RAISED = 2
    CANCELLED = 3
    DESTROYED = 4


class StepEnd(IntEnum):
    """How a step ended; in `STEP_ENDED`. The last one ends with `TASK_ENDED`, in old traces by DONE before that.

    PAUSED: an eager task begins inside.
    """

    YIELDED = 0
    WAITS_FOR_FUTURE = 1
    WAITS_FOR_TASK = 2
    DONE = 3
    PAUSED = 4


class Cause(IntEnum):
    """Who made a task ready; in `WOKEN`."""

    TASK = 1
    TIMER = 2
    IO = 3
    THREAD = 4
    SIGNAL = 5
    YIELD = 6


class RegionEdge(IntEnum):
    """Which edge of a region; in `REGION`. END: of the innermost open one of its name in the task, or else thread."""

    BEGIN = 1
    END = 2


class ProcessTold(IntEnum):
    """Who tells that a process was started; in `PROCESS_STARTED`. Both may tell of one."""

    BY_FORK = 1  # it is a copy of the process that tells, and has entered its own number
    BY_OBJECT = 2  # an object of `subprocess` or `multiprocessing` that stands for it


class ProcessBegin(IntEnum):
    """How a process came to be recorded; in `PROCESS_BEGUN`."""

    FORKED = 1
    EXECUTED = 2  # a program began in it, which may be its second


class ProcessEnd(IntEnum):
    """How a process ended; in `PROCESS_ENDED`."""

    EXIT_CODE = 1
    SIGNAL = 2
    NOT_KNOWN = 3  # it ended by itself
    NOT_STARTED = 4  # there was no such program: it has never run


LOCK_STREAM = 0xFFFF_FFFF
"""Where the supervising process writes what it saw of the lock; the program counts its streams from 1."""
THREAD_ITSELF = 1
"""The detail of a `THREAD_WRITES` that tells what the system calls the thread."""
THREAD_WANTED = 1
"""The detail of a `THREAD_MAIN` whose thread is to be shown even where it is its process's only one."""

Numbered = Literal["task", "loop", "pool", "job", "lock"]
Fields = tuple[Numbered | None, Numbered | None, Numbered | None]
"""What the fields a, b and source number; None: nothing, or what needs no change when traces are joined."""
_OF_LOOP: Fields = (None, None, "loop")
_OF_TASK: Fields = ("task", None, "loop")
_OF_NONE: Fields = (None, None, None)
FIELDS: dict[EventKind, Fields] = {
    EventKind.TASK_CREATED: ("task", "task", "loop"),
    EventKind.TASK_NAMED: _OF_TASK,
    EventKind.TASK_ENDED: _OF_TASK,
    EventKind.STEP_BEGUN: ("task", "task", "loop"),
    EventKind.STEP_ENDED: _OF_TASK,
    EventKind.WOKEN: _OF_TASK,  # and b a task, where one woke it
    EventKind.STALL_SAMPLED: _OF_TASK,
    EventKind.LOOP_STARTED: ("loop", None, "loop"),
    EventKind.LOOP_STOPPED: ("loop", None, "loop"),
    EventKind.POLLED: ("loop", None, "loop"),
    EventKind.NOTICE: _OF_LOOP,
    EventKind.PROGRAM_ENDED: _OF_LOOP,
    EventKind.MARKED: _OF_TASK,
    EventKind.REGION: _OF_TASK,
    EventKind.TASK_LEFT: _OF_TASK,
    EventKind.NEVER_AWAITED: _OF_TASK,
    EventKind.UNRETRIEVED: _OF_TASK,
    EventKind.CANCELLATION_CAUGHT: _OF_TASK,
    EventKind.UNCANCELLED: _OF_TASK,
    EventKind.THREAD_SAMPLED: ("task", None, "lock"),
    EventKind.THREAD_WRITES: ("task", None, None),  # and b a stream, or a number of the system's
    EventKind.THREAD_MAIN: ("task", None, None),
    EventKind.SERIALISED: _OF_NONE,
    EventKind.POOL_SEEN: ("pool", None, None),
    EventKind.JOB_SUBMITTED: ("job", "task", "pool"),
    EventKind.JOB_STARTED: ("job", "task", None),
    EventKind.JOB_ENDED: ("job", "task", None),
    EventKind.COLLECTED: _OF_NONE,
    EventKind.COLLECTIONS: _OF_NONE,
    EventKind.THREAD_IS: _OF_NONE,
    EventKind.LOCK_SAMPLED: _OF_NONE,
    EventKind.LOCK_WAITERS: _OF_NONE,
    EventKind.LOCK_UNSEEN: _OF_NONE,
    EventKind.PROCESS_STARTED: (None, "task", "loop"),
    EventKind.PROCESS_NAMED: _OF_LOOP,
    EventKind.PROCESS_BEGUN: _OF_LOOP,
    EventKind.PROCESS_ENDED: _OF_LOOP,
    EventKind.PROCESS_WORKS: _OF_NONE,
    EventKind.CARRIED_TEXT: _OF_NONE,
    EventKind.CARRIED_END: _OF_TASK,
    EventKind.CARRIED_MAIN: ("loop", "task", "loop"),
}
"""A kind that is not in here could not be joined, so a test asks for every one."""
GIVEN_BY: dict[Numbered, tuple[EventKind, int]] = {
    "task": (EventKind.TASK_CREATED, 1),
    "loop": (EventKind.LOOP_STARTED, 1),
    "pool": (EventKind.POOL_SEEN, 1),
    "job": (EventKind.JOB_SUBMITTED, 1),
    "lock": (EventKind.THREAD_SAMPLED, 4),
}
"""The events that give out such numbers, and where in them; numbers are a process's own until traces are joined."""


class Standing(IntFlag):
    """What a step was seen to do; in `STALL_SAMPLED`."""

    AT_CALL = 1  # the innermost frame stands at a call: of a C function, or it would not be the innermost
    LOCK_FREE = 2  # the interpreter's lock was to be had at once: the step had left it to others
    LOCK_KEPT = 4  # nobody got the lock for ten switch intervals or more, as while one C function holds it


class ThreadStanding(IntEnum):
    """What a thread was seen at; in `THREAD_SAMPLED`. LOCK to SLEEP, and CALL, may wait."""

    UNKNOWN = 0  # it has just begun, starts another, or ends
    COMPUTING = 1  # at an instruction that is no call
    CALL = 2  # in a C function that is none of the following
    LOCK = 3  # source: the number of the lock, 0 where it is not known
    CONDITION = 4
    EVENT = 5
    SEMAPHORE = 6
    BARRIER = 7
    QUEUE = 8
    THREAD = 9  # waits for a thread to end
    FUTURE = 10  # of concurrent.futures
    SLEEP = 11
    DELAYED = (
        12  # it starts another thread; since its last sample it was off the processor for want of one, mostly
    )


THREAD_CROWDED = 0x40
"""Beside a ThreadStanding: the sampler had to wait for the interpreter's lock, so others may have waited too."""
THREAD_UNCLOCKED = 0x80
"""Beside a ThreadStanding: the thread has no clock that could be read, and its processor time is not known."""


class DefinitionKind(IntEnum):
    """What a definition defines; numbers count up from 1 in each stream, over all kinds together."""

    STRING = 1  # UTF-8 text ("surrogatepass")
    PLACE = 2  # function string u32, file string u32, line u32 (0: not known)
    STACK = 3  # places u32 …, outermost first
    SITE = 4  # coroutine's qualified name string u32, file string u32, first line u32, place of creation u32 (0: none)
