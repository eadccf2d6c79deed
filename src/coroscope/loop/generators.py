"""Generators as tasks: what one yields is answered as `await` would answer it, and sent back.

| It yields | It gets |
| --- | --- |
| nothing (`yield`) | None, after the others' turn |
| a future, an awaitable, a `concurrent.futures` future | its result, or its exception, once that is there |
| anything else | the same thing, after the others' turn |

`GeneratorCoroutine` does this on any loop. On ours, the loop resumes the generator itself while it is owed nothing: a
bare `yield` is what generators do most.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Coroutine, Generator
from typing import Any, ClassVar

from coroscope.loop.loop import Loop
from coroscope.loop.subject_tasks import CoroutineObject, DirectTask, ForeignSubjectTask

_EVEN: Any = object()
"""The turn is given up, and None is all that must be sent back."""


class GeneratorCoroutine(CoroutineObject):
    """A generator that can be run as a coroutine."""

    __slots__ = ("_awaited", "_generator", "_reply")

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator
        self._awaited: Coroutine[Any, Any, Any] | None = None
        """What it yielded and waits for."""
        self._reply: Any = None
        """What it gets at its next turn."""

    def send(self, _: None) -> Any:
        return self._resume(None)

    def send_back(self, _: None) -> Any:
        """As `send`; but `_EVEN` instead of None where the generator is owed nothing any more."""
        yielded = self._resume(None)
        return _EVEN if yielded is None and self._awaited is None and self._reply is None else yielded

    def throw(self, error: Any, *_: Any) -> Any:
        return self._resume(error)

    def close(self) -> None:
        if self._awaited is not None:
            self._awaited.close()
        self._generator.close()

    def __getattr__(self, name: str) -> Any:
        """The generator's name, code and frame, by which asyncio shows a task."""
        return getattr(self._generator, name)

    def answer(self, yielded: Any) -> Any:
        """Do what the generator asks for by `yielded`, up to what the task must wait for; None is the others' turn."""
        while yielded is not None and not getattr(yielded, "_asyncio_future_blocking", None):
            self._awaited = _as_coroutine(yielded)
            if self._awaited is None:
                self._reply = yielded
                return None
            yielded = self._step(None)
            if self._awaited is not None:
                break
        # A future is blocking from `yield from future`: by itself it takes the result when it is resumed.
        return yielded

    def _resume(self, error: BaseException | None) -> Any:
        yielded = self._step(error)
        return yielded if self._awaited is not None else self.answer(yielded)

    def _step(self, error: BaseException | None) -> Any:
        """Resume what is awaited and, once that is over, the generator; what either yields."""
        reply, self._reply = self._reply, None
        try:
            if self._awaited is not None:
                try:
                    return self._awaited.send(None) if error is None else self._awaited.throw(error)
                except StopIteration as stop:
                    reply, error = stop.value, None
                except BaseException as failure:
                    # That is the generator's to handle.
                    error = failure
                self._awaited = None
            return self._generator.send(reply) if error is None else self._generator.throw(error)
        finally:
            # Its traceback keeps this frame: this frame must not keep it.
            error = None


def _as_coroutine(yielded: Any) -> Coroutine[Any, Any, Any] | None:
    """What awaits `yielded`, if it can be awaited."""
    if isinstance(yielded, concurrent.futures.Future):
        return await_(asyncio.wrap_future(yielded))
    return await_(yielded) if inspect.isawaitable(yielded) else None


async def await_(awaitable: Any) -> Any:
    """`awaitable`, as a coroutine."""
    return await awaitable


class GeneratorTask(DirectTask):
    """A task of ours that runs a generator.

    Rule: `_send` is the generator's own while it is owed nothing, else `GeneratorCoroutine.send_back`.
    """

    __slots__ = ()
    kind: ClassVar[str] = "generator"

    _coro: GeneratorCoroutine

    def __init__(self, coro: GeneratorCoroutine, *, loop: Loop, subject: Generator[Any, Any, Any]) -> None:
        super().__init__(coro, loop=loop, subject=subject)
        self._send = subject.send

    def _wait_for(self, yielded: Any) -> None:
        if yielded is _EVEN:
            self._send = self._subject.send
            self._loop._enqueue(self)
        elif self._send == self._coro.send_back:
            super()._wait_for(yielded)
        else:
            self._send = self._coro.send_back
            self._answer(yielded)

    def _answer(self, yielded: Any) -> None:
        """The rest of a step after which the generator is owed something."""
        try:
            waits_for = self._context.run(self._coro.answer, yielded)
        except StopIteration as stop:
            self._end_returned(stop.value)
        except BaseException as failure:
            if self._end_raised(failure):
                raise
        else:
            if waits_for is None:
                self._loop._enqueue(self)
            else:
                super()._wait_for(waits_for)
        finally:
            # A traceback keeps the frames that were below it, and so this one: it must not keep the task too.
            del self


class ForeignGeneratorTask(ForeignSubjectTask):
    """As `GeneratorTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "generator"
