"""A run of a program on one loop: everything that can be observed of it, in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.loop.programs.clock import Clock, Deadlock, Runaway
from tests.loop.programs.description import describe, plain, without_reprs, without_stacks
from tests.loop.programs.tasks import SHRUGS, SetFactory
from tests.loop.programs.world import Body, Note, World

_MOST_CANCELLATIONS = 5


@dataclass(frozen=True)
class Program:
    """What the main task does, and how the loop is set up."""

    body: Body
    shrugs_at: str = "nothing"
    factory: str = "none"
    is_debugged: bool = False
    is_abandoned: bool = False
    """Whether the loop is closed with work pending."""


def run(program: Program, new_loop: Callable[[Clock], Any]) -> list[Note]:
    """Run `program` on a loop of that kind until all its tasks have ended, or cannot be made to; returns the notes."""
    with _garbage_collected_on_demand():
        clock = Clock()
        loop = new_loop(clock)
        world = World(loop, clock)
        loop.set_debug(program.is_debugged)
        SetFactory(program.factory).do(world)
        with _everything_noted(world):
            try:
                _run_to_the_end(world, program)
                if not program.is_abandoned:
                    _cancel_the_rest(world)
                _attend(world, "generators", loop.shutdown_asyncgens())
                _attend(world, "executor", loop.shutdown_default_executor())
            finally:
                _release_told_waiters()
                loop.close()
            world.end()
    return world.notes


def _run_to_the_end(world: World, program: Program) -> None:
    """Run the main task, and help it on when it waits for what will not come by itself."""
    main = world.keep(world.loop.create_task(world.begin(program.body, SHRUGS[program.shrugs_at])))
    for help_on in (_do_nothing, _set_futures, *[_cancel_main] * _MOST_CANCELLATIONS):
        help_on(world, main)
        if _attend(world, "main", main):
            break


def _do_nothing(_world: World, _main: Any) -> None:
    """Let the task find its own way."""


def _set_futures(world: World, _main: Any) -> None:
    for future in world.futures:
        if not future.done():
            future.set_result("help")
    world.event.set()


def _cancel_main(_world: World, main: Any) -> None:
    main.cancel("help")


def _cancel_the_rest(world: World) -> None:
    for _ in range(_MOST_CANCELLATIONS):
        living = list(world.living())
        if not living:
            break
        for task in living:
            task.cancel("the end")
        _attend(world, "rest", asyncio.gather(*living, return_exceptions=True))


def _attend(world: World, name: str, awaitable: Any) -> bool:
    """Run the loop until `awaitable` is done, if it ever is; stopped, it goes on."""
    task = asyncio.ensure_future(awaitable, loop=world.loop)
    while True:
        try:
            world.note(name, "returned", plain(world.loop.run_until_complete(task)))
        except (Deadlock, Runaway) as end:
            world.note(name, type(end).__name__)
            return False
        except BaseException as error:
            world.note(name, "raised", describe(error))
        if task.done():
            return True


def _release_told_waiters() -> None:
    """Let no future that is done hold the tasks that are to be stepped because of it.

    Since CPython 3.14 asyncio's does until they have been (`Task.__wakeup` discards them), so that those which never
    will be, for the loop is closed, die with the future. Ours lets them go when it tells them: to do it in the step
    would cost every switch a question.
    """
    if sys.version_info >= (3, 14):
        for future in gc.get_objects():
            if isinstance(future, asyncio.Future) and future.done():
                for waiter in future._asyncio_awaited_by or ():
                    asyncio.future_discard_from_awaited_by(future, waiter)


@contextlib.contextmanager
def _garbage_collected_on_demand() -> Iterator[None]:
    """Collect no garbage unless asked to, and then only what was made since."""
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


@contextlib.contextmanager
def _everything_noted(world: World) -> Iterator[None]:
    """Note what the interpreter and asyncio's logger say too."""
    handler = _NotingHandler(world)
    logger = logging.getLogger("asyncio")
    previous_hook, previous_propagate = sys.unraisablehook, logger.propagate
    sys.unraisablehook = lambda problem: world.note("unraisable", describe(problem.exc_value))
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            yield
        world.note("warnings", sorted(without_reprs(str(warning.message)) for warning in warned))
    finally:
        logger.removeHandler(handler)
        sys.unraisablehook, logger.propagate = previous_hook, previous_propagate


class _NotingHandler(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__(logging.WARNING)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.note("logged", without_stacks(without_reprs(record.getMessage())))
