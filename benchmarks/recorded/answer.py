"""An aiohttp server that answers so many requests and ends: one of the programs that `recording.py` records.

python answer.py LOOP RESULT REQUESTS LISTENING_DESCRIPTOR
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time

from aiohttp import web
from finishing import finish, new_loop  # type: ignore[import-not-found]  # beside this file


async def answer(requests: int, listening: socket.socket) -> float:
    """The processor seconds from the first request on."""
    everything = asyncio.Event()
    answered = 0
    begun_s = 0.0

    async def hello(_: web.Request) -> web.Response:
        nonlocal answered, begun_s
        begun_s = begun_s or time.process_time()
        answered += 1
        if answered == requests:
            everything.set()
        return web.Response(text="hello")

    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    await everything.wait()
    took_s = time.process_time() - begun_s
    await runner.cleanup()
    return took_s


if __name__ == "__main__":
    loop, result, requests, descriptor = sys.argv[1:]
    with asyncio.Runner(loop_factory=new_loop(loop)) as runner:
        finish(result, runner.run(answer(int(requests), socket.socket(fileno=int(descriptor)))))
