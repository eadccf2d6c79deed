"""`coroscope step`: run a program and tell what each of its instructions did to the interpreter's stack."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from coroscope.cli import complain
from coroscope.cli.output import check_writable, print_and_go_on, tell_of_page
from coroscope.errors import UsageError
from coroscope.stepper.codes import all_codes, check_function, find_codes
from coroscope.stepper.document import instruction_rows, step_rows
from coroscope.stepper.running import MOST_STEPS, What
from coroscope.stepper.source import read_source
from coroscope.stepper.versions import check_python

if TYPE_CHECKING:
    from coroscope.cli.exploring import Explore
    from coroscope.record.supervise import Ended
    from coroscope.stepper.forms import Forms
    from coroscope.stepper.recording import Recording

_ROWS = 500
_OF_A_RECORDING = ("output", "include", "exclude", "first", "until", "limit")
"""The parameters that say what is recorded, and where it goes."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What of a recording is wanted."""

    rows: int | None
    explain: bool | None
    as_json: bool
    html: str | None
    explore: Explore | None
    """Shows it in the terminal, to go through; None where it is printed."""
    forms: Forms | None = None

    def is_explored(self, recording: Recording) -> bool:
        """Whether it is gone through in the terminal: there must be something in it."""
        return self.explore is not None and len(recording) > 0


