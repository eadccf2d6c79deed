"""What the recorder keeps of the frames that have not ended, thread by thread."""

from __future__ import annotations

import ctypes
import sys
import weakref
from _thread import get_ident
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

from coroscope.stepper.columns import Columns, FrameFacts, ThreadFacts
from coroscope.stepper.heap import NOTHING
from coroscope.stepper.layout import HEAD_SIZE, INTERPRETER_FRAME_AT
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import LENDS, CodePlan, Plan

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

NO_WORDS = (0,) * HEAD_SIZE
CALLING, LENDING = 1, 2
"""What calls code that is not recorded; where that is C code, which leaves its arguments on the stack meanwhile."""


class FrameState:
    """A frame that runs or is suspended."""

    __slots__ = (
        "base",
        "buffer",
        "code",
        "direct",
        "facts",
        "frame_id",
        "generator",
        "givers",
        "handling",
        "hands_on",
        "held",
        "is_fresh",
        "is_leaving",
        "number",
        "pending_call",
        "plan",
        "plans",
        "pointer",
        "touched",
        "turn",
        "values",
        "where",
        "words",
    )

    def __init__(self, facts: FrameFacts, plan: CodePlan, frame_id: int) -> None:
        self.facts = facts
        self.number = facts.number
        self.base = facts.base - HEAD_SIZE
        self.code = plan
        self.plans = plan.plans
        self.plan: Plan | None = None
        self.frame_id = frame_id
        self.pointer = ctypes.c_uint64.from_address(frame_id + INTERPRETER_FRAME_AT)
        self.where = 0
        self.buffer: Any = None
        self.words: tuple[int, ...] = NO_WORDS
        self.values: list[int] = [0] * HEAD_SIZE
        self.generator: GeneratorRef | None = None
        self.handling: tuple[int, ...] = ()
        """The exceptions that it handles, the innermost last."""
        self.hands_on = False
        """Whether it was resumed only to have what it delegates to told of an exception."""
        self.is_fresh = True
        self.is_leaving = False
        self.pending_call = 0
        """`CALLING` or `LENDING` while such a call is not over."""
        self.givers: tuple[int, ...] = ()
        """The generators of which it keeps what is yielded, or the identity of the code of which it keeps results."""
        self.held: list[int] = []
        """What it has been given so far, which no slot holds."""
        self.direct: Plan | None = None
        """The instruction, where what it calls or goes through is recorded itself, and nothing else runs."""
        self.turn: int | None = None
        """What its thread's task was when it was last noted which one runs it."""
        self.touched = 0
        """Where the one object is that the instruction may have changed."""

    @property
    def lends(self) -> bool:
        """While it waits, what its instruction works on is still on its stack, at any rate until that ends."""
        return self.pending_call == LENDING or (self.plan is not None and bool(self.plan.flags & LENDS))


class GeneratorRef(weakref.ref[Any]):
    """A weak reference to a generator, of its frame."""

    __slots__ = ("address", "state")

    address: int
    state: FrameState


class ThreadState:
    """A thread, with its frames that run or wait for one that does."""

    __slots__ = ("is_dirty", "number", "owner", "raised", "stack", "task")

    def __init__(self, number: int, owner: Any) -> None:
        self.number = number
        self.owner = owner
        """Refers to what `threading` has for it, if there is that."""
        self.stack: list[FrameState] = []
        self.task: int | None = None
        self.raised = NOTHING
        """The exception that was raised last."""
        self.is_dirty = False
        """Objects may have changed since they were looked at."""

    def pop(self) -> FrameState:
        """Take the running frame off; where it goes back to code that is not recorded, that may change objects."""
        stack = self.stack
        state = stack.pop()
        if not stack or stack[-1].direct is None or stack[-1].direct is not stack[-1].plan:
            self.is_dirty = True
        return state

    def depth_of(self, frame: FrameType, code: CodeType) -> int:
        """Where the frame is on the stack; -1: it is not."""
        frame_id = id(frame)
        stack = self.stack
        for depth in range(len(stack) - 1, -1, -1):
            if stack[depth].frame_id == frame_id and stack[depth].code.code is code:
                return depth
        return -1


class States:
    """Finds each thread and frame that runs or is suspended."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.threads: dict[int, ThreadState] = {}
        """By the thread's ident."""
        self.suspended: dict[int, FrameState] = {}
        """By the identity of the frame object."""
        self.made: dict[int, FrameState] = {}
        """Generators that have not been resumed yet: by the identity of the generator."""

    def thread_here(self) -> ThreadState:
        """The thread that calls."""
        thread = self.threads.get(get_ident())
        # One that begins anew may be another one, which got the ident of one that has ended.
        if thread is None or (not thread.stack and thread.owner() is not _owner()):
            number = len(self._columns.threads) + 1
            self._columns.threads.append(ThreadFacts(number, _thread_name()))
            owner = _owner()
            refers: Any = (lambda: None) if owner is None else weakref.ref(owner)
            thread = self.threads[get_ident()] = ThreadState(number, refers)
        return thread

    def new_frame(
        self,
        thread: ThreadState,
        plan: CodePlan,
        frame_id: int,
        caller: FrameState | None,
        task: int | None = None,
    ) -> FrameState:
        """A frame that has not been met before."""
        columns = self._columns
        facts = FrameFacts(
            number=len(columns.frames),
            code=plan.facts.number,
            caller=None if caller is None else caller.number,
            thread=thread.number,
            task=task,
            base=columns.places_used,
            first_step=len(columns.instructions),
        )
        columns.places_used += plan.size
        columns.frames.append(facts)
        return FrameState(facts, plan, frame_id)

    def on_no_stack(self) -> Iterator[FrameState]:
        """Those that wait to be resumed."""
        yield from self.suspended.values()
        yield from self.made.values()

    def __iter__(self) -> Iterator[FrameState]:
        for thread in self.threads.values():
            yield from thread.stack
        yield from self.on_no_stack()


def _owner() -> Any:
    """What `threading` has for the calling thread."""
    threading = sys.modules.get("threading")
    return None if threading is None else threading._active.get(get_ident())


def _thread_name() -> str:
    if "threading" not in sys.modules:
        return "MainThread"
    thread = _owner()
    return thread._name if thread is not None and type(thread._name) is str else "thread"
