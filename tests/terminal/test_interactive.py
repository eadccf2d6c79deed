"""The interactive view: each key leads where it says, and everything of a step is on the screen, on small ones too."""

from __future__ import annotations

import colorsys
import re
from typing import Any

import pytest

from coroscope.stepper.moves import EVENT_GROUPS, EventGroup, Moves
from coroscope.stepper.recording import Recording
from coroscope.stepper.running import step
from coroscope.stepper.search import find
from coroscope.views.step_words import numbered
from coroscope.views.terminal.interactive.frames import frame_rows, task_rows
from coroscope.views.terminal.interactive.instructions import instruction_rows
from coroscope.views.terminal.interactive.keys import KEYS
from coroscope.views.terminal.interactive.look import Look, Sight
from coroscope.views.terminal.interactive.names import name_rows
from coroscope.views.terminal.interactive.output import output_rows
from coroscope.views.terminal.interactive.rows import folded
from coroscope.views.terminal.interactive.source import source_rows
from coroscope.views.terminal.interactive.stack import stack_rows
from tests.stepper.corpus import PROGRAMS, threads_at_once
from tests.stepper.test_moves import counted, failing, interleaved
from tests.terminal.screens import opened, see

HOSTILE = "[bold]\x1b[2J\u202e\ud800\t\x07$text"
_DRAWN = (source_rows, instruction_rows, stack_rows, name_rows, frame_rows, output_rows, task_rows)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return step(counted)


@pytest.fixture(scope="module")
def tasks() -> Recording:
    return step(interleaved)


def _first_in(recording: Recording, function: str) -> int:
    return next(
        each.number for each in recording.steps if recording.codes[each.code].qualified_name == function
    )


def _in_a_task(tasks: Recording) -> int:
    inside = [each.number for each in tasks.steps if tasks.codes[each.code].qualified_name == "_ticking"]
    return inside[12]


def test_keys_go_on_and_back_and_to_the_ends(recording: Recording) -> None:
    last = len(recording) - 1
    with opened(recording) as view:
        assert "this is the first step" in view.press("left").text
        assert view.press("right", "right", "left").step == 1
        assert view.press("end").step == last
        assert "this is the last step" in view.press("right").text
        assert f"step {last} of {last} " in view.press().lines[0]
        assert view.press("left", "home").step == 0
        assert view.press("pagedown", "pagedown", "pageup").step == max(1, round(last / 100))


@pytest.mark.parametrize(
    ("key", "name", "direction"),
    [
        ("down", "line", 1), ("up", "line", -1), ("o", "over", 1), ("O", "over", -1), ("u", "out", 1),
        ("U", "out", -1),
    ],
)  # fmt: skip
def test_keys_go_where_the_moves_do(recording: Recording, key: str, name: str, direction: Any) -> None:
    moves = Moves(recording)
    inside = _first_in(recording, "_doubled") + 1
    with opened(recording) as view:
        for start in (inside, inside - 2):
            expected = getattr(moves, name)(start, direction)
            view.at(start)
            assert view.press(key).step == (start if expected is None else expected)


def test_out_of_the_outermost_frame_is_a_sentence(recording: Recording) -> None:
    assert "no frame that was recorded waits for counted (frame 0)" in see(recording, "u").text


@pytest.mark.parametrize("group", EVENT_GROUPS, ids=lambda group: group.name)
def test_each_kind_of_event_has_a_key_in_both_directions(tasks: Recording, group: EventGroup) -> None:
    recording = {"exception": step(failing), "output": step(counted)}.get(group.name, tasks)
    first = Moves(recording).event(0, group, 1)
    last = Moves(recording).event(len(recording) - 1, group, -1)
    assert first is not None
    with opened(recording) as view:
        beyond = view.press(group.key.upper())
        assert (beyond.step, f"no {group.name} before this step" in beyond.text) == (0, True)
        assert view.press(group.key).step == first
        assert view.press("end", group.key.upper()).step == last


def test_a_line_is_asked_for_and_run_to(recording: Recording) -> None:
    code = recording.codes[recording.steps[_first_in(recording, "_doubled")].code]
    line = code.first_line + 1
    with opened(recording) as view:
        assert "run to which line of test_moves.py?" in view.press("l").lines[-1]
        there = view.press(f"text:{line}", "enter")
        assert recording.at(there.step).line == line
        again = view.press("l", f"text:{line}", "enter")
        assert f"line {line} is not reached after step {there.step}: this is the first time" in again.text
        nowhere = view.press("home", "right", "l", "text:1", "enter")
        assert (nowhere.step, "nothing that was recorded ran on line 1" in nowhere.text) == (1, True)
        assert view.press("l", f"text:{line}", "escape").step == 1
        assert view.press("l", "text:x-", "enter").step == 1