class _AroundTheTarget(click.Command):
    """A command whose options stand before FILE or right behind it; from the next word on all is the program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        takes_value = {
            name: not option.is_flag
            for option in self.params
            if isinstance(option, click.Option)
            for name in (*option.opts, *option.secondary_opts)
        } | dict.fromkeys(("-h", "--help"), False)
        target = _after_options(args, 0, takes_value)
        if target < len(args) and args[target] != "--":
            end = _after_options(args, target + 1, takes_value, only_known=True)
            own, rest = args[target + 1 : end], args[end:]
            args = [*args[:target], *own, "--", args[target], *(rest[1:] if rest[:1] == ["--"] else rest)]
        return super().parse_args(ctx, args)


def _after_options(
    args: list[str], position: int, takes_value: Mapping[str, bool], *, only_known: bool = False
) -> int:
    while position < len(args) and args[position].startswith("-") and args[position] != "--":
        name, has_value, _ = args[position].partition("=")
        if only_known and name not in takes_value:
            break
        position += 2 if takes_value.get(name) and not has_value else 1
    return min(position, len(args))


@click.command(cls=_AroundTheTarget, context_settings={"allow_interspersed_args": False})
@click.argument("target", metavar="FILE[:FUNCTION]", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[ARGS]...")
@click.option("--static", is_flag=True, help="show the instructions; nothing of FILE is run")
@click.option(
    "-o", "--output", metavar="RECORDING", help="keep the recording in this file (default: not kept)"
)
@click.option("--load", "loaded", metavar="RECORDING", help="show what was kept, and run nothing")
@click.option(
    "--include", metavar="MODULE", multiple=True, help="record this module or package too (several times)"
)
@click.option(
    "--exclude", metavar="MODULE", multiple=True, help="do not record this module or package (several times)"
)
@click.option(
    "--from", "first", metavar="LINE", type=click.IntRange(1), help="record from this line of FILE on"
)
@click.option("--until", metavar="LINE", type=click.IntRange(1), help="record until this line is reached")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1),
    help=f"record the first N instructions (default {MOST_STEPS:,}); the program runs on",
)
@click.option(
    "--rows", metavar="N", type=click.IntRange(1), help=f"print the first N instructions (default {_ROWS})"
)
@click.option(
    "--explain/--no-explain",
    default=None,
    help="say in a sentence what each instruction does (default: with --static, where 110 columns have room)",
)
@click.option(
    "--specialised",
    is_flag=True,
    help="run the program once more, unwatched, and show the specialised form of each instruction",
)
@click.option("--json", "as_json", is_flag=True, help="print each instruction as a line of JSON instead")
@click.option("--html", metavar="FILE", help="write the recording as one HTML page to FILE, to step through")
@click.option("--interactive", is_flag=True, help="go through the recording in the terminal, with keys")
@click.pass_context
def step(
    ctx: click.Context,
    target: str | None,
    arguments: tuple[str, ...],
    static: bool,
    output: str | None,
    loaded: str | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    first: int | None,
    until: int | None,
    limit: int | None,
    rows: int | None,
    explain: bool | None,
    specialised: bool,
    as_json: bool,
    html: str | None,
    interactive: bool,
) -> int:
    """Run a Python file, or one function in it, and show what each instruction did to the interpreter's stack.

    The program's output and exit code are its own; the story of its instructions goes to stderr, after it has ended.
    With --json the instructions go to stdout, and the program's output to stderr. With --interactive they are gone
    through in the terminal instead, forwards and backwards. ARGS are the program's, or the function's as Python writes
    them.
    """
    if interactive:
        _refuse_beside("--interactive", ctx, "static", "as_json", "rows", "explain", "specialised")
    if html is not None:
        check_writable(html, "the page", "--html")
    shown = _Shown(rows, explain, as_json, html, _explorer() if interactive else None)
    if loaded is not None:
        _refuse_beside("--load", ctx, *_OF_A_RECORDING, "target", "static", "specialised")
        _show_loaded(loaded, shown)
        return 0
    if target is None:
        raise UsageError("nothing to run: give FILE or FILE:FUNCTION (see coroscope step --help)")
    if static:
        of_a_run = () if specialised else ("arguments",)
        _refuse_beside("--static", ctx, *_OF_A_RECORDING, *of_a_run, "rows", "html")
        _show_static(target, arguments if specialised else None, explain, as_json)
        return 0
    what = What(include, exclude, first, until, MOST_STEPS if limit is None else limit)
    return _run(target, arguments, what, output, shown, specialised=specialised)


def _refuse_beside(option: str, ctx: click.Context, *names: str) -> None:
    """Refuse what has no meaning beside `option`."""
    for parameter in ctx.command.params:
        if parameter.name in names and ctx.params[parameter.name]:
            given = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(ctx)
            raise UsageError(f"{given} has no meaning beside {option}: leave one of them out")


def _explorer() -> Explore:
    from coroscope.cli.exploring import find_explorer  # Textual is slow to load

    return find_explorer()


def _show_static(target: str, arguments: tuple[str, ...] | None, explain: bool | None, as_json: bool) -> None:
    """Show the code of a file; with `arguments` it is run, for the specialised forms."""
    check_python()
    file, name = split_target(target)
    source = read_source(file)
    chosen = find_codes(source.code, name) if name else (source.code,)
    codes = [code for one in chosen for code in all_codes(one)]
    forms = None if arguments is None else _run_plainly(file, name, arguments)
    if as_json:
        _print_rows(instruction_rows(codes, forms))
        _complain_of(forms)
        return
    from coroscope.views.terminal.consoles import open_console
    from coroscope.views.terminal.disassembly import print_disassembly  # Pygments is slow to load

    print_disassembly(source, codes, open_console(sys.stdout), explain=explain, forms=forms)


def _run_plainly(file: str, name: str, arguments: tuple[str, ...], *, after: Ended | None = None) -> Forms:
    from coroscope.cli.stepping import check_no_recording, run_plainly

    check_no_recording(file)
    return run_plainly(file, name or None, arguments, after=after)


def _complain_of(forms: Forms | None) -> None:
    if forms is not None and forms.problem is not None:
        complain(forms.problem)


def _show_loaded(path: str, shown: _Shown) -> None:
    from coroscope.stepper.recording import load

    recording = load(path)
    if shown.explore is not None and not len(recording):
        raise UsageError(f"nothing to go through: {path!r} has no instruction")
    _show(recording, shown, sys.stdout)


def _show(recording: Recording, shown: _Shown, stream: Any) -> None:
    print_and_go_on(lambda: _print(recording, shown, stream), lambda: _show_apart(recording, shown))


def _print(recording: Recording, shown: _Shown, stream: Any) -> None:
    if shown.as_json:
        _print_rows(step_rows(recording, shown.forms))
        _tell_limits(recording)
        _complain_of(shown.forms)
    elif not shown.is_explored(recording):
        _print_story(recording, shown, stream)


def _show_apart(recording: Recording, shown: _Shown) -> None:
    if shown.html is not None:
        from coroscope.views.page import write_steps

        write_steps(recording, shown.html, shown.forms)
        tell_of_page(shown.html)
    if shown.explore is not None and shown.is_explored(recording):
        shown.explore(recording)


def _run(
    target: str,
    arguments: tuple[str, ...],
    what: What,
    output: str | None,
    shown: _Shown,
    *,
    specialised: bool,
) -> int:
    from coroscope.cli.stepping import check_lines, check_no_recording, run_stepped
    from coroscope.record.supervise import end_as

    check_python()
    file, name = split_target(target)
    check_no_recording(file)
    source = read_source(file)
    if name:
        check_function(source.code, name)
    check_lines(source, what.from_line, what.until_line)
    if output is not None:
        check_writable(output, "the recording", "-o")
        if os.path.exists(output) and os.path.samefile(file, output):
            raise UsageError(f"{output!r} is the program itself: give -o another name")
    recording, ended = run_stepped(
        file, name or None, arguments, what, keep=output, stdout_apart=shown.as_json
    )
    if recording is None:
        complain(f"nothing was recorded: {_why_nothing(ended)}")
        return end_as(ended)
    if specialised:
        shown = replace(shown, forms=_run_plainly(file, name, arguments, after=ended))
    # Whatever becomes of the story, the program's own exit code comes through.
    with suppress(OSError):
        _show(recording, shown, sys.stderr or io.StringIO())
    if output is not None and sys.stderr is not None:
        with suppress(OSError):
            print(f"Kept   {output}  (coroscope step --load {output})", file=sys.stderr)
    return end_as(ended)


def _why_nothing(ended: Ended) -> str:
    if ended.signal is not None:
        return f"signal {ended.signal} ended the program at once"
    return "the program ended at once, or became another program"


def _print_story(recording: Recording, shown: _Shown, stream: Any) -> None:
    from coroscope.views.terminal.consoles import open_console
    from coroscope.views.terminal.story import print_story  # Pygments is slow to load

    print_story(
        recording,
        open_console(stream),
        rows=shown.rows or _ROWS,
        explain=bool(shown.explain),
        forms=shown.forms,
    )


def _print_rows(rows: Any) -> None:
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")


def _tell_limits(recording: Recording) -> None:
    for sentence in filter(None, (recording.cut, recording.is_symbolic, *recording.notes)):
        complain(sentence)


def split_target(target: str) -> tuple[str, str]:
    """The file of FILE[:FUNCTION], and the function's name or ""."""
    if os.path.exists(target):
        return target, ""
    file, separator, name = target.rpartition(":")
    if separator and os.path.exists(file):
        return file, name
    raise UsageError(f"there is no file {target!r}: give FILE or FILE:FUNCTION")
