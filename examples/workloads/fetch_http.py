"""Real responses over HTTP, from a server of this file's own: forty pages, at 15 to 55 ms each.

    coroscope compare examples/workloads/fetch_http.py
    python examples/workloads/fetch_http.py [ITEMS]

It is waiting, with the little to compute that sockets and headers are. The sequence waits for one page at a time,
threads and processes for as many as there are of them, the loop for all. A loop on each core has nothing to gain:
one core is far from busy.

The server is a process of its own. Whoever first makes the items starts it, and the items, which are addresses, lead
the workers to it; it ends with the program that started it, however that ends.
"""

from __future__ import annotations

import asyncio
import atexit
import http.client
import random
import subprocess
import sys
import threading
import time
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import coroscope

PAGES = 40


def urls() -> list[str]:
    address = server_address()
    return [f"http://{address}/page/{number}" for number in range(PAGES)]


def fetch(url: str) -> bytes:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        if response.status != 200:
            raise ConnectionError(f"{url}: {response.status} {response.reason}")
        return response.read()
    finally:
        connection.close()


async def fetch_async(url: str) -> bytes:
    # By streams, and not by aiohttp: its session would have to be closed when the loop ends, and only the map knows
    # when that is; besides, not all that it imports can be had in interpreters.
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        head, _, page = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
        await writer.wait_closed()
    status = head.split(b"\r\n")[0].decode()
    if status.split(" ")[1:2] != ["200"]:
        raise ConnectionError(f"{url}: {status}")
    return page


@cache
def server_address() -> str:
    """Where the server listens, which is started at the first call and stopped at the program's end."""
    # Its standard input is its lifeline: when this program ends, in whatever way, that closes and the server stops.
    # In a session of its own it does not get the Ctrl-C that is meant for this program.
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    atexit.register(server.communicate)
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    if not address:
        raise ConnectionError("the local server did not start")
    return address


def serve() -> None:
    """Answer pages at an address that is printed, with a free port, until standard input closes."""
    server = Server(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("{}:{}".format(*server.server_address), flush=True)
    sys.stdin.read()


class Server(ThreadingHTTPServer):
    request_queue_size = PAGES  # All may come at once.


class Answer(BaseHTTPRequestHandler):
    """A page after some time: the same page, and time, for the same number."""

    def do_GET(self) -> None:
        if not self.path.startswith("/page/"):
            self.send_error(404)
            return
        draw = random.Random(self.path)
        time.sleep(draw.uniform(0.015, 0.055))
        page = draw.randbytes(draw.randrange(10_000, 50_000))
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Write nothing to stderr."""


workload = coroscope.Workload(urls, call=fetch, coroutine=fetch_async, name="fetch over HTTP")

if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        serve()
    else:
        import by_hand  # type: ignore[import-not-found]  # beside this file

        by_hand.main(workload)