def test_a_step_is_gone_to_by_its_number(recording: Recording) -> None:
    last = len(recording) - 1
    with opened(recording) as view:
        assert view.at(17).step == 17
        refused = view.at(last + 1)
        assert (refused.step, f"there is no step {last + 1}: they are 0 to {last}" in refused.text) == (
            17,
            True,
        )
        assert view.press("g", "enter").step == 17
        assert view.press("g", "text:-²x0003" + "0" * 20, "enter").step == 17
        assert view.press("g", "text:-²x0003", "enter").step == 3


def test_text_is_found_and_found_again(recording: Recording) -> None:
    steps = find(recording, "so far").steps
    with opened(recording) as view:
        assert "find which text?" in view.press("n").lines[-1]
        seen = view.press("text:so far", "enter")
        assert seen.step == steps[0]
        assert f"'so far': 1 of {len(steps)} steps to which it comes" in seen.text
        assert view.press("n").step == steps[1]
        assert view.press("N").step == steps[0]
        back = view.press("N")
        assert (back.step, "from the other end again" in back.text) == (steps[-1], True)
        nowhere = view.press("slash", "text:nowhere", "enter")
        assert "'nowhere' is nowhere in this recording" in nowhere.text


def test_keys_that_are_typed_ahead_go_where_they_belong(recording: Recording) -> None:
    found = find(recording, "so far").steps
    with opened(recording) as view:
        assert view.burst("slash", "text:so far", "enter").step == found[0]
        assert view.burst("g", "text:17", "enter", "right", "right").step == 19
        assert view.burst("home", "slash", "text:n", "escape", "right").step == 1
        assert view.burst("w", "escape", "right").step == 2


def test_y_stops_at_every_suspension(tasks: Recording) -> None:
    last = len(tasks) - 1
    kinds = ("yield", "create", "resume", "throw")
    expected = sorted({min(each.position, last) for each in tasks.events if each.kind in kinds} - {0})
    with opened(tasks) as view:
        reached = [view.press("y").step for _ in expected]
    assert reached == expected
    suspends = ("RETURN_GENERATOR", "YIELD_VALUE")
    suspended = {each.number + 1 for each in tasks.steps if each.instruction.base in suspends}
    assert suspended <= set(reached)


def test_a_very_small_screen_shows_the_stack_first(tasks: Recording) -> None:
    number = max(range(len(tasks)), key=lambda step: len(tasks.at(step).stack or ()))
    top = (tasks.at(number).stack or ())[-1].text
    with opened(tasks, (40, 12)) as view:
        seen = view.at(number)
        assert f"•{top}" in seen.text
        assert "Value stack · Source · Instr" in seen.text
        assert "▶" not in seen.text
        for title in ("Names", "Frames", "Output", "Tasks", "test_moves.py", "Instructions of"):
            assert title in view.press("tab").text
        assert "▶" in view.press().text
        assert "Value stack" in view.press("tab").text


def test_what_is_cut_ends_with_an_ellipsis_and_can_be_read_whole(tasks: Recording) -> None:
    number = next(each.number for each in tasks.steps if each.instruction.base == "SEND")
    look = Look(Sight(tasks), number)
    with opened(tasks) as view:
        seen = view.at(number)
        [told] = [line for line in seen.lines if "leads to: " in line]
        assert told.endswith("…")
        whole = view.press("w", "end")
        above = view.press("home")
        everything = " ".join(f"{above.text} {whole.text}".split())
        for words in (look.sentence, *(each.text for each in look.leads_to)):
            assert words in everything
        for value in look.frame.stack or ():
            assert value.text in everything
        assert view.press("escape", "right").step == number + 1


def test_a_jump_leads_to_what_it_does(recording: Recording) -> None:
    number = next(each.number for each in recording.steps if "_IF_" in each.instruction.base)
    with opened(recording, (120, 40)) as view:
        assert "jump" in next(line for line in view.at(number).lines if "leads to: " in line)


def test_instructions_of_no_line_have_a_dash_where_others_have_it() -> None:
    recording = step(failing)
    sight = Sight(recording)
    number = next(each.number for each in recording.steps if each.instruction.base == "PUSH_EXC_INFO")
    look = Look(sight, number)
    row = instruction_rows(look, 60, 12).make(look.instruction.index)
    assert row.plain.lstrip("▶ ").startswith("– ")


def test_help_tells_of_every_key_and_is_left_again(recording: Recording) -> None:
    with opened(recording, (120, 60)) as view:
        seen = view.press("question_mark")
        for key in KEYS:
            if key.shown:
                assert key.help in seen.text
        assert view.press("escape", "right").step == 1


