"""Workers of a Dask cluster, by its `distributed`: one at an address, or one that is started for the map.

Each parcel is bound to one worker, so that it is known what a worker had when it is lost, and no item runs twice.
Rule: no more waits in a worker than the way to it and back takes: a long item must not hold up others that an idle
worker could take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from coroscope.errors import UsageError
from coroscope.strategies.cluster_errors import ClusterLostError
from coroscope.strategies.cluster_session import Gone, Lost, News, Session, Worker
from coroscope.strategies.engine import Settings
from coroscope.strategies.faults import name_items
from coroscope.strategies.interrupts import holding_interrupts
from coroscope.strategies.parcels import check_items, pack_function, pack_items
from coroscope.strategies.pool import Pool
from coroscope.strategies.remote_work import all_failed
from coroscope.strategies.replies import Reply, unpack_reply
from coroscope.strategies.worker_cluster import begin, by_value, work
from coroscope.strategies.worker_death import WorkerDiedError, worker_died

_PARCEL_NS = 25_000_000
"""So much work is handed over at once: a parcel costs Dask some milliseconds, in the scheduler and in the client."""
_WAY_NS = 100_000_000
"""So much work waits in a worker for each of its threads: Dask's messages are gathered for 10 ms, and go four ways."""
_LONGEST_QUEUE = 16
_REPLACED_S = 15.0
"""So long a nanny may take to start a process in place of a dead one."""
_LOOKED_EVERY_S = 0.1


@dataclass(slots=True)
class _Member:
    """A worker that this map uses."""

    worker: Worker
    lanes: int = 0
    """How many parcels it may be at, at once."""
    parcels: set[int] = field(default_factory=set)
    """What it has, by their first items."""

    def takes(self, queue: int) -> bool:
        """Whether it takes one more, where up to `queue` may wait for each of its threads if all of them are lanes."""
        lanes = self.lanes
        return len(self.parcels) < (lanes * (1 + queue) if lanes == self.worker.threads else lanes)

    def load(self) -> float:
        """The share of its lanes that is taken."""
        return len(self.parcels) / self.lanes


class Watch(Protocol):
    """What looks at the workers while a map lasts; called in the map's own thread."""

    def end(self) -> None:
        """The map is over, and the workers can still be reached."""


watchers: list[Callable[[Session, list[Worker]], Watch]] = []
"""Called as a map on a cluster at an address begins, with the workers that it uses."""


class Cluster(Pool["News"]):
    """Up to as many of the cluster's workers as are asked for, each with its own number of threads."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        try:
            import distributed  # noqa: F401 (here, where its absence can be told in a sentence)
        except ImportError as error:
            raise UsageError(
                f"the strategy 'cluster' needs Dask ({error}): pip install 'coroscope[cluster]'"
            ) from error
        self._session = Session(settings.address, self.lanes, self.messages.put)
        self.size.parcel_ns = _PARCEL_NS
        self._function = b""
        self._members: dict[str, _Member] = {}
        self._bearers: dict[int, _Member] = {}
        """Who has a parcel, by its first item."""
        self._watches: list[Watch] = []

    def start(self, items: Sequence[Any]) -> None:
        self._function = pack_function(self.settings.function, self.settings.loop_factory, by_value)
        check_items(items, by_value)
        self._take_on(self._session.open())
        if self.settings.address is not None:
            used = [member.worker for member in self._members.values()]
            self._watches = [watcher(self._session, used) for watcher in watchers]

    def _take_on(self, workers: list[Worker]) -> None:
        """Share the lanes out among the workers, and make those ready that are new."""
        used = workers[: self.settings.workers]
        lanes = dict.fromkeys(used, 0)
        left = min(self.settings.limit, sum(worker.threads for worker in used))
        while left:
            for worker in used:
                if left and lanes[worker] < worker.threads:
                    lanes[worker] += 1
                    left -= 1
        known, self._members = self._members, {}
        for worker in used:
            if lanes[worker]:
                member = known.get(worker.address) or _Member(worker)
                member.lanes = lanes[worker]
                self._members[worker.address] = member
        new = [address for address in self._members if address not in known]
        if new:
            self._session.run(begin, self._session.name, self._function, workers=new)
        self.resize(sum(lanes.values()))

    def room(self, taken: int) -> int:
        item_ns = self.size.item_ns
        parcel_ns = max((item_ns or 0) * self.size.largest, 1)
        queue = 0 if item_ns is None else min(int(_WAY_NS / parcel_ns), _LONGEST_QUEUE)
        has_room = any(member.takes(queue) for member in self._members.values())
        return self.size.next(taken) if has_room else 0

    def send(self, first: int, items: list[Any]) -> None:
        parcel = pack_items(first, items, by_value)
        takers = [member for member in self._members.values() if member.takes(_LONGEST_QUEUE + 1)]
        member = min(takers, key=_Member.load)
        member.parcels.add(first)
        self._bearers[first] = member
        self._session.submit(
            member.worker.address, first, work, self._session.name, first, len(items), parcel
        )

    def replies_of(self, message: News) -> list[Reply]:
        if isinstance(message, Lost):
            return self._bury(message.worker)
        if isinstance(message, Gone):
            raise ClusterLostError(
                f"{message.error}: {name_items(self._indexes(self._bearers))} had not come back"
            ) from message.error
        first, data, error = message
        bearer = self._bearers.pop(first, None)
        if bearer is None:  # Lost with its worker, and answered already.
            return []
        bearer.parcels.discard(first)
        if data is None:
            assert error is not None
            return self.take_in(all_failed(first, len(self.samples.of(first)), error))
        return self.take_in(unpack_reply(data))

    def _indexes(self, firsts: Iterable[int]) -> list[int]:
        return [
            index for first in sorted(firsts) for index in range(first, first + len(self.samples.of(first)))
        ]

    def _bury(self, address: str) -> list[Reply]:
        """A worker has gone: what it had has come to nothing; the others go on if that is wanted."""
        member = self._members.pop(address, None)
        if member is None:
            return []
        had = sorted(member.parcels)
        pid, exit_code = self._session.process_of(address)
        who = f"the worker {address}" if pid is None else f"the worker process {pid}"
        error = worker_died(who, exit_code, self._indexes(had))
        replies = [all_failed(first, len(self.samples.of(first)), error) for first in had]
        self.samples.forget(had)
        self.out -= len(had)
        for first in had:
            del self._bearers[first]
            self._session.forget(first)
        if not self._members and (self.settings.goes_on or not had):
            self._wait_for_others(error)
        return replies

    def _wait_for_others(self, error: WorkerDiedError) -> None:
        """Take on those that come up: a nanny has a new process in the dead one's place before long."""
        deadline_s = time.monotonic() + _REPLACED_S
        while not self._members:
            try:
                self._take_on(self._session.call(self._session.enlist()))
            except UsageError:  # There are none.
                if time.monotonic() > deadline_s:
                    raise error from None
                time.sleep(_LOOKED_EVERY_S)

    def close(self) -> None:
        with holding_interrupts():
            self._end(is_hurried=False)

    def abort(self) -> None:
        with holding_interrupts():
            self._end(is_hurried=True)

    def _end(self, *, is_hurried: bool) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            watch.end()
        self._session.end(is_hurried=is_hurried)
