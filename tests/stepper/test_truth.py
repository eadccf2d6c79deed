"""What is recorded is what ran."""

from __future__ import annotations

import contextlib
import gc
import re
import sys
from _ctypes import PyObj_FromPtr
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import coroscope
from coroscope.stepper import heap
from coroscope.stepper.layout import HEAD_SIZE, layout_here
from coroscope.stepper.plans import Plan
from coroscope.stepper.recorder.effects import Effects
from coroscope.stepper.recorder.states import FrameState, ThreadState
from coroscope.stepper.recorder.step_log import StepLog
from coroscope.stepper.recorder.step_recorder import StepRecorder
from coroscope.stepper.recording import Recording
from coroscope.stepper.rules import check
from coroscope.stepper.values import Kinds
from tests.stepper.corpus import PROGRAMS

_ADDRESS = re.compile(r"0x[0-9a-f]+")
_NUMBER = re.compile(r" #\d+")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_recorded_program_gives_what_it_gives_alone(name: str) -> None:
    alone = PROGRAMS[name]()
    recording = coroscope.step(PROGRAMS[name])
    assert recording.error is None
    assert recording.result == alone
    assert recording.is_symbolic is None
    assert not recording.notes
    assert recording.cut is None


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_value_is_as_the_instructions_say(name: str) -> None:
    checked = check(coroscope.step(PROGRAMS[name]))
    assert not checked.broken
    assert sum(checked.counts.values()) > 50


Stepped = Callable[[int, ThreadState, FrameState, Plan], None]


@contextlib.contextmanager
def told_of_each_step(tell: Stepped) -> Iterator[None]:
    """Call `tell` with the number of each step once that has been recorded, or twice."""

    def also(method: Callable[..., None]) -> Callable[..., None]:
        def with_it(self: Any, thread: ThreadState, state: FrameState, plan: Plan) -> None:
            method(self, thread, state, plan)
            tell(len(self._columns.instructions) - 1, thread, state, plan)

        return with_it

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StepLog, "append", also(StepLog.append))  # Prologues know of no other.
        patch.setattr(StepRecorder, "add", also(StepRecorder.add))
        yield


@pytest.mark.parametrize("name", PROGRAMS)
def test_deltas_replayed_equal_the_full_snapshots(name: str) -> None:
    snapshots: dict[int, tuple[int, list[int]]] = {}

    def remember(number: int, _: ThreadState, state: FrameState, plan: Plan) -> None:
        # A prologue's POP_TOP pops what nobody has read, and its cells have been read before they are told.
        is_read = len(state.values) - HEAD_SIZE == state.code.locals + plan.depth
        is_read &= state.code.facts.instructions[plan.place].base not in ("MAKE_CELL", "COPY_FREE_VARS")
        snapshots[number] = state.number, list(state.values[HEAD_SIZE:]) if is_read else []

    with told_of_each_step(remember):
        recording = coroscope.step(PROGRAMS[name])
    assert len(snapshots) == len(recording)
    columns = recording.columns
    for number, (frame, values) in snapshots.items():
        assert recording.steps[number].frame == frame
        if values:
            state = recording._state_at(number)
            base = columns.frames[frame].base
            assert [state.places.get(base + slot, 0) for slot in range(len(values))] == values, number


def contents_at_each_step(recording: Recording) -> list[list[str]]:
    """Of each step, what all that its frame's names refer to holds."""
    told = []
    for number in range(len(recording)):
        moment = recording.at(number)
        told.append([f"{moment.instruction.opcode} {moment.line}"])
        for name, value in sorted((moment.locals | moment.cells).items()):
            text = _NUMBER.sub("", f"{name} = {value.text}")
            # A long one has been cut before the numbers are.
            told[-1].append(text if "…" not in text else text[:50])
    return told


