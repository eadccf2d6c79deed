"""Files are written and read in threads, a few at a time, so that the loop goes on meanwhile."""

import asyncio
import hashlib
import tempfile
from pathlib import Path


def write_and_digest(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return hashlib.sha256(path.read_bytes()).hexdigest()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        at_once = asyncio.Semaphore(4)

        async def keep(number: int) -> str:
            async with at_once:
                return await asyncio.to_thread(write_and_digest, Path(folder, str(number)), bytes(20_000))

        digests = await asyncio.gather(*(keep(number) for number in range(60)))
    assert len(set(digests)) == 1


asyncio.run(main())
