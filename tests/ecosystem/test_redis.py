"""redis.asyncio against a real Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio
from redis.exceptions import ResponseError, WatchError

from tests.ecosystem.conftest import Run
from tests.ecosystem.servers import Server


@asynccontextmanager
async def connected(server: Server, **options: Any) -> AsyncIterator[Any]:
    """A client of the emptied server."""
    if "unix_socket_path" not in options:
        options |= {"host": "127.0.0.1", "port": server.port}
    async with redis.asyncio.Redis(decode_responses=True, **options) as client:
        await client.flushall()
        yield client


def test_values_come_back(run: Run, redis: Server) -> None:
    large = "ü" * 500_000

    async def main() -> Any:
        async with connected(redis) as client:
            await client.set("key", large)
            return await client.get("key") == large, await client.get("missing")

    assert run(main()) == (True, None)


def test_a_unix_socket_is_a_way_in(run: Run, redis: Server) -> None:
    async def main() -> Any:
        async with connected(redis, unix_socket_path=str(redis.folder / "redis.sock")) as client:
            return await client.ping()

    assert run(main()) is True


def test_a_pipeline_sends_a_thousand_commands_at_once(run: Run, redis: Server) -> None:
    async def main() -> Any:
        async with connected(redis) as client, client.pipeline() as pipeline:
            for _ in range(1000):
                pipeline.incr("counter")
            return await pipeline.execute()

    assert run(main()) == list(range(1, 1001))


def test_a_transaction_is_given_up_when_what_it_watched_has_changed(run: Run, redis: Server) -> None:
    async def main() -> Any:
        async with connected(redis) as client, client.pipeline() as pipeline:
            await pipeline.watch("key")
            await client.set("key", "changed")
            pipeline.multi()
            pipeline.set("key", "mine")
            with pytest.raises(WatchError):
                await pipeline.execute()
            return await client.get("key")

    assert run(main()) == "changed"


def test_tasks_share_one_pool_of_connections(run: Run, redis: Server) -> None:
    async def main() -> Any:
        async with connected(redis) as client:
            return sorted(await asyncio.gather(*(client.incr("counter") for _ in range(50))))

    assert run(main()) == list(range(1, 51))


def test_a_message_reaches_who_subscribed(run: Run, redis: Server) -> None:
    async def main() -> Any:
        async with connected(redis) as client, client.pubsub() as subscription:
            await subscription.subscribe("news")
            messages = subscription.listen()
            heard = [await anext(messages)]
            await client.publish("news", "first")
            await client.publish("news", "second")
            heard += [await anext(messages), await anext(messages)]
            await messages.aclose()
            return [(message["type"], message["data"]) for message in heard]

    assert run(main()) == [("subscribe", 1), ("message", "first"), ("message", "second")]


def test_who_waits_for_an_item_is_woken_by_it(run: Run, redis: Server) -> None:
    async def main() -> Any:
        async with connected(redis) as client:
            waiting = asyncio.ensure_future(client.blpop("list", 0))
            while not (await client.info("clients"))["blocked_clients"]:
                pass
            await client.rpush("list", "item")
            return tuple(await waiting)

    assert run(main()) == ("list", "item")


def test_a_cancelled_wait_leaves_the_client_usable(run: Run, redis: Server) -> None:
    async def main() -> Any:
        async with connected(redis) as client:
            waiting = asyncio.ensure_future(client.blpop("list", 0))
            while not (await client.info("clients"))["blocked_clients"]:
                pass
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await client.rpush("list", "kept")
            return await client.lpop("list")

    assert run(main()) == "kept"


def test_an_error_of_the_server_is_raised(run: Run, redis: Server) -> None:
    async def main() -> None:
        async with connected(redis) as client:
            await client.set("key", "text")
            with pytest.raises(ResponseError, match="not an integer"):
                await client.incr("key")

    run(main())
