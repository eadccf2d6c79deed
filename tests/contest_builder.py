"""Results of contests written down by hand, for tests of what shows them."""

from __future__ import annotations

from coroscope.bench.interpreter import Interpreter
from coroscope.bench.machine import Machine
from coroscope.bench.result import Result, Row, Standings, reference_among

MACHINE = Machine("Linux 6.1.0", "Example CPU 3000", 8, 0.4)
PACKAGES = {"uvloop": "0.23.0", "trio": "0.35.0", "rloop": None}
PYTHON = Interpreter("/usr/bin/python3.13", "CPython 3.13.1", PACKAGES)


def row(workload: str, loop: str, *samples_us: float, operations: int = 1_000, peak_mb: float = 25.0) -> Row:
    """A row that was measured once for each of `samples_us`."""
    peaks_bytes = [int(peak_mb * 1e6)] * len(samples_us)
    return Row(workload, loop, operations, list(samples_us), peaks_bytes)


def http_row(loop: str, sample_us: float, requests_per_s: float, latency_us: float) -> Row:
    """A row of an HTTP server, measured once."""
    measured = row("http-aiohttp", loop, sample_us)
    measured.figures = {
        "requests_per_s": [requests_per_s],
        "latency_50_us": [latency_us],
        "latency_99_us": [latency_us * 3],
    }
    return measured


def missing(workload: str, loop: str, reason: str) -> Row:
    return Row(workload, loop, missing=reason)


def standings(*rows: Row, interpreter: Interpreter = PYTHON) -> Standings:
    return Standings(interpreter, rows, reference_among([row.loop for row in rows]))


def result(*of: Standings, complete: bool = True, quick: bool = False, machine: Machine = MACHINE) -> Result:
    return Result("1.0", machine, 3, quick, complete, of)


def usual_result() -> Result:
    """Four loops at four workloads, one of which trio has not."""
    many = 1_000_000
    return result(
        standings(
            row("switch", "coroscope", 1.10, 1.08, 1.15),
            row("switch", "coroscope.sleep", 0.52, 0.52, 0.53),
            row("switch", "coroscope.wait", 0.61, 0.60, 0.66),
            row("switch", "asyncio", 3.01, 2.95, 3.10),
            row("switch", "uvloop", 1.48, 1.48, 1.50),
            row("switch", "trio", 4.52, 4.40, 4.71),
            row("sleepers", "coroscope", 15.0, 14.2, 15.6, operations=many, peak_mb=801),
            row("sleepers", "coroscope.sleep", 12.0, 11.8, 12.6, operations=many, peak_mb=640),
            row("sleepers", "asyncio", 49.5, 48.0, 50.1, operations=many, peak_mb=1401),
            row("sleepers", "uvloop", 37.2, 36.1, 38.8, operations=many, peak_mb=1702),
            row("sleepers", "trio", 105.0, 99.0, 112.0, operations=many, peak_mb=4810),
            row("gather", "coroscope", 5.50, 5.40, 5.61),
            row("gather", "asyncio", 9.40, 9.20, 9.90),
            row("gather", "uvloop", 5.90, 5.81, 6.02),
            missing("gather", "trio", "trio has nothing that gathers results"),
            row("cancel", "coroscope", 12.2, 12.0, 12.9),
            row("cancel", "asyncio", 15.9, 15.1, 16.2),
            row("cancel", "uvloop", 8.30, 8.11, 8.49),
            row("cancel", "trio", 61.0, 60.4, 66.6),
        )
    )