def test_q_quits(recording: Recording) -> None:
    with opened(recording) as view:
        assert view.press("right").is_running
        assert not view.press("q").is_running


def test_every_key_is_told_of_and_bound_once() -> None:
    names = [name for key in KEYS for name in key.keys.split(",")]
    assert len(set(names)) == len(names)
    told = " ".join(key.shown + " " + key.help for key in KEYS)
    for key in KEYS:
        if not key.shown:
            shown = {"left": "←", "up": "↑", "shift+tab": "Shift+Tab"}.get(key.keys, key.keys)
            assert shown in told, key


def test_a_small_screen_shows_source_instructions_stack_and_one_pane_more(tasks: Recording) -> None:
    titles = []
    with opened(tasks) as view:
        before = view.at(_in_a_task(tasks))
        assert view.press("tab", "shift+tab").text == before.text
        view.press("tab", "tab")
        for _ in range(4):
            seen = view.press("tab")
            assert len(seen.lines) == 24
            assert max(map(len, seen.lines)) <= 80
            for words in ("▶", "test_moves.py", "Instructions of _ticking", "before "):
                assert words in seen.text
            assert seen.lines[-1].endswith("? keys q quit")
            [title] = [line for line in seen.lines if "Instructions of" in line]
            titles.append(title.partition("━")[2].split()[0])
        assert "▶Task-" in seen.text
    assert titles == ["Names", "Frames", "Output", "Tasks"]


def test_a_larger_screen_shows_everything_at_once(tasks: Recording) -> None:
    with opened(tasks, (120, 40)) as view:
        seen = view.at(_in_a_task(tasks))
    for words in (
        "Value stack", "Frames", "Names", "Output", "Tasks", "leads to:", "before it:", "suspended",
        "about to run",
    ):  # fmt: skip
        assert words in seen.text
    assert re.search(r"▶Task-\d+ runs", seen.text)
    assert len(seen.lines) == 40
    assert max(map(len, seen.lines)) <= 120


def test_a_program_without_tasks_has_no_pane_for_them(recording: Recording) -> None:
    assert "Tasks" not in see(recording, size=(120, 40)).text


@pytest.mark.parametrize("size", [(40, 10), (20, 6), (200, 60), (111, 20)])
def test_no_size_is_too_small(tasks: Recording, size: tuple[int, int]) -> None:
    seen = see(tasks, "t", "tab", "tab", "tab", "question_mark", "escape", "right", size=size)
    assert seen.is_running
    assert len(seen.lines) <= size[1]


def test_panes_are_scrolled_until_the_next_step(tasks: Recording) -> None:
    with opened(tasks, (120, 40)) as view:
        first = view.press().text
        assert view.press(*["right_square_bracket"] * 3).text != first
        assert view.press("right", "left").text == first


def _value_texts(rows: list[str]) -> list[str]:
    return [row for row in rows if row.startswith("│")]