@contextlib.contextmanager
def looking_at_everything() -> Iterator[None]:
    """As slow as it could be: all objects are looked at after each instruction."""
    note = Effects.note

    def doubt(_: int, thread: ThreadState, *__: object) -> None:
        thread.is_dirty = True

    def note_and_doubt(self: Effects, thread: ThreadState, state: FrameState, plan: Plan) -> None:
        note(self, thread, state, plan)
        thread.is_dirty = True

    with pytest.MonkeyPatch.context() as patch, told_of_each_step(doubt):
        patch.setattr(Effects, "note", note_and_doubt)
        yield


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "threads_in_turn"])
def test_changes_are_seen_at_the_instruction_that_made_them(name: str) -> None:
    as_recorded = contents_at_each_step(coroscope.step(PROGRAMS[name]))
    with looking_at_everything():
        assert as_recorded == contents_at_each_step(coroscope.step(PROGRAMS[name]))


def test_what_one_thread_changes_is_seen_though_another_ran_in_between() -> None:
    recording = coroscope.step(PROGRAMS["threads_in_turn"])
    lengths = set()
    for number in range(len(recording)):
        moment = recording.at(number)
        if moment.instruction.opcode.startswith("STORE_FAST") and moment.instruction.operands == ("length",):
            assert moment.stack is not None
            mine = moment.locals["mine"].text
            lengths.add((mine, moment.stack[-1].text))
    assert lengths == {("[0]", "1"), ("[0, 1]", "2"), ("[0, 1, 2]", "3")}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with 3.12")
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_call_finds_what_the_call_event_sees(name: str) -> None:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    seen: dict[tuple[Any, int], list[str]] = {}

    def on_call(code: Any, offset: int, function: Any, _: Any) -> None:
        if code.co_filename.endswith("corpus.py"):
            called = getattr(function, "__qualname__", "")
            seen.setdefault((code.co_qualname, code.co_firstlineno, offset), []).append(called)  # type: ignore[arg-type]

    tool = 1
    monitoring.use_tool_id(tool, "test")
    try:
        monitoring.register_callback(tool, monitoring.events.CALL, on_call)
        monitoring.set_events(tool, monitoring.events.CALL)
        recording = coroscope.step(PROGRAMS[name])
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)
    compared = 0
    for number in range(len(recording)):
        step = recording.steps[number]
        if step.instruction.base != "CALL":
            continue
        code = recording.codes[step.code]
        called = seen[(code.qualified_name, code.first_line, step.instruction.offset)].pop(0)  # type: ignore[index]
        stack = recording.at(number).stack
        assert stack is not None
        depth = len(stack) - (step.instruction.arg or 0) - 2
        function = stack[depth] if stack[depth].text != "NULL" else stack[depth + 1]
        if function.type in ("function", "type", "builtin_function_or_method"):
            assert called.split(".")[-1] in function.text, (number, called, function)
            compared += 1
    assert compared or name in ("comprehensions", "calls_of_all_kinds")


def test_an_object_keeps_its_number_and_another_one_gets_its_own() -> None:
    def made() -> Any:
        kept = []
        for number in range(20):
            temporary = [number]
            kept.append([temporary[0]])
            del temporary
        first = kept[0]
        return len(kept), first is kept[0]

    recording = coroscope.step(made)
    numbers = [
        value.object
        for number in range(len(recording))
        for name, value in recording.at(number).locals.items()
        if name == "first"
    ]
    assert len(set(numbers)) == 1
    lists = [each for each in recording.objects if each.type == "list"]
    assert len(lists) >= 41


def test_containers_change_when_they_do() -> None:
    def changing() -> None:
        items = [1]
        items.append(2)
        names = {"a": items}
        names["b"] = None  # type: ignore[assignment]
        del items[0]

    recording = coroscope.step(changing)
    texts: list[str] = []
    for number in range(len(recording)):
        value = recording.at(number).locals.get("items")
        if value is not None and (not texts or texts[-1] != value.text):
            texts.append(value.text)
    assert texts == ["[1]", "[1, 2]", "[2]"]
    assert recording.at(-1).locals["names"].text == "{'a': [2], 'b': None}"


