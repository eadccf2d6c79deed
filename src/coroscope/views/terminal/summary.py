"""What one run did, on one screen: its end, its tasks, its time, its timeline, what held it up, and the findings."""

from __future__ import annotations

import shlex
import signal
from collections import Counter
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from coroscope.analysis import Concurrency, concurrency, program_shares, total_shares, waited_places
from coroscope.analysis.findings import Finding
from coroscope.trace.model import Ending, Outcome, Stall, State, Task, Trace
from coroscope.views.cut_words import cut_sentence
from coroscope.views.terminal.findings import print_first_findings
from coroscope.views.terminal.glyphs import QUIET, STATE_STYLES, STRONG, TROUBLE
from coroscope.views.terminal.held import print_held
from coroscope.views.terminal.interpreter import print_interpreter
from coroscope.views.terminal.marks import print_marks
from coroscope.views.terminal.places import place_in
from coroscope.views.terminal.processes import print_processes
from coroscope.views.terminal.sheet import INDENT, Sheet
from coroscope.views.terminal.threads import describe_threads
from coroscope.views.terminal.timeline import Timeline

_MAX_STALLS = 6
_MAX_PLACES = 4
_FACTS_WIDTH = 9
_OUTCOMES: tuple[Outcome, ...] = ("returned", "raised", "cancelled", "pending")
_MEANINGS = {
    State.RUNNING: "code of a task was executed",
    State.READY: "could run, waited its turn",
    State.WAITING: "for a timer, a reply, a task",
}
_MEANINGS_OF_THREADS = {
    State.RUNNING: "a thread was on a processor",
    State.READY: "could run, others did",
    State.WAITING: "for a lock, a reply, a thread",
}


def print_summary(
    trace: Trace, console: Console, findings: Sequence[Finding] = (), *, slow_ms: float = 100.0
) -> None:
    """Tell what happened in a recorded run, and what was found in it.

    Steps longer than `slow_ms` milliseconds are stalls.
    """
    sheet = Sheet(console)
    trace = trace.without_processes()
    _print_title(sheet, trace)
    _print_cut(sheet, trace)
    if not trace.tasks:
        _print_no_tasks(sheet)
        print_processes(sheet, trace)
    else:
        stalls = trace.stalls(slow_ms)
        alive = concurrency(trace)
        _print_facts(sheet, trace, alive)
        _print_shares(sheet, trace)
        _print_timeline(sheet, trace, alive, stalls)
        _print_waits(sheet, trace)
        if trace.loop_tasks:
            _print_stalls(sheet, trace, stalls, slow_ms)
    print_marks(sheet, trace)
    print_interpreter(sheet, trace)
    _print_notices(sheet, trace)
    if trace.tasks or findings:
        print_first_findings(sheet, trace, findings)


def print_next_step(console: Console, file: str) -> None:
    """Say how to see more of the trace in `file`."""
    sheet = Sheet(console)
    sheet.blank()
    sheet.paragraph("Next, on a page: every task, its waits line by line, and who woke it:", QUIET)
    sheet.command(f"coroscope show {shlex.quote(sheet.inert(file))} --html page.html")


def _print_title(sheet: Sheet, trace: Trace) -> None:
    program = sheet.inert(" ".join(trace.argv)) or "The program"
    room = max(sheet.width - 40, 20)
    ending, in_trouble = _ending(sheet, trace.ended)
    took_ns = trace.duration_ns if trace.cut is None else trace.cut.recorded_ns
    name, took = (sheet.cut(program, room), STRONG), (sheet.time(took_ns), STRONG)
    if trace.unkept_ns:  # Of all that went before, nothing is known but how long it was.
        title = Text.assemble("The last ", took, " of ", name, ", which ")
    else:
        title = Text.assemble(name, " took ", took, " and ")
    title.append(ending, TROUBLE if in_trouble else "")
    title.append(f" (Python {sheet.inert(trace.python)})", QUIET)
    sheet.paragraph(title)


def _print_cut(sheet: Sheet, trace: Trace) -> None:
    sentence = cut_sentence(trace)
    if sentence is not None:
        sheet.blank()
        sheet.paragraph(sentence, TROUBLE, label="part", label_width=_FACTS_WIDTH)


