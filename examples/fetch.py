"""Fetch pages over HTTP, first one after another and then all at once, and time both.

python examples/fetch.py           # 60 pages of a local server, which this program starts and stops
python examples/fetch.py URL...    # these pages instead
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import aiohttp
from aiohttp import web

PAGES = 60
SEED = 2026


async def main(urls: Sequence[str]) -> None:
    async with aiohttp.ClientSession() as session:
        started = time.perf_counter()
        pages = await fetch_one_after_another(session, urls)
        report("one after another", pages, time.perf_counter() - started)

        started = time.perf_counter()
        same_pages = await fetch_concurrently(session, urls)
        report("concurrently", same_pages, time.perf_counter() - started)

    print(f"{sum(map(len, pages))} bytes, checksum {checksum(pages)}")
    print("the same pages both times, in the same order" if pages == same_pages else "the pages have changed")


async def fetch_one_after_another(session: aiohttp.ClientSession, urls: Sequence[str]) -> list[bytes]:
    pages = []
    for number, url in enumerate(urls, 1):
        # A task here too, although nothing else runs meanwhile: both ways do the same work for a page.
        pages.append(await page_task(session, number, url))
    return pages


async def fetch_concurrently(session: aiohttp.ClientSession, urls: Sequence[str]) -> list[bytes]:
    return await asyncio.gather(*(page_task(session, number, url) for number, url in enumerate(urls, 1)))


def page_task(session: aiohttp.ClientSession, number: int, url: str) -> asyncio.Task[bytes]:
    return asyncio.create_task(fetch(session, url), name=f"page {number}")


async def fetch(session: aiohttp.ClientSession, url: str) -> bytes:
    page = bytearray()
    async with session.get(url) as response:
        response.raise_for_status()
        async for chunk in response.content.iter_any():
            page += chunk
    return bytes(page)


def report(way: str, pages: Sequence[bytes], seconds: float) -> None:
    print(f"{way}: {len(pages)} pages in {seconds:.3f} s", flush=True)


def checksum(pages: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for page in pages:
        digest.update(hashlib.sha256(page).digest())  # of digests, so that where a page ends counts too
    return digest.hexdigest()[:16]


@contextmanager
def local_server() -> Iterator[list[str]]:
    """The URLs of a server's pages; the server lives in a process of its own, until the block is left."""
    command = [sys.executable, __file__, "--serve"]
    # Its standard input is its lifeline: when this program ends, in whatever way, that closes and it stops.
    # In a session of its own it does not get the Ctrl-C that is meant for this program.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        if not address:
            raise SystemExit("fetch.py: the local server did not start")
        yield [f"{address}/page/{number}" for number in range(1, PAGES + 1)]


async def serve() -> None:
    """Answer pages at an address that is printed, with a free port, until standard input closes."""
    application = web.Application()
    application.router.add_get("/page/{number}", answer)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        print(f"http://{host}:{port}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await runner.cleanup()


async def answer(request: web.Request) -> web.StreamResponse:
    """A page in chunks with pauses between: most take 20 to 60 ms and a few up to 620 ms, as on the web."""
    draw = random.Random(f"{SEED}/{request.match_info['number']}")
    latency = 0.020 + min(draw.lognormvariate(-4.2, 1.4), 0.600)
    chunks = [draw.randbytes(draw.randrange(2_000, 16_000)) for _ in range(draw.randrange(3, 7))]

    await asyncio.sleep(latency / 2)
    response = web.StreamResponse()
    await response.prepare(request)
    for chunk in chunks:
        await asyncio.sleep(latency / 2 / len(chunks))
        await response.write(chunk)
    await response.write_eof()
    return response


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Fetch pages one after another, then all at once.")
    parser.add_argument("urls", metavar="URL", nargs="*", help=f"page to fetch (default: {PAGES} local ones)")
    parser.add_argument("--serve", action="store_true", help="be the local server")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse_arguments()
    try:
        if arguments.serve:
            asyncio.run(serve())
        elif arguments.urls:
            asyncio.run(main(arguments.urls))
        else:
            with local_server() as local_urls:
                asyncio.run(main(local_urls))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SystemExit(f"fetch.py: {type(error).__name__}: {error}") from None