def test_a_suspended_generator_keeps_its_stack_and_locals() -> None:
    def counting() -> Any:
        for number in range(3):  # noqa: UP028  # the loop is what is looked at
            yield number

    def consume() -> Any:
        generator = counting()
        next(generator)
        return next(generator)

    recording = coroscope.step(consume)
    moment = recording.at(
        recording.frames[0].last_step or 0
    )  # Behind it comes what the generator does at its end.
    (suspended,) = [frame for frame in moment.frames if frame.state == "suspended"]
    assert suspended.code.qualified_name.endswith("counting")
    assert suspended.locals["number"].text == "1"
    assert suspended.stack is not None
    assert suspended.stack[0].type == "range_iterator"


@pytest.mark.parametrize("links", [500, 1_000])
def test_work_grows_with_the_steps_not_with_what_is_reached_at_each(
    links: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0
    of = Kinds.of

    def counted(self: Kinds, value: Any) -> Any:
        nonlocal looked_at
        looked_at += 1
        return of(self, value)

    def chain() -> BaseException:
        error: Exception = TypeError(1)
        for _ in range(links):
            error = ExceptionGroup("chained", [error])
        return error

    monkeypatch.setattr(Kinds, "of", counted)
    monkeypatch.setattr(heap, "SPARE", 2 * heap.MOST_LOOKED_AT)
    recording = coroscope.step(chain)
    # Each new object is looked at a few times; after each step, as many others as are earned by that.
    assert looked_at < 2 * heap.SPARE + 8 * len(recording.objects) + heap.EARNED * len(recording)
    assert looked_at < heap.EARNED * len(recording)
    assert any("every now and then" in note for note in recording.notes)
    assert not check(recording).broken


def test_what_is_far_from_the_running_frame_is_found_to_have_changed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heap, "SPARE", heap.MOST_LOOKED_AT)

    def change() -> list[list[int]]:
        lists: list[list[int]] = [[] for _ in range(300)]
        for round_number in range(100):
            if round_number in (0, 1):
                list(map(list.append, lists, range(300)))  # Seen by nobody, and nothing near leads there.
            str(round_number)
        return lists

    recording = coroscope.step(change)
    last = recording.at(-1)
    outer = last.locals["lists"].object
    assert outer is not None
    held = [last.object(value.object or 0).items for value in last.object(outer).items]
    assert len(held) >= 50
    assert [[item.text for item in items] for items in held] == [
        [str(number)] * 2 for number in range(len(held))
    ]


# Programs made up

_names = st.sampled_from(["a", "b", "c"])
_numbers = st.integers(-9, 99).map(str)
_atoms = _names | _numbers
_operators = st.sampled_from(["+", "-", "*", "<", "==", "and", "or"])
_expressions: st.SearchStrategy[str] = st.recursive(
    _atoms,
    lambda inner: (
        st.builds("({} {} {})".format, inner, _operators, inner)
        | st.builds("[{}, {}][0]".format, inner, inner)
        | st.builds("(lambda x: x if {} else {})({})".format, inner, inner, inner)
        | st.builds("sum(x for x in range(abs(int({})) % 4))".format, inner)
        | st.builds("(inner({}) if depth < 2 else {})".format, inner, inner)
    ),
    max_leaves=5,
)


def _indented(block: list[str]) -> str:
    return "\n".join("    " + line for statement in block for line in statement.splitlines())


