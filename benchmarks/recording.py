"""How much processor time does it cost a program to be recorded, and how large is the recording?

    python benchmarks/recording.py [--rounds N] [--programs NAME…] [--loops NAME…] [--ways NAME…] [--size N]

Two programs, each on asyncio's loop, ours and uvloop's: an aiohttp server that answers 20,000 requests, and a hundred
tasks that give up their turn. Each is run alone, by `coroscope run`, and by its peers that are installed (viztracer,
cProfile, yappi, asyncio's debug mode), all in turns, round after round. A figure is the median, over the rounds, of the
processor time under a recorder divided by that alone in the same round; what a recorder does before the first request
and after the last is left out.
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
from collections.abc import Callable, Sequence
from contextlib import suppress
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


def run(program: str, loop: str, size: int, way: Way) -> Figures:
    """Run `program` once."""
    with tempfile.TemporaryDirectory() as folder:
        out, result = os.path.join(folder, "out"), os.path.join(folder, "result")
        perform([sys.executable, *way.prefix(out)], program, loop, size, way.environment, result)
        figures = json.loads(Path(result).read_text())
        return Figures(figures["cpu_s"], figures["memory_bytes"], *_size_of(out))


def perform(
    prefix: Sequence[str], program: str, loop: str, size: int, environment: dict[str, str], result: str
) -> str:
    """Run `program` by the command that begins with `prefix`, and answer or ask as it wants; what it printed.

    It leaves its figures in the file `result`. SystemExit, with all that it printed, where there are none.
    """
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
        listening.close()  # So that nobody waits for answers once the program is gone.
        try:
            if program == "answer":
                with suppress(OSError):  # Of a program that has failed, its output tells more.
                    ask(address, size)
            output, _ = process.communicate(timeout=LIMIT_S)
        finally:
            process.kill()
        if not os.path.exists(result):
            raise SystemExit(f"{program} on {loop} failed:\n{output}")
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


def ask(address: tuple[str, int], requests: int) -> None:
    """Send so many requests by a few connections, and receive the answers."""
    connections = [socket.create_connection(address, timeout=LIMIT_S) for _ in range(CONNECTIONS)]
    try:
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
    finally:
        for connection in connections:
            connection.close()


def measure(options: argparse.Namespace) -> dict[tuple[str, str], dict[str, list[Figures]]]:
    """The figures of each way, round by round, for each program on each loop."""
    ways = [way for way in WAYS if way.name == "alone" or way.name in options.ways]
    cases = [(program, loop) for program in options.programs for loop in options.loops]
    figures: dict[tuple[str, str], dict[str, list[Figures]]] = {
        case: {way.name: [] for way in ways} for case in cases
    }
    with Progress(console=Console(stderr=True), transient=True) as progress:
        done = progress.add_task("measuring", total=options.rounds * len(cases) * len(ways))
        for _ in range(options.rounds):
            for program, loop in cases:
                for way in ways:
                    size = options.size or SIZES[program]
                    figures[program, loop][way.name].append(run(program, loop, size, way))
                    progress.advance(done)
    return figures


def table_of(figures: dict[tuple[str, str], dict[str, list[Figures]]]) -> Table:
    """A line for each program, loop and way."""
    table = Table(title="Processor time under a recorder, as a multiple of that alone")
    for heading in ("program", "loop", "way"):
        table.add_column(heading)
    for heading in ("median", "lowest", "highest", "memory", "events", "bytes an event"):
        table.add_column(heading, justify="right")
    for (program, loop), by_way in figures.items():
        alone = by_way["alone"]
        for way, measured in by_way.items():
            ratios = sorted(one.cpu_s / base.cpu_s for one, base in zip(measured, alone, strict=True))
            more_bytes = statistics.median(one.memory_bytes for one in measured) - statistics.median(
                base.memory_bytes for base in alone
            )
            last = measured[-1]
            table.add_row(
                program,
                loop,
                way,
                f"{statistics.median(ratios):.2f}",
                f"{ratios[0]:.2f}",
                f"{ratios[-1]:.2f}",
                f"{more_bytes / 1e6:+.0f} MB" if way != "alone" else "",
                f"{last.events:,}" if last.events else "",
                f"{last.trace_bytes / last.events:.1f}" if last.events else "",
            )
        table.add_section()
    return table


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
    options = parser.parse_args(arguments)
    if options.rounds < 1 or (options.size or CONNECTIONS) < CONNECTIONS:
        parser.error(f"give --rounds of 1 or more, and --size of {CONNECTIONS} or more")
    return options


if __name__ == "__main__":
    chosen = parse(sys.argv[1:])
    print(f"CPython {sys.version.split()[0]}, {chosen.rounds} rounds")
    Console().print(table_of(measure(chosen)))
