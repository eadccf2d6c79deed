"""A service that asks thirty-six shops for a price with a blocking client, through a pool that is large enough."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

SHOPS = 36


def price(shop: int) -> int:
    """Ask one shop, with a client that knows nothing of asyncio."""
    time.sleep(0.2)  # The shop's answer takes a while.
    return 100 + shop * 37 % 50


async def main() -> None:
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(SHOPS) as pool:
        asked = [loop.run_in_executor(pool, price, shop) for shop in range(SHOPS)]
        print("cheapest:", min(await asyncio.gather(*asked)))


asyncio.run(main())