def _statements() -> st.SearchStrategy[str]:
    simple = (
        st.builds("{} = {}".format, _names, _expressions)
        | st.builds("{} += {}".format, _names, _expressions)
        | st.builds("print({})".format, _expressions)
        | st.builds("kept.append({})".format, _expressions)
        | st.just("if len(kept) > 3: raise ValueError(len(kept))")
    )

    def blocks(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        body = st.lists(inner, min_size=1, max_size=3).map(_indented)
        return (
            st.builds("if {}:\n{}\nelse:\n{}".format, _expressions, body, body)
            | st.builds("for i in range(3):\n{}".format, body)
            | st.builds(
                "try:\n{}\nexcept ValueError as error:\n    print(error)\nfinally:\n    a = 1".format, body
            )
            | st.builds("for b in gen({}):\n{}".format, _expressions, body)
            | st.builds("with manager(kept):\n{}".format, body)
        )

    return st.recursive(simple, blocks, max_leaves=6)


_TEMPLATE = """
import contextlib
depth = 0
def gen(limit):
    for number in range(abs(int(limit)) % 3):
        got = yield number
@contextlib.contextmanager
def manager(kept):
    kept.append("in")
    yield
def inner(a, b=2, c=3):
    global depth
    depth += 1
    kept = []
{body}
    return a
"""


def _run(source: str, call: Callable[[Any], Any], printed: list[str]) -> Any:
    names: dict[str, Any] = {"__name__": "made_up", "print": lambda *things: printed.append(repr(things))}
    exec(compile(source, "<made up>", "exec"), names)
    try:
        return repr(call(names["inner"]))
    except Exception as error:
        return type(error), _ADDRESS.sub("", str(error))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_statements(), min_size=1, max_size=4))
def test_made_up_programs_run_as_alone_and_are_recorded_as_they_ran(body: list[str]) -> None:
    source = _TEMPLATE.format(body=_indented(body))
    alone: list[str] = []
    result = _run(source, lambda inner: inner(1), alone)
    printed: list[str] = []
    recordings: list[Recording] = []

    def recorded(inner: Any) -> Any:
        recording = coroscope.step(inner, 1)
        recordings.append(recording)
        if recording.error is not None:
            raise recording.error
        return recording.result

    assert _run(source, recorded, printed) == result
    assert printed == alone
    checked = check(recordings[0])
    assert not checked.broken
    assert not recordings[0].notes
    for number in range(0, len(recordings[0]), 17):
        assert recordings[0].at(number).stack is not None


