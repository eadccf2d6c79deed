"""Ordinary programs without a fault, in the folder `healthy`: no finding appears on any of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from coroscope.analysis.findings import find
from coroscope.trace import load
from tests.programs import coroscope

PROGRAMS = sorted((Path(__file__).parent / "healthy").glob("*.py"))

pytestmark = pytest.mark.gallery


@pytest.mark.parametrize("options", [[], ["--loop", "coroscope"]], ids=["its own loop", "our loop"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_healthy_program_has_no_findings(program: Path, options: list[str], tmp_path: Path) -> None:
    trace = tmp_path / "trace.coroscope"
    done = coroscope("run", *options, "-o", str(trace), str(program), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert find(load(trace)) == []
