"""What the tests have workers do: importable, so that it can be sent to them."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import coroscope


def square(number: int) -> int:
    return number * number


async def square_async(number: int) -> int:
    await asyncio.sleep(0)
    return number * number


def multiply(factor: int, number: int) -> int:
    return factor * number


class Adds:
    """A callable object."""

    def __init__(self, summand: int) -> None:
        self.summand = summand

    def __call__(self, number: int) -> int:
        return number + self.summand

    def add(self, number: int) -> int:
        return number + self.summand


class AddsAsync(Adds):
    """One whose calls are coroutines."""

    async def __call__(self, number: int) -> int:  # type: ignore[override]
        await asyncio.sleep(0)
        return number + self.summand


FUNCTIONS: dict[str, Callable[[int], Any]] = {
    "function": square,
    "coroutine function": square_async,
    "partial": partial(multiply, 3),
    "partial of a coroutine function": partial(square_async),
    "callable object": Adds(5),
    "object with an async call": AddsAsync(5),
    "bound method": Adds(7).add,
    "builtin": abs,
    "class": str,
}


def fail_at_7(number: int) -> int:
    if number == 7:
        raise LookupError("seven", number)
    return number


async def fail_at_7_async(number: int) -> int:
    await asyncio.sleep(0)
    return fail_at_7(number)


def fail_where_told(item: tuple[int, bool]) -> int:
    number, fails = item
    if fails:
        raise LookupError(number)
    return number


async def fail_where_told_async(item: tuple[int, bool]) -> int:
    if item[0] % 3 == 0:
        await asyncio.sleep(0)
    return fail_where_told(item)


def raise_it(error: BaseException) -> NoReturn:
    raise error


def exit_at_3(number: int) -> int:
    if number == 3:
        sys.exit("three")
    return number


class TakesTwo(Exception):
    """It is pickled, and cannot be unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


class HoldsALock(Exception):
    """It cannot be pickled."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.lock = threading.Lock()


class Frozen(Exception):
    """It refuses to be changed, as a frozen dataclass does."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"cannot set {name}")


class Silent(Exception):
    """It cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no string")


def raise_takes_two(_: int) -> NoReturn:
    raise TakesTwo("this", "that")


def raise_holds_a_lock(_: int) -> NoReturn:
    raise HoldsALock("held")


def raise_frozen(_: int) -> NoReturn:
    raise Frozen("ice")


def raise_silent(_: int) -> NoReturn:
    raise Silent


def raise_stop_iteration(_: int) -> NoReturn:
    raise StopIteration("stopped")


class Untakeable:
    """It is pickled, and cannot be unpickled."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return refuse, (self.name,)


def refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} will not be unpickled")


def lock_at_2(number: int) -> Any:
    return {"ok": number, "lock": [threading.Lock()]} if number == 2 else number


def untakeable_at_2(number: int) -> Any:
    return Untakeable("result") if number == 2 else number


def same(item: Any) -> Any:
    return item


def name_of(item: Any) -> str:
    return str(item.name)


def write_pid_and_wait(folder: str) -> NoReturn:
    """Tell that this process has begun, and never end."""
    told = Path(folder) / f"pid-{os.getpid()}"
    told.touch()
    while True:
        time.sleep(60)


def kill_at_5(number: int) -> int:
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    return number


async def kill_at_5_async(number: int) -> int:
    return kill_at_5(number)


def leave_at_5(number: int) -> int:
    if number == 5:
        os._exit(41)
    return number


async def leave_at_5_async(number: int) -> int:
    return leave_at_5(number)


def crash_at_5(number: int) -> int:
    """By a fault of the processor, as a bad extension module does."""
    if number == 5:
        import ctypes  # Here, as it cannot be had in an interpreter of its own.
        import faulthandler

        faulthandler.disable()
        ctypes.string_at(0)
    return number


def allocate_too_much_at_3(number: int) -> int:
    """In a worker whose address space is limited: fill it with small objects until there is no more room."""
    if number == 3:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 1024 * 1024, most))
        held = []
        while True:
            held.append(bytearray(10_000))
    return number


async def crowd_of_files(folder: str) -> int:
    """How many calls of this are under way at once, over all processes: each is a file meanwhile."""
    own = Path(folder) / f"{os.getpid()}-{id(asyncio.current_task())}"
    own.touch()
    try:
        present = len(os.listdir(folder))
        await asyncio.sleep(0.002)
        return max(present, len(os.listdir(folder)))
    finally:
        own.unlink()


def plus(summand: int) -> int:
    """Maps in its turn."""
    squares: Iterator[int] = coroscope.map(square, range(3), strategy="threads")
    return summand + sum(squares)


def wait_after_2(number: int) -> int:
    """Takes a while from item 3 on, and does not end by itself before a test does."""
    if number > 2:
        time.sleep(0.5)
    return number


async def wait_after_2_async(number: int) -> int:
    if number > 2:
        await asyncio.sleep(60)
    return number


def kill_odd(number: int) -> int:
    if number % 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def note_and_kill_at_5(item: tuple[str, int]) -> int:
    folder, number = item
    with open(Path(folder) / "begun", "a") as file:
        file.write(f"{number}\n")
    return kill_at_5(number)


def half_a_result(number: int) -> Any:
    if number == 1:
        threading.Thread(target=_kill_in_the_middle_of_writing, daemon=True).start()
        return bytes(200_000_000)
    return number


def _kill_in_the_middle_of_writing() -> None:
    frames: Any = sys._current_frames
    main = threading.main_thread().ident
    while True:
        frame = frames().get(main)
        while frame is not None:
            if frame.f_code.co_name == "_send":
                os.kill(os.getpid(), signal.SIGKILL)
            frame = frame.f_back


def wait_until(is_so: Callable[[], object]) -> None:
    """For what another process does, and nobody tells of."""
    deadline_s = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


async def loop_kind(_: int) -> str:
    return type(asyncio.get_running_loop()).__name__
