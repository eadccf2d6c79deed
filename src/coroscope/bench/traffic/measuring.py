"""One server on one loop, measured in this process, while another process asks it.

Rule: what asks waits in a thread of this process, which needs no processor time meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from coroscope.bench import boot
from coroscope.bench.contenders import Contender
from coroscope.bench.traffic import wrk
from coroscope.bench.traffic.descriptors import make_room
from coroscope.bench.traffic.serving import Address, Sample, Servers, Unavailable
from coroscope.bench.workload import Traffic, Workload

_LOAD = (str(Path(boot.__file__).resolve()), "coroscope.bench.traffic.load")


class LoadError(Exception):
    """The process that asks did not do so; the message says what became of it."""


def measure(under_test: Contender, workload: Workload, size: int) -> Sample:
    """What `child` reports of a workload with traffic."""
    traffic = workload.traffic
    assert traffic is not None
    assert under_test.servers is not None
    servers = under_test.servers()
    if traffic.server in servers.without:
        return {"missing": servers.without[traffic.server]}
    try:
        make_room(size if traffic.idle else traffic.connections)
        return _serve(under_test, servers, traffic, partial(_ask, workload, traffic, size))
    except Unavailable as error:
        return {"missing": str(error)}


def _serve(
    under_test: Contender, servers: Servers, traffic: Traffic, ask: Callable[[Address], Sample]
) -> Sample:
    sample = Sample()

    async def serve() -> None:
        async with servers.by_name[traffic.server](traffic) as address:
            sample.update(await servers.in_thread(partial(ask, address)))

    under_test.run(serve())
    return sample


def _ask(workload: Workload, traffic: Traffic, size: int, address: Address) -> Sample:
    if traffic.transport == "http":
        return wrk.ask(traffic, size, address)
    command = [sys.executable, *_LOAD, workload.name, str(size), json.dumps(address)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise LoadError((done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    sample: Sample = json.loads(done.stdout)
    return sample
