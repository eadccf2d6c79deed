"""A gateway that writes its statistics in the background; one of the writes fails, and nobody asks."""

import asyncio


class Store:
    def __init__(self, room: int) -> None:
        self.room = room
        self.rows: list[dict[str, int]] = []

    def append(self, row: dict[str, int]) -> None:
        if len(self.rows) == self.room:
            raise OSError("no space left for statistics")  # here
        self.rows.append(row)

    async def write(self, row: dict[str, int]) -> None:
        await asyncio.sleep(0.02)
        self.append(row)


async def handle(request: int, store: Store, background: set[asyncio.Task[None]]) -> int:
    await asyncio.sleep(0.05)
    writing = asyncio.create_task(store.write({"request": request, "status": 200}))
    background.add(writing)
    writing.add_done_callback(background.discard)
    return 200


async def main() -> None:
    store = Store(room=8)
    background: set[asyncio.Task[None]] = set()
    statuses = await asyncio.gather(*(handle(request, store, background) for request in range(12)))
    await asyncio.sleep(0.1)
    print(f"{len(statuses)} requests answered, {len(store.rows)} counted")


asyncio.run(main())
