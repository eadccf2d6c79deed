"""A hundred tasks that do nothing but give up their turn: one of the programs that `recording.py` records.

python switch.py LOOP RESULT SWITCHES
"""

from __future__ import annotations

import asyncio
import sys
import time

from finishing import finish, new_loop  # type: ignore[import-not-found]  # beside this file

TASKS = 100


async def give_up_the_turn(times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


async def switch(switches: int) -> float:
    """The processor seconds of so many switches."""
    begun_s = time.process_time()
    await asyncio.gather(*(give_up_the_turn(switches // TASKS) for _ in range(TASKS)))
    return time.process_time() - begun_s


if __name__ == "__main__":
    loop, result, switches = sys.argv[1:]
    with asyncio.Runner(loop_factory=new_loop(loop)) as runner:
        finish(result, runner.run(switch(int(switches))))
