"""Does an echo server lose anything over two minutes of clients that come and go as they like?

    python benchmarks/soak_io.py [--connections N] [--seconds S] [--seed N] [--loop coroscope|asyncio]

An echo server on one loop, and clients in a process of their own that open and drop N connections at random: most
end politely, some end half, are reset in the middle of an answer, or never read it. Every answer is compared with its
question. When all have gone, what the server holds is compared with what it held after the first half: descriptors,
tasks, timers, connections, objects and blocks of memory must be as many, what malloc has given out may have grown by
2 %, and nothing may have been reported.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import multiprocessing
import multiprocessing.connection
import os
import random
import resource
import socket
import struct
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import coroscope

CONNECTIONS = 10_000
SECONDS = 120.0
PHASES = 4
WARM_UP = 2
"""By then so many connections were open at once that no table has to grow any more."""
IDLE_SHARE = 1 / 240
"""A client is idle for such a part of the whole time on average: half a second of two minutes."""
MALLOC_MAY_DIFFER = 1_000_000
"""Bytes: it takes memory in larger pieces than what is asked for. A leak shows by the thousands of connections."""
OBJECTS_MAY_DIFFER = 200
"""The counts of objects and of allocated blocks vary by a few."""
LONGEST_MESSAGE = 20_000
PORTS_AT_ADDRESS = 5_000
"""So many connections go to one of the server's addresses: there are no more than 28,000 ports to come from."""
LOOPS: dict[str, Any] = {"coroscope": coroscope.Loop, "asyncio": asyncio.SelectorEventLoop}
RESET = struct.pack("ii", 1, 0)


class MallocInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`; see mallinfo(3)."""

    _fields_ = [(name, ctypes.c_size_t) for name in (*"abcdefg", "bytes_in_use", "bytes_free", "h")]


def malloc_bytes() -> int:
    """How many bytes malloc has given out, 0 where it does not say."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return 0
    mallinfo2.restype = MallocInfo
    return int(mallinfo2().bytes_in_use)


# The server


class Echo(asyncio.Protocol):
    """Sends back what comes, and reads no more while its client does not read."""

    transport: asyncio.Transport
    live = 0
    served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        Echo.live += 1
        Echo.served += 1

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def connection_lost(self, _error: Exception | None) -> None:
        Echo.live -= 1


@dataclass(frozen=True)
class Holdings:
    """What the server's process holds when it is idle.

    Of its memory, the blocks of Python's allocator and the bytes of malloc count. The resident size also shows what
    both keep for later, which depends on how much was live at once: it is only printed.
    """

    descriptors: int
    tasks: int
    timers: int
    connections: int
    objects: int
    blocks: int
    malloc_bytes: int
    resident_bytes: int

    @classmethod
    def now(cls, loop: Any) -> Holdings:
        gc.collect()
        with open("/proc/self/statm") as statm:
            pages = int(statm.read().split()[1])
        return cls(
            descriptors=len(os.listdir("/proc/self/fd")),
            tasks=len(asyncio.all_tasks(loop)),
            timers=len(loop._scheduled),
            connections=Echo.live,
            objects=len(gc.get_objects()),
            blocks=sys.getallocatedblocks(),
            malloc_bytes=malloc_bytes(),
            resident_bytes=pages * os.sysconf("SC_PAGE_SIZE"),
        )

    def leaks_since(self, before: Holdings) -> list[str]:
        """In words, what is more than it was."""
        leaks = [
            f"{getattr(self, name) - getattr(before, name)} {name}"
            for name in ("descriptors", "tasks", "timers", "connections")
            if getattr(self, name) > getattr(before, name)
        ]
        leaks += [
            f"{getattr(self, name) - getattr(before, name)} {name}"
            for name in ("objects", "blocks")
            if getattr(self, name) > getattr(before, name) + OBJECTS_MAY_DIFFER
        ]
        if self.malloc_bytes > before.malloc_bytes + MALLOC_MAY_DIFFER:
            leaks.append(f"{(self.malloc_bytes - before.malloc_bytes) / 1e3:.0f} kB")
        return leaks


async def serve(pipe: multiprocessing.connection.Connection, addresses: int) -> list[str]:
    """Serve until the clients are through; what was reported or lost by then, in words."""
    loop = asyncio.get_running_loop()
    reports: list[str] = []
    loop.set_exception_handler(lambda _, report: reports.append(repr(report)))
    servers = [
        await loop.create_server(Echo, f"127.0.0.{host}", 0, backlog=1000) for host in range(1, addresses + 1)
    ]
    pipe.send([server.sockets[0].getsockname() for server in servers])
    phases: asyncio.Queue[Any] = asyncio.Queue()
    loop.add_reader(pipe.fileno(), lambda: phases.put_nowait(pipe.recv()))
    holdings: list[Holdings] = []
    for number in range(1, PHASES + 1):
        counts = await phases.get()
        if isinstance(counts, str):
            reports.append(counts)
            break
        while Echo.live:  # What the clients have dropped has yet to be read.
            await asyncio.sleep(0.01)
        holdings.append(Holdings.now(loop))
        print(f"phase {number}: {Echo.served:,} served, {counts}; {holdings[-1]}", flush=True)
        pipe.send("go on")
    loop.remove_reader(pipe.fileno())
    for server in servers:
        server.close()
        await server.wait_closed()
    if len(holdings) == PHASES:
        reports += [f"leaked {leak}" for leak in holdings[-1].leaks_since(holdings[WARM_UP - 1])]
    return reports


# The clients, which run on asyncio's loop


class Client:
    """Opens a connection again and again, and drops it as chance has it."""

    def __init__(
        self, address: tuple[str, int], idle_s: float, chance: random.Random, counts: Counter[str]
    ) -> None:
        self.address, self.idle_s, self.chance, self.counts = address, idle_s, chance, counts

    async def live(self, ends_at_s: float) -> None:
        ways = [self.talk, self.talk, self.talk, self.reset, self.stop_reading, self.say_nothing]
        while time.monotonic() < ends_at_s:
            way = self.chance.choice(ways)
            reader, writer = await asyncio.open_connection(*self.address)
            try:
                await way(reader, writer)
            finally:
                writer.transport.abort()
            self.counts[way.__name__] += 1

    def message(self) -> bytes:
        return self.chance.randbytes(self.chance.randrange(1, LONGEST_MESSAGE))

    async def idle(self) -> None:
        await asyncio.sleep(self.chance.expovariate(1 / self.idle_s))

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(self.chance.randrange(1, 5)):
            question = self.message()
            writer.write(question)
            answer = await reader.readexactly(len(question))
            if answer != question:
                raise ValueError(f"{len(question)} bytes came back different")
            await self.idle()
        if self.chance.random() < 0.5:
            last = self.message()
            writer.write(last)
            writer.write_eof()
            if await reader.read(-1) != last:
                raise ValueError("what was said last was not answered")

    async def reset(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.write(self.message())
        if self.chance.random() < 0.5:
            await self.idle()

    async def stop_reading(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(20):
            writer.write(self.message())
        await self.idle()

    async def say_nothing(self, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await self.idle()


def be_clients(
    pipe: multiprocessing.connection.Connection, connections: int, seconds: float, seed: int
) -> None:
    """Run so many clients at once, in phases, until the server has gone on from each."""
    addresses = pipe.recv()
    chance = random.Random(seed)

    async def phase() -> Counter[str]:
        counts: Counter[str] = Counter()
        ends_at_s = time.monotonic() + seconds / PHASES
        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                address = addresses[number % len(addresses)]
                client = Client(address, seconds * IDLE_SHARE, random.Random(chance.random()), counts)
                group.create_task(client.live(ends_at_s))
        return counts

    for _ in range(PHASES):
        try:
            counts = asyncio.run(phase())
        except BaseExceptionGroup as failures:
            pipe.send(f"a client failed: {failures.exceptions[0]!r}, of {len(failures.exceptions)}")
            return
        pipe.send(dict(counts))
        pipe.recv()


def soak(connections: int, seconds: float, seed: int, new_loop: Any) -> list[str]:
    """Serve `connections` clients for `seconds`; what was reported or lost, in words."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < connections + 100:
        raise SystemExit(
            f"{connections} connections need as many descriptors: no more than {most} are allowed"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ours, theirs = multiprocessing.Pipe()
    clients = multiprocessing.get_context("spawn").Process(
        target=be_clients, args=(theirs, connections, seconds, seed)
    )
    clients.start()
    try:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(serve(ours, -(-connections // PORTS_AT_ADDRESS)))
    finally:
        clients.terminate()
        clients.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--connections", type=int, default=CONNECTIONS, metavar="N", help=f"at once (default {CONNECTIONS:,})"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, metavar="S", help=f"last S seconds (default {SECONDS:.0f})"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the clients' chances (default 0)"
    )
    parser.add_argument("--loop", choices=LOOPS, default="coroscope", help="the server's (default coroscope)")
    options = parser.parse_args()
    lost = soak(options.connections, options.seconds, options.seed, LOOPS[options.loop])
    print("\n".join(lost) or "nothing was lost")
    sys.exit(1 if lost else 0)
