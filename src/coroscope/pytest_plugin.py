"""The pytest plugin: `pytest --coroscope` records each test; a marker fails those that hold their loop or leak tasks.

Rule: pytest is all that is imported until a test is recorded.
Rule: a test is recorded from its call to its return, without its fixtures' set-up and tear-down.
Rule: whatever goes wrong in recording a test is told at the end of the run, and does not touch the test.
Under pytest-xdist the workers record, and what they say goes with their reports to the process that prints.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from coroscope.trace import Trace

_DEFAULT_FOLDER = ".coroscope"
_SUFFIX = ".coroscope"
_MARKER = (
    "coroscope(max_stall_ms, no_leaked_tasks): fail the test if a step holds its event loop for longer than "
    "max_stall_ms milliseconds, or (no_leaked_tasks=True) if one of its tasks is left pending"
)
_MOST_NAMED = 5
_WORTH_NAMING_MS = 10.0

_folder = pytest.StashKey[str]()
_recorded = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("coroscope").addoption(
        "--coroscope",
        nargs="?",
        const=_DEFAULT_FOLDER,
        metavar="FOLDER",
        help=f"record each test into a trace in FOLDER, given as --coroscope=FOLDER (default {_DEFAULT_FOLDER})",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)
    folder = config.getoption("--coroscope")
    if folder is not None:
        path = os.path.join(config.invocation_params.dir, folder)
        _check_folder(path, folder)
        config.stash[_folder] = path
    config.pluginmanager.register(_Told(folder), "coroscope-told")


def _check_folder(path: str, given: str) -> None:
    """Refuse what is no folder of traces: `pytest --coroscope tests` is a slip."""
    if os.path.isdir(path):
        others = [name for name in os.listdir(path) if not name.endswith(_SUFFIX) and name != ".gitignore"]
        problem = f"it holds {sorted(others)[0]!r}, which is no trace" if others else ""
    else:
        problem = "it is a file" if os.path.exists(path) else ""
    if problem:
        raise pytest.UsageError(
            f"--coroscope {given}: the traces do not go there, because {problem}; "
            "name another place by --coroscope=FOLDER, or give --coroscope after the tests"
        )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    folder = item.config.stash.get(_folder, None)
    limits = _limits(item)
    if folder is None and not limits:
        return (yield)
    return (yield from _record(item, folder, limits))


def _limits(item: pytest.Item) -> dict[str, Any]:
    """What the test's markers ask for; of two that name the same limit, the one closer to the test counts."""
    limits: dict[str, Any] = {}
    for marker in item.iter_markers("coroscope"):
        if (
            marker.args
            or not marker.kwargs
            or not marker.kwargs.keys() <= {"max_stall_ms", "no_leaked_tasks"}
        ):
            pytest.fail(
                f"@pytest.mark.coroscope takes max_stall_ms=MILLISECONDS and no_leaked_tasks=True, not "
                f"{marker.args or marker.kwargs or 'nothing'}",
                pytrace=False,
            )
        limits = {**marker.kwargs, **limits}
    limit_ms = limits.get("max_stall_ms", 0)
    if isinstance(limit_ms, bool) or not isinstance(limit_ms, int | float) or limit_ms < 0:
        pytest.fail(
            f"@pytest.mark.coroscope: max_stall_ms={limit_ms!r} is no number of milliseconds", pytrace=False
        )
    return limits


def _record(item: pytest.Item, folder: str | None, limits: dict[str, Any]) -> Generator[None, Any, Any]:
    import tempfile

    from coroscope.record import marks

    if marks.current_recorder() is not None:  # `coroscope run -m pytest`: the whole run is one recording.
        with marks.region(item.nodeid):
            return (yield)
    with tempfile.TemporaryDirectory(prefix="coroscope-") as temporary:
        recording = _begin(item, os.path.join(folder or temporary, _file_name(item.nodeid)), folder)
        try:
            result = yield
        finally:
            trace = _end(item, recording, kept=folder is not None)
    if trace is not None and limits:
        _check(trace, limits)
    return result


def _begin(item: pytest.Item, path: str, folder: str | None) -> Any:
    try:
        from coroscope.recording import Recording

        if folder is not None:
            _make_folder(folder)
        recording = Recording(path, argv=("pytest", item.nodeid), takes_others_in=True)
        return recording.__enter__()
    except Exception as error:
        item.stash[_recorded] = {"is_kept": False, "problem": str(error)}
        return None


def _make_folder(folder: str) -> None:
    if not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, ".gitignore"), "w") as file:
            file.write("*\n")


def _end(item: pytest.Item, recording: Any, kept: bool) -> Trace | None:
    if recording is None:
        return None
    try:
        from coroscope.analysis.limits import longest_step

        recording.__exit__(None, None, None)
        trace: Trace = recording.load()
        step = longest_step(trace)
        item.stash[_recorded] = {
            "is_kept": kept,
            "step_ms": step.duration_ns / 1e6 if step is not None else 0.0,
            "place": f"{step.place.file}:{step.place.line}"
            if step is not None and step.place is not None
            else None,
            "problem": "; ".join(trace.notices) or ("" if trace.ended.complete else "the recorder failed"),
        }
        return trace
    except Exception as error:
        item.stash[_recorded] = {"is_kept": False, "problem": str(error)}
        return None


def _check(trace: Trace, limits: dict[str, Any]) -> None:
    __tracebackhide__ = True
    from coroscope.analysis.limits import complaints

    broken = list(complaints(trace, limits.get("max_stall_ms"), bool(limits.get("no_leaked_tasks"))))
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)


def _file_name(nodeid: str) -> str:
    """A file's name for a test: readable, and another one for every test."""
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", nodeid.replace("::", "--"))
    import hashlib

    if len(readable) > 150 or not re.fullmatch(r"[A-Za-z0-9_./]+(::[A-Za-z0-9_]+)*", nodeid):
        readable = (
            f"{readable[:150].strip('-')}-{hashlib.sha256(nodeid.encode(errors='replace')).hexdigest()[:8]}"
        )
    return readable + _SUFFIX


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.when == "call" and _recorded in item.stash:
        # A plain dictionary, so that it can travel between processes.
        report.coroscope = item.stash[_recorded]  # type: ignore[attr-defined]
    return report


class _Told:
    """Gathers what is told of the recordings, in the process that prints; and prints it at the end."""

    def __init__(self, folder: str | None) -> None:
        self._folder = folder
        self._kept: list[tuple[str, dict[str, Any]]] = []
        self._problems: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        recorded = getattr(report, "coroscope", None)
        if recorded is None:
            return
        if recorded["problem"]:
            self._problems.append((report.nodeid, recorded["problem"]))
        if recorded["is_kept"]:
            self._kept.append((report.nodeid, recorded))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self._kept and not self._problems:
            return
        terminalreporter.section("coroscope")
        if self._kept:
            what = "1 trace" if len(self._kept) == 1 else f"{len(self._kept)} traces"
            terminalreporter.line(f"{what} in {self._folder} (coroscope show FILE)")
        slowest = sorted(self._kept, key=lambda entry: -entry[1]["step_ms"])[:_MOST_NAMED]
        for nodeid, recorded in slowest:
            if recorded["step_ms"] >= _WORTH_NAMING_MS:
                place = f" at {recorded['place']}" if recorded["place"] else ""
                terminalreporter.line(f"longest step {recorded['step_ms']:.0f} ms in {nodeid}{place}")
        for nodeid, problem in self._problems:
            terminalreporter.line(f"{nodeid} was not recorded in full: {problem}")
