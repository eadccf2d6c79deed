"""`coroscope bench` measures what it is asked for, and says what it could not measure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from coroscope.bench.traffic.workloads import DEFAULT_TRAFFIC
from tests.programs import coroscope

BRIEFLY = ("--quick", "--sleepers", "100")


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return coroscope("bench", *BRIEFLY, *arguments, folder=folder)


def told(folder: Path, *arguments: str) -> dict[str, Any]:
    """The object that `--json -` prints."""
    done = bench(folder, "--json", "-", *arguments)
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def rows(folder: Path, *arguments: str) -> dict[tuple[str, str], dict[str, Any]]:
    (interpreter,) = told(folder, *arguments)["interpreters"]
    return {(row["workload"], row["loop"]): row for row in interpreter["rows"]}


def interpreter(folder: Path, script: str, name: str = "python") -> Path:
    """A Python that does something of its own first: a shell script, in which $PYTHON is the real one."""
    path = folder / name
    path.write_text(f'#!/bin/sh\nPYTHON="{sys.executable}"\n{script}\n')
    path.chmod(0o755)
    return path


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("coroscope: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_each_workload_is_measured_once_a_round_on_each_loop(tmp_path: Path) -> None:
    workloads = ["switch", "cancel", "sleepers"]
    measured = rows(tmp_path, "--rounds", "2", "--loops", "coroscope", "asyncio", "--workloads", *workloads)
    assert set(measured) == {(workload, loop) for workload in workloads for loop in ("coroscope", "asyncio")}
    for row in measured.values():
        assert row["missing"] is None
        assert row["operations"] > 0
        assert len(row["samples_us"]) == 2
        assert row["ratio"] > 0
    assert measured["sleepers", "asyncio"]["operations"] == 100


def test_names_may_be_separated_by_commas(tmp_path: Path) -> None:
    measured = rows(tmp_path, "--loops", "coroscope,asyncio", "--workloads", "switch-2,wake-1")
    assert list(measured) == [
        (workload, loop) for workload in ("switch-2", "wake-1") for loop in ("coroscope", "asyncio")
    ]


def test_an_own_way_has_rows_only_where_it_has_something_to_say(tmp_path: Path) -> None:
    loops = ("--loops", "coroscope.sleep", "coroscope.wait")
    measured = rows(tmp_path, *loops, "--workloads", "spawn-1", "switch-2", "sleepers")
    assert set(measured) == {
        ("switch-2", "coroscope.sleep"),
        ("switch-2", "coroscope.wait"),
        ("sleepers", "coroscope.sleep"),
    }
    assert all(row["samples_us"] for row in measured.values())


def test_a_workload_without_an_equivalent_says_so_in_its_row(tmp_path: Path) -> None:
    measured = rows(tmp_path, "--loops", "asyncio", "trio", "--workloads", "call_soon")
    assert measured["call_soon", "trio"]["missing"] == "trio has no callbacks"
    assert measured["call_soon", "asyncio"]["samples_us"]


def test_another_python_is_measured_without_coroscope_or_a_loop_installed(tmp_path: Path) -> None:
    bare = interpreter(tmp_path, 'exec "$PYTHON" -I -S "$@"')  # no site-packages: the standard library alone
    measured = rows(tmp_path, "--python", str(bare), "--workloads", "switch-2")
    assert measured["switch-2", "coroscope"]["samples_us"]
    assert {loop: row["missing"] for (_, loop), row in measured.items()} == {
        "coroscope": None,
        "coroscope.sleep": None,
        "coroscope.wait": None,
        "asyncio": None,
        "uvloop": "not installed",
        "trio": "not installed",
    }


def test_the_working_directory_takes_no_part(tmp_path: Path) -> None:
    for name in ("asyncio", "uvloop", "queue", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the working directory')\n")
    real = interpreter(tmp_path, 'exec "$PYTHON" "$@"')
    command = [
        sys.executable,
        "-P",
        "-m",
        "coroscope",
        "bench",
        *BRIEFLY,
        "--json",
        "-",
        "--python",
        str(real),
    ]
    command += ["--loops", "coroscope", "asyncio", "--workloads", "queue"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    (measured,) = json.loads(done.stdout)["interpreters"]
    assert [row["missing"] for row in measured["rows"]] == [None, None]


def test_a_server_is_measured_while_another_process_asks_it(tmp_path: Path) -> None:
    workloads = ("tcp-protocol", "tcp-streams-1000c", "tls-streams", "idle-1000c", "subprocess")
    measured = rows(tmp_path, "--io", "--loops", "coroscope", "trio", "--workloads", *workloads)
    assert measured["tcp-protocol", "trio"]["missing"] == "trio has no protocols"
    del measured["tcp-protocol", "trio"]
    for row in measured.values():
        assert row["missing"] is None
        assert row["operations"] > 0
        assert row["samples_us"][0] > 0
    assert measured["tcp-streams-1000c", "trio"]["operations"] == 1_000
    memory = measured["idle-1000c", "coroscope"]["figures"]["connection_bytes"]
    assert memory["samples"] == [memory["median"]]
    # So few connections may fit into memory that the process had already.
    assert memory["ratio"] == (1 if memory["median"] else None)
    assert measured["subprocess", "coroscope"]["figures"] == {}


def test_without_names_io_measures_its_own_thirteen(tmp_path: Path) -> None:
    bare = interpreter(tmp_path, 'exec "$PYTHON" -I -S "$@"')
    measured = rows(tmp_path, "--io", "--python", str(bare), "--loops", "coroscope", "trio")
    assert list(dict.fromkeys(workload for workload, _ in measured)) == list(DEFAULT_TRAFFIC)
    assert all(row["samples_us"] or row["loop"] == "trio" for row in measured.values())


def test_requests_by_wrk_come_with_their_latencies(tmp_path: Path) -> None:
    (tmp_path / "wrk").write_text(WRK)
    (tmp_path / "wrk").chmod(0o755)
    path = interpreter(tmp_path, f'export PATH="{tmp_path}:$PATH"; exec "$PYTHON" "$@"')
    measured = rows(
        tmp_path, "--python", str(path), "--loops", "asyncio", "trio", "--workloads", "http-aiohttp"
    )
    row = measured["http-aiohttp", "asyncio"]
    assert row["operations"] == 3
    figures = {key: figure["median"] for key, figure in row["figures"].items()}
    assert figures == {"requests_per_s": 1_500.5, "latency_50_us": 250, "latency_99_us": 1_250}
    assert measured["http-aiohttp", "trio"]["missing"] == "runs on asyncio only"


def test_a_server_that_fails_is_told_and_the_others_are_measured(tmp_path: Path) -> None:
    (tmp_path / "openssl").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "openssl").chmod(0o755)
    path = interpreter(tmp_path, f'export PATH="{tmp_path}:$PATH"; exec "$PYTHON" "$@"')
    workloads = ("--workloads", "tls-protocol", "tcp-protocol")
    measured = rows(tmp_path, "--io", "--python", str(path), "--loops", "asyncio", *workloads)
    assert "openssl" in measured["tls-protocol", "asyncio"]["missing"]
    assert "exit status 7" in measured["tls-protocol", "asyncio"]["missing"]
    assert measured["tcp-protocol", "asyncio"]["samples_us"]


def test_a_process_that_dies_is_told_and_the_others_are_measured(tmp_path: Path) -> None:
    dying = interpreter(tmp_path, 'case "$*" in *asyncio*) kill -9 $$;; esac; exec "$PYTHON" "$@"')
    loops = ("--loops", "coroscope", "asyncio")
    measured = rows(tmp_path, "--python", str(dying), *loops, "--workloads", "switch-2")
    assert measured["switch-2", "asyncio"]["missing"] == "failed: exit code -9"
    assert measured["switch-2", "coroscope"]["samples_us"]


def test_several_pythons_have_their_own_rows(tmp_path: Path) -> None:
    one, other = (interpreter(tmp_path, 'exec "$PYTHON" "$@"', name) for name in ("one", "other"))
    arguments = ("--python", str(one), str(other), "--loops", "coroscope", "--workloads", "switch-2")
    interpreters = told(tmp_path, *arguments)["interpreters"]
    assert [found["path"] for found in interpreters] == [str(one), str(other)]
    assert all(found["rows"][0]["samples_us"] for found in interpreters)


def test_the_table_goes_to_stdout_and_the_files_where_they_are_asked_for(tmp_path: Path) -> None:
    arguments = (
        "--loops",
        "coroscope",
        "asyncio",
        "--workloads",
        "switch-2",
        "--json",
        "a.json",
        "--html",
        "a.html",
    )
    done = bench(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "How many times coroscope's time" in done.stdout
    assert json.loads((tmp_path / "a.json").read_text())["complete"] is True
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")
    assert done.stderr == "The page is in 'a.html': open it in a browser.\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--loops", "curio"), ("no loop is named 'curio'", "choose from coroscope, coroscope.sleep")),
        (("--workloads", "swim"), ("no workload is named 'swim'", "choose from spawn, switch")),
        (("--io", "--workloads", "swim"), ("'swim'", "choose from tcp-protocol, tcp-buffered", "-16k")),
        (("--rounds", "0"), ("--rounds", "see coroscope bench --help")),
        (
            ("--python", "/nowhere/python"),
            ("'/nowhere/python'", "No such file", "give the path of a Python 3.11"),
        ),
        (("--python", "/bin/true"), ("'/bin/true'", "give the path of a Python 3.11")),
        (("--json", "missing/a.json"), ("cannot write the JSON to 'missing/a.json'", "--json")),
        (("--html", "."), ("cannot write the page to '.'", "--html")),
        (("--json", "a", "--html", "./a"), ("'./a' is where the JSON goes",)),
    ],
)
def test_a_mistake_is_one_sentence_with_the_remedy(
    tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(bench(tmp_path, *arguments), *words)


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    as_old = (
        "import runpy, sys; sys.version_info = (3, 9, 1); runpy.run_path(sys.argv[1], run_name='__main__')"
    )
    old = interpreter(tmp_path, f'exec "$PYTHON" -c "{as_old}" "$@"')
    assert_refused(bench(tmp_path, "--python", str(old)), "it is Python 3.9")


def test_nothing_to_measure_is_a_mistake_too(tmp_path: Path) -> None:
    bare = interpreter(tmp_path, 'exec "$PYTHON" -I -S "$@"')
    done = bench(tmp_path, "--python", str(bare), "--loops", "trio", "--workloads", "switch-2")
    assert_refused(done, "nothing was measured (trio: not installed)")


@pytest.mark.parametrize("measured", [0, 1])
def test_ctrl_c_leaves_no_process_and_prints_what_is_measured(tmp_path: Path, measured: int) -> None:
    # Each process tells its id when it starts: the one that describes the Python first, then each measurement.
    started = tmp_path / "started"
    os.mkfifo(started)
    told_pid = interpreter(tmp_path, f'echo $$ > "{started}"\nexec "$PYTHON" "$@"')
    command = [sys.executable, "-c", INTERRUPTIBLE, "bench", "--python", str(told_pid)]
    command += ["--loops", "coroscope", "asyncio", "--workloads", "switch"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    pids = [int(started.read_text()) for _ in range(2 + measured)]
    running.send_signal(signal.SIGINT)
    output, errors = running.communicate(timeout=100)
    assert (running.returncode, errors) == (130, "")
    with pytest.raises(ProcessLookupError):
        os.kill(pids[-1], 0)
    assert ("Broken off" in output) == bool(measured)
    assert ("1.00×" in output) == bool(measured)


def test_ctrl_c_leaves_nothing_of_what_asks_a_server(tmp_path: Path) -> None:
    # As long as a `wrk` runs, it holds the pipe open for writing.
    started = tmp_path / "started"
    os.mkfifo(started)
    (tmp_path / "wrk").write_text(f'#!/bin/sh\nexec 3> "{started}"\necho started >&3\nexec sleep 200\n')
    (tmp_path / "wrk").chmod(0o755)
    path = interpreter(tmp_path, f'export PATH="{tmp_path}:$PATH"; exec "$PYTHON" "$@"')
    command = [sys.executable, "-c", INTERRUPTIBLE, "bench", "--python", str(path)]
    command += ["--loops", "asyncio", "--workloads", "http-aiohttp"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with started.open() as pipe:
        assert pipe.readline() == "started\n"
        running.send_signal(signal.SIGINT)
        assert pipe.read() == ""  # it has ended
    output, errors = running.communicate(timeout=60)
    assert (running.returncode, output, errors) == (130, "", "")


WRK = """#!/bin/sh
cat << 'END'
  Latency Distribution
     50%  250.00us
     99%    1.25ms
  3 requests in 0.01s, 1.00KB read
Requests/sec:   1500.50
END
"""

# A shell starts what runs in its background with SIGINT ignored, and so might whoever runs these tests.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from coroscope.cli import main
main()
"""
