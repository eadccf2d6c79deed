"""A contest's result as one JSON object, for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from coroscope.bench.result import Mean, Result, Row, Standings

_FORMAT = 1


def document(result: Result) -> dict[str, Any]:
    """The object that docs/reference/bench.md describes."""
    return {
        "format": _FORMAT,
        "coroscope": result.coroscope,
        "complete": result.complete,
        "rounds": result.rounds,
        "quick": result.quick,
        "machine": asdict(result.machine),
        "interpreters": [_interpreter(standings) for standings in result.standings],
    }


def _interpreter(standings: Standings) -> dict[str, Any]:
    interpreter = standings.interpreter
    return {
        "path": interpreter.path,
        "python": interpreter.name,
        "packages": dict(interpreter.packages),
        "reference": standings.reference,
        "rows": [_row(standings, row) for row in standings.rows],
        "means": [_mean(mean) for mean in standings.means()],
    }


def _row(standings: Standings, row: Row) -> dict[str, Any]:
    return {
        "workload": row.workload,
        "loop": row.loop,
        "operations": row.operations,
        "median_us": row.median_us if row.is_measured else None,
        "samples_us": row.samples_us,
        "ratio": standings.ratio(row),
        "peak_bytes": row.peak_bytes,
        "figures": {
            key: {"median": row.figure(key), "samples": samples, "ratio": standings.figure_ratio(row, key)}
            for key, samples in row.figures.items()
        },
        "missing": row.missing,
    }


def _mean(mean: Mean) -> dict[str, Any]:
    return {
        "loop": mean.loop,
        "workloads": len(mean.ratios),
        "geometric_mean": mean.geometric,
        "median": mean.median,
        "lowest": mean.ratios[mean.lowest],
        "highest": mean.ratios[mean.highest],
    }
