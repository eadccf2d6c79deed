"""Run a workload by every strategy, and print how long each took: what the programs beside this one do by hand.

`coroscope compare FILE.py` tells what the time went into. The cluster is left out here: it needs an extra.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import coroscope

STRATEGIES = ["sequential", "threads", "processes", "interpreters", "cooperative", "loop-per-core"]
if sys.version_info < (3, 14):
    STRATEGIES.remove("interpreters")


def main(workload: coroscope.Workload) -> None:
    """Run all of the workload's items, or as many as the command line says."""
    items = list(workload.items)[: int(sys.argv[1]) if sys.argv[1:] else None]
    print(f"{workload.name}, {len(items)} items")
    results: dict[str, list[Any]] = {}
    first_s = 0.0
    for strategy in STRATEGIES:
        started_s = time.perf_counter()
        results[strategy] = list(coroscope.map(workload.function(strategy), items, strategy=strategy))
        took_s = time.perf_counter() - started_s
        first_s = first_s or took_s
        print(f"{strategy:14} {took_s:6.2f} s {first_s / took_s:6.1f} ×", flush=True)
    expected = results["sequential"]
    different = [strategy for strategy in STRATEGIES if results[strategy] != expected]
    if different:
        raise SystemExit(f"other results than in sequence by {', '.join(different)}")
    print("the same results by all of them")
