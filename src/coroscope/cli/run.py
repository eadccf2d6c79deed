"""`coroscope run`: run a program as it would run alone, record it, and tell where it waited."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from coroscope.cli import complain
from coroscope.cli.flight import Flight, flight_options
from coroscope.cli.judging import Judge, judging_options
from coroscope.cli.looking import Look, looking_options
from coroscope.cli.output import check_writable
from coroscope.cli.stepping_along import Along, stepping_options, steps_beside
from coroscope.cli.target import check_module, check_script
from coroscope.errors import CoroscopeError, UsageError
from coroscope.record import probes
from coroscope.record.new_trace import create_trace
from coroscope.record.supervise import Ended, end_as, run_program

if TYPE_CHECKING:
    from coroscope.analysis.findings import Finding
    from coroscope.stepper.recording import Recording
    from coroscope.trace.model import Trace

_SUFFIX = ".coroscope"


class _UpToTheProgram(click.Command):
    """A command whose own options end where the program's begin: at the script, or behind `-m MODULE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        position = 0
        with_values = {
            name
            for option in self.params
            if isinstance(option, click.Option) and not option.is_flag
            for name in option.opts
        }
        while position < len(args) and args[position].startswith("-") and args[position] != "--":
            if args[position] == "-m" and position + 1 == len(args):
                raise UsageError("-m needs a module's name: give it as in an import, without .py")
            if args[position] == "-m":
                args = [*args[: position + 2], "--", *args[position + 2 :]]
                break
            position += 2 if args[position] in with_values else 1
        return super().parse_args(ctx, args)


@click.command(cls=_UpToTheProgram, context_settings={"allow_interspersed_args": False})
@click.option(
    "--loop",
    type=click.Choice(["keep", "coroscope"]),
    default="keep",
    help="run the program on its own event loop, or on coroscope's (default keep)",
)
@click.option(
    "--without",
    metavar="PROBE",
    multiple=True,
    type=click.Choice(probes.NAMES),
    help=f"do not look at this: {', '.join(probes.NAMES)} (can be given several times)",
)
@click.option("-o", "--output", metavar="FILE", help="write the trace to FILE (default NAME.coroscope)")
@click.option("--html", metavar="FILE", help="write the timeline as one HTML page to FILE")
@flight_options
@stepping_options
@click.option("-m", "module", metavar="MODULE", help="run a library module as a script, as python -m does")
@looking_options
@judging_options
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="(SCRIPT | -m MODULE) [ARGS]...")
def run(
    loop: str,
    without: tuple[str, ...],
    output: str | None,
    html: str | None,
    module: str | None,
    look: Look,
    judge: Judge,
    flight: Flight | None,
    along: Along | None,
    command: tuple[str, ...],
) -> int:
    """Run a Python program, record its tasks, and show where they waited and what held them back.

    The program's output, exit code and signals are its own; the summary goes to stderr.
    """
    program = _program(module, command)
    trace = output or _default_output(module, command)
    if module is None:
        for path, option in ((trace, "-o"), (html, "--html")):
            if path is not None and os.path.exists(path) and os.path.samefile(path, command[0]):
                raise UsageError(f"{path!r} is the program itself: give {option} another name")
    if html is not None:
        check_writable(html, "the page", "--html")
        if os.path.abspath(html) == os.path.abspath(trace):
            raise UsageError(f"{html!r} is where the trace goes: give --html another name")
        if along is not None and os.path.abspath(html) == os.path.abspath(steps_beside(trace)):
            raise UsageError(f"{html!r} is where the steps go: give --html another name")
    if along is not None and flight is not None:
        raise UsageError(
            "--last keeps the end of a run only, and steps are from all of it: leave one of them out"
        )
    try:
        create_trace(trace, program[1:] if module is not None else program)
    except OSError as error:
        raise UsageError(
            f"cannot write the trace to {trace!r} ({error.strerror}): choose another place with -o"
        ) from error
    if flight is not None:
        flight.begin(trace)
    order = "" if along is None else along.prepare(trace, program)
    ended = run_program(program, trace, loop, without, flight, step=order)
    if flight is not None:
        flight.end()
    found = _report(trace, html, look, judge, ended, along)
    _tell_written(flight)
    # The program's own failure comes first: who reads the exit code must learn of that.
    return end_as(ended) or (judge.exit_code_unseen if found is None else judge.exit_code(found))


def _program(module: str | None, command: tuple[str, ...]) -> list[str]:
    if module is not None:
        check_module(module)
        return ["-m", module, *command]
    if not command:
        raise UsageError("nothing to run: give a script or -m MODULE (see coroscope run --help)")
    check_script(command[0])
    return list(command)


def _default_output(module: str | None, command: tuple[str, ...]) -> str:
    if module is not None:
        return module + _SUFFIX
    stem = os.path.splitext(os.path.basename(os.path.normpath(command[0])))[0]
    return (stem or "program") + _SUFFIX


def _report(
    trace: str, html: str | None, look: Look, judge: Judge, ended: Ended, along: Along | None
) -> Sequence[Finding] | None:
    """Show what happened, and give what was found; None where that could not be seen."""
    found: Sequence[Finding] | None = None
    # Whatever becomes of the report, a mistake of ours included, the program's own exit code comes through.
    try:
        loaded = _load(trace, ended)
        found = judge.find(loaded)
        steps = None if along is None else along.collect(loaded, ended)
        _show(loaded, found, trace, html, look, steps)
        if along is not None:
            along.tell()
    except (CoroscopeError, OSError) as error:
        complain(str(error))
    except Exception as error:
        complain(f"the report failed ({type(error).__name__}: {error}); the trace is in {trace!r}")
    return found


def _tell_written(flight: Flight | None) -> None:
    if flight is not None and sys.stderr is not None:
        with suppress(OSError):
            for path in flight.iter_written():
                print(f"Kept   {path}  (coroscope show {path})", file=sys.stderr)


def _load(trace: str, ended: Ended) -> Trace:
    # Loaded only now, as the views are: the program has been running since, and need not wait for them.
    from coroscope.cli.loading import load_for_good
    from coroscope.trace import compact
    from coroscope.trace.model import Ending

    compact(trace, Ending(ended.exit_code, ended.signal, None, False), ended.at_ns)
    return load_for_good(trace)


def _show(
    loaded: Trace,
    found: Sequence[Finding],
    trace: str,
    html: str | None,
    look: Look,
    steps: Recording | None,
) -> None:
    from coroscope.views.terminal import open_console

    console = open_console(sys.stderr or io.StringIO())  # None when it was closed
    # Nobody need read on for the page to be made.
    with suppress(OSError):
        look.print(loaded, found, console)
        console.print()
    if html is not None:
        from coroscope.views.page import write_page

        write_page(loaded, html, slow_ms=look.slow_ms, findings=found, steps=steps)
    with suppress(OSError):
        if html is not None:
            console.print(f"Page   {html}  (open it in a browser)", soft_wrap=True)
        console.print(f"Trace  {trace}  (coroscope show {trace})", soft_wrap=True)
        if steps is not None:
            kept = steps_beside(trace)
            console.print(f"Steps  {kept}  (coroscope step --load {kept})", soft_wrap=True)
