"""`coroscope run`: run a program as it would run alone, record it, and tell where it waited."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

import click

from coroscope.cli.output import check_writable
from coroscope.cli.target import check_module, check_script
from coroscope.errors import CoroscopeError, UsageError
from coroscope.record.new_trace import create_trace
from coroscope.record.supervise import end_as, run_program

_SUFFIX = ".coroscope"


class _UpToTheProgram(click.Command):
    """A command whose own options end where the program's begin: at the script, or behind `-m MODULE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        position = 0
        while position < len(args) and args[position].startswith("-") and args[position] != "--":
            if args[position] == "-m":
                args = [*args[: position + 2], "--", *args[position + 2 :]]
                break
            position += 2 if args[position] in _WITH_VALUES else 1
        return super().parse_args(ctx, args)


_WITH_VALUES = ("--loop", "-o", "--output", "--html", "--slow-ms")


@click.command(cls=_UpToTheProgram, context_settings={"allow_interspersed_args": False})
@click.option(
    "--loop",
    type=click.Choice(["keep", "coroscope"]),
    default="keep",
    help="run the program on its own event loop, or on coroscope's (default keep)",
)
@click.option("-o", "--output", metavar="FILE", help="write the trace to FILE (default NAME.coroscope)")
@click.option("--html", metavar="FILE", help="write the timeline as one HTML page to FILE")
@click.option("-m", "module", metavar="MODULE", help="run a library module as a script, as python -m does")
@click.option(
    "--slow-ms",
    type=click.FloatRange(min=0),
    default=100.0,
    metavar="N",
    help="flag steps longer than N ms (default 100)",
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="(SCRIPT | -m MODULE) [ARGS]...")
def run(
    loop: str,
    output: str | None,
    html: str | None,
    module: str | None,
    slow_ms: float,
    command: tuple[str, ...],
) -> int:
    """Run a Python program, record its tasks, and show where they waited.

    The program's output, exit code and signals are its own; the summary goes to stderr.
    """
    program = _program(module, command)
    trace = output or _default_output(module, command)
    if html is not None:
        check_writable(html, "the page", "--html")
        if os.path.abspath(html) == os.path.abspath(trace):
            raise UsageError(f"{html!r} is where the trace goes: give --html another name")
    try:
        create_trace(trace, program[1:] if module is not None else program)
    except OSError as error:
        raise UsageError(
            f"cannot write the trace to {trace!r} ({error.strerror}): choose another place with -o"
        ) from error
    ended = run_program(program, trace, loop)
    try:
        _report(trace, html, slow_ms, ended.exit_code, ended.signal, ended.at_ns)
    except (CoroscopeError, OSError) as error:
        # The program's own exit code comes through, whatever became of the report.
        print(f"coroscope: {error}", file=sys.stderr)
    return end_as(ended)


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
    trace: str, html: str | None, slow_ms: float, exit_code: int | None, signal: int | None, ended_ns: int
) -> None:
    # Loaded only now: the program has been running since, and need not wait for the views.
    from coroscope.trace import compact, load
    from coroscope.trace.model import Ending
    from coroscope.views.terminal import open_console, print_summary

    compact(trace, Ending(exit_code, signal, None, False), ended_ns)
    loaded = load(trace)
    console = open_console(sys.stderr)
    print_summary(loaded, console, slow_ms=slow_ms)
    if html is not None:
        from coroscope.views.page import write_page

        write_page(loaded, html, slow_ms=slow_ms)
        console.print(f"Page   {html}  (open it in a browser)", soft_wrap=True)
    with suppress(OSError):
        console.print(f"Trace  {trace}  (coroscope show {trace})", soft_wrap=True)
