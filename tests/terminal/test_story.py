"""The story of a recording in the terminal, for the talk's programs, as each CPython runs them."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from coroscope.stepper.recording import Recording, load
from coroscope.stepper.shown_values import Value
from coroscope.views.call_arguments import call_arguments
from coroscope.views.terminal.handling import kept_by
from coroscope.views.terminal.story import print_story
from tests.programs import coroscope, write_program
from tests.stepper.talk import OUTPUT, TALK

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture
def record(tmp_path: Path) -> Callable[[str], Recording]:
    """Step through a program with the command line, and load what it kept."""

    def recorded(text: str) -> Recording:
        program = write_program(tmp_path, text)
        coroscope("step", "-o", "kept", "--rows", "1", program.name, folder=tmp_path)
        return load(tmp_path / "kept")

    return recorded


def printed(
    recording: Recording,
    width: int = 80,
    *,
    rows: int = 1_000,
    explain: bool = False,
    encoding: str = "utf-8",
    color: bool = False,
) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    console = Console(
        file=stream,
        width=width,
        force_terminal=color,
        color_system="256" if color else None,
        highlight=False,
    )
    print_story(recording, console, rows=rows, explain=explain)
    text = raw.getvalue().decode(encoding)
    return text.replace(f"CPython {recording.columns.python}", f"CPython {VERSION}")


@pytest.mark.parametrize("name", TALK)
def test_the_talks_programs_read_as_they_did(
    name: str, record: Callable[[str], Recording], check_golden: Callable[[str, str], None]
) -> None:
    recording = record(TALK[name])
    for width in (80, 120):
        text = printed(recording, width)
        assert max(map(len, text.splitlines())) <= width
        check_golden(f"story-{VERSION}/{name}-{width}.txt", text)
    assert "".join(text for _, _, text in recording.output) == OUTPUT[name]


def test_every_step_and_event_is_told(record: Callable[[str], Recording]) -> None:
    recording = record(TALK["square"])
    text = printed(recording, 120)
    for told in (
        "→ square (frame 2) is called with x=3",
        "← square (frame 2) returns 9",
        "n = 9",
        "→ <built-in function print #",
        r"'9\n' is written",
        "← that gives None",
        "← main (frame 1) returns None",
    ):
        assert told in text
    rows = [line for line in text.splitlines() if line.split() and line.split()[0].isdecimal()]
    opcodes = [step.instruction.opcode for step in recording.steps]
    assert [row.split()[1] for row in rows if row.split()[1] in opcodes] == opcodes


def test_an_exception_is_followed_to_its_handler_and_out_of_its_frame(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("def f():\n    try:\n        1 / 0\n    finally:\n        print('end')\n\n\nf()\n"), 120
    )
    assert "is raised" in text
    assert "goes to its handler at offset" in text
    assert "f (frame 1) is left by <ZeroDivisionError #" in text


def test_each_way_to_a_handler_is_told_once(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""\
def f():
    try:
        try:
            int("x")
        finally:
            print("a")
    except ValueError:
        print("b")


f()
"""),
        200,
    )
    told = re.findall(r"goes to its handler at offset (\d+)", text)
    assert len(told) == 3
    assert len(set(told)) == 3


