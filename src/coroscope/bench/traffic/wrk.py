"""HTTP requests by `wrk`, and what it says of them."""

from __future__ import annotations

import re
import subprocess
import time

from coroscope.bench.traffic.serving import Address, Sample, Unavailable
from coroscope.bench.traffic.workloads import MEDIAN_LATENCY, REQUESTS, TAIL_LATENCY
from coroscope.bench.workload import Traffic

_WARM_UP_S = 1
_REQUESTS_A_SECOND = 2_000
"""wrk is told a time, not a number of requests: a second for so many."""
_UNITS_US = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000}
_LATENCY = r"^\s+{}%\s+([\d.]+)(us|ms|s|m)$"
_WRONG = re.compile(r"^\s+(Socket errors|Non-2xx or 3xx responses): .*$", re.MULTILINE)


class WrkError(Exception):
    """wrk has met with errors; the message is its own."""


def ask(traffic: Traffic, requests: int, address: Address) -> Sample:
    """Send requests to the server in this very process, from a thread of it."""
    _run(traffic, _WARM_UP_S, address)
    start_s = time.process_time()
    output = _run(traffic, max(requests // _REQUESTS_A_SECOND, 1), address)
    return sample_from(output, time.process_time() - start_s)


def sample_from(output: str, cpu_s: float) -> Sample:
    """What wrk's report says, with the processor time that the server needed meanwhile."""
    wrong = _WRONG.search(output)
    if wrong is not None:
        raise WrkError(wrong.group().strip())
    return {
        "operations": int(_found(r"^\s+(\d+) requests in ", output).group(1)),
        "cpu_s": cpu_s,
        "figures": {
            REQUESTS.key: float(_found(r"^Requests/sec:\s+([\d.]+)$", output).group(1)),
            MEDIAN_LATENCY.key: _latency_us(50, output),
            TAIL_LATENCY.key: _latency_us(99, output),
        },
    }


def _run(traffic: Traffic, duration_s: int, address: Address) -> str:
    assert not isinstance(address, str)
    command = ["wrk", "-t1", f"-c{traffic.connections}", f"-d{duration_s}s", "--latency"]
    try:
        done = subprocess.run(
            [*command, "http://{}:{}/".format(*address)], check=True, capture_output=True, text=True
        )
    except FileNotFoundError as error:
        raise Unavailable("needs the command wrk: install the system's package of that name") from error
    return done.stdout


def _latency_us(percent: int, output: str) -> float:
    value, unit = _found(_LATENCY.format(percent), output).groups()
    return float(value) * _UNITS_US[unit]


def _found(pattern: str, output: str) -> re.Match[str]:
    found = re.search(pattern, output, re.MULTILINE)
    if found is None:
        raise WrkError(f"its report has no {pattern!r}: {output[-200:]!r}")
    return found
