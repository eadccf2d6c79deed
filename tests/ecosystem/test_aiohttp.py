"""aiohttp's server and its client, both on the loop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.ecosystem.conftest import Run
from tests.loop.io.certificates import client_context, server_context

FIVE_MEGABYTES = random.Random(5).randbytes(5_000_000)


@asynccontextmanager
async def serving(handler: Any, tls: Any = None, **options: Any) -> AsyncIterator[str]:
    """The address of a server all of whose requests go to `handler`."""
    application = web.Application(client_max_size=10_000_000)
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, **options)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    yield f"{'https' if tls else 'http'}://localhost:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


def test_requests_in_turn_share_one_connection(run: Run) -> None:
    peers = []

    async def note_peer(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(text=request.path)

    async def main() -> list[str]:
        async with serving(note_peer) as url, aiohttp.ClientSession() as session:
            texts = []
            for path in ("a", "b", "c"):
                async with session.get(url + path) as response:
                    texts.append(await response.text())
            return texts

    assert run(main()) == ["/a", "/b", "/c"]
    assert len(peers) == 3
    assert len(set(peers)) == 1


def test_a_hundred_requests_at_once_get_each_its_answer(run: Run) -> None:
    async def main() -> list[bytes]:
        connector = aiohttp.TCPConnector(limit=20)
        async with serving(echo) as url, aiohttp.ClientSession(connector=connector) as session:

            async def send(number: int) -> bytes:
                async with session.post(url, data=b"%d" % number) as response:
                    return await response.read()

            return await asyncio.gather(*map(send, range(100)))

    assert run(main()) == [b"%d" % number for number in range(100)]


def test_a_body_is_streamed_both_ways_while_it_is_made(run: Run) -> None:
    async def shout(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            await response.write(chunk.upper())
        return response

    async def main() -> list[bytes]:
        heard = asyncio.Event()

        async def speak() -> AsyncIterator[bytes]:
            yield b"first"
            await heard.wait()  # there would be no second chunk if the first were held back
            yield b"second"

        async with (
            serving(shout) as url,
            aiohttp.ClientSession() as session,
            session.post(url, data=speak()) as response,
        ):
            chunks = []
            async for chunk in response.content.iter_any():
                chunks.append(chunk)
                heard.set()
            return chunks

    assert run(main()) == [b"FIRST", b"SECOND"]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_five_megabytes_go_up_and_come_down(run: Run, secure: bool) -> None:
    async def main() -> bytes:
        tls = server_context() if secure else None
        async with (
            serving(echo, tls) as url,
            aiohttp.ClientSession() as session,
            session.post(url, data=FIVE_MEGABYTES, ssl=client_context()) as response,
        ):
            return await response.read()

    assert run(main()) == FIVE_MEGABYTES


def test_a_client_refuses_a_certificate_it_does_not_trust(run: Run) -> None:
    async def main() -> None:
        async with serving(echo, server_context()) as url, aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(url)

    run(main())


def test_a_websocket_carries_text_and_a_large_binary_message_and_closes_with_a_code(run: Run) -> None:
    async def answer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await socket.send_str(await socket.receive_str() + "!")
        await socket.send_bytes(await socket.receive_bytes())
        await socket.close(code=4321, message=b"enough")
        return socket

    async def main() -> Any:
        async with (
            serving(answer) as url,
            aiohttp.ClientSession() as session,
            session.ws_connect(url, max_msg_size=0) as socket,
        ):
            await socket.ping()
            await socket.send_str("hello")
            text = await socket.receive_str()
            await socket.send_bytes(FIVE_MEGABYTES)
            data = await socket.receive_bytes()
            closing = await socket.receive()
            return text, data == FIVE_MEGABYTES, closing.type, closing.data

    assert run(main()) == ("hello!", True, aiohttp.WSMsgType.CLOSE, 4321)


def test_a_client_that_gives_up_cancels_the_handler(run: Run) -> None:
    async def main() -> Any:
        entered, ended = asyncio.Event(), asyncio.get_running_loop().create_future()

        async def never_answer(_: web.Request) -> web.Response:
            entered.set()
            try:
                return await asyncio.Future()
            except asyncio.CancelledError:
                ended.set_result("cancelled")
                raise

        async with (
            serving(never_answer, handler_cancellation=True) as url,
            aiohttp.ClientSession() as session,
        ):
            request = asyncio.ensure_future(session.get(url))
            await entered.wait()
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            return await ended

    assert run(main()) == "cancelled"


def test_nobody_listens_is_an_error_of_the_client(run: Run) -> None:
    async def main() -> None:
        async with serving(echo) as url:
            pass
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.get(url)

    run(main())