def test_a_conditional_jump_is_told_with_what_decided_it(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""\
def f(a):
    if a is None:
        a = 7
    while a > 6:
        a -= 1
    return a or 5


f(None)
for each in ():
    pass
""")
    )
    assert "it is None: it does not jump" in text or "it is None: it jumps" in text
    assert "it is True: it does not jump" in text
    assert re.search("it is False: it (jumps to line 6|does not jump)", text)
    assert re.search("(6 is true|it is True): it jumps ahead, within this line", text)
    assert "no item is left: it jumps" in text


def test_a_loop_tells_each_item_and_that_none_is_left(record: Callable[[str], Recording]) -> None:
    text = printed(record("def f():\n    for each in 'ab':\n        pass\n    return each\n\n\nf()\n"), 120)
    told = [line.strip() for line in text.splitlines() if "item" in line]
    assert told[:2] == ["the next item is 'a': it does not jump", "the next item is 'b': it does not jump"]
    assert told[2].startswith("no item is left: it jumps ")


@pytest.mark.parametrize("last", ["POP_JUMP", "FOR_ITER"])
def test_of_a_jump_that_nothing_recorded_follows_nothing_is_said(
    last: str, record: Callable[[str], Recording]
) -> None:
    recording = record("for each in [1]:\n    if each:\n        print(each)\n")
    rows = next(step.number for step in recording.steps if step.instruction.base.startswith(last))
    text = printed(recording, rows=rows + 1)
    assert "jump" not in text.partition(last)[2].replace(" jumps", "").partition("\n")[2].lower()


def test_an_exception_tells_what_it_took_from_the_stack_and_what_it_left_there(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("""\
try:
    print("a", [1], int("x"))
except ValueError:
    try:
        raise KeyError
    finally:
        print("end")
"""),
        200,
    )
    [first, *others] = [line.strip() for line in text.splitlines() if "goes to its handler" in line]
    assert re.search(
        r"at offset \d+ \(before line 3\); dropped: .*'a', .*'x'.*; pushed: <ValueError #\d+>$", first
    )
    assert any(re.search(r"pushed: \d+ \(raised at offset \d+\), <KeyError #\d+>$", each) for each in others)


def test_an_exception_comes_from_frame_to_frame_and_takes_no_arguments_that_a_call_has_taken(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("""def inner(given):
    raise ValueError(given)


def outer():
    for each in [7]:
        try:
            inner(each)
        except ValueError:
            pass


outer()
"""),
        200,
    )
    told = [line.strip() for line in text.splitlines() if "<ValueError #" in line]
    assert [line.split("> ")[1].split(" (")[0] for line in told if re.match(r"<ValueError #\d+> ", line)] == [
        "is raised",
        "comes to outer",
    ]
    [handled] = [line for line in told if "goes to its handler" in line]
    assert "dropped" not in handled


def test_what_an_instruction_has_done_is_told_with_its_step_where_others_have_run_in_between(
    record: Callable[[str], Recording],
) -> None:
    recording = record("""def numbers():
    yield 7


for each in numbers():
    pass
""")
    loop = next(each.number for each in recording.steps if each.instruction.base == "FOR_ITER")
    text = printed(recording, 120)
    assert f"FOR_ITER of step {loop}: the next item is 7: it does not jump\n" in text


def test_a_stop_of_what_is_awaited_is_told_as_its_end(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""import asyncio


async def child():
    return 3


async def main():
    return await asyncio.create_task(child())


asyncio.run(main())
"""),
        120,
    )
    if sys.version_info < (3, 15):  # There a future gives its result without an exception.
        assert re.search(
            r"<StopIteration #\d+> is raised: it says that what is awaited or iterated has ended\n", text
        )
    assert re.search(r"<_asyncio.FutureIter #\d+> has returned 3: it jumps ", text)


@pytest.mark.parametrize("text", ["9" * 5000, "-3", "seven"])
def test_what_a_file_says_to_be_a_place_and_can_be_none_is_a_value_like_others(text: str) -> None:
    exception = Value("<ValueError #1>", "ValueError", 1)
    assert kept_by([], [Value("26", "int"), exception], 0) == (0, True)
    assert kept_by([], [Value(text, "int"), exception], 0) == (0, False)


def test_what_a_function_shares_with_the_one_around_it_is_no_argument(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("""\
def outer(total):
    def add(number):
        return number + total

    return add(1)


outer(10)
"""),
        120,
    )
    assert re.search(r"outer \(frame \d+\) is called with total=10\n", text)
    assert re.search(r"add \(frame \d+\) is called with number=1\n", text)


def test_a_generator_that_is_closed_where_it_waits_is_told_to_be_given_up_or_to_be_left(
    record: Callable[[str], Recording],
) -> None:
    text = printed(record("def f():\n    yield 1\n\n\ng = f()\nnext(g)\ng.close()\n"), 120)
    assert re.search(
        r"f \(frame 1\) is (given up where it waits: nothing of it runs|left by <GeneratorExit #\d+>)\n", text
    )


def test_a_generator_that_others_made_unseen_begins_with_what_they_gave_it(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("""\
def opened(name):
    yield name


max(map(opened, "a"), key=list)
"""),
        200,
    )
    begins = r"→ opened \(frame \d+\) begins with name='a': it was made where that is not recorded\n"
    assert len(re.findall(begins, text)) == 1


def test_a_generator_that_a_context_manager_is_made_of_is_told_to_be_made(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("""\
from contextlib import contextmanager


@contextmanager
def opened(name):
    yield name


with opened("a"):
    pass
"""),
        200,
    )
    assert len(re.findall(r"→ opened \(frame \d+\) is called with name='a'\n", text)) == 1
    assert (
        len(re.findall(r"← opened \(frame \d+\) waits to be started, in <generator opened #\d+>\n", text))
        == 1
    )
    assert re.search(
        r"_GeneratorContextManager.__exit__ #\d+> is called \(not recorded\) with .*None, None, None\n", text
    )


def test_what_delegates_is_told_to_be_closed_after_that_to_which_it_delegates(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("""\
def inner():
    try:
        yield 1
    finally:
        print("closed")


def outer():
    yield from inner()


def looping():
    for each in held:
        yield each


g = outer()
next(g)
g.close()
held = inner()
alone = looping()
next(alone)
held.close()
"""),
        200,
    )
    told = re.findall(r"→ (\w+) \(frame \d+\) goes on with an exception thrown into it(.*)", text)
    assert told[0][0] == "inner"
    assert re.fullmatch(r": it is closed before outer \(frame \d+\), which delegates to it", told[0][1])
    assert told[-1] == ("inner", "")


