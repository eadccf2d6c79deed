"""Database servers from the system's packages, each in a temporary folder, listening on a Unix socket and 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.loop.io.certificates import CERTIFICATE

HOW_LONG_S = 60


class Server(NamedTuple):
    """Where a server listens."""

    port: int
    folder: Path
    """Of its Unix socket."""


@contextmanager
def postgresql() -> Iterator[Server]:
    """Serve an empty cluster whose superuser is `postgres`; TLS shows the certificate."""
    initdb, postgres = (program(name, *postgresql_folders()) for name in ("initdb", "postgres"))
    port = free_port()
    with folder_of_server() as folder:
        data, pem = folder / "data", folder / "server.pem"
        shutil.copyfile(CERTIFICATE, pem)
        pem.chmod(0o600)  # PostgreSQL wants its key to be its own
        if as_server_user():
            shutil.chown(pem, **as_server_user())
        options = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run(
            [initdb, "-D", str(data), *options],
            stdout=subprocess.DEVNULL,
            timeout=HOW_LONG_S,
            check=True,
            cwd="/",
            **as_server_user(),
        )
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
            "fsync": "off",
            "log_min_messages": "log",  # not each error of a query: nobody reads on once it is up
            "ssl": "on",
            "ssl_cert_file": pem,
            "ssl_key_file": pem,
        }
        command = [postgres, "-D", data, *(f"--{name}={value}" for name, value in settings.items())]
        with started(command, folder, stop="QUIT"):
            yield Server(port, folder)


@contextmanager
def redis_server() -> Iterator[Server]:
    """Serve an empty database; its Unix socket is `redis.sock`."""
    server, port = program("redis-server"), free_port()
    with folder_of_server() as folder:
        options = ["--port", port, "--bind", "127.0.0.1", "--unixsocket", folder / "redis.sock"]
        options += ["--unixsocketperm", "777", "--dir", folder, "--save", "", "--appendonly", "no"]
        with started([server, *options], folder, stop="TERM"):
            yield Server(port, folder)


@contextmanager
def started(command: list[object], folder: Path, stop: str) -> Iterator[None]:
    """Run a server that says when it is ready; the signal `stop` ends it, even if these tests are killed."""
    # The shell waits for the end of its input, which comes with the end of this process; of the output, the server
    # alone has the other end, so that it ends with the server.
    script = f'"$@" & exec >/dev/null 2>&1; read -r _; kill -{stop} $!; wait'
    with subprocess.Popen(
        ["sh", "-c", script, "sh", *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        **as_server_user(),
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        try:
            said = ""
            while "ready to accept connections" not in said.lower():
                line = shell.stdout.readline()
                if not line:
                    pytest.fail(said)
                said += line
            yield
        finally:
            shell.stdin.close()


def program(name: str, *folders: Path) -> str:
    """The path of a server's program; without it the test is skipped, or fails where the servers are required."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(map(str, folders)))
    if found is None:
        reason = f"{name} is not installed here"
        if os.environ.get("COROSCOPE_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def postgresql_folders() -> list[Path]:
    """Where Debian keeps each version's programs, off the path; the newest first."""
    return sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -int(folder.parent.name))


@contextmanager
def folder_of_server() -> Iterator[Path]:
    """A folder that the server may write to; its path is short enough for a Unix socket's, which pytest's is not."""
    with tempfile.TemporaryDirectory(prefix="coroscope-") as name:
        if as_server_user():
            shutil.chown(name, **as_server_user())
        yield Path(name)


def as_server_user() -> dict[str, Any]:
    """For a test run as root: a user without privileges, which PostgreSQL insists on."""
    return {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}


def free_port() -> int:
    """A port that nobody listened on a moment ago: neither server can be handed a socket."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
