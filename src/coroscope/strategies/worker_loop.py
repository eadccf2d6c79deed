"""A worker's process with an event loop of its own, which works on all items that it is given at once."""

from __future__ import annotations

import asyncio
import socket
import struct

from coroscope.strategies import parcels
from coroscope.strategies.frames import END, Frames, frame
from coroscope.strategies.item_tasks import ItemTasks
from coroscope.strategies.remote_work import all_failed
from coroscope.strategies.replies import Span, pack_replies
from coroscope.strategies.work import Function, without_this_frame
from coroscope.strategies.worker_process import stay_with_parent

HEADER = struct.Struct("=qq")
"""Before the pickled items: the index of the first, and how many there are."""


def main(end: socket.socket, function: bytes, threads: int, _: object) -> None:
    """Work on what comes by `end`, until END or the end of the connection."""
    stay_with_parent()
    called, loop_factory = _loaded(function)
    from coroscope.loop.loop import Loop

    with asyncio.Runner(loop_factory=loop_factory or Loop) as runner:
        runner.run(_serve(end, called, threads))


def _loaded(function: bytes) -> tuple[Function, type[asyncio.AbstractEventLoop] | None]:
    try:
        loaded: tuple[Function, type[asyncio.AbstractEventLoop] | None] = parcels.loads(function)
    except Exception as error:
        reason = without_this_frame(error)

        async def fail(_: object) -> None:
            raise reason

        return fail, None
    return loaded


async def _serve(end: socket.socket, function: Function, threads: int) -> None:
    loop = asyncio.get_running_loop()
    worker = _Worker(loop, function, threads)
    transport, _ = await loop.create_connection(lambda: worker, sock=end)
    try:
        await worker.ended
        await worker.tasks.cancelled()
    finally:
        transport.close()


class _Worker(asyncio.Protocol):
    """Takes items in, and sends what has come of them once a round of the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Function, threads: int) -> None:
        self._loop = loop
        self._frames = Frames()
        self._will_send = False
        self._unread: list[Span] = []
        """Items that could not be unpickled together; they may come again, in smaller parcels."""
        self.tasks = ItemTasks(loop, function, threads, self._has_news, raises_exits=False)
        self.ended = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for message in self._frames.feed(data):
            if message == END:
                self._end()
                return
            first, count = HEADER.unpack_from(message)
            try:
                items = parcels.loads(message[HEADER.size :])
            except BaseException as error:  # From code of the items' own classes, or no memory for them.
                if count > 1:
                    self._unread.append((first, count))
                else:
                    self.tasks.replies.append(all_failed(first, 1, without_this_frame(error)))
                self._has_news()
            else:
                self.tasks.begin(first, items)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's)
        self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    def _has_news(self) -> None:
        if not self._will_send:
            self._will_send = True
            self._loop.call_soon(self._send)

    def _send(self) -> None:
        self._will_send = False
        self._transport.write(frame(pack_replies(self.tasks.take(), self._unread)))
        self._unread.clear()
