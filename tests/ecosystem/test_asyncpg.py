"""asyncpg against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import pytest

from tests.ecosystem.conftest import Run
from tests.ecosystem.servers import Server
from tests.loop.io.certificates import client_context


@asynccontextmanager
async def connected(server: Server, **options: Any) -> AsyncIterator[Any]:
    """A connection to the server; what it made in the schema `pg_temp` goes with it."""
    options = {"host": "127.0.0.1", "port": server.port, "user": "postgres", "ssl": False} | options
    connection = await asyncpg.connect(**options)
    try:
        yield connection
    finally:
        await connection.close()


def test_values_of_many_types_come_back(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        async with connected(postgres) as connection:
            query = "SELECT $1::int8 + 1, $2::text, $3::bytea, $4::float8[], NULL"
            return tuple(await connection.fetchrow(query, 41, "ü", b"\0\xff", [0.5, 1.5]))

    assert run(main()) == (42, "ü", b"\0\xff", [0.5, 1.5], None)


def test_a_unix_socket_is_a_way_in(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        async with connected(postgres, host=str(postgres.folder)) as connection:
            return await connection.fetchval("SELECT inet_client_addr() IS NULL")

    assert run(main()) is True


def test_a_connection_is_raised_to_tls(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        async with connected(postgres, host="localhost", ssl=client_context()) as connection:
            row = "x" * 300_000
            used = await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            return used, await connection.fetchval("SELECT $1::text", row) == row

    assert run(main()) == (True, True)


def test_a_pool_shares_its_connections_among_many_tasks(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        async with asyncpg.create_pool(
            host="127.0.0.1", port=postgres.port, user="postgres", ssl=False, min_size=1, max_size=4
        ) as pool:

            async def square(number: int) -> tuple[int, int]:
                async with pool.acquire() as connection:
                    row = await connection.fetchrow("SELECT $1::int * $1, pg_backend_pid()", number)
                    return row[0], row[1]

            rows = await asyncio.gather(*map(square, range(100)))
            return [square for square, _ in rows], len({backend for _, backend in rows})

    squares, backends = run(main())
    assert squares == [number**2 for number in range(100)]
    assert 1 <= backends <= 4


def test_a_transaction_is_all_or_nothing_and_a_savepoint_within_it_too(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        async with connected(postgres) as connection:
            await connection.execute("CREATE TEMPORARY TABLE t (n int PRIMARY KEY)")

            async def insert(*numbers: int) -> None:
                async with connection.transaction():
                    for number in numbers:
                        await connection.execute("INSERT INTO t VALUES ($1)", number)

            async with connection.transaction():
                await insert(1)
                with pytest.raises(asyncpg.UniqueViolationError):
                    await insert(2, 1)
            with pytest.raises(asyncpg.DataError):
                await insert(3, 2**40)
            return [row["n"] for row in await connection.fetch("SELECT n FROM t ORDER BY n")]

    assert run(main()) == [1]


def test_a_cursor_reads_a_large_result_in_parts(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        async with connected(postgres) as connection, connection.transaction():
            rows = connection.cursor("SELECT generate_series(1, 2000)", prefetch=50)
            return [row[0] async for row in rows]

    assert run(main()) == list(range(1, 2001))


def test_a_notification_reaches_who_listens(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        heard: asyncio.Queue[Any] = asyncio.Queue()
        async with connected(postgres) as listener, connected(postgres) as speaker:
            await listener.add_listener("news", lambda *arguments: heard.put_nowait(arguments[2:]))
            for text in ("first", "second"):
                await speaker.execute("SELECT pg_notify('news', $1)", text)
            return [await heard.get(), await heard.get()]

    assert run(main()) == [("news", "first"), ("news", "second")]


def test_copy_takes_rows_in_and_out(run: Run, postgres: Server) -> None:
    rows = [(number, f"row {number}") for number in range(20_000)]

    async def main() -> Any:
        out = io.BytesIO()
        async with connected(postgres) as connection:
            await connection.execute("CREATE TEMPORARY TABLE t (n int, s text)")
            copied = await connection.copy_records_to_table("t", records=rows)
            await connection.copy_from_query("SELECT * FROM t ORDER BY n", output=out, format="csv")
        return copied, out.getvalue().decode()

    copied, text = run(main())
    assert copied == "COPY 20000"
    assert text == "".join(f"{number},{name}\n" for number, name in rows)


def test_a_cancelled_query_is_cancelled_in_the_server_and_its_connection_lives_on(
    run: Run, postgres: Server
) -> None:
    async def main() -> Any:
        async with connected(postgres) as connection, connected(postgres) as other:
            lock = "SELECT pg_advisory_lock(1)"
            await other.execute(lock)
            waiting = asyncio.ensure_future(connection.execute(lock))
            backend = connection.get_server_pid()
            is_waiting = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1"
            while not await other.fetchval(is_waiting, backend):
                pass
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            answer = await connection.fetchval("SELECT 1")  # sent once the server has given the query up
            return answer, await other.fetchval(is_waiting, backend)

    answer, is_waiting = run(main())
    assert answer == 1
    assert is_waiting is not True


def test_a_query_that_times_out_says_so(run: Run, postgres: Server) -> None:
    async def main() -> Any:
        async with connected(postgres) as connection:
            with pytest.raises(asyncio.TimeoutError):
                await connection.execute("SELECT pg_sleep(60)", timeout=0.05)
            return await connection.fetchval("SELECT 2")

    assert run(main()) == 2


def test_a_connection_that_the_server_ends_fails_the_query_that_waits(run: Run, postgres: Server) -> None:
    async def main() -> None:
        async with connected(postgres) as connection, connected(postgres) as other:
            waiting = asyncio.ensure_future(connection.execute("SELECT pg_sleep(60)"))
            await other.execute("SELECT pg_terminate_backend($1)", connection.get_server_pid())
            with pytest.raises((asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)):
                await waiting

    run(main())
