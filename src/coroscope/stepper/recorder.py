"""Turns what the interpreter tells of a run into columns: one step an instruction, with what its frame's slots hold.

It runs inside other people's programs. So: no code of theirs runs because of it, a failure of ours ends the recording
and nothing else, and no reference of ours to an object of theirs outlives the event, save to exact numbers and strings.
A frame is read where its instruction begins, from words that the interpreter itself holds references in:
Rule: a frame's memory is looked up from its frame object at every step, for a generator's may have moved; it must name
the code object and the frame object that it is read for.
Rule: no slot is read above the depth that the instruction has by its code, which is at most `co_stacksize`.
Rule: a caller's stack is read up to what its call leaves there; that of one that an exception leaves, not at all.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import weakref
from _ctypes import PyObj_FromPtr
from _thread import allocate_lock, get_ident
from collections.abc import Callable
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
)
from typing import Any

from coroscope.stepper import columns as kinds
from coroscope.stepper.columns import NO_FRAME, CodeFacts, Columns, FrameFacts, TaskFacts, ThreadFacts
from coroscope.stepper.heap import NOTHING, UNKNOWN, Heap
from coroscope.stepper.layout import HEAD_SIZE, INTERPRETER_FRAME_AT, Layout
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import (
    CALLS,
    CHANGES,
    COMES_BACK,
    DEPENDS,
    STARTS,
    CodePlan,
    Plan,
    facts_of,
)
from coroscope.stepper.scope import Scope
from coroscope.stepper.self_test import Readability
from coroscope.stepper.values import GENERATORS, code_of

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]

_DEEPEST_LOOK = 64
"""So many frames, from the running one on, are looked through for objects that have changed."""
_DEEPEST_WALK = 1000
_LOOK_FOR_DEAD_EVERY = 256
"""Steps, at least: objects that die in code that is not recorded are noticed so late."""
_LONGEST_WAIT_S = 5.0
OWN_CALLS = 4
"""How many calls deeper than the program a callback gives its limit of recursion back."""
_DEEPEST_OWN = 25
_ROOM = 200
AT_LIMIT = "the recording ends near a limit of recursion at which the recorder has no room"
_EMPTY = (0,) * HEAD_SIZE


class StopRecordingError(Exception):
    """There is enough."""


class _State:
    """A frame that runs or is suspended."""

    __slots__ = (
        "base",
        "buffer",
        "code",
        "facts",
        "frame_id",
        "generator",
        "is_fresh",
        "is_leaving",
        "number",
        "pending_call",
        "plan",
        "plans",
        "pointer",
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
        self.words: tuple[int, ...] = _EMPTY
        self.values: list[int] = [0] * HEAD_SIZE
        self.generator: weakref.ref[Any] | None = None
        self.is_fresh = True
        self.is_leaving = False
        self.pending_call = 0


class _Thread:
    __slots__ = ("number", "raised", "stack", "task")

    def __init__(self, number: int) -> None:
        self.number = number
        self.stack: list[_State] = []
        self.task: int | None = None
        self.raised = NOTHING
        """The exception that was raised last."""


class Recorder:
    """One recording."""

    def __init__(
        self,
        scope: Scope,
        readability: Readability,
        *,
        most_steps: int,
        from_line: int | None = None,
        until_line: int | None = None,
    ) -> None:
        self.columns = Columns(
            python=".".join(map(str, sys.version_info[:3])), is_symbolic=readability.reason
        )
        self.scope = scope
        self.heap = Heap(self.columns)
        self._layout: Layout = readability.layout
        self._generator_offset = readability.generator_offset
        self._reads = readability.reason is None
        self._mask = ~3 if self._layout.is_tagged else ~0
        self._null = 1 if self._layout.is_tagged else 0
        self._code_at, self._frame_at, self._top_at = (
            self._layout.code,
            self._layout.frame_object,
            self._layout.stack_top,
        )
        self._checks_top = self._layout.tells_depth
        self._plans: dict[int, CodePlan | None] = {}
        self._threads: dict[int, _Thread] = {}
        self._suspended: dict[int, _State] = {}
        """By the identity of the frame object."""
        self._made: dict[int, _State] = {}
        """Generators that have not been resumed yet: by the identity of the generator."""
        self._most_steps = most_steps
        self._from_line, self._until_line = from_line, until_line
        self._has_begun = from_line is None
        self._is_limited = from_line is not None or until_line is not None
        self._tasks: dict[int, tuple[weakref.ref[Any], int]] = {}
        self._lock = allocate_lock()
        self._holder = 0
        """The ident of the thread that has the lock."""
        self._last_run: _State | None = None
        self._is_dirty = False
        self._epoch = 0
        self._first_number = 0
        self._has_left_out = False
        """Steps at the very limit of recursion."""
        self._next_look = 0
        self._is_tight = False
        """The frame that runs is near the limit of recursion: it is raised while the recorder works."""
        self.limit = self.first_limit = 0
        """The program's own."""
        self._entered: set[int] = set()
        self.is_recording = False
        self.stop: Callable[[], None] = lambda: None
        """Set by the event source: takes it out of the program."""
        self.on_new_code: Callable[[CodeType], None] = lambda _: None

    # Codes

    def plan_of(self, code: CodeType) -> CodePlan | None:
        """What is known of a code object; None where it is not to be recorded, or cannot be understood."""
        key = id(code)
        if key in self._plans:
            return self._plans[key]
        plan = None
        if self.scope.wants(code):
            number = len(self.columns.codes)
            try:
                facts = facts_of(code, number, self._first_number)
            except Exception as error:
                self.columns.say(f"{code.co_qualname} was left out: {error}")
            else:
                plan = CodePlan(code, facts, self._layout)
                self.columns.codes.append(facts)
                self._first_number += len(facts.instructions)
                if facts.file not in self.columns.sources:
                    self.columns.sources[facts.file] = self.scope.source_of(facts.file)
        # The code object stays: its address must remain its own. It is immutable, and has no finaliser.
        self._plans[key] = plan
        self._kept_codes.append(code)
        return plan

    _kept_codes: list[CodeType] = []  # noqa: RUF012  # replaced by `begin`

    # Events, as the sources tell them

    def begin(self) -> None:
        """From now on."""
        self._kept_codes = []
        self.first_limit = sys.getrecursionlimit()
        self.is_recording = True

    def guarded(self, method: Callable[..., None], *arguments: Any) -> None:
        """Run `method` as if it were not there: with no other thread in here, and no collection of garbage."""
        if not self.is_recording:
            return
        is_tight = self._is_tight
        collects = False
        if not self._lock.acquire(False) and not self._wait_for_lock():
            return
        try:
            self._holder = get_ident()
            if is_tight:
                self._loosen()
            collects = gc.isenabled()
            if collects:
                gc.disable()
            method(*arguments)
        except StopRecordingError:
            self._end()
        except RecursionError:
            self._has_left_out = True  # No call is made here.
        except (MemoryError, Exception) as error:
            self.columns.say(f"the recording stopped early: {type(error).__name__}: {error}")
            self._end()
        finally:
            if collects:
                gc.enable()
            self._holder = 0
            self._lock.release()
            if is_tight:
                self._tighten()

    def guarded_instruction(self, frame: FrameType, code: CodeType, offset: int) -> None:
        """`guarded` and `instruction` in one: of all that is told, this is nine tenths."""
        # One longer function, since a call costs a tenth of what a step does (benchmarks/stepping.py).
        if not self.is_recording:
            return
        is_tight = self._is_tight
        collects = False
        if not self._lock.acquire(False) and not self._wait_for_lock():
            return
        try:
            self._holder = get_ident()
            if is_tight:
                self._loosen()
            collects = gc.isenabled()
            if collects:
                gc.disable()
            thread = self._threads.get(self._holder)
            if thread is not None and thread.stack and not self._is_limited:
                state = thread.stack[-1]
                if state.frame_id == id(frame) and state.code.code is code:
                    plan = state.plans[offset >> 1]
                    if plan is not None and not plan.flags & (STARTS | COMES_BACK):
                        self._step(thread, state, plan)
                        return
            self.instruction(frame, code, offset)
        except StopRecordingError:
            self._end()
        except RecursionError:
            self._has_left_out = True  # No call is made here.
        except (MemoryError, Exception) as error:
            self.columns.say(f"the recording stopped early: {type(error).__name__}: {error}")
            self._end()
        finally:
            if collects:
                gc.enable()
            self._holder = 0
            self._lock.release()
            if is_tight:
                self._tighten()

    def _wait_for_lock(self) -> bool:
        """Whether it is this thread's now. A signal's handler may have left it locked, by raising an exception."""
        if self._holder == get_ident() or self._lock.acquire(True, _LONGEST_WAIT_S):
            return True
        self.columns.say("steps were left out where two threads waited for one another")
        self._lock = allocate_lock()
        return False

    def _loosen(self) -> None:
        """Raise the limit for the recorder, unless the program has set it meanwhile."""
        if sys.getrecursionlimit() not in (self.limit + OWN_CALLS, self.limit + _ROOM):
            self._is_tight = False
            self.columns.cut = AT_LIMIT
            self.is_recording = False
            return
        sys.setrecursionlimit(self.limit + _ROOM)

    def _tighten(self) -> None:
        """Give the program its limit of recursion back; where it is beyond that, it is told so as it would be alone."""
        if not self._is_tight:
            return
        try:
            sys.setrecursionlimit(self.limit + OWN_CALLS)
        except RecursionError:
            raise RecursionError("maximum recursion depth exceeded") from None

    def make_room(self) -> None:
        """As a frame begins: see whether there is room for what the recorder calls, and make some if there is not.

        Only a frame goes deeper. Near the limit, the limit is raised for as long as the recorder works.
        """
        is_tight = self._is_tight
        if is_tight and self.is_recording:
            # A frame beyond the program's limit may have left it raised: with that there would seem to be room.
            self._loosen()
            self._tighten()
        try:
            _go_down(_DEEPEST_OWN)
        except RecursionError:
            if not is_tight:
                if sys.getrecursionlimit() != self.first_limit:
                    # It plays with the limit itself: nothing of ours may be in its way. No call is made here.
                    self.columns.cut = AT_LIMIT
                    self.is_recording = False
                    return
                self.limit = sys.getrecursionlimit()
                self._is_tight = True
                sys.setrecursionlimit(self.limit + _ROOM)
                self._tighten()
        else:
            if is_tight:
                self._is_tight = False
                if sys.getrecursionlimit() in (self.limit + OWN_CALLS, self.limit + _ROOM):
                    sys.setrecursionlimit(self.limit)

    def has_room(self) -> bool:
        """Whether there is room for what the recorder calls."""
        try:
            _go_down(_DEEPEST_OWN)
        except RecursionError:
            return False
        return True

    def end_at_limit(self) -> None:
        """The program goes on alone."""
        self.columns.cut = (
            "the recording ends near the limit of recursion: CPython 3.11 cannot be traced further there"
        )
        raise StopRecordingError

    def give_limit_back(self) -> None:
        """As it was before the recorder raised it."""
        if self._is_tight and sys.getrecursionlimit() == self.limit + OWN_CALLS:
            self._is_tight = False
            sys.setrecursionlimit(self.limit)

    def _end(self) -> None:
        self.is_recording = False
        self.stop()

    def instruction(self, frame: FrameType, code: CodeType, offset: int) -> None:
        """`frame` is about to run the instruction at `offset`."""
        thread = self._threads.get(get_ident()) or self._new_thread()
        stack = thread.stack
        frame_id = id(frame)
        state = stack[-1] if stack else None
        if state is None or state.frame_id != frame_id or state.code.code is not code:
            state = self._find(thread, frame, code, offset)
            if state is None:
                return
        plan = state.plans[offset >> 1]
        if plan is None:
            return
        if plan.flags & (STARTS | COMES_BACK) and not state.is_fresh:
            state = self._begin_again(thread, state, frame, plan)
        is_limited = not self._has_begun or self._until_line is not None
        if is_limited and not self._is_within(plan, code):
            return
        self._step(thread, state, plan)

    def _is_within(self, plan: Plan, code: CodeType) -> bool:
        is_main = code.co_filename == self.scope.main_file
        if not self._has_begun:
            self._has_begun = is_main and plan.line == self._from_line
            return self._has_begun
        if is_main and plan.line == self._until_line:
            self.columns.cut = f"the recording ends before line {self._until_line}, as it was told"
            raise StopRecordingError
        return True

    def _step(self, thread: _Thread, state: _State, plan: Plan) -> None:
        """Record the step: what has changed in the frame since its last one, then the instruction."""
        columns = self.columns
        heap = self.heap
        heap.step = len(columns.instructions)
        if heap.step >= self._most_steps:
            columns.cut = (
                f"the recording ends after {self._most_steps:,} steps, as many as it was told to keep"
            )
            raise StopRecordingError
        state.is_leaving = False
        if self._reads:
            if state.pointer.value != state.where:
                self._locate(state)
            words = plan.unpack(state.buffer)
            if (
                words[self._code_at] & self._mask != id(state.code.code)
                or words[self._frame_at] != state.frame_id
                or (self._checks_top and not self._agrees(words, state, plan))
            ):
                self._misread(state, plan)
            elif heap.epoch != self._epoch:
                self._forget_addresses()
                self._compare(state, words, plan.end)
            elif words != state.words:
                self._compare(state, words, plan.end)
            if self._is_dirty:
                self._look_again(thread)
            if heap.met_generators:
                self._make_generators(thread)
            if heap._gone:
                heap.sweep()
        if state.pending_call:
            columns.add_event(kinds.C_RETURN, state.number, thread.number, state.values[-1])
            state.pending_call = 0
        self._append(thread, state, plan)
        if self._reads and plan.flags & (CHANGES | DEPENDS | CALLS):
            flags = plan.flags
            if flags & CHANGES or (
                flags & DEPENDS and min(state.values[plan.end - plan.operands :], default=0) < 0
            ):
                self._is_dirty = True
            if flags & CALLS:
                self._call_leaves(thread, state, plan)

    def _append(self, thread: _Thread, state: _State, plan: Plan) -> None:
        columns = self.columns
        if state is not self._last_run or thread.number != columns.run_threads[-1]:
            columns.run_steps.append(len(columns.instructions))
            columns.run_frames.append(state.number)
            columns.run_threads.append(thread.number)
            self._last_run = state
        columns.instructions.append(plan.number)
        columns.ends.append(len(columns.places))
        state.plan = plan
        state.is_fresh = False

    def _agrees(self, words: tuple[int, ...], state: _State, plan: Plan) -> bool:
        """Whether the frame's own idea of where its stack ends is that of the code."""
        top = words[self._top_at]
        if self._layout.is_tagged:
            return top == state.where + (self._layout.first_slot - HEAD_SIZE + plan.end) * 8
        return top == plan.end - HEAD_SIZE

    def _misread(self, state: _State, plan: Plan) -> None:
        self.columns.say(
            f"a frame of {state.code.facts.qualified_name} was not as expected: its values are not known from there on"
        )
        self._update(state, [UNKNOWN] * plan.end, plan.end)
        state.words = _EMPTY

    def _locate(self, state: _State) -> None:
        state.where = state.pointer.value
        state.buffer = (ctypes.c_char * state.code.frame_bytes).from_address(state.where)

    def _compare(self, state: _State, words: tuple[int, ...], end: int) -> None:
        """Find the values of the slots that are not as they were."""
        heap = self.heap
        by_address, counts = heap.by_address, heap.counts
        old_words, values = state.words, state.values
        old_end = len(old_words)
        mask, base = self._mask, state.base
        places, changes = self.columns.places, self.columns.changes
        dropped = []
        shared = end if end < old_end else old_end
        differing = [slot for slot in range(HEAD_SIZE, shared) if words[slot] != old_words[slot]]
        if end > shared:
            differing += range(max(shared, HEAD_SIZE), end)
        for slot in differing:
            word = words[slot]
            address = word & mask
            if not address:
                value = NOTHING
            elif mask != -1 and word & 3 == 3:
                value = heap.text_value("int", str((word ^ 1 << 63) - (1 << 63) >> 2))
            else:
                value = by_address.get(address, NOTHING)
                if value <= 0:  # An object: it may be another one that took over the address.
                    value = heap.value_at(address)
                    by_address = heap.by_address
            if slot < len(values):
                old = values[slot]
                if old < 0:
                    dropped.append(old)
                values[slot] = value
                if old == value and slot < old_end:
                    if value < 0:
                        counts[-value] += 1
                    continue
            else:
                values.append(value)
            places.append(base + slot)
            changes.append(value)
            if value < 0:
                counts[-value] += 1
        if len(values) > end:
            dropped += [value for value in values[end:] if value < 0]
            del values[end:]
        state.words = words
        if heap._waiting:
            heap.finish_reading()
        if dropped:
            heap.drop(dropped)

    def _update(self, state: _State, values: list[int], end: int) -> None:
        """Put other values into the slots."""
        old = state.values
        for slot in range(HEAD_SIZE, end):
            value = values[slot]
            if slot >= len(old) or old[slot] != value:
                self.columns.places.append(state.base + slot)
                self.columns.changes.append(value)
            self.heap.add(value)
        dropped = [value for value in old[HEAD_SIZE:] if value < 0]
        state.values = values[:end]
        self.heap.drop(dropped)

    def _truncate(self, state: _State, depth: int) -> None:
        """The values above are on the frame's stack no more."""
        end = HEAD_SIZE + state.code.locals + depth
        values = state.values
        if len(values) > end:
            self.heap.drop(values[end:])
            del values[end:]
            state.words = state.words[:end]

    def _forget_addresses(self) -> None:
        """Numbers and strings are kept no more: a slot with the same word may hold another one."""
        self._epoch = self.heap.epoch
        every = [state for thread in self._threads.values() for state in thread.stack]
        for state in (*every, *self._suspended.values(), *self._made.values()):
            state.words = _EMPTY

    def _look_again(self, thread: _Thread) -> None:
        """What is reached from this thread's frames may have changed."""
        self._is_dirty = False
        roots: list[int] = []
        mask = self._mask
        layout = self._layout
        seen_globals = set()
        last = thread.stack[-1]
        for state in reversed(thread.stack[-_DEEPEST_LOOK:]):
            if state.is_leaving or state.buffer is None or state.pointer.value != state.where:
                continue
            if state is last:
                words = state.words
            else:
                depth = len(state.values) - HEAD_SIZE - state.code.locals
                words = state.code.partial[max(0, depth)](state.buffer)
            if words[self._code_at] & mask != id(state.code.code) or words[self._frame_at] != state.frame_id:
                continue
            module_names = words[layout.module_names]
            if module_names not in seen_globals:
                seen_globals.add(module_names)
                roots.append(self._namespace(state, module_names, "globals"))
            if state.code.facts.kind in ("module", "class") and words[layout.own_names]:
                roots.append(self._namespace(state, words[layout.own_names], "names"))
            roots += [word & mask for word in words[HEAD_SIZE:] if word & 3 != 3 or mask == -1]
        self.heap.look_again(roots)
        if self.heap.step >= self._next_look:
            self.heap.look_for_dead()
            self._next_look = self.heap.step + max(_LOOK_FOR_DEAD_EVERY, len(self.heap._weak))

    def _namespace(self, state: _State, address: int, what: str) -> int:
        facts = state.facts
        number = facts.globals if what == "globals" else facts.names
        known = self.heap.by_address.get(address)
        if number is None or known != -number:
            value = self.heap.value_at(address)
            self.heap.finish_reading()
            self.heap.add(value)  # It lives as long as the module's functions, or the class's body.
            if what == "globals":
                facts.globals = -value
            else:
                facts.names = -value
        return address

    def _call_leaves(self, thread: _Thread, state: _State, plan: Plan) -> None:
        slot = plan.callee
        if not state.values[slot]:
            slot = plan.other_callee
        value = state.values[slot]
        if value >= 0 or slot >= len(state.words):
            return
        callee = PyObj_FromPtr(state.words[slot] & self._mask)
        if type(callee) is MethodType:
            callee = callee.__func__
        if type(callee) is FunctionType and self.plan_of(callee.__code__) is not None:
            return
        self.columns.add_event(kinds.C_CALL, state.number, thread.number, value)
        state.pending_call = 1

    # Frames

    def _new_thread(self) -> _Thread:
        number = len(self.columns.threads) + 1
        self.columns.threads.append(ThreadFacts(number, _thread_name()))
        thread = self._threads[get_ident()] = _Thread(number)
        return thread

    def _find(self, thread: _Thread, frame: FrameType, code: CodeType, offset: int) -> _State | None:
        """The state of a frame that is not on top of its thread's stack: the ones above have ended, or it is new."""
        plan = self.plan_of(code)
        if plan is None:
            return None
        at = plan.plans[offset >> 1]
        frame_id = id(frame)
        is_start = at is not None and at.flags & STARTS
        if not is_start:
            for depth in range(len(thread.stack) - 1, -1, -1):
                state = thread.stack[depth]
                if state.frame_id == frame_id and state.code is plan:
                    self._leave(thread, depth + 1)
                    return state
        suspended = self._suspended.get(frame_id)
        if suspended is not None and suspended.code is plan and not is_start:
            return self._resume(thread, suspended, frame, kinds.RESUME)
        return self._enter(thread, plan, frame, has_begun=not is_start)

    def _begin_again(self, thread: _Thread, state: _State, frame: FrameType, plan: Plan) -> _State:
        """A RESUME in a frame that has one behind it: it is resumed, or another one that took over its address."""
        if plan.flags & STARTS:
            self._leave(thread, len(thread.stack) - 1)
            return self._enter(thread, state.code, frame, has_begun=False)
        return state

    def start(self, frame: FrameType, code: CodeType, offset: int) -> None:
        """A function begins, or a generator is resumed for the first time."""
        if not self._has_begun:
            return
        thread = self._threads.get(get_ident()) or self._new_thread()
        state = thread.stack[-1] if thread.stack else None
        is_known = state is not None and state.frame_id == id(frame) and state.code.code is code
        if is_known and state is not None and state.plan is not None and state.plan.flags & STARTS:
            return  # Its RESUME has been told as an instruction.
        plan = self.plan_of(code)
        if plan is None:
            return
        state = self._enter(thread, plan, frame, has_begun=False)
        resume = plan.plans[offset >> 1]
        if resume is not None:
            self._step(thread, state, resume)

    def _enter(self, thread: _Thread, plan: CodePlan, frame: FrameType, *, has_begun: bool) -> _State:
        """A frame that has not been seen before, or a generator's that has been made and is resumed."""
        if plan.facts.kind in ("generator", "coroutine", "async generator") and not has_begun:
            made = self._made_of(frame, plan)
            if made is not None:
                state = self._resume(thread, made, frame, kinds.RESUME)
                self._finish_prologue(thread, state)
                return state
        if id(plan) not in self._entered:
            self._entered.add(id(plan))
            self._note_module(frame)
        caller = self._caller_of(thread, frame)
        state = self._new_state(thread, plan, id(frame), caller)
        thread.stack.append(state)
        self._note_task(thread, state)
        self.columns.add_event(kinds.CALL, state.number, thread.number)
        if not has_begun:
            self._prologue(thread, state)
        return state

    def _note_module(self, frame: FrameType) -> None:
        """Of the classes of its module, the objects are looked into."""
        names = frame.f_globals
        if type(names) is dict:
            for name, value in names.items():
                if type(name) is str and name == "__name__":
                    if type(value) is str:
                        self.heap.kinds.modules.add(value)
                    return

    def _new_state(self, thread: _Thread, plan: CodePlan, frame_id: int, caller: _State | None) -> _State:
        columns = self.columns
        facts = FrameFacts(
            number=len(columns.frames),
            code=plan.facts.number,
            caller=None if caller is None else caller.number,
            thread=thread.number,
            task=thread.task,
            base=columns.places_used,
            first_step=len(columns.instructions),
        )
        columns.places_used += plan.size
        columns.frames.append(facts)
        return _State(facts, plan, frame_id)

    def _caller_of(self, thread: _Thread, frame: FrameType) -> _State | None:
        """The nearest recorded frame that waits for this one; those above it on the stack have ended."""
        stack = thread.stack
        if not stack:
            return None
        behind: FrameType | None = frame.f_back
        if behind is not None and id(behind) == stack[-1].frame_id:
            self._call_from(stack[-1])
            return stack[-1]
        known = {state.frame_id: depth for depth, state in enumerate(stack)}
        left = _DEEPEST_WALK
        while behind is not None and left:
            depth = known.get(id(behind), -1)
            if depth >= 0 and stack[depth].code.code is behind.f_code:
                self._leave(thread, depth + 1)
                self._call_from(stack[depth])
                return stack[depth]
            behind = behind.f_back
            left -= 1
        if left:
            self._leave(thread, 0)
            return None
        return stack[-1]

    def _call_from(self, caller: _State) -> None:
        if caller.plan is not None and not caller.is_leaving:
            self._truncate(
                caller, min(caller.plan.below, len(caller.values) - HEAD_SIZE - caller.code.locals)
            )

    def _leave(self, thread: _Thread, depth: int) -> None:
        """The frames from there on have ended by an exception that nobody told of, or been suspended."""
        while len(thread.stack) > depth:
            state = thread.stack.pop()
            self._end_frame(thread, state, kinds.UNWIND, "raised", thread.raised)

    def _end_frame(self, thread: _Thread, state: _State, kind: int, outcome: str, value: int) -> None:
        facts = state.facts
        if facts.outcome is None:
            facts.outcome = outcome
            facts.last_step = len(self.columns.instructions) - 1
            self.columns.add_event(kind, state.number, thread.number, value)
            self.heap.drop(state.values[HEAD_SIZE:])
            if facts.names is not None and facts.names != facts.globals:
                self.heap.drop([-facts.names])
            state.values = []
            state.words = ()
        self._suspended.pop(state.frame_id, None)

    def _prologue(self, thread: _Thread, state: _State) -> None:
        """The instructions before RESUME give no event; they have run, one after the other."""
        prologue = []
        for plan in state.plans:
            if plan is not None:
                if plan.flags & STARTS:
                    break
                prologue.append(plan)
        if not prologue or len(prologue) > 2000 or prologue[0].place:
            return
        for plan in prologue:
            self._step_at_beginning(thread, state, plan)
        state.is_fresh = True  # Its RESUME is still to come.

    def _step_at_beginning(self, thread: _Thread, state: _State, plan: Plan) -> None:
        """Record a step of the prologue: the slots are read once, as they are behind it."""
        instruction = state.code.facts.instructions[plan.place]
        if not self._reads:
            pass
        elif instruction.base == "POP_TOP":  # What the first `next` of a generator has left there.
            self._push(state, plan, self.heap.value_of(None))
        elif plan.depth and instruction.base != "RETURN_GENERATOR":
            # A generator expression of 3.15 has loaded what it goes through, its only argument.
            self._push(state, plan, state.values[HEAD_SIZE])
        elif plan.depth or not state.words[HEAD_SIZE:]:
            self._locate(state)
            words = plan.unpack(state.buffer)
            if words[self._code_at] & self._mask == id(state.code.code):
                self.heap.step = len(self.columns.instructions)
                self._compare(state, words, plan.end)
        self._append(thread, state, plan)

    def _push(self, state: _State, plan: Plan, value: int) -> None:
        """What was on top before an instruction of the prologue, which nobody has read."""
        self.columns.places.append(state.base + plan.end - 1)
        self.columns.changes.append(value)

    def _finish_prologue(self, thread: _Thread, state: _State) -> None:
        """A generator goes on behind its RETURN_GENERATOR."""
        if state.plan is None:
            return
        for instruction in state.code.facts.instructions[state.plan.place + 1 :]:
            plan = state.plans[instruction.offset >> 1]
            if plan is None or plan.flags & STARTS:
                break
            self._step_at_beginning(thread, state, plan)
        state.is_fresh = True

    # Generators

    def _made_of(self, frame: FrameType, plan: CodePlan) -> _State | None:
        if not self._reads:
            return None
        where = ctypes.c_uint64.from_address(id(frame) + INTERPRETER_FRAME_AT).value
        state = self._made.pop(where - self._generator_offset, None)
        if state is None or state.code is not plan or state.generator is None or state.generator() is None:
            return None
        return state

    def _make_generators(self, thread: _Thread) -> None:
        """Generators just met that are to be recorded, and have not begun: their prologue has run."""
        met, self.heap.met_generators = self.heap.met_generators, []
        for number, obj in met:
            plan = self.plan_of(code_of(obj))
            if plan is None or not self._is_unstarted(obj, plan):
                continue
            where = id(obj) + self._generator_offset
            caller = thread.stack[-1] if thread.stack else None
            state = self._new_state(thread, plan, 0, caller)
            state.pointer = ctypes.c_uint64(where)  # It has no frame object yet.
            state.facts.generator = number
            state.generator = weakref.ref(obj)
            self.columns.add_event(kinds.CALL, state.number, thread.number)
            self._prologue_of_generator(thread, state)
            self.columns.add_event(kinds.CREATE, state.number, thread.number, -number)
            self._made[id(obj)] = state
            self.heap.step = len(self.columns.instructions)

    def _prologue_of_generator(self, thread: _Thread, state: _State) -> None:
        for plan in state.plans:
            if plan is not None:
                self._step_at_beginning(thread, state, plan)
                if state.code.facts.instructions[plan.place].base == "RETURN_GENERATOR":
                    break

    def _is_unstarted(self, obj: Any, plan: CodePlan) -> bool:
        kind = type(obj)
        if kind is GeneratorType:
            return not obj.gi_running and not obj.gi_suspended and obj.gi_frame is not None
        if kind is CoroutineType:
            return not obj.cr_running and not obj.cr_suspended and obj.cr_frame is not None
        frame = obj.ag_frame if kind is AsyncGeneratorType and not obj.ag_running else None
        # 3.11 has no `ag_suspended`.
        return frame is not None and any(
            each.base == "RETURN_GENERATOR" and frame.f_lasti <= each.offset
            for each in plan.facts.instructions
        )

    def resume(self, frame: FrameType, code: CodeType, offset: int, kind: int, value: Any = None) -> None:
        """A generator is resumed, by `send`, or by `throw` with the exception `value`."""
        if not self._has_begun:
            return
        plan = self.plan_of(code)
        if plan is None:
            return
        thread = self._threads.get(get_ident()) or self._new_thread()
        frame_id = id(frame)
        if thread.stack and thread.stack[-1].frame_id == frame_id:
            return  # Its RESUME has been told as an instruction.
        state = self._suspended.get(frame_id)
        if state is None or state.code is not plan:
            state = self._made_of(frame, plan) or self._enter(thread, plan, frame, has_begun=True)
            if thread.stack and thread.stack[-1] is state:
                return
        self._resume(
            thread, state, frame, kind, self.heap.value_of(value) if kind == kinds.THROW else NOTHING
        )
        state.is_leaving = kind == kinds.THROW
        at = plan.plans[offset >> 1]
        if at is not None and kind == kinds.RESUME:
            self._step(thread, state, at)  # Its RESUME gives no event of its own.

    def _resume(
        self, thread: _Thread, state: _State, frame: FrameType, kind: int, value: int = NOTHING
    ) -> _State:
        self._suspended.pop(state.frame_id, None)
        self._caller_of(thread, frame)
        if state.frame_id != id(frame):
            state.frame_id = id(frame)
        state.pointer = ctypes.c_uint64.from_address(state.frame_id + INTERPRETER_FRAME_AT)
        state.is_fresh = True
        thread.stack.append(state)
        self._note_task(thread, state)
        self._is_dirty = True
        self.columns.add_event(kind, state.number, thread.number, value)
        return state

    def suspend(self, frame: FrameType, code: CodeType, value: Any) -> None:
        """A generator has yielded `value`, or a coroutine handed it to its loop."""
        thread, state = self._top(frame, code)
        if state is None or thread is None:
            return
        number = self._noted(value)
        thread.stack.pop()
        if state.plan is not None:
            self._truncate(state, max(0, state.plan.depth - 1))
        if state.generator is None and self._reads:
            self._note_generator(state)
        self._suspended[state.frame_id] = state
        self.columns.add_event(kinds.YIELD, state.number, thread.number, number)
        self._is_dirty = True

    def _note_generator(self, state: _State) -> None:
        if state.buffer is None or state.buffer[self._layout.owner_at] != b"\x01":
            return
        obj = PyObj_FromPtr(state.where - self._generator_offset)
        if id(type(obj)) in GENERATORS and code_of(obj) is state.code.code:
            state.generator = weakref.ref(obj)
            state.facts.generator = -self.heap.value_of(obj)

    def finish(self, frame: FrameType, code: CodeType, value: Any) -> None:
        """A frame returns `value`."""
        thread, state = self._top(frame, code)
        if state is None or thread is None:
            return
        number = self._noted(value)
        thread.stack.pop()
        self._end_frame(thread, state, kinds.RETURN, "returned", number)

    def _noted(self, value: Any) -> int:
        if not self._reads:
            return UNKNOWN
        heap = self.heap
        heap.step = len(self.columns.instructions)
        number = heap.value_of(value)
        if heap._waiting:
            heap.finish_reading()
        if number < 0 and not heap.counts[-number]:
            heap._gone.append(-number)  # Unless it is seen again at the next step.
        return number

    def _top(self, frame: FrameType, code: CodeType) -> tuple[_Thread | None, _State | None]:
        thread = self._threads.get(get_ident())
        if thread is None:
            return None, None
        for depth in range(len(thread.stack) - 1, -1, -1):
            state = thread.stack[depth]
            if state.frame_id == id(frame) and state.code.code is code:
                self._leave(thread, depth + 1)
                return thread, state
        return thread, None

    # Exceptions

    def raised(self, frame: FrameType, code: CodeType, error: Any) -> None:
        """An exception is raised in a frame, or comes to it from what it has called."""
        thread, state = self._top(frame, code)
        if state is None or thread is None:
            return
        number = thread.raised = self._noted(error)
        if state.pending_call:
            self.columns.add_event(kinds.C_RAISE, state.number, thread.number, number)
            state.pending_call = 0
        self.columns.add_event(kinds.RAISE, state.number, thread.number, number)
        # What runs now, finalisers for one, runs while its stack is being emptied.
        state.is_leaving = True

    def handled(self, frame: FrameType, code: CodeType) -> None:
        """The exception raised last goes to a handler of this frame."""
        thread, state = self._top(frame, code)
        if state is not None and thread is not None:
            self.columns.add_event(kinds.HANDLE, state.number, thread.number, thread.raised)

    def unwound(self, frame: FrameType, code: CodeType) -> None:
        """A frame ends by the exception raised last."""
        thread, state = self._top(frame, code)
        if state is None or thread is None:
            return
        thread.stack.pop()
        self._end_frame(thread, state, kinds.UNWIND, "raised", thread.raised)

    # All else

    def wrote(self, stream: str, text: str) -> None:
        """The program has written to its output."""
        thread = self._threads.get(get_ident())
        self.columns.add_event(
            kinds.OUTPUT, NO_FRAME, 0 if thread is None else thread.number, len(self.columns.output)
        )
        self.columns.output.append((len(self.columns.instructions), stream, text))

    def _note_task(self, thread: _Thread, state: _State) -> None:
        if len(thread.stack) > 1 and thread.stack[-2].code.facts.kind == "coroutine":
            return  # It runs in its caller's task.
        task = self._current_task()
        if task is None and state.code.facts.kind == "function":
            return
        if task != thread.task:
            thread.task = task
            self.columns.add_event(kinds.TASK_SWITCH, state.number, thread.number, task or 0)
        if state.facts.task is None:
            state.facts.task = task

    def _current_task(self) -> int | None:
        asyncio = sys.modules.get("asyncio.tasks")
        events = sys.modules.get("_asyncio")
        if asyncio is None or events is None or events._get_running_loop() is None:
            return None
        task = asyncio.current_task()
        if task is None:
            return None
        known = self._tasks.get(id(task))
        if known is not None and known[0]() is task:
            return known[1]
        number = len(self.columns.tasks) + 1
        exact = type(task).__module__ in ("_asyncio", "asyncio.tasks", "coroscope.loop.task")
        self.columns.tasks.append(TaskFacts(number, task.get_name() if exact else f"Task-{number}"))
        self._tasks[id(task)] = weakref.ref(task), number
        return number

    def close(self) -> Columns:
        """The columns, once nothing tells the recorder anything any more."""
        self.is_recording = False
        last = len(self.columns.instructions) - 1
        self.heap.step = last
        for thread in self._threads.values():
            for state in thread.stack:
                state.facts.last_step = last
        for state in (*self._suspended.values(), *self._made.values()):
            if state.generator is not None and state.generator() is None:
                state.facts.outcome = "dropped"
            state.facts.last_step = last
        self.heap.look_for_dead()
        if self._has_left_out:
            self.columns.say("steps at the very limit of recursion were left out")
        return self.columns


def _go_down(depth: int) -> None:
    if depth:
        _go_down(depth - 1)


def _thread_name() -> str:
    threading = sys.modules.get("threading")
    if threading is None:
        return "MainThread"
    thread = threading._active.get(get_ident())
    return thread._name if thread is not None and type(thread._name) is str else "thread"


__all__ = ["CodeFacts", "Recorder", "StopRecordingError"]
