"""anyio on the loop: task groups, sockets, TLS, threads, processes."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.abc
import pytest
from anyio import from_thread, to_thread
from anyio.streams.tls import TLSListener, TLSStream

from tests.loop.io.certificates import client_context, server_context

T = TypeVar("T")


@pytest.fixture
def run(new_loop: Any) -> Callable[[Callable[[], Awaitable[T]]], T]:
    """anyio's way of running a function on a loop."""

    def run(main: Callable[[], Awaitable[T]]) -> T:
        return anyio.run(main, backend="asyncio", backend_options={"loop_factory": new_loop})

    return run


async def echo(stream: anyio.abc.ByteStream) -> None:
    async with stream:
        async for chunk in stream:
            await stream.send(chunk)


async def send_and_receive(stream: anyio.abc.ByteStream, data: bytes) -> bytes:
    """What comes back of `data`, which is too much to be buffered on the way."""
    received = bytearray()
    async with stream, anyio.create_task_group() as group:
        group.start_soon(stream.send, data)
        while len(received) < len(data):
            received += await stream.receive()
    return bytes(received)


def test_a_failing_child_cancels_its_siblings_and_is_raised(run: Any) -> None:
    notes: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            notes.append("cancelled")

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            group.start_soon(wait)
            await anyio.lowlevel.checkpoint()
            raise ValueError("no")

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert [str(error) for error in caught.value.exceptions] == ["no"]
    assert notes == ["cancelled", "cancelled"]


def test_a_child_tells_when_it_has_started(run: Any) -> None:
    async def serve(*, task_status: anyio.abc.TaskStatus[str]) -> None:
        task_status.started("ready")
        await anyio.sleep_forever()

    async def main() -> str:
        async with anyio.create_task_group() as group:
            said: str = await group.start(serve)
            group.cancel_scope.cancel()
        return said

    assert run(main) == "ready"


def test_scopes_cancel_by_level_and_a_shield_holds_them_off(run: Any) -> None:
    async def main() -> list[str]:
        notes = []
        with anyio.CancelScope() as outer:
            outer.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
                notes.append("shielded")
            for _ in range(2):  # each checkpoint is cancelled, not only the first
                try:
                    await anyio.lowlevel.checkpoint()
                except anyio.get_cancelled_exc_class():
                    notes.append("cancelled")
            await anyio.lowlevel.checkpoint()
        with anyio.move_on_after(0) as timed:
            await anyio.sleep_forever()
        with pytest.raises(TimeoutError), anyio.fail_after(0):
            await anyio.sleep_forever()
        return [*notes, str(outer.cancelled_caught), str(timed.cancelled_caught)]

    assert run(main) == ["shielded", "cancelled", "cancelled", "True", "True"]


def test_objects_pass_between_tasks_in_order(run: Any) -> None:
    async def main() -> list[int]:
        sending, receiving = anyio.create_memory_object_stream[int](0)
        received = []

        async def produce() -> None:
            async with sending:
                for number in range(100):
                    await sending.send(number)

        async with anyio.create_task_group() as group, receiving:
            group.start_soon(produce)
            async for number in receiving:
                received.append(number)
        return received

    assert run(main) == list(range(100))


def test_tcp_streams_carry_a_megabyte_both_ways(run: Any) -> None:
    data = bytes(range(256)) * 4096

    async def main() -> bytes:
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as group,
        ):
            group.start_soon(listener.serve, echo)
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            answer = await send_and_receive(await anyio.connect_tcp("127.0.0.1", port), data)
            group.cancel_scope.cancel()
        return answer

    assert run(main) == data


def test_tls_streams_carry_a_megabyte_both_ways(run: Any) -> None:
    data = bytes(range(256)) * 4096

    async def main() -> bytes:
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as group,
        ):
            group.start_soon(TLSListener(listener, server_context()).serve, echo)
            port = listener.extra(anyio.abc.SocketAttribute.local_port)
            stream = await anyio.connect_tcp("localhost", port, ssl_context=client_context())
            answer = await send_and_receive(stream, data)
            group.cancel_scope.cancel()
        return answer

    assert run(main) == data


def test_a_certificate_that_is_not_trusted_is_refused(run: Any) -> None:
    async def main() -> None:
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as group,
        ):
            port = listener.extra(anyio.abc.SocketAttribute.local_port)

            async def refuse(stream: anyio.abc.ByteStream) -> None:
                with pytest.raises(ssl.SSLError, match=r"(?i)unknown.ca"):
                    await TLSStream.wrap(stream, ssl_context=server_context())

            group.start_soon(listener.serve, refuse)
            with pytest.raises(ssl.SSLCertVerificationError):
                await anyio.connect_tcp("localhost", port, tls=True)
            group.cancel_scope.cancel()

    run(main)


def test_unix_streams_and_datagrams_arrive(run: Any, tmp_path: Path) -> None:
    async def main() -> Any:
        async with (
            await anyio.create_unix_listener(tmp_path / "s") as listener,
            await anyio.create_udp_socket(local_host="127.0.0.1") as receiver,
            anyio.create_task_group() as group,
        ):
            group.start_soon(listener.serve, echo)
            stream = await send_and_receive(await anyio.connect_unix(tmp_path / "s"), b"x" * 500_000)
            port = receiver.extra(anyio.abc.SocketAttribute.local_port)
            async with await anyio.create_connected_udp_socket("127.0.0.1", port) as sender:
                await sender.send(b"datagram")
                datagram, _ = await receiver.receive()
            group.cancel_scope.cancel()
        return len(stream), datagram

    assert run(main) == (500_000, b"datagram")


def test_threads_are_called_and_call_back(run: Any) -> None:
    async def main() -> Any:
        async def double(number: int) -> int:
            await anyio.lowlevel.checkpoint()
            return 2 * number

        def work(number: int) -> tuple[int, bool]:
            doubled = from_thread.run(double, number)
            return from_thread.run_sync(abs, -doubled), threading.current_thread() is loops_thread

        loops_thread = threading.current_thread()
        results: list[Any] = [None] * 20

        async def call(number: int) -> None:
            results[number] = await to_thread.run_sync(work, number)

        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(call, number)
        return results

    assert run(main) == [(2 * number, False) for number in range(20)]


def test_a_portal_lets_another_thread_call_into_the_loop(new_loop: Any) -> None:
    async def where() -> threading.Thread:
        await anyio.lowlevel.checkpoint()
        return threading.current_thread()

    with from_thread.start_blocking_portal("asyncio", {"loop_factory": new_loop}) as portal:
        here, there = threading.current_thread(), portal.call(where)
    assert there is not here


def test_a_process_is_fed_and_read(run: Any) -> None:
    program = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.exit(3)"

    async def main() -> Any:
        done = await anyio.run_process([sys.executable, "-c", program], input=b"x" * 300_000, check=False)
        return done.returncode, done.stdout

    assert run(main) == (3, b"X" * 300_000)
