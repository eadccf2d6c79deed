"""The other process: it asks the server that runs in the process which started it.

`python -m coroscope.bench.traffic.load WORKLOAD SIZE ADDRESS` prints one JSON object: `operations`, `cpu_s`, the
processor time that the server's process needed for them, and `figures`, where there are any.

Rule: the standard library alone, and no event loop: it is the same for every loop under test.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from contextlib import closing
from typing import Any

from coroscope.bench.catalogue import WORKLOADS
from coroscope.bench.sample import WARM_UP_SHARE, median_sample
from coroscope.bench.traffic.callers import Crowd
from coroscope.bench.traffic.descriptors import make_room
from coroscope.bench.traffic.idle import hold_open
from coroscope.bench.traffic.server_process import ServerProcess
from coroscope.bench.traffic.serving import Address
from coroscope.bench.workload import Traffic


def main() -> None:
    """Ask the server that the command line names, and print what that took."""
    name, size, place = sys.argv[1:]
    parsed = json.loads(place)
    address: Address = parsed if isinstance(parsed, str) else tuple(parsed)
    server, traffic, repetitions = (
        ServerProcess(os.getppid()),
        WORKLOADS[name].traffic,
        WORKLOADS[name].repetitions,
    )
    assert traffic is not None
    make_room(int(size) if traffic.idle else traffic.connections)
    if traffic.idle:
        sample = hold_open(server, traffic, int(size), address)
    else:
        sample = exchange(server, traffic, int(size), repetitions, address)
    print(json.dumps(sample))


def exchange(
    server: ServerProcess, traffic: Traffic, size: int, repetitions: int, address: Address
) -> dict[str, Any]:
    """Send messages and take the answers, `size` in each repetition."""
    samples: list[tuple[float, int]] = []
    gc.disable()  # of this process alone: in the server's it stays on, as in a program
    with closing(Crowd(traffic, address)) as crowd:
        crowd.call(max(size // WARM_UP_SHARE, 1))
        for _ in range(repetitions):
            start_s = server.cpu_s()
            operations = crowd.call(size)
            samples.append((server.cpu_s() - start_s, operations))
    return median_sample(samples)


if __name__ == "__main__":
    main()
