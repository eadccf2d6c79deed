"""Real programs started from the loop, joined by pipes."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Any

import pytest

from tests.ecosystem.conftest import Run

TEXT = b"".join(b"%d\n" % number for number in random.Random(1).sample(range(1_000_000), 100_000))


def test_two_programs_are_a_pipeline(run: Run) -> None:
    async def main() -> Any:
        reading, writing = os.pipe()
        sort = await asyncio.create_subprocess_exec("sort", "-n", stdin=PIPE, stdout=writing)
        os.close(writing)
        compress = await asyncio.create_subprocess_exec("gzip", "-c", stdin=reading, stdout=PIPE)
        os.close(reading)
        _, (compressed, _) = await asyncio.gather(sort.communicate(TEXT), compress.communicate())
        return gzip.decompress(compressed), sort.returncode, compress.returncode

    sorted_text = b"".join(sorted(TEXT.splitlines(keepends=True), key=int))
    assert run(main()) == (sorted_text, 0, 0)


def test_two_programs_are_joined_by_the_loop(run: Run) -> None:
    async def main() -> Any:
        compress = await asyncio.create_subprocess_exec("gzip", "-c", stdin=PIPE, stdout=PIPE)
        expand = await asyncio.create_subprocess_exec("gzip", "-dc", stdin=PIPE, stdout=PIPE)
        feeding = asyncio.ensure_future(feed(compress, TEXT))
        passing = asyncio.ensure_future(carry(compress, expand))
        assert expand.stdout is not None
        text = await expand.stdout.read()
        await asyncio.gather(feeding, passing)
        return text, await compress.wait(), await expand.wait()

    assert run(main()) == (TEXT, 0, 0)


async def feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Write in small parts, and no faster than is read."""
    assert process.stdin is not None
    for start in range(0, len(data), 10_000):
        process.stdin.write(data[start : start + 10_000])
        await process.stdin.drain()
    process.stdin.close()


async def carry(source: asyncio.subprocess.Process, target: asyncio.subprocess.Process) -> None:
    """Write to one program what the other says."""
    assert source.stdout is not None
    assert target.stdin is not None
    while chunk := await source.stdout.read(5_000):
        target.stdin.write(chunk)
        await target.stdin.drain()
    target.stdin.close()


def test_lines_are_answered_one_by_one(run: Run) -> None:
    async def main() -> list[bytes]:
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        for line in (b"first\n", b"second\n"):
            process.stdin.write(line)
            lines.append(await process.stdout.readline())
        process.stdin.close()
        assert await process.wait() == 0
        return lines

    assert run(main()) == [b"first\n", b"second\n"]


def test_a_shell_has_both_outputs_and_an_exit_code(run: Run) -> None:
    async def main() -> Any:
        command = "echo out; echo error >&2; exit 7"
        process = await asyncio.create_subprocess_shell(command, stdout=PIPE, stderr=PIPE)
        return await process.communicate(), await process.wait()

    assert run(main()) == ((b"out\n", b"error\n"), 7)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_program_is_ended_by_a_signal(run: Run, how: signal.Signals) -> None:
    async def main() -> int:
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=DEVNULL)
        process.send_signal(how)
        return await process.wait()

    assert run(main()) == -how


def test_a_program_told_to_terminate_may_tidy_up(run: Run) -> None:
    program = (
        "import signal, sys\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
        "print('ready', flush=True)\n"
        "signal.sigwait([signal.SIGTERM])\n"
        "sys.exit(9)\n"
    )

    async def main() -> Any:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=PIPE)
        assert process.stdout is not None
        said = await process.stdout.readline()
        process.terminate()
        return said, await process.wait()

    assert run(main()) == (b"ready\n", 9)


def test_a_cancelled_conversation_leaves_a_program_to_be_killed(run: Run) -> None:
    async def main() -> int:
        process = await asyncio.create_subprocess_exec("sleep", "600", stdout=PIPE)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(process.communicate(), 0.01)
        process.kill()
        return await process.wait()

    assert run(main()) == -signal.SIGKILL


def test_thirty_programs_at_once_have_each_its_exit_code(run: Run) -> None:
    async def main() -> list[int]:
        async def end(code: int) -> int:
            return await (await asyncio.create_subprocess_exec("sh", "-c", f"exit {code}")).wait()

        return await asyncio.gather(*map(end, range(30)))

    assert run(main()) == list(range(30))


def test_a_program_that_is_not_there_is_an_error(run: Run) -> None:
    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await asyncio.create_subprocess_exec("/no/such/program")

    run(main())
