"""An animation of 20 frames a second that also has to draw them."""

import asyncio
import time


class Animation:
    """Frames that are drawn one by one, until stopped."""

    def __init__(self) -> None:
        self.frame = 0
        self.is_running = True

    def draw(self) -> None:
        time.sleep(0.03)  # As a call of a drawing library.
        self.frame += 1
        self.is_running = self.frame < 40

    async def play(self) -> None:
        while self.is_running:
            self.draw()
            await asyncio.sleep(1 / 20)  # here


async def main() -> None:
    animation = Animation()
    await animation.play()
    print(animation.frame, "frames")


asyncio.run(main())
