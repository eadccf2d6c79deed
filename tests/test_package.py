"""What the package promises as a whole: light to import, layered, typed, and started as the README says."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

import coroscope

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "coroscope"
INSIDE_OBSERVED_PROGRAMS = [
    SOURCE / "loop",
    SOURCE / "record",
    SOURCE / "stepper",
    SOURCE / "stepped_run.py",
    SOURCE / "errors.py",
    SOURCE / "_version.py",
]


def modules_loaded_by(program: str) -> set[str]:
    """What a new interpreter has in `sys.modules` after `program`, less what it begins with."""
    report = "print(json.dumps(sorted(set(sys.modules) - before)))"
    script = f"import json, sys\nbefore = set(sys.modules)\n{program}\n{report}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_but_itself() -> None:
    loaded = modules_loaded_by("import coroscope")
    assert "coroscope" in loaded
    heavy = {
        "asyncio",
        "click",
        "rich",
        "coroscope.views",
        "coroscope.analysis",
        "coroscope.cli",
        "coroscope.trace",
    }
    assert not loaded & heavy


def test_using_the_loop_loads_nothing_of_the_command_line() -> None:
    loaded = modules_loaded_by(
        "import coroscope\nasync def main(): await coroscope.sleep(0)\ncoroscope.run(main())"
    )
    assert "coroscope.loop" in loaded
    assert not loaded & {
        "click",
        "rich",
        "coroscope.views",
        "coroscope.cli",
        "coroscope.record",
        "coroscope.trace",
    }


def test_running_a_program_loads_what_looks_at_its_trace_only_later() -> None:
    loaded = modules_loaded_by("import coroscope.cli.run")
    assert "coroscope.record.supervise" in loaded
    assert not loaded & {"rich", "coroscope.views", "coroscope.analysis", "coroscope.trace", "tomllib"}


def test_marking_loads_nothing_that_records_or_shows() -> None:
    loaded = modules_loaded_by(
        "import coroscope\ncoroscope.mark('here')\nwith coroscope.region('there'): pass"
    )
    assert "coroscope.record.marks" in loaded
    assert not loaded & {"asyncio", "coroscope.record.recorder", "coroscope.recording", "coroscope.trace"}


@pytest.mark.parametrize(
    "imports", ["", "import coroscope.record.events", "coroscope.record; import coroscope.record.recorder"]
)
def test_record_can_be_called_whichever_of_its_modules_is_loaded(imports: str) -> None:
    program = (
        f"import coroscope; {imports}\nassert callable(coroscope.record)\nfrom coroscope.record import marks"
    )
    assert "coroscope.record.marks" in modules_loaded_by(program)


def test_every_public_name_exists() -> None:
    assert {"Loop", "Pollable", "mark", "record", "region", "run", "sleep", "wait"} <= set(coroscope.__all__)
    for name in coroscope.__all__:
        assert getattr(coroscope, name) is not None


def imports_of(path: Path) -> Iterator[str]:
    """The top-level name of every absolute import in a file, those inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.module.partition(".")[0]


def test_the_loop_and_the_recorder_import_the_standard_library_only() -> None:
    files = [
        file
        for place in INSIDE_OBSERVED_PROGRAMS
        for file in ([place] if place.is_file() else place.rglob("*.py"))
    ]
    foreign = {
        (str(file.relative_to(SOURCE)), name)
        for file in files
        for name in imports_of(file)
        if name not in sys.stdlib_module_names and name != "coroscope"
    }
    assert len(files) > 5
    assert foreign == set()


@pytest.fixture
def package_copy(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to check as it is or with something wrong."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(SOURCE, tmp_path / "src" / "coroscope", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    # The package is found on PYTHONPATH, before any installed one.
    program = (
        "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports_command as c; c()"
    )
    command = [sys.executable, "-c", program, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100)


def test_imports_point_down(package_copy: Path) -> None:
    done = lint_imports(package_copy)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("loop/wrong.py", "import coroscope.record"),
        ("record/wrong.py", "from coroscope.trace import model"),
        ("bench/wrong.py", "import coroscope.trace"),
        ("trace/wrong.py", "import coroscope.analysis"),
        ("analysis/wrong.py", "import coroscope.views"),
        ("record/wrong.py", "import click"),
        ("without_a_layer.py", ""),
    ],
)
def test_an_import_that_points_up_breaks_a_contract(package_copy: Path, module: str, line: str) -> None:
    (package_copy / "src" / "coroscope" / module).write_text(line + "\n")
    done = lint_imports(package_copy)
    assert done.returncode == 1
    assert "broken" in done.stdout or "no layer" in done.stdout


def test_the_installed_package_has_its_types_and_its_version() -> None:
    assert coroscope.__file__ is not None
    assert (Path(coroscope.__file__).parent / "py.typed").is_file()
    assert coroscope.__version__ == version("coroscope")


def start_blocks() -> list[str]:
    section = re.search(
        r"^## Start\n(.*?)^## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S
    )
    assert section is not None
    return re.findall(r"^```sh\n(.*?)^```", section[1], re.M | re.S)


def test_the_readme_starts_with_a_command_that_runs_the_example_and_one_that_tests() -> None:
    run, test = start_blocks()[:2]
    for command in (run, test):
        assert command.count("\n") == 1
        assert command.startswith("python3 -m venv .venv && .venv/bin/pip install ")
    assert ".venv/bin/coroscope run " in run
    assert "examples/fetch.py" in run
    assert test.endswith(".venv/bin/python -m pytest\n")


def test_no_file_names_a_package_registry() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    # In two parts, so that this file does not name them either.
    hosts = [
        first + second
        for first, second in [(b"pypi", b".org"), (b"python", b"hosted.org"), (b"npm", b"js.org")]
    ]
    assert files
    assert [
        file for file in files if file.is_file() and any(host in file.read_bytes() for host in hosts)
    ] == []
