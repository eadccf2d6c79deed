"""The pytest plugin, in pytest runs of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import coroscope
from coroscope.pytest_plugin import _file_name, _Told
from tests.test_package import modules_loaded_by

pytest_plugins = ["pytester"]

PLUGINS = ("coroscope.pytest_plugin", "pytest_asyncio.plugin", "anyio.pytest_plugin")

WAYS = {
    "pytest-asyncio": """\
import asyncio, pytest, time
{helpers}
@pytest.mark.asyncio
{marker}
async def test_it():
{body}
""",
    "anyio": """\
import asyncio, pytest, time
{helpers}
@pytest.fixture
def anyio_backend(): return "asyncio"
@pytest.mark.anyio
{marker}
async def test_it():
{body}
""",
    "unittest": """\
import asyncio, pytest, time, unittest
{helpers}
class TestIt(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.background = asyncio.create_task(asyncio.sleep(0.01))
    async def asyncTearDown(self):
        await self.background
    {marker}
    async def test_it(self):
    {body}
""",
    "asyncio.run": """\
import asyncio, pytest, time
{helpers}
async def main():
{body}
{marker}
def test_it():
    asyncio.run(main())
""",
}
HELPERS = "async def forgotten(): await asyncio.sleep(60)"
CLEAN = "    await asyncio.sleep(0.001)\n    await asyncio.create_task(asyncio.sleep(0.001))\n"
BLOCKS = CLEAN + "    await asyncio.sleep(0)\n    for _ in range(40): time.sleep(0.005)  # blocks\n"
LEAKS = "    global kept; kept = asyncio.create_task(forgotten())  # leaks\n" + CLEAN


def written(way: str, body: str, marker: str = "") -> str:
    if way == "unittest":
        body = body.replace("\n    ", "\n        ")
    return WAYS[way].format(helpers=HELPERS, marker=marker, body=body)


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.plugins = []
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    options = [*(f"-p{name}" for name in PLUGINS), "-oasyncio_default_fixture_loop_scope=function"]
    return pytester.runpytest_subprocess(*options, *arguments, timeout=100)


def line_of(text: str, file: str) -> int:
    return file[: file.index(text)].count("\n") + 1


@pytest.mark.parametrize("way", WAYS)
def test_with_the_option_every_test_has_a_trace(pytester: pytest.Pytester, way: str) -> None:
    file = written(way, BLOCKS) + "\ndef test_other(): pass\n"
    pytester.makepyfile(test_app=file)
    result = run(pytester, "--coroscope")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(
        [
            "*= coroscope =*",
            "2 traces in .coroscope (coroscope show FILE)",
            f"longest step * ms in test_app.py::*test_it at */test_app.py:{line_of('time.sleep(', file)}",
        ]
    )
    traces = sorted((pytester.path / ".coroscope").glob("*.coroscope"))
    assert [path.name.rpartition("--")[2] for path in traces] == ["test_it.coroscope", "test_other.coroscope"]
    trace = coroscope.load(traces[0])
    assert trace.argv[0] == "pytest"
    assert trace.argv[1].endswith("::test_it")
    assert trace.stalls(100)


@pytest.mark.parametrize("way", WAYS)
def test_the_marker_fails_a_test_that_holds_its_loop_and_names_line_and_task(
    pytester: pytest.Pytester, way: str
) -> None:
    file = written(way, BLOCKS, "@pytest.mark.coroscope(max_stall_ms=100, no_leaked_tasks=True)")
    pytester.makepyfile(test_app=file)
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"*/test_app.py:{line_of('time.sleep(', file)}: a step of task '*' (*) held the loop for * ms "
            "(max_stall_ms=100)"
        ]
    )
    assert not (pytester.path / ".coroscope").exists()


@pytest.mark.parametrize("way", WAYS)
def test_the_marker_fails_a_test_that_leaves_a_task_pending(pytester: pytest.Pytester, way: str) -> None:
    file = written(way, LEAKS, "@pytest.mark.coroscope(no_leaked_tasks=True)")
    pytester.makepyfile(test_app=file)
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"*/test_app.py:{line_of('asyncio.create_task(forgotten', file)}: task '*' (forgotten) is "
            f"still pending at the end, waiting at */test_app.py:{line_of('async def forgotten', file)}"
        ]
    )
    assert "asyncSetUp" not in result.stdout.str()


@pytest.mark.parametrize("way", WAYS)
def test_the_marker_lets_a_clean_test_pass(pytester: pytest.Pytester, way: str) -> None:
    marker = "@pytest.mark.coroscope(max_stall_ms=60_000, no_leaked_tasks=True)"
    pytester.makepyfile(test_app=written(way, CLEAN, marker))
    result = run(pytester)
    result.assert_outcomes(passed=1)
    assert "coroscope" not in result.stdout.str()


def test_a_task_that_the_test_cancels_itself_is_not_left(pytester: pytest.Pytester) -> None:
    body = "    task = asyncio.create_task(forgotten())\n    await asyncio.sleep(0.001)\n    task.cancel()\n"
    pytester.makepyfile(test_app=written("asyncio.run", body, "@pytest.mark.coroscope(no_leaked_tasks=True)"))
    run(pytester).assert_outcomes(passed=1)


def test_a_fixtures_task_is_not_the_tests(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_app="""\
import asyncio, pytest, pytest_asyncio
@pytest_asyncio.fixture
async def server():
    task = asyncio.create_task(asyncio.sleep(60))
    yield task
    task.cancel()
@pytest.mark.asyncio
@pytest.mark.coroscope(no_leaked_tasks=True)
async def test_it(server):
    await asyncio.sleep(0.001)
    assert not server.done()
"""
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_failing_test_fails_as_it_would_alone(pytester: pytest.Pytester) -> None:
    marker = "@pytest.mark.coroscope(max_stall_ms=100)"
    pytester.makepyfile(test_app=written("pytest-asyncio", BLOCKS + "    assert 1 == 2\n", marker))
    result = run(pytester, "--coroscope")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E       assert 1 == 2", "1 trace in .coroscope*"])
    result.stdout.no_fnmatch_line("*held the loop*")


def test_outcomes_are_the_same_with_and_without_recording(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_app="""\
import pytest, sys
def test_skipped(): pytest.skip("so")
@pytest.mark.xfail(strict=True)
def test_expected_to_fail(): assert False
def test_failing(): assert False
def test_passing(): pass
def test_exits_quietly():
    with pytest.raises(SystemExit): sys.exit(3)
"""
    )
    for arguments in ((), ("--coroscope",)):
        run(pytester, *arguments).assert_outcomes(passed=2, failed=1, skipped=1, xfailed=1)


def test_markers_of_module_and_test_add_up_and_the_closer_one_counts(pytester: pytest.Pytester) -> None:
    file = written("pytest-asyncio", BLOCKS + LEAKS, "@pytest.mark.coroscope(max_stall_ms=60_000)")
    pytester.makepyfile(
        test_app="import pytest\npytestmark = pytest.mark.coroscope(max_stall_ms=1, no_leaked_tasks=True)\n"
        + file
    )
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*still pending at the end*"])
    result.stdout.no_fnmatch_line("*held the loop*")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("", "takes max_stall_ms=MILLISECONDS and no_leaked_tasks=True, not nothing"),
        ("(100)", "takes max_stall_ms=MILLISECONDS and no_leaked_tasks=True, not (100,)"),
        ("(max_stall=100)", "takes max_stall_ms=MILLISECONDS*, not {'max_stall': 100}"),
        ("(max_stall_ms='1 s')", "max_stall_ms='1 s' is no number of milliseconds"),
    ],
)
def test_a_marker_that_cannot_be_understood_fails_its_test(
    pytester: pytest.Pytester, arguments: str, problem: str
) -> None:
    pytester.makepyfile(test_app=f"import pytest\n@pytest.mark.coroscope{arguments}\ndef test_it(): pass\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"@pytest.mark.coroscope*{problem.replace('[', '[[]')}"])


def test_a_folder_of_other_things_is_refused(pytester: pytest.Pytester) -> None:
    """As in `pytest --coroscope tests`."""
    pytester.makepyfile(**{"tests/test_app": "def test_it(): pass"})
    result = run(pytester, "--coroscope", "tests")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*--coroscope tests: the traces do not go there, because it holds 'test_app.py'*"]
    )
    run(pytester, "--coroscope=traces").assert_outcomes(passed=1)
    run(pytester, "--coroscope=traces").assert_outcomes(passed=1)
    assert (pytester.path / "traces" / "tests-test_app.py--test_it.coroscope").is_file()


def test_tests_run_where_nothing_can_be_recorded(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        conftest="""\
from coroscope.record.stream import (ChunkFile)
def refuse(*_): raise OSError(28, "No space left on device")
ChunkFile.map_chunk = refuse
""",
        test_app=written("asyncio.run", CLEAN, "@pytest.mark.coroscope(max_stall_ms=100)"),
    )
    result = run(pytester, "--coroscope", "-Werror")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["test_app.py::test_it was not recorded in full: *"])


def test_a_program_that_records_itself_can_be_tested(pytester: pytest.Pytester) -> None:
    body = '    import coroscope\n    with coroscope.record("mine.coroscope"):\n        await asyncio.sleep(0.001)\n'
    pytester.makepyfile(test_app=written("asyncio.run", body))
    run(pytester, "--coroscope").assert_outcomes(passed=1)
    (trace,) = (pytester.path / ".coroscope").glob("*.coroscope")
    assert [region.name for region in coroscope.load(trace).regions] == ["mine.coroscope"]


def test_under_coroscope_run_each_test_is_a_region(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_app=written("asyncio.run", CLEAN))
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    run_it = (
        "run",
        "-o",
        "all.coroscope",
        "-m",
        "pytest",
        f"-p{PLUGINS[0]}",
        "--coroscope",
        "-pno:cacheprovider",
    )
    assert pytester.run(sys.executable, "-m", "coroscope", *run_it, timeout=100).ret == 0
    shown = pytester.run(sys.executable, "-m", "coroscope", "show", "--json", "all.coroscope", timeout=100)
    assert [region["name"] for region in json.loads(shown.stdout.str())["regions"]] == [
        "test_app.py::test_it"
    ]


def test_under_coroscope_run_pytest_has_no_warning_more(pytester: pytest.Pytester) -> None:
    pytester._monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_app="def test_it():\n    pass\n")
    # As pytest does by itself with the modules of every distribution that has a plugin for it.
    pytester.makeconftest("import pytest\npytest.register_assert_rewrite('coroscope')\n")
    options = (
        "run",
        "-o",
        "all.coroscope",
        "-m",
        "pytest",
        "-Werror",
        f"-p{PLUGINS[0]}",
        "-pno:cacheprovider",
    )
    ran = pytester.run(sys.executable, "-m", "coroscope", *options, timeout=100)
    assert ran.ret == 0, ran.stderr.str()


def test_loading_the_plugin_loads_nothing_that_records() -> None:
    loaded = modules_loaded_by("import coroscope.pytest_plugin")
    assert {name for name in loaded if name.startswith("coroscope")} == {
        "coroscope",
        "coroscope._version",
        "coroscope.pytest_plugin",
    }


def test_names_of_files_are_safe_and_differ() -> None:
    nodeids = [
        "tests/test_app.py::test_it",
        "tests/test_app.py::test_it[a/b]",
        "tests/test_app.py::test_it[a-b]",
        "tests/test_app.py::test_it[../../x\\y\0 é]",
        "tests/test_app.py::test_" + "long" * 100,
        "tests/test_app.py::test_" + "long" * 101,
        "tests-test_app.py::test_it",
    ]
    names = [_file_name(nodeid) for nodeid in nodeids]
    assert names[0] == "tests-test_app.py--test_it.coroscope"
    assert len(set(names)) == len(names)
    for name in names:
        assert Path(name).name == name
        assert len(name) < 200
        assert name.isascii()
        assert name.isprintable()


def test_what_a_worker_tells_goes_with_its_report() -> None:
    """As pytest-xdist sends reports from process to process."""
    recorded = {"is_kept": True, "step_ms": 1.5, "place": None, "problem": ""}
    report = pytest.TestReport(
        "test_app.py::test_it", ("", 0, ""), {}, "passed", None, "call", coroscope=recorded
    )
    received = pytest.TestReport._from_json(json.loads(json.dumps(report._to_json())))
    told = _Told(".coroscope")
    told.pytest_runtest_logreport(received)
    lines: list[str] = []

    class Reporter:
        section = line = staticmethod(lines.append)

    told.pytest_terminal_summary(Reporter)
    assert lines == ["coroscope", "1 trace in .coroscope (coroscope show FILE)"]
