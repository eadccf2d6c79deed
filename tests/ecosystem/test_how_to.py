"""The examples of the how-to that need something around them: a client, a server, a test to run."""

from __future__ import annotations

import http.client
import http.server
import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.documents import Block, blocks
from tests.ecosystem.servers import Server

HOW_LONG_S = 60

YOUR_MODULE = """
import asyncio

async def application(scope, receive, send):
    if scope["type"] == "http":
        text = f"served by {type(asyncio.get_running_loop())}"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})
"""

TEST_OF_THE_LOOP = """
import asyncio

import coroscope
import pytest


@pytest.mark.{mark}
async def test_runs_on_our_loop():
    await asyncio.sleep(0)
    assert isinstance(asyncio.get_running_loop(), coroscope.Loop)
"""


def examples(mark: str) -> pytest.MarkDecorator:
    """For each block of the documentation with that mark, named by its place."""
    marked = [pytest.param(block, id=block.name) for block in blocks() if block.info[1:] == [mark]]
    assert marked, f"no example is marked {mark!r}"
    return pytest.mark.parametrize("example", marked)


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def replaced(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@examples("server")
def test_a_server_answers_from_our_loop(example: Block, tmp_path: Path) -> None:
    write(tmp_path, "your_module.py", YOUR_MODULE)
    with socket.create_server(
        ("127.0.0.1", 0)
    ) as listening:  # who asks before there is a server waits for it
        number = listening.fileno()
        if example.info[0] == "sh":
            command = ["-m", *shlex.split(example.body)]
        else:
            given = f"fd={number}" if "uvicorn" in example.body else f"sock=socket.socket(fileno={number})"
            write(tmp_path, "serve.py", "import socket\n" + replaced(example.body, "port=8080", given))
            command = ["serve.py"]
        environment = os.environ | {"UVICORN_FD": str(number)}
        with subprocess.Popen(
            [sys.executable, *command], cwd=tmp_path, pass_fds=[number], env=environment
        ) as server:
            try:
                assert "coroscope.loop" in get(listening.getsockname()[1])
            finally:
                server.kill()


def get(port: int) -> str:
    """What the server on that port answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HOW_LONG_S)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.fixture
def http_port() -> Iterator[int]:
    """The port of a web server in another thread."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"served by a thread")

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@examples("client")
def test_a_client_runs_on_our_loop(example: Block, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    text, environment = example.body, dict(os.environ)
    if "import asyncpg" in text:
        postgres: Server = request.getfixturevalue("postgres")
        environment |= {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "postgres"}
    elif "import redis" in text:
        redis: Server = request.getfixturevalue("redis")
        text = replaced(text, ":6379", f":{redis.port}")
    else:
        text = replaced(text, ":8080", f":{request.getfixturevalue('http_port')}")
    write(tmp_path, "ask.py", text)
    assert succeed(tmp_path, environment, "ask.py") == ""


@examples("conftest")
def test_a_test_runs_on_our_loop(example: Block, tmp_path: Path) -> None:
    if "EventLoopPolicy" in example.body and sys.version_info >= (3, 16):
        pytest.skip("CPython has no event loop policies since 3.16")
    mark, plugin = (
        ("anyio", "anyio.pytest_plugin") if "anyio" in example.body else ("asyncio", "pytest_asyncio.plugin")
    )
    write(tmp_path, "conftest.py", example.body)
    write(tmp_path, "test_it.py", TEST_OF_THE_LOOP.format(mark=mark))
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    arguments = ["-m", "pytest", "-p", plugin, "-p", "no:cacheprovider"]
    assert "1 passed" in succeed(tmp_path, environment, *arguments)


def succeed(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    """What an interpreter of its own prints that is started with `arguments` in `folder`."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HOW_LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
