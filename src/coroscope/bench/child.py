"""One workload on one loop, measured in this process: what the contest starts again and again.

`python -m coroscope.bench.child LOOP WORKLOAD SIZE` prints one JSON object: `operations` and `cpu_s` of a
repetition, the median one, and `peak_bytes` of the whole process; or `missing`, why there is no measurement.

Rule: only the region between the two readings of the clock is measured: no start-up, imports or warm-up.
Rule: this module imports little, and the garbage collector stays on, as in a program.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any

from coroscope.bench.catalogue import WORKLOADS
from coroscope.bench.contenders import Contender, contender

_WARM_UP_SHARE = 20


def main() -> None:
    """Measure what the command line names, and print it."""
    loop, workload, size = sys.argv[1:]
    print(json.dumps(_report(loop, workload, int(size))))


def _report(loop: str, workload: str, size: int) -> dict[str, Any]:
    try:
        under_test = contender(loop)
    except ImportError as error:
        return {"missing": f"cannot be imported: {error}"}
    if workload not in under_test.workloads:
        return {"missing": under_test.without.get(workload, f"{loop} has no {workload}")}
    return _measure(under_test, workload, size)


def _measure(under_test: Contender, workload: str, size: int) -> dict[str, Any]:
    work, plan = under_test.workloads[workload], WORKLOADS[workload]
    samples: list[tuple[float, int]] = []

    async def repeat() -> None:
        if plan.warms_up:
            await work(max(size // _WARM_UP_SHARE, 1))
        for _ in range(plan.repetitions):
            gc.collect()
            start_s = time.process_time()
            operations = await work(size)
            samples.append((time.process_time() - start_s, operations))

    under_test.run(repeat())
    cpu_s, operations = sorted(samples)[len(samples) // 2]
    return {"operations": operations, "cpu_s": cpu_s, "peak_bytes": _peak_bytes()}


def _peak_bytes() -> int | None:
    """The most memory this process has held, or None where the system does not say."""
    try:
        # Not getrusage's ru_maxrss: that one begins at the size of the process which started this one.
        with open("/proc/self/status") as status:
            lines = [line for line in status if line.startswith("VmHWM:")]
    except OSError:
        return None
    return int(lines[0].split()[1]) * 1024 if lines else None


if __name__ == "__main__":
    main()
