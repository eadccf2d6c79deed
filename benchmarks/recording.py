"""How much processor time does it cost a program to be recorded, and how large is the recording?

    python benchmarks/recording.py [--rounds N] [--programs NAME…] [--loops NAME…] [--ways NAME…] [--size N] [--spread]

Two programs, each on asyncio's loop, ours and uvloop's: an aiohttp server that answers 20,000 requests, and a hundred
tasks that give up their turn. Each is run alone, by `coroscope run`, and by its peers that are installed (viztracer,
cProfile, yappi, asyncio's debug mode), each beside the program alone, round after round. A figure is the median, over
the rounds, of the processor time under a recorder divided by that alone in the same round; what a recorder does before
the first request and after the last is left out. Both programs of a round run at the same time, and servers are asked
in turns, a few hundred requests each, so that what else the machine does meets both. They share one processor, the
asker too: on two of them a request takes up to half as long again while the other one works, and whom that meets is
chance.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from coroscope.record.events import EVENT
from coroscope.trace.rest import read_rest

PROGRAMS = Path(__file__).with_name("recorded")
LOOPS = ("coroscope", "asyncio", "uvloop")
SIZES = {"answer": 20_000, "switch": 1_000_000}
"""Requests, and switches."""
LIMIT_S = 600
CONNECTIONS = 8
TURN = 800
"""So many requests a server is sent before it is the other's turn: some 40 ms."""
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass(frozen=True)
class Way:
    """One way to run a program: what stands before its file on the command line, given where a recorder may write."""

    name: str
    module: str
    prefix: Callable[[str], list[str]]
    environment: dict[str, str]


WAYS = (
    Way("alone", "sys", lambda _: [], {}),
    Way("coroscope", "coroscope", lambda out: ["-m", "coroscope", "run", "-o", out], {}),
    Way("viztracer", "viztracer", lambda out: ["-m", "viztracer", "--quiet", "-o", f"{out}.json"], {}),
    Way("cProfile", "cProfile", lambda out: ["-m", "cProfile", "-o", out], {}),
    Way("yappi", "yappi", lambda out: ["-m", "yappi", "-o", out], {}),
    Way("asyncio debug", "asyncio", lambda _: [], {"PYTHONASYNCIODEBUG": "1"}),
)


class Figures(NamedTuple):
    """What one run of a program cost, and left in the trace if it was ours."""

    cpu_s: float
    memory_bytes: int
    events: int
    trace_bytes: int


@dataclass(frozen=True)
class Started:
    """A program that runs, and where it listens."""

    process: subprocess.Popen[str]
    address: tuple[str, int]

    def output(self) -> str:
        """What it has printed, once it has ended."""
        return self.process.communicate(timeout=LIMIT_S)[0]


@contextmanager
def started(
    prefix: Sequence[str], program: str, loop: str, size: int, environment: dict[str, str], result: str
) -> Iterator[Started]:
    """Start `program` by the command that begins with `prefix`; it leaves its figures in the file `result`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        arguments = [str(PROGRAMS / f"{program}.py"), loop, result, str(size)]
        if program == "answer":
            arguments.append(str(listening.fileno()))
        process = subprocess.Popen(
            [*prefix, *arguments],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=(listening.fileno(),),
        )
        address = listening.getsockname()
    try:  # Nobody else listens there now, so that nobody waits for answers once the program is gone.
        yield Started(process, address)
    finally:
        process.kill()


def run_side_by_side(program: str, loop: str, size: int, ways: Sequence[Way]) -> list[Figures]:
    """Run `program` in each way, at the same time."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        outs = [os.path.join(folder, f"out{number}") for number in range(len(ways))]
        programs = [
            running.enter_context(
                started(
                    [sys.executable, *way.prefix(out)], program, loop, size, way.environment, f"{out}.result"
                )
            )
            for way, out in zip(ways, outs, strict=True)
        ]
        _serve(programs, program, size)
        figures = []
        for one, out in zip(programs, outs, strict=True):
            output = one.output()
            _require(f"{out}.result", program, loop, output)
            found = json.loads(Path(f"{out}.result").read_text())
            figures.append(Figures(found["cpu_s"], found["memory_bytes"], *_size_of(out)))
        return figures


def _serve(programs: Sequence[Started], program: str, size: int) -> None:
    if program == "answer":
        with suppress(OSError):  # Of a program that has failed, its output tells more.
            ask([one.address for one in programs], size)


def _require(result: str, program: str, loop: str, output: str) -> None:
    if not os.path.exists(result):
        raise SystemExit(f"{program} on {loop} failed:\n{output}")


def perform(
    prefix: Sequence[str], program: str, loop: str, size: int, environment: dict[str, str], result: str
) -> str:
    """Run `program` by the command that begins with `prefix`, and answer or ask as it wants; what it printed.

    It leaves its figures in the file `result`. SystemExit, with all that it printed, where there are none.
    """
    with started(prefix, program, loop, size, environment, result) as one:
        _serve([one], program, size)
        output = one.output()
    _require(result, program, loop, output)
    return output