@pytest.mark.parametrize("program", [*PROGRAMS.values(), counted, interleaved, threads_at_once, failing])
def test_every_step_is_drawn_and_its_stack_is_the_recordings(program: Any) -> None:
    recording = step(program)
    sight = Sight(recording)
    for number in range(0, len(recording), max(1, len(recording) // 30)):
        look = Look(sight, number)
        for draw in _DRAWN:
            for width in (24, 50):
                rows = draw(look, width, 12)
                for at in range(rows.count):
                    assert rows.make(at).plain.isprintable()
        stack = stack_rows(look, 400, 12)
        boxes = [stack.make(at)[:199].plain for at in range(stack.count)]
        texts = [box[2:-1].strip() for box in _value_texts(boxes)]
        assert texts == [numbered(value) for value in reversed(look.frame.stack or ())]
        frames = frame_rows(look, 200, 12)
        told = "\n".join(frames.make(at).plain for at in range(frames.count))
        for frame in look.moment.frames:
            assert sight.telling.name(frame.number) in told


def test_the_stack_after_an_instruction_is_that_before_the_frames_next_step(recording: Recording) -> None:
    sight = Sight(recording)
    call = _first_in(recording, "_doubled") - 1
    look = Look(sight, call)
    following = Moves(recording).over(call, 1)
    assert look.after is not None
    assert following is not None
    assert look.after.stack == recording.at(following).stack
    rows = stack_rows(look, 80, 12)
    assert f"after, step {following}" in rows.make(0).plain
    last = stack_rows(Look(sight, len(recording) - 1), 80, 12)
    assert "the frame ends" in "\n".join(last.make(at).plain for at in range(last.count))


def test_the_part_of_the_line_that_became_the_instruction_is_marked() -> None:
    def wide() -> str:
        return "ä\t" + str(1)

    recording = step(wide)
    sight = Sight(recording)
    number = next(each.number for each in recording.steps if each.instruction.base == "BINARY_OP")
    look = Look(sight, number)
    line = source_rows(look, 200, 12).make((look.line or 0) - 1)
    marked = [line.plain[span.start : span.end] for span in line.spans if "on $foreground" in str(span.style)]
    assert marked == [r'"ä\t" + str(1)']


def test_a_stack_that_could_not_be_read_is_said() -> None:
    recording = step(counted)
    recording.columns.is_symbolic = "this interpreter is of a build that is not known"
    seen = see(recording, size=(120, 40))
    assert "not known" in seen.text
    assert "This interpreter is of a build that is not known." in seen.lines[-2]


def test_what_limits_left_out_is_said() -> None:
    recording = step(counted)
    recording.columns.cut = "the limit of 3 instructions was reached"
    assert "The limit of 3 instructions was reached." in see(recording).text
    assert "The limit of 3 instructions was reached." in see(recording, "right", "question_mark").text


def test_nothing_from_the_program_acts_on_the_terminal() -> None:
    def victim() -> None:
        kind = type(HOSTILE[:6], (), {"__module__": HOSTILE[:6]})
        held = {HOSTILE: [kind(), HOSTILE]}
        print(HOSTILE.encode("utf-8", "replace").decode(), held and "")

    recording = step(victim)
    recording.columns.codes[0].qualified_name = HOSTILE
    recording.columns.notes.append(HOSTILE)
    for file in recording.columns.sources:
        recording.columns.sources[file] = recording.columns.sources[file].replace("victim", HOSTILE)
    with opened(recording, (120, 40)) as view:
        for _ in range(len(recording)):
            seen = view.press("right")
            assert all(line.isprintable() for line in seen.lines)
            assert seen.is_running
    assert r"[bold]\x1b[2J\u202e" in seen.text


def _colours(picture: str) -> set[str]:
    return set(re.findall(r"fill[:=]\"? ?(#[0-9a-f]{6})", picture)) - {"#ff5f57", "#febc2e", "#28c840"}


def _is_grey(colour: str) -> bool:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return max(red, green, blue) - min(red, green, blue) <= 8


def test_light_and_dark_are_textuals_and_a_key_changes_them(recording: Recording) -> None:
    def lightness(picture: str) -> float:
        [(colour, _)] = re.findall(r'<rect fill="(#[0-9a-f]{6})" x="0" y="(1\.5)"', picture)[:1]
        red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return colorsys.rgb_to_hls(red, green, blue)[1]

    with opened(recording) as view:
        dark = view.press("right")
        light = view.press("d")
        assert lightness(dark.picture) < 0.5 < lightness(light.picture)
        assert light.text == dark.text
        assert lightness(view.press("d").picture) < 0.5


def test_no_color_is_respected_as_textual_does(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ["right"] * 3
    coloured = see(recording, *keys)
    assert not all(map(_is_grey, _colours(coloured.picture)))
    monkeypatch.setenv("NO_COLOR", "1")
    plain = see(recording, *keys)
    assert all(map(_is_grey, _colours(plain.picture)))
    assert plain.text == coloured.text


def test_long_output_is_folded_by_cells() -> None:
    assert folded("abcdef", 4) == ["abcd", "ef"]
    assert folded("", 4) == [""]
    assert folded("日本語", 4) == ["日本", "語"]
    assert folded("a日本", 4) == ["a日", "本"]


def test_errors_and_output_stand_in_the_output_pane() -> None:
    def writing() -> None:
        import sys

        print("one\ttwo")
        print("wrong", file=sys.stderr)
        print("end", end="")

    seen = see(step(writing), "end", size=(120, 40))
    for words in ("one     two", "wrong", "end"):
        assert words in seen.text


def test_a_task_is_listed_from_its_first_turn_on(tasks: Recording) -> None:
    first: dict[int, int] = {}
    for event in tasks.events:
        if event.kind == "task switch" and event.task is not None:
            first.setdefault(event.task, event.position)
    assert len(first) == len(tasks.tasks) > 1
    sight = Sight(tasks)
    for number in range(len(tasks)):
        rows = task_rows(Look(sight, number), 60, 20)
        listed = [rows.make(place).plain[1:] for place in range(rows.count)]
        begun = [task.name for task in tasks.tasks if first[task.number] <= number]
        assert len(listed) == max(len(begun), 1)
        assert all(row.startswith(f"{name} ") for row, name in zip(listed, begun, strict=False))
