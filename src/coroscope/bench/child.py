"""One workload on one loop, measured in this process: what the contest starts again and again.

`python -m coroscope.bench.child LOOP WORKLOAD SIZE` prints one JSON object: `operations` and `cpu_s` of a
repetition, the median one, `peak_bytes` of the whole process, and `figures`, where the
workload has others; or `missing`, why there is no measurement.

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
from coroscope.bench.sample import WARM_UP_SHARE, median_sample
from coroscope.bench.workload import Workload


def main() -> None:
    """Measure what the command line names, and print it."""
    loop, workload, size = sys.argv[1:]
    print(json.dumps(_report(loop, workload, int(size))))


def _report(loop: str, name: str, size: int) -> dict[str, Any]:
    workload = WORKLOADS[name]
    try:
        under_test = contender(loop)
    except ImportError as error:
        return {"missing": f"cannot be imported: {error}"}
    if workload.traffic is None and name not in under_test.workloads:
        return {"missing": under_test.without.get(name, f"{loop} has no {name}")}
    measure = _measure if workload.traffic is None else _measure_traffic
    return measure(under_test, workload, size) | {"peak_bytes": peak_bytes()}


def _measure(under_test: Contender, workload: Workload, size: int) -> dict[str, Any]:
    work = under_test.workloads[workload.name]
    repetitions: list[tuple[float, int]] = []

    async def repeat() -> None:
        if workload.warms_up:
            await work(max(size // WARM_UP_SHARE, 1))
        for _ in range(workload.repetitions):
            gc.collect()
            start_s = time.process_time()
            operations = await work(size)
            repetitions.append((time.process_time() - start_s, operations))

    under_test.run(repeat())
    return median_sample(repetitions)


def _measure_traffic(under_test: Contender, workload: Workload, size: int) -> dict[str, Any]:
    from coroscope.bench.traffic.measuring import measure  # its imports are no part of the other measurements

    return measure(under_test, workload, size)


def peak_bytes() -> int | None:
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
