"""The command line: one module a verb, loaded when it is asked for.

Rule: what a person can mend is one sentence on stderr and exit code 2, never a traceback of ours.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from importlib import import_module

import click

from coroscope._version import __version__
from coroscope.errors import CoroscopeError, UsageError

INTERRUPTED = 128 + 2  # as a shell reports a program that SIGINT ended
PIPE_CLOSED = 128 + 13  # as a shell reports one that SIGPIPE ended
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""What writing to a stream fails with whose disk is full, or broken."""

# Verbs by name: where each is found. Importing a verb costs what it needs, which `run` must not
# pay, nor bring into the program that it observes, for the others.
_VERBS = {
    "run": "coroscope.cli.run:run",
    "show": "coroscope.cli.show:show",
    "export": "coroscope.cli.export:export",
    "compare": "coroscope.cli.compare:compare",
    "step": "coroscope.cli.step:step",
    "bench": "coroscope.cli.bench:bench",
}


class _Verbs(click.Group):
    """A group whose commands are imported by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _VERBS:
            return None
        module, _, name = _VERBS[cmd_name].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command


def _say_version(ctx: click.Context, _: click.Parameter, is_asked_for: bool) -> None:
    if not is_asked_for or ctx.resilient_parsing:
        return
    from coroscope.record.short_ways import IS_COMPILED

    click.echo(f"coroscope {__version__}, the recorder {'compiled' if IS_COMPILED else 'in Python'}")
    ctx.exit()


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Show the version and exit.",
)
def coroscope() -> None:
    """Run coroutines, and see them running."""


def main() -> None:
    """Run the command line of this process, and exit with its exit code."""
    if sys.stdout is None:  # It was closed; not a file of ours, which would take its number.
        sys.stdout = io.StringIO()
    sys.exit(_exit_code_of(sys.argv[1:]))


def _exit_code_of(arguments: list[str]) -> int:
    try:
        return _invoke(arguments)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.UsageError as error:
        complain(_sentence(error))
        return error.exit_code
    except click.ClickException as error:
        complain(error.format_message())
        return error.exit_code
    except CoroscopeError as error:
        complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        # CPython notes a KeyboardInterrupt that leaves an `exec` of text, as in `dataclasses`, and ends the process by
        # SIGINT whoever has caught it (Modules/main.c, exit_sigint), unless another text has been executed since.
        exec("")
        return INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return PIPE_CLOSED
    except OSError as error:
        if error.filename is not None or error.errno not in _NO_ROOM:
            raise
        complain(
            f"cannot write what was asked for ({error.strerror}): make room, or send the output elsewhere"
        )
        _forget_stdout()
        return UsageError.exit_code


def _invoke(arguments: list[str]) -> int:
    # Not `coroscope.main`: it would print click's own words for errors, and a blank line for Ctrl-C.
    try:
        with coroscope.make_context("coroscope", arguments) as context:
            returned = coroscope.invoke(context)
    except click.exceptions.Exit as ended:
        returned = ended.exit_code
    # Here rather than at the interpreter's end, where a closed pipe could only be reported, not handled.
    sys.stdout.flush()
    return returned if isinstance(returned, int) else 0


def complain(problem: str) -> None:
    """Print one sentence on stderr, with nothing in it that a terminal would act on."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in problem)
    if sys.stderr is not None:  # None when it was closed; `print` would then take stdout
        with suppress(OSError):
            print(f"coroscope: {shown}", file=sys.stderr)


def _sentence(error: click.UsageError) -> str:
    """Click's complaint in the style of ours, with the place to look further."""
    message = " ".join(error.format_message().split())
    command = "coroscope" if error.ctx is None else error.ctx.command_path
    return f"{message[:1].lower()}{message[1:].rstrip('.')} (see {command} --help)"


def _forget_stdout() -> None:
    """Send what is still buffered nowhere, or the interpreter would complain at its end."""
    if isinstance(sys.stdout, io.StringIO):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
