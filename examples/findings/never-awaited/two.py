"""A client that asks whether it may go on; the answer is a coroutine, and that is true whatever it would say."""

import asyncio


class Quota:
    def __init__(self, left: int) -> None:
        self.left = left

    async def is_left(self) -> bool:
        await asyncio.sleep(0.005)
        return self.left > 0

    async def take(self) -> None:
        await asyncio.sleep(0.005)
        self.left -= 1


async def fetch(page: int) -> str:
    await asyncio.sleep(0.05)
    return f"page {page}"


async def fetch_allowed(pages: int, quota: Quota) -> list[str]:
    fetched = []
    for page in range(pages):
        allowed = quota.is_left()  # here
        if not allowed:
            break
        await quota.take()
        fetched.append(await fetch(page))
    return fetched


async def main() -> None:
    quota = Quota(left=8)
    fetched = await fetch_allowed(12, quota)
    print(f"{len(fetched)} pages fetched, {quota.left} left")


asyncio.run(main())