def test_a_call_of_what_is_not_recorded_tells_what_it_is_given(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""\
def keyed(item):
    return -item


numbers = [1]
numbers.append(2)
pair = (3, 4)
named = {"key": keyed}
sorted(numbers, key=keyed, reverse=True)
max(*pair)
min(*pair, **named)


@staticmethod
def kept():
    pass


dict()
"""),
        200,
    )
    told = re.findall(r"> is called \(not recorded\)(?: with (.*))?\n", text)
    numbered = r"<function keyed #\d+>"
    assert len(told) == 6
    assert re.fullmatch(r"\[1\] #\d+, 2", told[0])
    assert re.fullmatch(rf"\[1, 2\] #\d+, key={numbered}, reverse=True", told[1])
    assert re.fullmatch(r"\*\(3, 4\) #\d+", told[2])
    assert re.fullmatch(rf"\*\(3, 4\) #\d+, \*\*\{{'key': {numbered}\}} #\d+", told[3])
    assert re.fullmatch(r"<function kept #\d+>", told[4])
    assert told[5] == ""


def test_a_call_with_more_arguments_than_there_are_values_tells_none(
    record: Callable[[str], Recording],
) -> None:
    recording = record("print(1)\n")
    frame = next(moment.frame for moment in recording.iter_moments() if moment.instruction.base == "CALL")
    assert frame.instruction is not None
    made_up = replace(frame, instruction=replace(frame.instruction, arg=500))
    assert [name for name, _ in call_arguments(frame, sys.version_info[:2], lambda _: ())] == [""]
    assert call_arguments(made_up, sys.version_info[:2], lambda _: ()) == []


def test_an_exit_that_an_exception_calls_is_told_with_what_it_gives(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("""\
from contextlib import suppress


class Own:
    def __enter__(self):
        return self

    def __exit__(self, *what):
        return what[0] is KeyError


with suppress(KeyError):
    {}[1]
with Own():
    {}[2]
"""),
        200,
    )
    [told] = re.findall(r"suppress.__exit__ #\d+> is called \(not recorded\)\n *← that gives (.*)\n", text)
    assert told == "True"
    assert len(re.findall(r"→ Own.__exit__ \(frame \d+\) is called with self=", text)) == 1


def test_what_is_returned_or_given_is_told_with_what_is_in_it(record: Callable[[str], Recording]) -> None:
    text = printed(record("def f():\n    return [1]\n\n\ng = f()\ng.append(sorted((3, 2)))\n"), 120)
    assert re.search(r"← f \(frame 1\) returns \[1\] #\d+\n", text)
    assert re.search(r"← that gives \[2, 3\] #\d+\n", text)
    assert re.search(r"← that gives None; \[1\] (#\d+) is now \[1, \[2, 3\]\] \1\n", text)


def test_an_attribute_that_is_set_is_told(record: Callable[[str], Recording]) -> None:
    text = printed(record("class A:\n    pass\n\n\na = A()\na.count = 3\n"), 120)
    assert re.search(r"<__main__\.A #\d+>\.count = 3\n", text)


def test_each_turn_of_a_task_is_told_and_the_task_has_its_name(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""import asyncio


async def main():
    task = asyncio.current_task()
    await asyncio.sleep(0)
    await asyncio.sleep(0)


asyncio.run(main())
"""),
        120,
    )
    assert text.count("task Task-1 has its turn") == 3
    assert re.search(r"task = <task Task-1 #\d+>", text)


def test_what_is_sent_is_told_with_who_gets_it_and_what_came_of_it(
    record: Callable[[str], Recording],
) -> None:
    text = printed(record(TALK["yield_from"]), 120)
    assert re.search(r"None is sent to <generator inner #\d+>", text)
    assert re.search(r"<generator inner #\d+> has yielded 1: it does not jump", text)


def test_stores_in_a_class_body_and_of_a_global_name_have_a_line(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""\
class Kind:
    size = 3


def f():
    global last
    last = size = 5


f()
f()
""")
    )
    lines = [line.strip() for line in text.splitlines()]
    assert "size = 3" in lines
    assert "__module__ = '__main__'" in lines
    assert [line for line in lines if line == "last = 5"] == ["last = 5"] * 2
    at = next(at for at, line in enumerate(lines) if "STORE_GLOBAL" in line)
    assert lines[at + 1] == "last = 5"


def test_what_belongs_to_no_line_is_not_shown_below_one(record: Callable[[str], Recording]) -> None:
    text = printed(record("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass\n"), 120)
    lines = [line.strip() for line in text.splitlines()]
    at = next(at for at, line in enumerate(lines) if "PUSH_EXC_INFO" in line)
    assert lines[at - 1] == "(belongs to no line)"


def test_a_short_name_still_says_what_it_is(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""\
class Bad:
    pass


def take(*these):
    return len(these)


take(take.__code__, take, Bad, Bad(), len)
""")
    )
    for told in (
        r"code take #\d+ │",
        r"function take #\d+ │",
        r"class Bad #\d+ │",
        r"<Bad #\d+> │",
        r"built-in len #\d+ │",
    ):
        assert re.search(told, text), told


