"""An aiohttp service with a slow backend, and a client that keeps ten requests going."""

import asyncio

import aiohttp
from aiohttp import web


async def answer(request: web.Request) -> web.Response:
    await asyncio.sleep(0.005)
    return web.json_response({"number": int(request.match_info["number"])})


async def ask(session: aiohttp.ClientSession, url: str, at_once: asyncio.Semaphore) -> int:
    async with at_once, session.get(url) as response:
        found: int = (await response.json())["number"]
        return found


async def main() -> None:
    application = web.Application()
    application.router.add_get("/{number}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    at_once = asyncio.Semaphore(10)
    async with aiohttp.ClientSession() as session:
        urls = [f"http://{host}:{port}/{number}" for number in range(200)]
        answers = await asyncio.gather(*(ask(session, url, at_once) for url in urls))
    await runner.cleanup()
    assert sum(answers) == sum(range(200))


asyncio.run(main())
