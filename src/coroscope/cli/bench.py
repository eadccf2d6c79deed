"""`coroscope bench`: the event loops of this machine beside one another."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Container, Iterable, Sequence
from pathlib import Path

import click

from coroscope.bench.catalogue import DEFAULT_WORKLOADS, LOOPS, SCHEDULING, WORKLOADS
from coroscope.bench.contest import Contest
from coroscope.bench.document import document
from coroscope.bench.interpreter import ask
from coroscope.bench.machine import this_machine
from coroscope.bench.result import Result
from coroscope.bench.traffic.workloads import BASE_NAMES, DEFAULT_TRAFFIC
from coroscope.bench.workload import DEFAULT_SLEEPERS, QUICK_SHARE
from coroscope.cli import INTERRUPTED
from coroscope.cli.output import check_writable, print_and_go_on, tell_of_page
from coroscope.errors import UsageError
from coroscope.views.contest_words import gap
from coroscope.views.terminal import open_console
from coroscope.views.terminal.contest import print_contest
from coroscope.views.terminal.turns import showing_turns

_ROUNDS = 3
_STDOUT = "-"
_SUFFIXED = "or one of these with -16k or -1m, then -1000c"
_SEVERAL = ("--loops", "--workloads", "--python")


class _WithLists(click.Command):
    """A command some of whose options take all that follows up to the next option, as a shell expands it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        repeated: list[str] = []
        option = None
        for arg in args:
            if arg.startswith("-"):
                option = arg if arg in _SEVERAL else None
            elif option is not None and repeated[-1] != option:
                repeated.append(option)
            repeated.append(arg)
        return super().parse_args(ctx, repeated)


@click.command(cls=_WithLists)
@click.option("--io", is_flag=True, help="measure servers instead: sockets, TLS, datagrams, subprocesses")
@click.option("--loops", multiple=True, metavar="NAME...", help="measure only these (default: all installed)")
@click.option(
    "--workloads",
    multiple=True,
    metavar="NAME...",
    help="measure only these (default: the fourteen; with --io: the thirteen of input and output)",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"measure everything N times (default {_ROUNDS}; quick: 1)",
)
@click.option("--quick", is_flag=True, help=f"do one in {QUICK_SHARE} of the operations, for a first look")
@click.option(
    "--sleepers",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"put N tasks to sleep at once (default {DEFAULT_SLEEPERS})",
)
@click.option(
    "--python",
    "pythons",
    multiple=True,
    metavar="PATH...",
    help="measure on these interpreters (default: the one that runs coroscope)",
)
@click.option("--json", "json_file", metavar="FILE", help="write every sample to FILE as JSON (-: to stdout)")
@click.option("--html", metavar="FILE", help="write the result as one HTML page to FILE")
def bench(
    io: bool,
    loops: tuple[str, ...],
    workloads: tuple[str, ...],
    rounds: int | None,
    quick: bool,
    sleepers: int | None,
    pythons: tuple[str, ...],
    json_file: str | None,
    html: str | None,
) -> int:
    """Measure event loops beside one another: processor time and memory for what loops are for."""
    contest = Contest(
        _names(loops, LOOPS, LOOPS, "loop"),
        _names(workloads, WORKLOADS, (*BASE_NAMES, _SUFFIXED) if io else SCHEDULING, "workload")
        or (DEFAULT_TRAFFIC if io else DEFAULT_WORKLOADS),
        [ask(path) for path in dict.fromkeys(pythons or (sys.executable,))],
        rounds=rounds or (1 if quick else _ROUNDS),
        quick=quick,
        sleepers=sleepers,
    )
    _check_outputs(json_file, html)
    result = _hold(contest)
    if result.is_empty:
        if not result.complete:
            return INTERRUPTED
        raise UsageError(f"nothing was measured ({_first_reason(result)}): choose other --loops")
    _tell(result, json_file, html)
    return 0 if result.complete else INTERRUPTED


def _names(given: Sequence[str], known: Container[str], told: Iterable[str], kind: str) -> list[str]:
    """The names in `given`, separated by spaces or commas. UsageError, which tells of some, for one not known."""
    names = [name for text in given for name in text.split(",") if name]
    for name in names:
        if name not in known:
            raise UsageError(f"no {kind} is named {name!r}: choose from {', '.join(told)}")
    return list(dict.fromkeys(names))


def _check_outputs(json_file: str | None, html: str | None) -> None:
    if json_file not in (None, _STDOUT):
        check_writable(json_file, "the JSON", "--json")
    if html is not None:
        check_writable(html, "the page", "--html")
        if json_file is not None and os.path.abspath(html) == os.path.abspath(json_file):
            raise UsageError(f"{html!r} is where the JSON goes: give --html another name")


def _hold(contest: Contest) -> Result:
    """Take all turns; Ctrl-C ends the contest, and what has been measured by then is its result."""
    machine = this_machine()
    try:
        _take_turns(contest)
    except KeyboardInterrupt:
        return contest.result(machine, complete=False)
    return contest.result(machine, complete=True)


def _take_turns(contest: Contest) -> None:
    with showing_turns(contest.length) as show:
        for number, turn in enumerate(contest.turns()):
            show(number, str(turn))
            turn.take()


def _first_reason(result: Result) -> str:
    return next(gap(what) for standings in result.standings for what in standings.gaps())


def _tell(result: Result, json_file: str | None, html: str | None) -> None:
    def print_it() -> None:
        if json_file == _STDOUT:
            sys.stdout.write(json.dumps(document(result)) + "\n")
        else:
            print_contest(result, open_console(sys.stdout))

    def write() -> None:
        if json_file not in (None, _STDOUT):
            _write_json(result, json_file)
        if html is not None:
            _write_page(result, html)

    print_and_go_on(print_it, write)


def _write_json(result: Result, file: str) -> None:
    try:
        Path(file).write_text(json.dumps(document(result), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write the JSON to {file!r} ({error.strerror}): choose another place with --json"
        ) from error


def _write_page(result: Result, html: str) -> None:
    from coroscope.views.page.contest import write_contest  # needed for --html only

    write_contest(result, html)
    tell_of_page(html)
