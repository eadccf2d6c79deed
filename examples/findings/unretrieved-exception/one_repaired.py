"""A gateway that writes its statistics in the background, and counts the writes that fail."""

import asyncio


class Store:
    def __init__(self, room: int) -> None:
        self.room = room
        self.rows: list[dict[str, int]] = []

    def append(self, row: dict[str, int]) -> None:
        if len(self.rows) == self.room:
            raise OSError("no space left for statistics")
        self.rows.append(row)

    async def write(self, row: dict[str, int]) -> None:
        await asyncio.sleep(0.02)
        self.append(row)


class Background:
    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.failed = 0

    def add(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.finish)

    def finish(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failed += 1


async def handle(request: int, store: Store, background: Background) -> int:
    await asyncio.sleep(0.05)
    background.add(asyncio.create_task(store.write({"request": request, "status": 200})))
    return 200


async def main() -> None:
    store = Store(room=8)
    background = Background()
    statuses = await asyncio.gather(*(handle(request, store, background) for request in range(12)))
    await asyncio.sleep(0.1)
    print(f"{len(statuses)} requests answered, {len(store.rows)} counted, {background.failed} lost")


asyncio.run(main())