def _size_of(trace: str) -> tuple[int, int]:
    """How many events are in the trace at rest `trace`, and its bytes."""
    try:
        data = Path(trace).read_bytes()
        raw = read_rest(trace, data, 0)
    except Exception:  # another recorder's file, or none
        return 0, 0
    kinds = [bytes(stream.events[EVENT.size - 1 :: EVENT.size]) for stream in raw.streams.values()]
    return sum(len(kind) - kind.count(0) for kind in kinds), len(data)


def ask(addresses: Sequence[tuple[str, int]], requests: int) -> None:
    """Send so many requests to each server by a few connections, and receive the answers; in turns."""
    with ExitStack() as open_:
        servers = [
            [
                open_.enter_context(socket.create_connection(address, timeout=LIMIT_S))
                for _ in range(CONNECTIONS)
            ]
            for address in addresses
        ]
        while requests > 0:
            turn = min(requests, TURN)
            requests -= turn
            for connections in servers:
                _ask(connections, turn)


def _ask(connections: Sequence[socket.socket], requests: int) -> None:
    while requests > 0:
        asked = connections[:requests]
        requests -= len(asked)
        for connection in asked:
            connection.sendall(_REQUEST)
        for connection in asked:
            answer = b""
            while not answer.endswith(b"hello"):
                received = connection.recv(65536)
                if not received:
                    raise ConnectionError("the server has closed a connection before the last answer")
                answer += received


Pairs = dict[tuple[str, str], dict[str, list[tuple[Figures, Figures]]]]
"""For each program on each loop, of each way what it cost alone and in that way, round by round."""


def measure(options: argparse.Namespace) -> Pairs:
    """Run everything, in turns."""
    alone, *others = WAYS
    ways = [way for way in others if way.name in options.ways]
    cases = [(program, loop) for program in options.programs for loop in options.loops]
    pairs: Pairs = {case: {way.name: [] for way in ways} for case in cases}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        done = progress.add_task("measuring", total=options.rounds * len(cases) * len(ways))
        for _ in range(options.rounds):
            for program, loop in cases:
                for way in ways:
                    size = options.size or SIZES[program]
                    base, figures = run_side_by_side(program, loop, size, [alone, way])
                    pairs[program, loop][way.name].append((base, figures))
                    progress.advance(done)
    return pairs


def table_of(pairs: Pairs) -> Table:
    """A line for each program, loop and way."""
    table = Table(title="Processor time under a recorder, as a multiple of that alone")
    for heading in ("program", "loop", "way"):
        table.add_column(heading)
    for heading in ("median", "lowest", "highest", "memory", "events", "bytes an event"):
        table.add_column(heading, justify="right")
    for (program, loop), by_way in pairs.items():
        for way, measured in by_way.items():
            ratios = sorted(figures.cpu_s / base.cpu_s for base, figures in measured)
            more_bytes = statistics.median(
                figures.memory_bytes - base.memory_bytes for base, figures in measured
            )
            last = measured[-1][1]
            table.add_row(
                program,
                loop,
                way,
                f"{statistics.median(ratios):.2f}",
                f"{ratios[0]:.2f}",
                f"{ratios[-1]:.2f}",
                f"{more_bytes / 1e6:+.0f} MB",
                f"{last.events:,}" if last.events else "",
                f"{last.trace_bytes / last.events:.1f}" if last.events else "",
            )
        table.add_section()
    return table


def share_one_processor() -> bool:
    """Keep this process, and those that it starts, to one processor. False where the system cannot."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    return True


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options, of which names that cannot be measured here are refused."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = [way.name for way in WAYS[1:] if find_spec(way.module)]
    loops = [loop for loop in LOOPS if find_spec(loop)]
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (default 5)")
    parser.add_argument("--programs", nargs="+", choices=list(SIZES), default=list(SIZES), metavar="NAME")
    parser.add_argument("--loops", nargs="+", choices=loops, default=loops, metavar="NAME")
    parser.add_argument(
        "--ways", nargs="+", choices=here, default=here, metavar="NAME", help=f"of {', '.join(here)}"
    )
    parser.add_argument(
        "--size", type=int, metavar="N", help="so many requests, or switches (default 20,000; 1,000,000)"
    )
    parser.add_argument(
        "--spread", action="store_true", help="let them have every processor, not one that all share"
    )
    options = parser.parse_args(arguments)
    if options.rounds < 1 or (options.size or CONNECTIONS) < CONNECTIONS:
        parser.error(f"give --rounds of 1 or more, and --size of {CONNECTIONS} or more")
    return options


if __name__ == "__main__":
    chosen = parse(sys.argv[1:])
    shared = not chosen.spread and share_one_processor()
    on = "one processor" if shared else f"{os.cpu_count()} processors"
    print(f"CPython {sys.version.split()[0]}, {chosen.rounds} rounds on {on}")
    Console().print(table_of(measure(chosen)))