_CHANGES = """
class Point:
    of_class = []
    def __init__(self):
        self.x, self.items = 1, []
    @property
    def first(self):
        self.items.append(self.x)
        return self.items[0]
    def __hash__(self):
        return 2
class Guarded(Point):
    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        self.__dict__["set"] = name
    def __hash__(self):
        self.items.append("hash")
        return 1
    def __eq__(self, other):
        self.items.append("eq")
        return True
    def __radd__(self, other):
        self.x += 1
        return other
    def __del__(self):
        kept.append(self.x)
kept = []
found, names, number = {{}}, {{1}}, 0
def inner():
    global found, names, number
    items, point, other, nested = [3, 1, 2], Point(), Guarded(), [[]]
    def counted():
        nonlocal number_here
        for number_here in [*items[:2], other]:
            items.append(number_here)
            yield number_here
    number_here = 0
    here, there = items, found
{body}
    return len(items)
"""
_lists = st.sampled_from(
    ["items", "here", "kept", "nested", "nested[0]", "point.items", "other.items", "Point.of_class"]
)
_things = st.sampled_from(
    ["0", "1", "'x'", "number", "(1, 2)", "[1]", "point", "other", "Guarded()", "items", "here"]
)
_changes = st.one_of(
    *(
        st.builds(change.format, _lists, _things, _things)
        for change in (
            *(
                "{0}.append({1})",
                "{0}[0] = {1}",
                "{0}[:1] = [{1}, {2}]",
                "del {0}[-1]",
                "{0} += [{1}]",
                "{0}.pop()",
            ),
            *(
                "{0}.insert({1}, {2})",
                "{0}.sort()",
                "found[{1}] = {0}",
                "found.setdefault({1}, {2})",
                "found.get({1})",
            ),
            *(
                "there[{1}] = {2}",
                "found.pop({1})",
                "names.add({1})",
                "names |= {{{1}}}",
                "number = {1} in names",
            ),
            *(
                "number = found[{1}]",
                "found = {{{1}: {0}, {2}: 1}}",
                "names = {{{1}, {2}}}",
                "found = {{'a': {1}}}",
            ),
            *(
                "point.x = {1}",
                "other.x = {1}",
                "point.items = {0}",
                "number = point.first",
                "number = other.first",
            ),
            *(
                "Point.x = {1}",
                "point.__class__ = Guarded",
                "point.__dict__ = {{'items': {0}, 'x': {1}}}",
                "del point.x",
            ),
            *(
                "number = {0}[{1}]",
                "number = {0} + [{1}]",
                "number = {0}[1:]",
                "number = sum([1, {1}])",
                "del number",
            ),
            *(
                "number = len({0})",
                "number = max({0})",
                "number = sorted({0})",
                "number = list(counted())",
                "{0} = {1}",
            ),
            *(
                "number = sum(counted())",
                "for number in counted(): names.add({1})",
                "number_here = {1}",
                "found.clear()",
            ),
            *(
                "number = [each for each in {0}]",
                "number = {{each: 1 for each in {0}}}",
                "nested[0] = {1}",
                "other = 0",
            ),
            *(
                "number = list(map({0}.append, [{1}, {2}]))",
                "number = ''.join({0})",
                "nested.append({1})",
                "point = 0",
            ),
        )
    )
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_changes, min_size=2, max_size=12))
def test_made_up_changes_are_seen_at_the_instruction_that_made_them(changes: list[str]) -> None:
    body = "".join(f"try:\n    {change}\nexcept Exception:\n    pass\n" for change in changes)
    source = _CHANGES.format(body=_indented([body]))

    def told() -> list[list[str]]:
        names: dict[str, Any] = {"__name__": "made_up"}
        exec(compile(source, "<made up>", "exec"), names)
        gc.collect()  # The one before has left finalisers.
        try:
            gc.disable()
            return contents_at_each_step(coroscope.step(names["inner"]))
        finally:
            gc.enable()

    as_recorded = told()
    with looking_at_everything():
        assert as_recorded == told()


def test_an_exception_that_only_another_one_keeps_is_still_the_same_object() -> None:
    def chained() -> Any:
        try:
            try:
                int("x")
            except ValueError as error:
                first = error
                raise KeyError(1) from error
            finally:
                del first
        except KeyError as error:
            cause = error.__cause__
            return type(cause)

    recording = coroscope.step(chained)
    seen = {
        value.object
        for number in range(len(recording))
        for name, value in recording.at(number).locals.items()
        if name in ("first", "cause")
    }
    assert len(seen) == 1


def test_a_generator_that_was_made_unseen_is_resumed_and_not_called() -> None:
    made = (item for item in [1, 2])
    recording = coroscope.step(lambda: list(made))
    own = [event for event in recording.events if event.frame is not None and event.frame > 0]
    assert [event.kind for event in own][:1] == ["resume"]
    assert "RETURN_GENERATOR" not in [step.instruction.opcode for step in recording.steps if step.frame > 0]
    assert not check(recording).broken


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_object_that_lives_on_has_one_number(name: str) -> None:
    kept: dict[int, Any] = {}
    numbers: dict[int, set[int]] = {}

    def keep(_: int, __: ThreadState, state: FrameState, ___: Plan) -> None:
        # Kept alive, no object's address is ever another's: what the recorder takes for dead comes back if it was not.
        for word, value in zip(state.words[HEAD_SIZE:], state.values[HEAD_SIZE:], strict=False):
            if value < 0:
                address = word & address_mask
                kept.setdefault(address, PyObj_FromPtr(address))
                numbers.setdefault(address, set()).add(value)

    layout = layout_here()
    assert layout is not None
    address_mask = layout.address_mask
    with told_of_each_step(keep):
        coroscope.step(PROGRAMS[name])
    assert kept
    assert [kept[address] for address, found in numbers.items() if len(found) > 1] == []
