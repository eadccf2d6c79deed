"""A comparison as one JSON object, for scripts: docs/reference/compare.md describes it."""

from __future__ import annotations

from typing import Any

from coroscope.comparison.result import Comparison, Row

_FORMAT = 1


def document(comparison: Comparison) -> dict[str, Any]:
    """The whole object."""
    recommendation = comparison.recommendation
    return {
        "format": _FORMAT,
        "workload": comparison.workload.name,
        "file": comparison.file,
        "items": _items(comparison),
        "loop": comparison.loop,
        "machine": str(comparison.machine),
        "repeat": comparison.repeat,
        "complete": comparison.complete,
        "results_equal": comparison.are_results_equal,
        "runs": [_run(comparison, row) for row in comparison.rows],
        "left_out": [{"strategy": name, "reason": reason} for name, reason in comparison.left_out],
        "recommendation": None
        if recommendation is None
        else {
            "strategy": recommendation.way.strategy,
            "workers": recommendation.way.workers,
            "start_method": recommendation.way.start_method,
            "reason": recommendation.reason,
        },
    }


def _items(comparison: Comparison) -> int | None:
    measured = comparison.measured
    return measured[0].samples[0].items if measured else comparison.workload.items


def _run(comparison: Comparison, row: Row) -> dict[str, Any]:
    told = {
        "strategy": row.way.strategy,
        "workers": row.way.workers,
        "start_method": row.way.start_method,
        "is_derived": row.is_derived,
        "problem": row.problem,
        "results_equal": row.are_results_equal,
        "first_difference": row.first_difference,
        "forecast": None,
    }
    if not row.is_measured:
        return told
    shares = row.shares
    return told | {
        "wall_s": row.wall_s,
        "samples_wall_s": [sample.wall_s for sample in row.samples],
        "cpu_s": row.cpu_s,
        "speedup": comparison.speedup(row),
        "startup_s": row.startup_s,
        "memory_bytes": row.memory_bytes,
        "worker_memory_bytes": row.worker_memory_bytes,
        "switches": row.switches,
        "involuntary_switches": row.involuntary_switches,
        "idle_share": None if shares is None else shares.idle_share,
        "lock_wait_s": None if shares is None else shares.lock_s,
        "serialising_s": None if shares is None else shares.serialising_s,
        "serialised_bytes": row.serialised_bytes,
        "states_s": None if shares is None else shares.states_s,
    }
