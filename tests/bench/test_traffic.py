"""What asks the servers, and what it makes of the answers."""

from __future__ import annotations

import os
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from coroscope.bench.catalogue import WORKLOADS
from coroscope.bench.contenders import contender
from coroscope.bench.traffic import callers, wrk
from coroscope.bench.traffic.callers import Crowd
from coroscope.bench.traffic.certificate import server_context
from coroscope.bench.traffic.descriptors import make_room
from coroscope.bench.traffic.measuring import measure
from coroscope.bench.traffic.server_process import ServerProcess
from coroscope.bench.traffic.serving import Address
from coroscope.bench.traffic.workloads import BASE_NAMES, DEFAULT_TRAFFIC, TRAFFIC
from coroscope.bench.workload import Traffic

KIB = 1024
REPORT = """\
Running 3s test @ http://127.0.0.1:8080/
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   635.91us    0.89ms  12.92ms   93.69%
    Req/Sec    12.20k     1.07k   14.00k    86.54%
  Latency Distribution
     50%  250.00us
     75%  491.00us
     90%    0.98ms
     99%    5.80ms
  36421 requests in 3.10s, 41.12MB read
Requests/sec:  11748.53
Transfer/sec:     13.26MB
"""


@contextmanager
def answered(connections: int, answer: Callable[[socket.socket], None]) -> Iterator[Address]:
    """A TCP server that has so many connections, each `answer`ed in a thread; it ends when all are."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            for _ in range(connections):
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=answer, args=[connection]))
                threads[-1].start()

        threads = [threading.Thread(target=accept)]
        threads[0].start()
        yield listener.getsockname()
        for thread in threads:
            thread.join()


def traffic(size_bytes: int, connections: int, *, secure: bool = False) -> Traffic:
    return Traffic("test", "tls" if secure else "tcp", size_bytes, connections)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("size_bytes", [2, KIB, KIB * KIB])
def test_every_caller_sends_whole_messages_and_waits_for_each_answer(size_bytes: int, secure: bool) -> None:
    context, messages = server_context() if secure else None, list[int]()

    def answer(connection: socket.socket) -> None:
        peer = context.wrap_socket(connection, server_side=True) if context else connection
        with peer:
            while part := peer.recv(1 << 20):
                whole = part
                while len(whole) < size_bytes:
                    whole += peer.recv(1 << 20)
                messages.append(len(whole))
                peer.sendall(whole[:1])
                peer.sendall(whole[1:])

    with (
        answered(3, answer) as address,
        closing(Crowd(traffic(size_bytes, 3, secure=secure), address)) as crowd,
    ):
        assert crowd.call(7) == 6
        assert crowd.call(1) == 3
    assert messages == [size_bytes] * 9


def test_a_server_that_hangs_up_is_an_error_not_an_answer() -> None:
    with (
        answered(1, lambda connection: connection.close()) as address,
        closing(Crowd(traffic(KIB, 1), address)) as crowd,
        pytest.raises(ConnectionError),
    ):
        crowd.call(1)


def test_a_server_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def keep_silent(connection: socket.socket) -> None:
        with connection:
            ended.wait()

    with answered(1, keep_silent) as address:
        crowd = Crowd(traffic(KIB, 1), address)
        monkeypatch.setattr(callers, "PATIENCE_S", 0)
        with closing(crowd), pytest.raises(TimeoutError, match="has not answered"):
            crowd.call(1)
        ended.set()


def test_the_processor_time_and_the_memory_of_a_process_are_its_own() -> None:
    process = ServerProcess(os.getpid())
    before_s, seen_s, after_s = time.process_time(), process.cpu_s(), time.process_time()
    assert before_s <= seen_s <= after_s
    before_bytes = process.resident_bytes()
    held = b"\1" * (64 * KIB * KIB)
    assert process.resident_bytes() - before_bytes == pytest.approx(len(held), rel=0.2)


def test_a_limit_of_descriptors_is_raised_as_far_as_needed_and_never_lowered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        make_room(100)
        raised, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        make_room(10)
        assert raised == resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_limit_of_descriptors_that_is_too_low_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, 4_096))
    sample = measure(contender("coroscope"), WORKLOADS["idle"], 10_000)
    assert sample == {
        "missing": "needs 10,200 file descriptors, and the system allows 4,096: raise the hard limit (ulimit -Hn)"
    }


def test_the_report_of_wrk_is_read_in_requests_and_microseconds() -> None:
    sample = wrk.sample_from(REPORT, 1.5)
    assert (sample["operations"], sample["cpu_s"]) == (36_421, 1.5)
    assert sample["figures"] == {
        "requests_per_s": 11_748.53,
        "latency_50_us": 250.0,
        "latency_99_us": 5_800.0,
    }


@pytest.mark.parametrize(
    ("report", "complaint"),
    [
        (REPORT + "  Non-2xx or 3xx responses: 12\n", "Non-2xx or 3xx responses: 12"),
        (
            REPORT + "  Socket errors: connect 0, read 3, write 0, timeout 0\n",
            "Socket errors: connect 0, read 3",
        ),
        ("unable to connect\n", "its report has no"),
    ],
)
def test_requests_that_failed_are_no_measurement(report: str, complaint: str) -> None:
    with pytest.raises(wrk.WrkError, match=complaint):
        wrk.sample_from(report, 1.5)


@pytest.mark.parametrize(
    ("workload", "remedy"),
    [("http-aiohttp", "install the system's package"), ("tls-protocol", "needs the command openssl")],
)
def test_a_command_that_is_absent_is_told_in_the_row(
    workload: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert remedy in measure(contender("asyncio"), WORKLOADS[workload], 100)["missing"]


def test_a_package_that_is_absent_is_told_in_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aiohttp.web", None)
    sample = measure(contender("asyncio"), WORKLOADS["http-aiohttp"], 100)
    assert sample == {"missing": "needs the package aiohttp: pip install aiohttp"}


def test_a_name_tells_size_and_connections_where_they_are_not_the_usual_ones() -> None:
    told = {name: (load.size_bytes, load.connections) for name, w in TRAFFIC.items() if (load := w.traffic)}
    assert told["tcp-protocol"] == (KIB, 4)
    assert told["tcp-streams-16k"] == (16 * KIB, 4)
    assert told["tls-protocol-1m-1000c"] == (KIB * KIB, 1_000)
    assert told["http-aiohttp-1000c"] == (KIB, 1_000)
    assert told["idle"][1] == 10_000
    assert {name for name in told if name.startswith("udp")} == {"udp", "udp-16k"}
    assert set(BASE_NAMES) | set(DEFAULT_TRAFFIC) <= set(TRAFFIC)
    assert len(DEFAULT_TRAFFIC) == 13


def test_nothing_is_measured_by_default_that_needs_what_may_be_absent() -> None:
    assert not any(name.startswith(("http", "idle")) for name in DEFAULT_TRAFFIC)
