"""grpc.aio's server and its client, both on the loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc  # type: ignore[import-untyped]
import pytest

from tests.ecosystem.conftest import Run


async def shout(request: bytes, _: Any) -> bytes:
    return request.upper()


async def fail(_: bytes, context: Any) -> bytes:
    await context.abort(grpc.StatusCode.NOT_FOUND, "no such thing")
    return b""


async def shout_all(requests: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request.upper()


HANDLERS = {
    "shout": grpc.unary_unary_rpc_method_handler(shout),
    "fail": grpc.unary_unary_rpc_method_handler(fail),
    "shout_all": grpc.stream_stream_rpc_method_handler(shout_all),
}


@asynccontextmanager
async def connected(**more: Any) -> AsyncIterator[Any]:
    """A channel to a server of the methods above, and `more`; requests and responses are plain bytes."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test", HANDLERS | more)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel
    await server.stop(None)


def test_calls_at_once_get_each_its_answer(run: Run) -> None:
    async def main() -> list[bytes]:
        async with connected() as channel:
            call = channel.unary_unary("/test/shout")
            return list(await asyncio.gather(*(call(b"call %d" % number) for number in range(50))))

    assert run(main()) == [b"CALL %d" % number for number in range(50)]


def test_a_stream_answers_a_stream(run: Run) -> None:
    async def main() -> list[bytes]:
        async with connected() as channel:
            call = channel.stream_stream("/test/shout_all")()
            answers = []
            for text in (b"first", b"second", b"x" * 1_000_000):
                await call.write(text)
                answers.append(await call.read())
            await call.done_writing()
            assert await call.read() is grpc.aio.EOF
            return answers

    assert run(main()) == [b"FIRST", b"SECOND", b"X" * 1_000_000]


def test_an_error_of_the_server_is_raised(run: Run) -> None:
    async def main() -> Any:
        async with connected() as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary("/test/fail")(b"")
            return caught.value.code(), caught.value.details()

    assert run(main()) == (grpc.StatusCode.NOT_FOUND, "no such thing")


class Waiting:
    """A method that never answers."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.ended = asyncio.Event()
        self.handler = grpc.unary_unary_rpc_method_handler(self.wait)

    async def wait(self, _: bytes, __: Any) -> bytes:
        self.entered.set()
        try:
            return await asyncio.Future()
        finally:
            self.ended.set()


def test_a_call_past_its_deadline_is_given_up(run: Run) -> None:
    async def main() -> Any:
        async with connected(wait=Waiting().handler) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await channel.unary_unary("/test/wait")(b"", timeout=0.05)
            return caught.value.code()

    assert run(main()) == grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_cancelled_call_is_cancelled_in_the_server_too(run: Run) -> None:
    async def main() -> bool:
        waiting = Waiting()
        async with connected(wait=waiting.handler) as channel:
            call = channel.unary_unary("/test/wait")(b"")
            await waiting.entered.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await waiting.ended.wait()
            return bool(call.cancelled())

    assert run(main()) is True
