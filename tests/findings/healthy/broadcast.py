"""A chat room: whatever one member says reaches all others, each by a queue of its own."""

import asyncio


class Room:
    def __init__(self) -> None:
        self.members: dict[str, asyncio.Queue[str]] = {}

    def say(self, sender: str, text: str) -> None:
        for name, inbox in self.members.items():
            if name != sender:
                inbox.put_nowait(text)


async def listen(inbox: "asyncio.Queue[str]", expected: int) -> int:
    for _ in range(expected):
        await inbox.get()
    return expected


async def talk(room: Room, name: str) -> None:
    for number in range(10):
        await asyncio.sleep(0.02)
        room.say(name, f"{name}: {number}")


async def main() -> None:
    room = Room()
    names = [f"member {number}" for number in range(12)]
    for name in names:
        room.members[name] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        listeners = [group.create_task(listen(room.members[name], 110)) for name in names]
        for name in names:
            group.create_task(talk(room, name))
    assert sum(listener.result() for listener in listeners) == 1320


asyncio.run(main())
