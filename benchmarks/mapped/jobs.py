"""What is done with each item: almost nothing, or a wait of a millisecond; in a module that workers can import."""

from __future__ import annotations

import asyncio
import time

WAIT_S = 0.001


def tiny(number: int) -> int:
    return number + 1


async def tiny_async(number: int) -> int:
    return number + 1


def waiting(number: int) -> int:
    time.sleep(WAIT_S)
    return number + 1


async def waiting_async(number: int) -> int:
    await asyncio.sleep(WAIT_S)
    return number + 1
