"""Calls to a service that now and then fails or hangs: each has a deadline, and is tried again, ever later."""

import asyncio


class Unavailable(Exception):
    pass


async def call(number: int, attempt: int) -> int:
    await asyncio.sleep(0.01)
    if attempt == 0 and number % 7 == 0:
        raise Unavailable(number)
    if attempt == 0 and number % 11 == 0:
        await asyncio.sleep(60)
    return number


async def call_until_it_answers(number: int) -> int:
    for attempt in range(4):
        try:
            async with asyncio.timeout(0.1):
                return await call(number, attempt)
        except (Unavailable, TimeoutError):
            await asyncio.sleep(0.02 * 2**attempt)
    raise Unavailable(number)


async def main() -> None:
    at_once = asyncio.Semaphore(10)

    async def limited(number: int) -> int:
        async with at_once:
            return await call_until_it_answers(number)

    answers = await asyncio.gather(*(limited(number) for number in range(100)))
    assert sorted(answers) == list(range(100))


asyncio.run(main())
