"""Runs a program for `coroscope step`, and loads what was recorded of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from coroscope.errors import UsageError
from coroscope.record.supervise import Ended, run_command
from coroscope.stepper import child
from coroscope.stepper.codes import all_codes
from coroscope.stepper.file import MAGIC, save
from coroscope.stepper.forms import Forms, load_forms
from coroscope.stepper.journal import recover, why_short
from coroscope.stepper.recording import Recording, load
from coroscope.stepper.running import What
from coroscope.stepper.source import Source


def run_stepped(
    file: str,
    function: str | None,
    arguments: Sequence[str],
    what: What,
    *,
    keep: str | None,
    stdout_apart: bool,
) -> tuple[Recording | None, Ended]:
    """Run a program in a process of its own; its recording, if it has left one, and how it ended.

    With `stdout_apart` what it writes to its stdout goes to our stderr.
    """
    with tempfile.TemporaryDirectory(prefix="coroscope-") as folder:
        recorded, problem = Path(folder, "recording"), Path(folder, "problem")
        command = child.command(file, function, arguments, what, str(recorded), str(problem))
        ended = run_command(command, stdout=_stderr() if stdout_apart else None)
        if problem.exists():
            raise UsageError(problem.read_text(encoding="utf-8"))
        if not recorded.exists() and not _recover(recorded, ended):
            return None, ended
        if keep is not None:
            try:
                shutil.copyfile(recorded, keep)
            except OSError as error:
                raise UsageError(
                    f"cannot write the recording to {keep!r} ({error.strerror}): choose another place with -o"
                ) from error
        return load(recorded), ended


def _recover(recorded: Path, ended: Ended) -> bool:
    """Make the recording of what a program left that was killed; False where it left nothing."""
    columns = recover(child.journal_of(str(recorded)))
    if columns is None:
        return False
    columns.say(why_short(ended.signal))
    save(columns, recorded)
    return True


def run_plainly(
    file: str, function: str | None, arguments: Sequence[str], *, after: Ended | None = None
) -> Forms:
    """Run a program once more, unwatched, and give the specialised forms that its instructions had at its end.

    Given how it ended `after` it was recorded, nothing of it is seen and nothing can be typed in; else it is the first
    run: its stdout goes to our stderr.
    """
    with tempfile.TemporaryDirectory(prefix="coroscope-") as folder:
        told, problem = Path(folder, "forms"), Path(folder, "problem")
        command = child.plain_command(file, function, arguments, str(told), str(problem))
        nowhere = None if after is None else subprocess.DEVNULL
        out = _stderr() if after is None else nowhere
        ended = run_command(command, stdin=nowhere, stdout=out, stderr=nowhere)
        if problem.exists():
            raise UsageError(problem.read_text(encoding="utf-8"))
        if not told.exists():
            how = "at once" if ended.signal is None else f"by signal {ended.signal}"
            return Forms(
                problem=f"the specialised forms are missing: the plain run ended {how}, telling none"
            )
        forms = load_forms(told)
    if (ended.exit_code, ended.signal) == ((0, None) if after is None else (after.exit_code, after.signal)):
        return forms
    return replace(forms, problem=_ended_otherwise(ended, after))


def _ended_otherwise(ended: Ended, after: Ended | None) -> str:
    how = _how(ended)
    if after is None:
        return f"the program ended with {how}: of what it did not come to, the specialised forms are missing"
    return (
        f"the plain run ended with {how}, not with {_how(after)}: of what it did not come to, the specialised forms "
        "are missing"
    )


def _how(ended: Ended) -> str:
    return f"exit code {ended.exit_code}" if ended.signal is None else f"signal {ended.signal}"


def _stderr() -> int:
    return subprocess.DEVNULL if sys.stderr is None else sys.stderr.fileno()


def check_no_recording(file: str) -> None:
    """Refuse a recording where a program is to be given."""
    if os.path.isfile(file):
        with open(file, "rb") as opened:
            if opened.read(len(MAGIC)) == MAGIC:
                raise UsageError(f"{file!r} is a recording: see it with coroscope step --load {file}")


def check_lines(source: Source, first: int | None, until: int | None) -> None:
    """Refuse lines that no instruction of the program stands on: they would never be reached."""
    lines = {line for code in all_codes(source.code) for _, _, line in code.co_lines() if line}
    for line, option in ((first, "--from"), (until, "--until")):
        if line is None or line in lines:
            continue
        after = min((one for one in lines if one > line), default=None)
        remedy = (
            f"the next that has some is {after}"
            if after
            else f"the last that has some is {max(lines, default=1)}"
        )
        raise UsageError(f"{option} {line}: no instructions stand on that line of {source.file!r}; {remedy}")
