"""`coroscope compare`: one workload under every strategy, really run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from coroscope.cli import INTERRUPTED
from coroscope.cli.output import check_writable, print_and_go_on, tell_of_page
from coroscope.comparison.loading import split_target
from coroscope.comparison.loops import LOOPS, loop_factory_of
from coroscope.comparison.recommendation import Limits
from coroscope.comparison.ways import choose
from coroscope.errors import UsageError
from coroscope.strategies.catalogue import STRATEGIES

if TYPE_CHECKING:
    from coroscope.comparison.comparing import Comparing
    from coroscope.comparison.result import Comparison

_REPEAT = 3
_NAMES = ", ".join(STRATEGIES)


class _Several(click.ParamType):  # type: ignore[type-arg]
    """Names or numbers, separated by commas."""

    def __init__(self, name: str, is_number: bool) -> None:
        self.name = name
        self._is_number = is_number

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str | int, ...]:
        if not isinstance(value, str):
            return tuple(value)
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if not self._is_number:
            return tuple(parts)
        if not parts or not all(part.isdecimal() and int(part) for part in parts):
            self.fail(f"{value!r} is no list of numbers from 1: give them as 1,2,4", param, ctx)
        return tuple(int(part) for part in parts)


@click.command()
@click.option(
    "--strategies",
    type=_Several("names", False),
    default=(),
    metavar="NAME,...",
    help=f"run only these of {_NAMES}; processes:spawn asks for a start method (default: all that run here)",
)
@click.option(
    "--workers",
    type=_Several("numbers", True),
    default=(),
    metavar="N,...",
    help="run each strategy that has workers with these numbers of them (default: one number that suits it)",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="work on at most N items at once (default: as many as workers; for a loop 1000)",
)
@click.option(
    "--repeat",
    type=click.IntRange(min=1),
    default=_REPEAT,
    metavar="N",
    help=f"run each way N times in turn (default {_REPEAT}), and once more to record it",
)
@click.option(
    "--loop",
    type=click.Choice(list(LOOPS)),
    default="coroscope",
    help="run coroutines on this event loop (default coroscope)",
)
@click.option(
    "--start-method",
    type=click.Choice(["fork", "forkserver", "spawn"]),
    help="start processes so (default: what this Python does)",
)
@click.option("--address", metavar="ADDRESS", help="use the Dask cluster there (default: a local one)")
@click.option(
    "--max-memory",
    type=click.FloatRange(min=0),
    metavar="MB",
    help="recommend nothing that needs more memory",
)
@click.option(
    "--max-startup",
    type=click.FloatRange(min=0),
    metavar="S",
    help="recommend nothing whose first item begins later, in seconds",
)
@click.option("--traces", metavar="DIR", help="keep the recorded runs' traces in DIR, for coroscope show")
@click.option("--json", "as_json", is_flag=True, help="print the figures as JSON instead")
@click.option("--html", metavar="FILE", help="write the comparison as one HTML page to FILE")
@click.argument("target", metavar="FILE.py[:WORKLOAD]")
def compare(
    target: str,
    strategies: Sequence[str],
    workers: Sequence[int],
    limit: int | None,
    repeat: int,
    loop: str,
    start_method: str | None,
    address: str | None,
    max_memory: float | None,
    max_startup: float | None,
    traces: str | None,
    as_json: bool,
    html: str | None,
) -> int:
    """Run a workload under every strategy, compare what they need, and recommend one.

    FILE.py makes a coroscope.Workload, or has a function of one item, named as WORKLOAD, beside a variable 'items'.
    """
    file, name = split_target(target)
    if html is not None:
        check_writable(html, "the page", "--html")
    if traces is not None:
        _make_folder(traces)
    loop_factory_of(loop)
    limits = Limits(None if max_memory is None else round(max_memory * 1e6), max_startup)
    # Most of what follows is not needed to refuse what cannot be run.
    from coroscope.bench.machine import this_machine
    from coroscope.comparison.comparing import Comparing
    from coroscope.comparison.running import Runner, workshop

    machine = this_machine()
    with workshop() as folder:
        runner = Runner(file, name, loop, folder)
        workload = runner.describe()
        chosen = choose(
            strategies, workers, items=workload.items, limit=limit, start_method=start_method, address=address
        )
        comparing = Comparing(runner, workload, chosen, repeat=repeat, folder=folder, traces=traces)
        complete = _take_turns(comparing)
        comparison = comparing.result(machine, file, loop, limits, complete=complete)
        print_and_go_on(lambda: _print(comparison, as_json=as_json), lambda: _write_page(comparison, html))
    if not complete:
        return INTERRUPTED
    return 0 if comparison.measured and comparison.are_results_equal is not False else 1


def _print(comparison: Comparison, *, as_json: bool) -> None:
    if as_json:
        from coroscope.comparison.document import document

        sys.stdout.write(json.dumps(document(comparison)) + "\n")
        return
    from coroscope.views.terminal import open_console
    from coroscope.views.terminal.comparison import print_comparison

    print_comparison(comparison, open_console(sys.stdout))


def _write_page(comparison: Comparison, html: str | None) -> None:
    if html is not None:
        from coroscope.views.page.compare import write_comparison

        write_comparison(comparison, html)
        tell_of_page(html)


def _make_folder(folder: str) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot keep traces in {folder!r} ({error.strerror}): choose another place with --traces"
        ) from error


def _take_turns(comparing: Comparing) -> bool:
    """Take all turns; whether none of them was left out, as after Ctrl-C."""
    from coroscope.views.terminal.turns import showing_turns

    try:
        with showing_turns(comparing.length) as show:
            for number, turn in enumerate(comparing.turns()):
                show(number, str(turn))
                comparing.take(turn)
    except KeyboardInterrupt:
        return False
    return True
