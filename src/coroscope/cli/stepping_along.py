"""The steps that `coroscope run` keeps beside a trace: the options that ask for them, and what is said of them."""

from __future__ import annotations

import difflib
import json
import os
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coroscope.cli import complain
from coroscope.errors import CoroscopeError, UsageError
from coroscope.record.layout import HEADER

if TYPE_CHECKING:
    from coroscope.record.supervise import Ended
    from coroscope.stepper.recording import Recording
    from coroscope.trace.model import Trace

_SUFFIX = ".steps"
_MOST_STEPS = 1_000_000
_MANY = 8


def steps_beside(trace: str) -> str:
    """Where the steps of the run in the file `trace` are."""
    return trace + _SUFFIX


def load_steps_beside(trace: str) -> Recording | None:
    """The steps of the run in the file `trace`; None where there are none, with a sentence if there should be."""
    path = steps_beside(trace)
    if not os.path.exists(path):
        return None
    from coroscope.stepper.recording import load

    try:
        steps = load(path)
    except CoroscopeError as error:
        complain(f"{error}; the page is without steps")
        return None
    if steps.columns.origin_ns != _origin_ns(trace):
        complain(f"the steps in {path!r} are of another run: the page is without steps")
        return None
    return steps


def _origin_ns(trace: str) -> int:
    with open(trace, "rb") as file:
        origin_ns: int = HEADER.unpack(file.read(HEADER.size))[4]
    return origin_ns


class Along:
    """What is to be stepped of a program that is recorded, and what became of that."""

    def __init__(self, functions: Sequence[str], tasks: Sequence[str], limit: int) -> None:
        self._functions = functions
        self._tasks = tasks
        self._limit = limit
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._path = ""
        self._sentences: list[str] = []

    def prepare(self, trace: str, command: Sequence[str]) -> str:
        """What the program's process is to be told; "" where this interpreter cannot be stepped, with a sentence."""
        from coroscope.stepped_run import Order
        from coroscope.stepper.self_test import readability
        from coroscope.stepper.versions import check_python

        self._path = os.path.abspath(steps_beside(trace))
        _remove_older(self._path)
        try:
            check_python()
        except CoroscopeError as error:
            complain(f"nothing is stepped in this run: {error}")
            return ""
        # Tried here, so that the program's process need not start another one for it.
        unreadable = readability().reason
        self._folder = tempfile.TemporaryDirectory(prefix="coroscope-")
        paths = sysconfig.get_paths()
        return Order(
            functions=[_absolute(name) for name in self._functions],
            tasks=self._tasks,
            most_steps=self._limit,
            recording=self._path,
            report=str(self._report),
            journal=self._journal,
            unreadable=unreadable,
            libraries=sorted({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}),
            argv=list(command),
        ).to_text()

    @property
    def _report(self) -> Path:
        assert self._folder is not None
        return Path(self._folder.name, "report")

    @property
    def _journal(self) -> str:
        return f"{self._report}.journal"

    def collect(self, trace: Trace, ended: Ended) -> Recording | None:
        """The steps, when the program has ended; None where there are none."""
        if self._folder is None:
            return None
        report: dict[str, list[str]] = {"functions": [], "met": [], "notes": []}
        is_told = self._report.exists()
        with suppress(OSError, ValueError):
            report = json.loads(self._report.read_text(encoding="utf-8"))
        if not is_told:
            self._recover(ended)
        self._folder.cleanup()
        steps = None
        if os.path.exists(self._path):
            from coroscope.stepper.recording import load

            steps = load(self._path)
            self._sentences += filter(None, (steps.cut, steps.is_symbolic, *steps.notes))
        elif is_told:
            self._sentences += ["nothing was stepped", *report["notes"]]
        elif ended.signal is not None:
            self._sentences.append(f"signal {ended.signal} ended the program, and its steps with it")
        else:
            self._sentences.append("the program became another one or ended at once, and its steps with it")
        if is_told:
            self._sentences += self._what_was_missed(trace, report, steps is not None)
        return steps

    def _recover(self, ended: Ended) -> None:
        """Make the recording of what the program left, if it was killed."""
        from coroscope.stepper.file import save
        from coroscope.stepper.journal import recover, why_short

        columns = recover(self._journal)
        if columns is not None:
            columns.say(why_short(ended.signal))
            save(columns, self._path)

    def _what_was_missed(
        self, trace: Trace, report: Mapping[str, Sequence[str]], has_steps: bool
    ) -> Iterator[str]:
        functions, met = report["functions"], report["met"]
        own = (
            task.name for task in trace.loop_tasks.values() if task.process == 1
        )  # Its children are not stepped.
        tasks = list(dict.fromkeys(own))
        for name in self._tasks:
            if name not in tasks:
                yield f"no task was called {name!r}{_closest(name, tasks)}"
            elif not has_steps:
                yield f"the task {name!r} ran no code of your own files"
        for name in self._functions:
            if _absolute(name) in met:
                continue
            _, separator, last = name.rpartition(":")
            if last in functions and not separator:
                yield f"the function {name!r} was never called"
            else:
                yield f"no function {name!r} was met{_closest(last, functions)}"

    def tell(self) -> None:
        """Say on stderr what was not stepped, and why."""
        for sentence in self._sentences:
            complain(sentence)


def _absolute(name: str) -> str:
    """FILE:FUNCTION with the file as the program will name it, whatever its working directory is by then."""
    file, separator, function = name.rpartition(":")
    return f"{os.path.abspath(file)}:{function}" if separator else name


def _closest(name: str, known: Sequence[str]) -> str:
    """Those that there are, the ones that are most like `name` first."""
    if not known:
        return ", nor any other"
    last = name.rpartition(".")[2]
    alike = [one for one in known if one.rpartition(".")[2] == last]
    alike += difflib.get_close_matches(name, known, _MANY, cutoff=0.5)
    listed = list(dict.fromkeys([*alike, *known]))
    more = f" and {len(listed) - _MANY:,} more" if len(listed) > _MANY else ""
    return f": there was {', '.join(listed[:_MANY])}{more}"


def _remove_older(path: str) -> None:
    """Those of an earlier run into the same trace; whatever else has that name stays, and is complained of."""
    from coroscope.stepper.file import MAGIC

    if not os.path.lexists(path):
        return
    if os.path.isfile(path):
        with open(path, "rb") as file:
            is_older = file.read(len(MAGIC)) == MAGIC
        if is_older:
            os.unlink(path)
            return
    raise UsageError(f"the steps would go to {path!r}, where something else is: give -o another name")


def stepping_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give `command` the options, and in `along` what they ask for."""

    @click.option(
        "--step",
        "step_functions",
        metavar="FUNCTION",
        multiple=True,
        help="step through this function too: NAME, FILE:NAME or module.NAME (several times)",
    )
    @click.option(
        "--step-task",
        "step_tasks",
        metavar="NAME",
        multiple=True,
        help="step through what the tasks of this name run of your own files (several times)",
    )
    @click.option(
        "--step-limit",
        "step_limit",
        metavar="N",
        type=click.IntRange(1),
        help=f"keep the first N instructions of these (default {_MOST_STEPS:,}); the program runs on",
    )
    @wraps(command)
    def with_along(
        *, step_functions: tuple[str, ...], step_tasks: tuple[str, ...], step_limit: int | None, **others: Any
    ) -> int:
        is_asked = step_functions or step_tasks
        if step_limit is not None and not is_asked:
            raise UsageError("--step-limit says how much is stepped: give --step or --step-task too")
        along = Along(step_functions, step_tasks, step_limit or _MOST_STEPS) if is_asked else None
        return command(along=along, **others)

    return with_along