def _ending(sheet: Sheet, ended: Ending) -> tuple[str, bool]:
    """How it ended, as the end of a sentence, and whether that is bad news."""
    if ended.signal is not None:
        return f"was ended by {_signal_name(ended.signal)}", True
    if ended.goes_on:
        return "was still running when this was saved", False
    code = "" if ended.exit_code is None else f"exit code {ended.exit_code}"
    if not ended.complete:
        if code:
            return f"ended with {code}; how it came to that was not recorded", True
        return "was cut off: its end was not recorded, so it was killed or it crashed", True
    if ended.exception is not None:
        said = sheet.cut(sheet.inert(ended.exception), 2 * sheet.width)
        return f"ended with {said}" + (f", {code}" if code else ""), True
    return f"ended with {code}" if code else "ended", ended.exit_code not in (0, None)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _print_no_tasks(sheet: Sheet) -> None:
    sheet.blank()
    sheet.paragraph(
        "No task was recorded: the program started no event loop and no thread, or it ended before one ran."
    )


def _print_facts(sheet: Sheet, trace: Trace, alive: Concurrency) -> None:
    sheet.blank()
    word = "task" if trace.loop_tasks else "thread"
    counts = _counts(sheet, list(trace.main_tracks.values()), word)
    sheet.paragraph(counts, label=f"{word}s", label_width=_FACTS_WIDTH)
    about_threads = describe_threads(sheet, trace)
    if about_threads:
        label = "threads" if trace.loop_tasks else "pools"
        sheet.paragraph(about_threads, label=label, label_width=_FACTS_WIDTH)
    if alive.max_at_ns is None:
        alone = ", so nothing overlapped" if len(trace.processes) < 2 else "; child processes are not counted"
        text = f"never more than the main {word}{alone}"
    else:
        first = (
            f"first at {sheet.time(alive.max_at_ns)}" if alive.max_at_ns >= 1000 else "from the beginning on"
        )
        text = f"{alive.max} at most, {first}; {alive.mean:.1f} on average"
    sheet.paragraph(text, label="at once", label_width=_FACTS_WIDTH)
    print_processes(sheet, trace, _FACTS_WIDTH)


def _counts(sheet: Sheet, tracks: list[Task], word: str) -> Text:
    tasks = [task for task in tracks if not task.is_main]
    mains = len(tracks) - len(tasks)
    beside = {0: "", 1: f" beside the main {word}"}.get(mains, f" beside {mains} main {word}s")
    text = Text(f"{len(tasks) or 'none'}{beside}")
    counts = Counter(task.outcome for task in tasks)
    for number, outcome in enumerate(outcome for outcome in _OUTCOMES if counts[outcome]):
        text.append(", " if number else ": ")
        text.append(f"{counts[outcome]} {outcome}", TROUBLE if outcome == "raised" else "")
        if outcome == "raised":
            text.append(_exception_types(sheet, tasks))
    return text


def _exception_types(sheet: Sheet, tasks: list[Task]) -> str:
    types = Counter(task.exception.partition(":")[0] for task in tasks if task.exception)
    named = [sheet.inert(name) for name, _ in types.most_common(3)]
    if len(types) > len(named):
        named.append(sheet.glyphs.ellipsis)
    return f" ({', '.join(named)})" if named else ""


def _print_shares(sheet: Sheet, trace: Trace) -> None:
    program, tasks = program_shares(trace), total_shares(trace.main_tracks.values())
    shares = [
        (State.RUNNING, program.running_ns, tasks.running_ns),
        (State.READY, program.ready_ns, tasks.ready_ns),
        (State.WAITING, program.waiting_ns, tasks.waiting_ns),
    ]
    word = "task" if trace.loop_tasks else "thread"
    meanings = _MEANINGS if trace.loop_tasks else _MEANINGS_OF_THREADS
    sheet.blank()
    _print_share_row(sheet, Text(" " * 11), ("the program", f"{word}s added up"), "", QUIET)
    for state, of_program_ns, of_tasks_ns in shares:
        sign = Text.assemble((f"{sheet.glyphs.states[state]} {state.name.lower():9}", STATE_STYLES[state]))
        columns = (
            _share(sheet, of_program_ns, trace.duration_ns),
            _share(sheet, of_tasks_ns, tasks.total_ns),
        )
        _print_share_row(sheet, sign, columns, sheet.plain(meanings[state]))
    idle_ns = trace.duration_ns - program.total_ns
    if idle_ns > trace.duration_ns / 200:
        _print_share_row(
            sheet,
            Text.assemble((f"  {f'no {word}':9}", QUIET)),
            (_share(sheet, idle_ns, trace.duration_ns), ""),
            "",
        )


