"""What the how-to says of other people's libraries: they run on our loop, by the ways that they offer for it."""

from __future__ import annotations

import http.client
import http.server
import importlib.util
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

HOW_LONG_S = 60


def needs(library: str) -> pytest.MarkDecorator:
    """Skip the test where `library` is not installed."""
    missing = importlib.util.find_spec(library) is None
    return pytest.mark.skipif(missing, reason=f"{library} is not installed here")


def python(folder: Path, *arguments: str) -> str:
    """What an interpreter of its own prints that is started with `arguments` in `folder`."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=HOW_LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(textwrap.dedent(text))


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A socket to serve on: whoever connects before there is a server waits for it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


def get(listening: socket.socket) -> str:
    """What the server on that socket answers."""
    host, port = listening.getsockname()
    connection = http.client.HTTPConnection(host, port, timeout=HOW_LONG_S)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def answer_of(listening: socket.socket, folder: Path, *arguments: str) -> str:
    """What a server answers that is started with `arguments` and serves on the socket."""
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, cwd=folder, pass_fds=[listening.fileno()]) as server:
        try:
            return get(listening)
        finally:
            server.kill()


ASGI_APPLICATION = """
import asyncio

async def application(scope, receive, send):
    if scope["type"] == "http":
        name = type(asyncio.get_running_loop()).__module__
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": name.encode()})
"""


@needs("uvicorn")
def test_uvicorn_takes_our_loop_by_its_name(listening: socket.socket, tmp_path: Path) -> None:
    write(tmp_path, "served.py", ASGI_APPLICATION)
    arguments = ["-m", "uvicorn", "served:application", "--loop", "coroscope:Loop", "--lifespan", "off"]
    answer = answer_of(listening, tmp_path, *arguments, "--fd", str(listening.fileno()))
    assert answer == "coroscope.loop.loop"


@needs("uvicorn")
def test_a_uvicorn_server_is_a_coroutine_to_be_run(listening: socket.socket, tmp_path: Path) -> None:
    write(tmp_path, "served.py", ASGI_APPLICATION)
    program = """
        import coroscope, uvicorn, sys

        config = uvicorn.Config("served:application", fd=int(sys.argv[1]), lifespan="off")
        coroscope.run(uvicorn.Server(config).serve(sockets=[config.bind_socket()]))
    """
    write(tmp_path, "serve.py", program)
    assert answer_of(listening, tmp_path, "serve.py", str(listening.fileno())) == "coroscope.loop.loop"


@needs("aiohttp")
def test_an_aiohttp_server_takes_our_loop(listening: socket.socket, tmp_path: Path) -> None:
    program = """
        import asyncio, socket, sys

        import coroscope
        from aiohttp import web

        async def tell(request):
            return web.Response(text=type(asyncio.get_running_loop()).__module__)

        application = web.Application()
        application.add_routes([web.get("/", tell)])
        listening = socket.socket(fileno=int(sys.argv[1]))
        web.run_app(application, sock=listening, loop=coroscope.new_event_loop())
    """
    write(tmp_path, "serve.py", program)
    assert answer_of(listening, tmp_path, "serve.py", str(listening.fileno())) == "coroscope.loop.loop"


@pytest.fixture
def http_server() -> Iterator[str]:
    """The address of a web server in another thread."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@needs("aiohttp")
def test_an_aiohttp_client_runs_on_our_loop(http_server: str, tmp_path: Path) -> None:
    program = """
        import sys

        import aiohttp, coroscope

        async def main():
            async with aiohttp.ClientSession() as session, session.get(sys.argv[1]) as response:
                print(await response.text())

        coroscope.run(main())
    """
    write(tmp_path, "fetch.py", program)
    assert python(tmp_path, "fetch.py", http_server) == "hello\n"


@needs("httpx")
def test_an_httpx_client_runs_on_our_loop(http_server: str, tmp_path: Path) -> None:
    program = """
        import sys

        import coroscope, httpx

        async def main():
            async with httpx.AsyncClient() as client:
                print((await client.get(sys.argv[1])).text)

        coroscope.run(main())
    """
    write(tmp_path, "fetch.py", program)
    assert python(tmp_path, "fetch.py", http_server) == "hello\n"


@needs("anyio")
def test_anyio_takes_our_loop_as_a_backend_option(tmp_path: Path) -> None:
    program = """
        import asyncio

        import anyio, coroscope

        async def main():
            order = []

            async def lead():
                await anyio.sleep(0.01)
                order.append("lead")
                led.set()

            async def follow():
                await led.wait()
                order.append("follow")

            led = anyio.Event()
            with anyio.move_on_after(30) as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(follow)
                    group.start_soon(lead)
            with anyio.move_on_after(0.01) as cut_off:
                await anyio.sleep(30)
            thread = await anyio.to_thread.run_sync(lambda: anyio.from_thread.run(anyio.sleep, 0))
            print(type(asyncio.get_running_loop()).__module__, order, scope.cancelled_caught, cut_off.cancelled_caught)

        anyio.run(main, backend_options={"loop_factory": coroscope.Loop})
    """
    write(tmp_path, "program.py", program)
    assert python(tmp_path, "program.py") == "coroscope.loop.loop ['lead', 'follow'] False True\n"


TEST_OF_THE_LOOP = """
import asyncio

import coroscope
import pytest


@pytest.mark.{mark}
async def test_runs_on_our_loop():
    await asyncio.sleep(0)
    assert isinstance(asyncio.get_running_loop(), coroscope.Loop)
"""


@needs("anyio")
def test_anyios_plugin_for_pytest_takes_our_loop(tmp_path: Path) -> None:
    conftest = """
        import coroscope
        import pytest

        @pytest.fixture
        def anyio_backend():
            return "asyncio", {"loop_factory": coroscope.Loop}
    """
    write(tmp_path, "conftest.py", conftest)
    write(tmp_path, "test_it.py", TEST_OF_THE_LOOP.format(mark="anyio"))
    assert "1 passed" in python(tmp_path, "-m", "pytest", "-p", "no:asyncio", "-p", "no:cacheprovider")


@needs("pytest_asyncio")
def test_pytest_asyncio_takes_our_loop_from_a_hook(tmp_path: Path) -> None:
    conftest = """
        import coroscope

        def pytest_asyncio_loop_factories():
            return {"coroscope": coroscope.Loop}
    """
    write(tmp_path, "conftest.py", conftest)
    write(tmp_path, "test_it.py", TEST_OF_THE_LOOP.format(mark="asyncio"))
    assert "1 passed" in python(tmp_path, "-m", "pytest", "-p", "no:cacheprovider")


@needs("pytest_asyncio")
@pytest.mark.skipif(sys.version_info >= (3, 16), reason="CPython has no event loop policies since 3.16")
def test_pytest_asyncio_takes_our_policy_from_a_fixture(tmp_path: Path) -> None:
    conftest = """
        import coroscope
        import pytest

        @pytest.fixture
        def event_loop_policy():
            return coroscope.EventLoopPolicy()
    """
    write(tmp_path, "conftest.py", conftest)
    write(tmp_path, "test_it.py", TEST_OF_THE_LOOP.format(mark="asyncio"))
    assert "1 passed" in python(tmp_path, "-m", "pytest", "-p", "no:cacheprovider")