def test_a_name_that_is_cut_keeps_its_number(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("class WithANameThatNeedsALotOfRoom:\n    pass\n\n\nWithANameThatNeedsALotOfRoom()\n")
    )
    rows = [line for line in text.splitlines() if re.search("│.*[^']WithA", line)]
    assert rows
    assert all(re.search(r"WithA\w+…? #\d+>? │", row) for row in rows)


def test_a_line_that_only_follows_a_handler_is_not_said_to_be_the_handlers(
    record: Callable[[str], Recording],
) -> None:
    text = printed(record("try:\n    1 / 0\nexcept ZeroDivisionError:\n    pass\n"), 120)
    assert re.search(r"goes to its handler at offset \d+ \(before line 3\); ", text)


def test_a_place_that_is_taken_and_pushed_again_is_told_as_both(record: Callable[[str], Recording]) -> None:
    text = printed(
        record("""\
def numbers():
    try:
        yield 1
    except KeyError:
        yield 2
    finally:
        print("end")


try:
    g = numbers()
    next(g)
    g.throw(ValueError)
except ValueError:
    pass
"""),
        200,
    )
    told = re.findall(
        r"goes to its handler at offset \d+.*; dropped: (.*); pushed: (\d+) \(raised at offset (\d+)\), ",
        text,
    )
    assert told
    for dropped, place, offset in told:
        assert 2 * int(place) == int(offset), dropped


def test_null_is_shown_and_every_value_of_a_stack_that_needs_more_than_a_line(
    record: Callable[[str], Recording],
) -> None:
    text = printed(record(f"max({', '.join(map(str, range(30)))})\n"))
    [call] = [part for part in text.split("LOAD_CONST") if " 28 │" in part and "30 arguments" in part][-1:]
    assert "more below" in call or " NULL │" in call
    assert "│ 27 │" in call
    assert " NULL │" in text


def test_a_sentence_stands_below_each_instruction_when_asked(record: Callable[[str], Recording]) -> None:
    text = printed(record("x = 1\n"), explain=True)
    assert "Pop the top value into the variable x of this module or class body." in " ".join(text.split())


def test_the_rest_is_counted(record: Callable[[str], Recording]) -> None:
    recording = record("x = 1\n")
    text = printed(recording, rows=1)
    assert (
        f"{len(recording) - 1} more instructions were recorded: --rows {len(recording)} prints all." in text
    )


def test_a_console_without_unicode_gets_ascii(record: Callable[[str], Recording]) -> None:
    text = printed(record(TALK["square"]), encoding="ascii")
    assert "-> square (frame 2) is called with x=3" in text
    assert "| 3 | 3 |" in text
    assert text.isascii()


def test_nothing_of_the_program_reaches_the_terminal_as_it_is(record: Callable[[str], Recording]) -> None:
    text = printed(record('x = "[red]\u202e\x1b[2J"\nprint(x)\n'), color=True)
    assert "\u202e" not in text
    assert "\x1b[2J" not in text
    assert "[red]" in text


def test_a_deep_recursion_stays_within_the_width(record: Callable[[str], Recording]) -> None:
    text = printed(record("def f(n):\n    return n and f(n - 1)\n\n\nf(60)\n"))
    assert max(map(len, text.splitlines())) <= 80
    assert "f (frame 61) is called with n=0" in text


def test_a_container_that_no_name_shows_is_told_with_what_it_holds_now(
    record: Callable[[str], Recording],
) -> None:
    text = printed(
        record("class A:\n    items = {}\n\n\nA.items['a'] = 1\nkept = A.items\nkept['b'] = 2\n"), 120
    )
    assert re.search(r"\{\} (#\d+) is now \{'a': 1\} \1\n", text)
    assert text.count(" is now ") == 1
    assert re.search(r"kept = \{'a': 1, 'b': 2\} #\d+\n", text)


def test_the_name_of_an_exception_is_told_to_be_cleared_by_the_end_of_its_handler(
    record: Callable[[str], Recording],
) -> None:
    source = "try:\n    raise KeyError(1)\nexcept KeyError as e:\n    print(e)\ne = None; del e\n"
    text = printed(record(source), 120)
    assert text.count("the end of a handler: e of `as e` is cleared\n") == 1