def _print_share_row(
    sheet: Sheet, sign: Text, columns: tuple[str, str], meaning: str, style: str = ""
) -> None:
    """As many of the columns as there is room for."""
    row = sign.copy()
    for text, column_style in (
        (f"{columns[0]:>16}", style),
        (f"{columns[1]:>19}", style),
        (f"   {meaning}", QUIET),
    ):
        if INDENT + cell_len(row.plain) + cell_len(text) <= sheet.width:
            row.append_text(Text(text, column_style))
    sheet.line(row)


def _share(sheet: Sheet, part_ns: int, whole_ns: int) -> str:
    percent = 100 * part_ns / whole_ns if whole_ns else 0.0
    written = "<1" if 0 < percent < 0.5 else f"{percent:.0f}"
    return f"{sheet.time(part_ns):>9}{written:>4} %"


def _print_timeline(sheet: Sheet, trace: Trace, alive: Concurrency, stalls: list[Stall]) -> None:
    sheet.heading("Timeline")
    troubled = {stall.task for stall in stalls}
    troubled |= {task.id for task in trace.tasks.values() if task.outcome == "raised"}
    Timeline(sheet, trace, alive, troubled).draw()


def _print_waits(sheet: Sheet, trace: Trace) -> None:
    places = waited_places(trace)[:_MAX_PLACES]
    if not places:
        return
    sheet.heading("Waited longest at")
    whose = "tasks" if trace.loop_tasks else "threads"
    sheet.paragraph(f"Waits of all {whose} added up:", QUIET)
    for waited in places:
        often = f"{waited.count} wait" + ("s" if waited.count > 1 else "")
        sheet.line(
            Text.assemble(
                f"{sheet.time(waited.waited_ns):>9} in {often:12} ",
                place_in(sheet, waited.place, sheet.width - INDENT - 26),
            )
        )


def _print_stalls(sheet: Sheet, trace: Trace, stalls: list[Stall], slow_ms: float) -> None:
    limit = sheet.time(slow_ms * 1e6)
    if not stalls:
        sheet.blank()
        sheet.paragraph(f"No stalls: no step held its loop for more than {limit}.")
        print_held(sheet, trace, slow_ms)
        return
    steps = "1 step" if len(stalls) == 1 else f"{len(stalls)} steps"
    sheet.heading("Stalls")
    sheet.paragraph(
        f"{steps} held the loop for more than {limit}, and nothing else on it could run meanwhile:"
    )
    longest = sorted(stalls, key=lambda stall: -stall.duration_ns)[:_MAX_STALLS]
    for stall in longest:
        when = f"{sheet.time(stall.duration_ns):>9} at {sheet.time(stall.start_ns):12} "
        word = "garbage collection, " if stall.is_collecting else ""
        room = sheet.width - INDENT - 26 - len(word)
        place = _stall_place(sheet, stall, trace.tasks.get(stall.task), room)
        sheet.line(Text.assemble((when, TROUBLE), word, place))
    if len(stalls) > len(longest):
        sheet.line(Text(f"{sheet.glyphs.ellipsis} {len(stalls) - len(longest)} shorter ones", QUIET))
    print_held(sheet, trace, slow_ms)


def _stall_place(sheet: Sheet, stall: Stall, task: Task | None, width: int) -> str:
    if stall.place is None:
        return sheet.cut(_unseen_place(sheet, task), width)
    where = place_in(sheet, stall.place, width)
    name = "" if task is None else f", {sheet.inert(task.name)}"
    return where + name if cell_len(where + name) <= width else where


def _unseen_place(sheet: Sheet, task: Task | None) -> str:
    """What can be said of a step that ended before the watchdog looked into it."""
    if task is None:
        return "line not recorded"
    return f"line not recorded, in {sheet.inert(task.coroutine)}, {sheet.inert(task.name)}"


def _print_notices(sheet: Sheet, trace: Trace) -> None:
    for notice in trace.notices:
        sheet.blank()
        sheet.paragraph(sheet.inert(notice), label="note", label_width=6)
