"""`coroscope step`: the instructions that a function became, and what they do to the interpreter's stack."""

from __future__ import annotations

import json
import os
import sys

import click

from coroscope.errors import UsageError
from coroscope.stepper.codes import all_codes, find_codes
from coroscope.stepper.document import instruction_rows
from coroscope.stepper.source import read_source
from coroscope.stepper.versions import check_python


@click.command()
@click.argument("target", metavar="FILE[:FUNCTION]")
@click.option("--static", is_flag=True, help="show the instructions; nothing of FILE is run")
@click.option(
    "--explain/--no-explain",
    default=None,
    help="say in a sentence what each instruction does (default: where 110 columns have room for it)",
)
@click.option("--json", "as_json", is_flag=True, help="print each instruction as a line of JSON instead")
def step(target: str, static: bool, explain: bool | None, as_json: bool) -> None:
    """Show the instructions that a Python file, or one function in it, became."""
    if not static:
        raise UsageError("coroscope step cannot run a program yet: give --static to see its instructions")
    check_python()
    file, name = split_target(target)
    source = read_source(file)
    chosen = find_codes(source.code, name) if name else (source.code,)
    codes = [code for one in chosen for code in all_codes(one)]
    if as_json:
        for row in instruction_rows(codes):
            sys.stdout.write(json.dumps(row) + "\n")
        return
    from coroscope.views.terminal.consoles import open_console
    from coroscope.views.terminal.disassembly import print_disassembly  # Pygments is slow to load

    print_disassembly(source, codes, open_console(sys.stdout), explain=explain)


def split_target(target: str) -> tuple[str, str]:
    """The file of FILE[:FUNCTION], and the function's name or ""."""
    if os.path.exists(target):
        return target, ""
    file, separator, name = target.rpartition(":")
    if separator and os.path.exists(file):
        return file, name
    raise UsageError(f"there is no file {target!r}: give FILE or FILE:FUNCTION")
