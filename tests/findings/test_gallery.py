"""The gallery, `examples/findings`: each fault is found where it is, and its repaired twin has none.

A folder is named after a finding; in it are programs that have the fault, such as `one.py`, and their repaired twins,
such as `one_repaired.py`. The line that the finding must name ends with the comment `# here`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coroscope.analysis.findings import Finding, find
from coroscope.trace import load
from coroscope.trace.model import Trace
from tests.programs import coroscope

GALLERY = Path(__file__).parents[2] / "examples" / "findings"
PROGRAMS = sorted(path for path in GALLERY.glob("*/*.py") if not path.stem.endswith("_repaired"))
_TOLERANCE = 0.2

pytestmark = pytest.mark.gallery


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_fault_is_found_at_its_line_and_not_in_the_repaired_twin(program: Path, tmp_path: Path) -> None:
    faulty = _record(program, tmp_path)
    repaired = _record(_twin_of(program), tmp_path)
    assert find(repaired) == []
    found = [finding for finding in find(faulty) if finding.name == program.parent.name]
    assert [_line_of(finding) for finding in found] == [(str(program), _line_marked_in(program))]
    saving_ns = found[0].saving_ns
    if saving_ns is not None:
        saved_ns = _lived_ns(faulty) - _lived_ns(repaired)
        assert saving_ns == pytest.approx(saved_ns, rel=_TOLERANCE)


def _twin_of(program: Path) -> Path:
    return program.with_stem(f"{program.stem}_repaired")


def _record(program: Path, folder: Path) -> Trace:
    trace = folder / f"{program.stem}.coroscope"
    done = coroscope("run", "-o", str(trace), str(program), folder=folder)
    assert done.returncode == 0, done.stderr
    return load(trace)


def _lived_ns(trace: Trace) -> int:
    """From the first task's creation to the last one's end: how long the interpreter takes to start varies by more."""
    tasks = [task for task in trace.tasks.values() if not (task.kind == "thread" and task.is_main)]
    return max(task.end_ns for task in tasks) - min(task.created_ns for task in tasks)


def _line_of(finding: Finding) -> tuple[str, int | None]:
    assert finding.place is not None, finding
    return finding.place.file, finding.place.line


def _line_marked_in(program: Path) -> int:
    marked = [
        number for number, line in enumerate(program.read_text().splitlines(), 1) if line.endswith("# here")
    ]
    assert len(marked) == 1, f"{program} needs one line that ends with # here"
    return marked[0]
