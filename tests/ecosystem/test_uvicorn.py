"""uvicorn serving a Starlette application, asked by httpx and by websockets, all on the loop."""

from __future__ import annotations

import asyncio
import hashlib
import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.ecosystem.conftest import Run
from tests.loop.io.certificates import CERTIFICATE, client_context

FIVE_MEGABYTES = random.Random(5).randbytes(5_000_000)

both_parsers = pytest.mark.parametrize("http", ["h11", "httptools"])


async def echo(request: Request) -> Response:
    return Response(await request.body())


async def digest(request: Request) -> Response:
    total = hashlib.sha256()
    async for chunk in request.stream():
        total.update(chunk)
    return PlainTextResponse(total.hexdigest())


async def count(_: Request) -> Response:
    async def numbers() -> AsyncIterator[str]:
        for number in range(5):
            yield f"{number}\n"
            await asyncio.sleep(0)

    return StreamingResponse(numbers())


async def tell_peer(request: Request) -> Response:
    return PlainTextResponse(repr(tuple(request.client or ())))


async def chat(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        if text == "bye":
            await socket.close(4321, "enough")
            return
        await socket.send_text(text + "!")


routes = [Route(f"/{function.__name__}", function, methods=["GET", "POST"]) for function in (echo, digest)]
routes += [Route("/count", count), Route("/tell_peer", tell_peer)]


@asynccontextmanager
async def serving(tls: bool = False, **options: Any) -> AsyncIterator[str]:
    """The address of a server of the application above; who connects before it is up waits for it."""
    application = Starlette(routes=[*routes, WebSocketRoute("/chat", chat)])
    if tls:
        options |= {"ssl_certfile": CERTIFICATE}
    server = uvicorn.Server(uvicorn.Config(application, log_config=None, **options))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        serve = asyncio.ensure_future(server.serve(sockets=[listening]))
        try:
            yield f"{'s' if tls else ''}://localhost:{listening.getsockname()[1]}/"
        finally:
            server.should_exit = True
            await serve


@both_parsers
def test_requests_in_turn_share_one_connection(run: Run, http: str) -> None:
    async def main() -> list[str]:
        async with serving(http=http) as url, httpx.AsyncClient(base_url="http" + url) as client:
            return [(await client.get("/tell_peer")).text for _ in range(3)]

    first, second, third = run(main())
    assert first.startswith("('127.0.0.1', ")
    assert first == second == third


@both_parsers
def test_fifty_requests_at_once_get_each_its_answer(run: Run, http: str) -> None:
    async def main() -> list[bytes]:
        async with serving(http=http) as url, httpx.AsyncClient(base_url="http" + url) as client:
            answers = await asyncio.gather(*(client.post("/echo", content=b"%d" % n) for n in range(50)))
            return [answer.content for answer in answers]

    assert run(main()) == [b"%d" % number for number in range(50)]


@both_parsers
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_five_megabytes_go_up_and_come_down(run: Run, http: str, secure: bool) -> None:
    async def main() -> Any:
        async with (
            serving(secure, http=http) as url,
            httpx.AsyncClient(base_url="http" + url, verify=client_context()) as client,
        ):
            digest = await client.post("/digest", content=in_parts(FIVE_MEGABYTES))
            echo = await client.post("/echo", content=FIVE_MEGABYTES)
            return digest.text, echo.content

    digest, content = run(main())
    assert digest == hashlib.sha256(FIVE_MEGABYTES).hexdigest()
    assert content == FIVE_MEGABYTES


async def in_parts(data: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(data), 65536):
        yield data[start : start + 65536]


@both_parsers
def test_a_streamed_answer_is_read_line_by_line(run: Run, http: str) -> None:
    async def main() -> list[str]:
        async with (
            serving(http=http) as url,
            httpx.AsyncClient(base_url="http" + url) as client,
            client.stream("GET", "/count") as response,
        ):
            return [line async for line in response.aiter_lines()]

    assert run(main()) == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "TLS"])
def test_a_websocket_answers_until_it_is_closed_with_a_code(run: Run, secure: bool) -> None:
    async def main() -> Any:
        async with serving(secure, ws="websockets-sansio") as url:
            tls = client_context() if secure else None
            async with websockets.connect(f"ws{url}chat", ssl=tls, proxy=None) as socket:
                for text in ("a", "b" * 300_000):
                    await socket.send(text)
                answers = [await socket.recv(), await socket.recv()]
                await socket.send("bye")
                await socket.wait_closed()
                return answers, socket.close_code, socket.close_reason

    assert run(main()) == (["a!", "b" * 300_000 + "!"], 4321, "enough")


@pytest.mark.filterwarnings("ignore:Using `httpx`")
def test_starlettes_test_client_runs_the_application_on_the_loop(new_loop: Any) -> None:
    from starlette.testclient import TestClient  # here, as it warns when it is imported

    loops = []

    async def note_loop(_: Request) -> Response:
        loops.append(asyncio.get_running_loop())
        return PlainTextResponse("noted")

    application = Starlette(routes=[Route("/", note_loop), WebSocketRoute("/chat", chat)])
    with TestClient(application, backend_options={"loop_factory": new_loop}) as client:
        assert client.get("/").text == "noted"
        with client.websocket_connect("/chat") as socket:
            socket.send_text("a")
            assert socket.receive_text() == "a!"
    assert [type(loop) for loop in loops] == [new_loop]


def test_a_client_that_is_not_answered_in_time_says_so(run: Run) -> None:
    async def main() -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            async with httpx.AsyncClient(timeout=0.05) as client:
                with pytest.raises(httpx.ReadTimeout):
                    await client.get(f"http://127.0.0.1:{silent.getsockname()[1]}/")

    run(main())
