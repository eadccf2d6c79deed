"""Transfers between accounts, each account with a lock of its own that is held for a moment only."""

import asyncio
import random


class Account:
    def __init__(self) -> None:
        self.balance = 1000
        self.lock = asyncio.Lock()


async def transfer(accounts: list[Account], source: int, target: int, amount: int) -> None:
    await asyncio.sleep(0.005)  # The bank's other checks.
    first, second = sorted((source, target))
    async with accounts[first].lock, accounts[second].lock:
        accounts[source].balance -= amount
        accounts[target].balance += amount


async def main() -> None:
    chance = random.Random(1)
    accounts = [Account() for _ in range(50)]

    async def customer() -> None:
        for _ in range(25):
            source, target = chance.sample(range(50), 2)
            await transfer(accounts, source, target, chance.randint(1, 9))

    await asyncio.gather(*(customer() for _ in range(20)))
    assert sum(account.balance for account in accounts) == 50_000


asyncio.run(main())
