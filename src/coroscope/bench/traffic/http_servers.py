"""HTTP servers of the ecosystem that answer every request alike, on the asyncio loop that runs them.

Rule: a server's package is imported when it is asked for, since not every Python has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from coroscope.bench.traffic.serving import Address, Unavailable, address_of, backlog, listening_socket
from coroscope.bench.workload import Traffic


@asynccontextmanager
async def serve_aiohttp(traffic: Traffic) -> AsyncIterator[Address]:
    web = _imported("aiohttp.web")
    body = bytes(traffic.size_bytes)

    async def answer(request: object) -> Any:  # noqa: ARG001 (aiohttp's signature)
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        listener = listening_socket(traffic)
        await web.SockSite(runner, listener, backlog=backlog(traffic)).start()
        yield address_of(listener)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def serve_uvicorn(traffic: Traffic) -> AsyncIterator[Address]:
    uvicorn = _imported("uvicorn")
    config = uvicorn.Config(
        _application(traffic.size_bytes),
        backlog=backlog(traffic),
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
    server = uvicorn.Server(config)
    with listening_socket(traffic) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        # It listens already: who connects before the server has started waits until it has.
        yield address_of(listener)
        server.should_exit = True
        await serving


def _application(size_bytes: int) -> Callable[..., Awaitable[None]]:
    """An ASGI application that needs no framework."""
    body = bytes(size_bytes)
    headers = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % size_bytes)]

    async def answer(scope: object, receive: object, send: Any) -> None:  # noqa: ARG001 (ASGI's signature)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def _imported(module: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise Unavailable(f"needs the package {package}: pip install {package}") from error
