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

EVENT = Struct("<QIIIHBB")
U32_MAX = 0xFFFF_FFFF


class EventKind(IntEnum):
    """What happened; the comment gives the fields that are used, in the order a, b, c, detail."""

    NONE = 0
    TASK_CREATED = 1  # task, parent task, site definition, detail: TaskKind
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
    # 30 to 39: threads and their pools; 40 to 44: garbage collections; 45 to 49: the interpreter's lock;
    # 50 to 59: processes; 60 to 69: trio; 70 to 79: the flight recorder
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


class TaskOutcome(IntEnum):
    """How a task ended; in `TASK_ENDED`. DESTROYED: collected while still pending."""

    RETURNED = 1
    RAISED = 2
    CANCELLED = 3
    DESTROYED = 4


class StepEnd(IntEnum):
    """How a step ended; in `STEP_ENDED`. DONE is followed by `TASK_ENDED`. PAUSED: an eager task begins inside."""

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


class Standing(IntFlag):
    """What a step was seen to do; in `STALL_SAMPLED`."""

    AT_CALL = 1  # the innermost frame stands at a call: of a C function, or it would not be the innermost
    LOCK_FREE = 2  # the interpreter's lock was to be had at once: the step had left it to others
    LOCK_KEPT = 4  # nobody got the lock for ten switch intervals or more, as while one C function holds it


class DefinitionKind(IntEnum):
    """What a definition defines; numbers count up from 1 in each stream, over all kinds together."""

    STRING = 1  # UTF-8 text ("surrogatepass")
    PLACE = 2  # function string u32, file string u32, line u32 (0: not known)
    STACK = 3  # places u32 …, outermost first
    SITE = 4  # coroutine's qualified name string u32, file string u32, first line u32, place of creation u32 (0: none)
