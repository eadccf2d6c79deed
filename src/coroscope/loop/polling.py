"""How pollable objects are polled: each in a task of its own, all of one `wait` by a few timers that they share.

An object that does not say when it wants to be polled next rests between its polls. All that rest equally long end
their rest together, by one timer, so that a poll costs a step of a task, and neither a timer nor a future.

Rule: rests double from FIRST_REST_S to the longest: LONGEST_REST_S, or POLL_SHARE_S for each object if that is longer.
Rule: when something else has happened (`poke`) every rest ends, but none before POLL_SHARE_S for each that shares it.
So the polls take a limited share of a processor, however many the objects are.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any, ClassVar

from coroscope.loop.loop import Loop
from coroscope.loop.pollable import value_of
from coroscope.loop.subject_tasks import CoroutineObject, DirectTask, ForeignSubjectTask

FIRST_REST_S = 0.000_1
LONGEST_REST_S = 0.01
POLL_SHARE_S = 0.000_02
"""Ten to twenty times what a poll costs by itself."""


class PollCoroutine(CoroutineObject):
    """What runs `pollable`: one poll a step, until it is ready."""

    __slots__ = ("_group", "_pollable", "_rest_s")

    def __init__(self, pollable: Any, group: PollGroup) -> None:
        self._pollable = pollable
        self._group = group
        self._rest_s = 0.0
        """How long it rests after the next poll; at first for a turn only."""

    def send(self, _: None) -> Any:
        pollable = self._pollable
        try:
            pollable.run()
            is_ready = pollable.ready
            if is_ready is False or not value_of(is_ready):
                pause_s = value_of(getattr(pollable, "next_poll_s", None))
                return self._rest() if pause_s is None else self._pause(pause_s)
            result = value_of(pollable.result)
        except StopIteration as error:
            # From the object's own code, where it must not look like the end of this.
            raise RuntimeError(f"polling {pollable!r} raised StopIteration") from error
        raise StopIteration(result)

    def throw(self, error: Any, *_: Any) -> Any:
        raise error

    def close(self) -> None:
        """There is nothing to close: the object is the program's."""

    def __getattr__(self, name: str) -> Any:
        """The name of the object's class, by which asyncio shows a task."""
        return getattr(type(self._pollable), name)

    def _rest(self) -> Any:
        """Rest with those who rest equally long already, up to the end of their rest."""
        rest_s = self._rest_s
        if rest_s < LONGEST_REST_S:
            self._rest_s = min(rest_s * 2, LONGEST_REST_S) if rest_s else FIRST_REST_S
            if not rest_s:
                return None
        rest = self._group.rests.get(rest_s)
        if rest is None or rest.is_over:
            rest = self._group.begin_rest(rest_s)
        rest.shared_by += 1
        rest._asyncio_future_blocking = True
        return rest

    def _pause(self, pause_s: Any) -> Any:
        """Rest as long as the object says."""
        if not (isinstance(pause_s, int | float) and math.isfinite(pause_s)):
            kind = type(self._pollable).__qualname__
            raise TypeError(f"next_poll_s of a {kind} is {pause_s!r}: give seconds, or None")
        return self._group.new_rest(pause_s) if pause_s > 0 else None


class PollGroup:
    """The pollable objects of one `wait`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._rest_type: type[Rest] | type[ForeignRest] = Rest if isinstance(loop, Loop) else ForeignRest
        self.rests: dict[float, Rest | ForeignRest] = {}
        """The latest rest of each length that is shared."""
        self._late_poke: asyncio.TimerHandle | None = None

    def begin_rest(self, rest_s: float) -> Rest | ForeignRest:
        """A rest that ends `rest_s` from now, the longest later where many share it, or at a poke."""
        last = self.rests.get(rest_s)
        shared_by = last.shared_by if last is not None and rest_s >= LONGEST_REST_S else 0
        rest = self.rests[rest_s] = self.new_rest(max(rest_s, shared_by * POLL_SHARE_S))
        return rest

    def new_rest(self, rest_s: float) -> Rest | ForeignRest:
        """What ends `rest_s` from now."""
        return self._rest_type(self._loop, rest_s)

    def poke(self) -> None:
        """Something has happened that those who rest may have waited for: poll them."""
        resting = [rest for rest in self.rests.values() if not rest.is_over]
        if not resting or self._late_poke is not None:
            return
        due_s = max(rest.began_s + rest.shared_by * POLL_SHARE_S for rest in resting)
        if self._loop.time() >= due_s:
            self._end_rests()
        else:
            self._late_poke = self._loop.call_at(due_s, self._end_rests)

    def close(self) -> None:
        """Keep no timer."""
        if self._late_poke is not None:
            self._late_poke.cancel()

    def _end_rests(self) -> None:
        self._late_poke = None
        for rest in self.rests.values():
            rest.end()


class Rest:
    """What tasks of ours wait for, and one timer ends."""

    __slots__ = ("_asyncio_future_blocking", "_loop", "_timer", "began_s", "is_over", "shared_by", "tasks")

    def __init__(self, loop: Any, rest_s: float) -> None:
        self._asyncio_future_blocking = True
        self._loop = loop
        self._timer = loop.call_later(rest_s, self.end)
        self.began_s = loop.time()
        self.is_over = False
        self.shared_by = 0
        self.tasks: list[PollableTask] = []

    def end(self) -> None:
        """Have all who rest here polled."""
        if not self.is_over:
            self.is_over = True
            self._timer.cancel()
            for task in self.tasks:
                task._fut_waiter = None
                self._loop._enqueue(task)

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002 (asyncio's signature)
        """One of many is cancelled, which must not cancel the others: wake them all, and that one finds out."""
        self.end()
        return False


class ForeignRest(asyncio.Future):  # type: ignore[type-arg]
    """As `Rest`, for the tasks of a loop that is not ours."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rest_s: float) -> None:
        super().__init__(loop=loop)
        self._asyncio_future_blocking = True
        self._timer = loop.call_later(rest_s, self.end)
        self.began_s = loop.time()
        self.is_over = False
        self.shared_by = 0

    def end(self) -> None:
        if not self.is_over:
            self.is_over = True
            self._timer.cancel()
            self.set_result(None)

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002 (asyncio's signature)
        self.end()
        return False


class PollableTask(DirectTask):
    """A task of ours that polls an object."""

    __slots__ = ()
    kind: ClassVar[str] = "pollable"

    def _wait_for(self, yielded: Rest) -> None:
        self._fut_waiter = yielded
        yielded.tasks.append(self)


class ForeignPollableTask(ForeignSubjectTask):
    """As `PollableTask`, on a loop that is not ours."""

    kind: ClassVar[str] = "pollable"
