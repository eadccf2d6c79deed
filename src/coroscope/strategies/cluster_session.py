"""A connection to a Dask cluster, in a thread of its own with an event loop of its own.

Dask's client is used in its asynchronous form, so that all that it starts ends with the loop: no thread, no task and
no message on stderr is left of it.
Rule: `heard` is called in that thread.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import AsyncExitStack, contextmanager, suppress
from itertools import count
from typing import Any, NamedTuple, TypeVar

from coroscope._version import __version__
from coroscope.errors import CoroscopeError, UsageError
from coroscope.strategies.cluster_address import CONNECTING_S, reachable, unreachable
from coroscope.strategies.cluster_errors import ClusterLostError
from coroscope.strategies.worker_cluster import forget

T = TypeVar("T")
_PARTING_S = 2.0
"""So long the cluster may take to hear that a map is over."""
_SILENT_S = 30.0
"""So long the scheduler may take to say which workers there are, before it counts as gone."""
_WATCHED_EVERY_S = 0.2
_ROUNDS_OF_A_COUNT = 10
_BURIED_S = 1.0
"""So long after a worker is lost its process's exit code may become known."""
_LOOKED_EVERY_S = 0.01
_LARGE_BYTES = 1024 * 1024
"""What is larger is sent beside the graph of tasks, which the scheduler reads."""
_ABOUT = (
    "[__import__('sys').version_info[:2], "
    "__import__('importlib.util', fromlist=['_']).find_spec('coroscope') "
    "and __import__('coroscope._version', fromlist=['_']).__version__]"
)
"""Evaluated where coroscope may be missing, so that it needs nothing of it, and raises nothing."""


class Worker(NamedTuple):
    """One worker of the cluster."""

    address: str
    name: str
    host: str
    threads: int


class Ended(NamedTuple):
    """A parcel that has ended: `data` is its reply, packed, unless it has come to `error`."""

    first: int
    data: bytes | None
    error: BaseException | None


class Lost(NamedTuple):
    """A worker that has left the cluster."""

    worker: str


class Gone(NamedTuple):
    """The cluster cannot be reached any more."""

    error: BaseException


News = Ended | Lost | Gone


class Session:
    """One connection; without an `address`, to a cluster of `workers` processes that is started for it."""

    def __init__(self, address: str | None, workers: int, heard: Callable[[News], None]) -> None:
        self._address = address
        self._workers = workers
        self._heard = heard
        self.where = "the local cluster" if address is None else f"the cluster at {address!r}"
        self.name = f"coroscope-{uuid.uuid4().hex}"
        self.local: Any = None
        self.client: Any = None
        self._loop: Any = None
        self._main: Any = None
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._watched: set[str] = set()
        self._opened: Future[list[Worker]] = Future()
        self._is_ending = False
        self._is_parting = False
        """It takes leave already, and must not be interrupted in that."""
        self._thread = threading.Thread(target=self._run, name="coroscope-cluster", daemon=True)

    def open(self) -> list[Worker]:
        """Connect: the cluster's workers, all of which can work for this process. UsageError, ClusterLostError."""
        self._thread.start()
        return self._opened.result()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` in the session's loop, and wait for it. ClusterLostError where the session has ended."""
        try:
            running = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:
            work.close()
            raise ClusterLostError(f"the connection to {self.where} has ended") from error
        while not running.done():
            if not self._thread.is_alive():  # It has ended without having looked at this.
                work.close()
                running.cancel()
            wait([running], _WATCHED_EVERY_S)
        try:
            return running.result()
        except CancelledError as error:
            raise ClusterLostError(f"the connection to {self.where} has ended") from error

    def run(self, function: Callable[..., T], *args: Any, workers: list[str]) -> dict[str, T]:
        """What `function` gives in each of the workers; its first failure is raised."""
        return self.call(self._run_in(function, args, workers))

    async def _run_in(
        self, function: Callable[..., T], args: tuple[Any, ...], workers: list[str]
    ) -> dict[str, T]:
        answers: dict[str, T] = await self.client.run(function, *args, workers=workers)
        return answers

    def process_of(self, worker: str) -> tuple[int | None, int | None]:
        """Number and exit code of the process of a local cluster's worker that has been lost, if they are known."""
        deadline_s = time.monotonic() + _BURIED_S
        while self.local is not None:
            pid, exit_code = self.local.process_of(worker)
            if pid is None or exit_code is not None or time.monotonic() > deadline_s:
                return pid, exit_code
            time.sleep(_LOOKED_EVERY_S)
        return None, None

    def forget(self, first: int) -> None:
        """Wait no more for what comes of the parcel that was sent under `first`."""
        self._loop.call_soon_threadsafe(self._forget, first)

    def _forget(self, first: int) -> None:
        task = self._sending.get(first)
        if task is not None:
            task.cancel()

    def submit(self, worker: str, first: int, function: Callable[..., bytes], *args: Any) -> None:
        """Have a worker call `function`, which gives a packed reply, with `args`; from any thread."""
        self._loop.call_soon_threadsafe(self._submit, worker, first, function, args)

    def end(self, *, is_hurried: bool) -> None:
        """Take leave of the cluster, and end it if it was started for this; what is under way is given up."""
        self._is_ending = True
        if self.local is not None:
            self.local.is_hurried = is_hurried
        with suppress(RuntimeError, AttributeError):  # It has ended, or not begun.
            self._loop.call_soon_threadsafe(self._leave)
        if self._thread.ident is not None:
            self._thread.join()

    def _leave(self) -> None:
        if not self._is_parting:
            self._main.cancel()

    def _run(self) -> None:
        with _quiet():
            try:
                with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
                    self._loop = runner.get_loop()
                    self._loop.set_exception_handler(lambda *_: None)
                    self._main = self._loop.create_task(self._stay())
                    runner.run(_wait_for(self._main))
            except BaseException as error:
                self._say(error)

    def _say(self, error: BaseException) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)
        elif not self._is_ending:
            self._heard(Gone(error))

    async def _stay(self) -> None:
        """Be connected until the session is ended."""
        if self._is_ending:  # before it had begun
            return
        try:
            async with AsyncExitStack() as stack:
                try:
                    await self._connect(stack)
                    self._opened.set_result(await self.enlist())
                    await self._watch()
                finally:
                    self._is_parting = True
        except asyncio.CancelledError:
            self._say(ClusterLostError(f"the connection to {self.where} was ended"))
        except CoroscopeError as error:
            self._say(error)
        except Exception as error:
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            self._say(ClusterLostError(f"{self.where} cannot be used: {what}"))

    async def _connect(self, stack: AsyncExitStack) -> None:
        from distributed import Client

        if self._address is None:
            from coroscope.strategies.local_cluster import Local, local_cluster

            self.local = Local()
            await stack.enter_async_context(local_cluster(self._workers, self.local))
            address = self.local.address
        else:
            address = await reachable(self._address)
        client = Client(address, asynchronous=True, set_as_default=False, timeout=CONNECTING_S)
        stack.push_async_callback(self._part, client)
        try:
            self.client = await asyncio.wait_for(client, CONNECTING_S)
        except (OSError, TimeoutError) as error:
            raise unreachable(self._address or address, error) from error

    async def _part(self, client: Any) -> None:
        for task in list(self._sending.values()):
            task.cancel()
        if self._sending:
            await asyncio.wait(list(self._sending.values()), timeout=_PARTING_S)
        with suppress(Exception):
            if self.local is None and client.status == "running":
                await asyncio.wait_for(client.run(forget, self.name, on_error="ignore"), _PARTING_S)
        with suppress(Exception):
            await asyncio.wait_for(client.close(), _PARTING_S)
        client.status = "closed"  # or its end as an object would begin to close it

    async def enlist(self) -> list[Worker]:
        """The workers there are, each of which has been found able to work for this process."""
        client = self.client
        known = (await client.scheduler.identity(n_workers=-1))["workers"]
        if not known:
            raise UsageError(
                f"{self.where} has no workers: start one with 'dask worker {client.scheduler.addr}'"
            )
        self._check("the scheduler", await client.run_on_scheduler(eval, _ABOUT, {}))
        answers = await client.run(eval, _ABOUT, {}, workers=list(known), on_error="return")
        workers = []
        for address, about in answers.items():
            if isinstance(about, BaseException):  # It has left meanwhile.
                continue
            self._check(f"the worker {address}", about)
            entry = known[address]
            workers.append(Worker(address, str(entry["name"]), str(entry["host"]), int(entry["nthreads"])))
        if self.local is not None:
            self.local.note_processes()
        for worker in workers:
            if worker.address not in self._watched:
                self._watched.add(worker.address)
                client.subscribe_topic(worker.address, self._told)
        return workers

    def _check(self, who: str, about: Any) -> None:
        python, version = about
        if version is None:
            raise UsageError(
                f"{who} of {self.where} has no coroscope: install coroscope {__version__} there, as it is here"
            )
        if version != __version__:
            raise UsageError(
                f"{who} of {self.where} has coroscope {version}, and this process {__version__}: "
                "install the same version on both sides"
            )
        if tuple(python) != sys.version_info[:2]:
            theirs, ours = (".".join(map(str, each)) for each in (python, sys.version_info[:2]))
            raise UsageError(
                f"{who} of {self.where} runs Python {theirs}, and this process {ours}: run the same on both sides"
            )

    def _told(self, event: tuple[float, Any]) -> None:
        told = event[1]
        if isinstance(told, dict) and told.get("action") == "remove-worker":
            self._lose(str(told.get("worker", "")))

    def _lose(self, address: str) -> None:
        if address in self._watched:
            self._watched.discard(address)
            self._heard(Lost(address))

    async def _watch(self) -> None:
        """Wait for the end of the scheduler; nothing ends this but that, and being cancelled."""
        for round_number in count(1):
            # Dask would try to connect again for half a minute, and could not bring back what was under way.
            if self.client.status != "running":
                raise ClusterLostError(f"the scheduler of {self.where} is gone")
            if round_number % _ROUNDS_OF_A_COUNT == 0:
                await self._count()
            await asyncio.sleep(_WATCHED_EVERY_S)

    async def _count(self) -> None:
        """Miss the workers of whose end nothing was heard."""
        watched = list(self._watched)
        try:
            asked = self.client.scheduler.identity(n_workers=-1)
            there = (await asyncio.wait_for(asked, _SILENT_S))["workers"]
        except TimeoutError:
            raise ClusterLostError(
                f"the scheduler of {self.where} has not answered for {_SILENT_S:.0f} s"
            ) from None
        except OSError:  # The client tells of that in its status.
            return
        for address in watched:
            if address not in there:
                self._lose(address)

    def _submit(self, worker: str, first: int, function: Callable[..., bytes], args: tuple[Any, ...]) -> None:
        task = asyncio.get_running_loop().create_task(self._send(worker, first, function, args))
        self._sending[first] = task
        task.add_done_callback(lambda _: self._sending.pop(first, None))

    async def _send(
        self, worker: str, first: int, function: Callable[..., bytes], args: tuple[Any, ...]
    ) -> None:
        from distributed import KilledWorker

        client = self.client
        try:
            if len(args[-1]) > _LARGE_BYTES:
                args = (*args[:-1], await client.scatter(args[-1], workers=[worker], hash=False))
            # Bound to one worker: Dask would give what a dead one had to another, and items would run twice.
            future = client.submit(
                function,
                *args,
                key=f"{self.name}-{first}",
                workers=[worker],
                allow_other_workers=False,
                pure=False,
                retries=0,
            )
            try:
                data = await future
            except asyncio.CancelledError:
                with suppress(Exception):
                    await asyncio.wait_for(client.cancel([future], force=True), _PARTING_S)
                raise
        except KilledWorker:
            self._lose(worker)
        except asyncio.CancelledError:
            pass
        except Exception as error:
            if isinstance(error, OSError):  # Of the way, not of the item, which would be in the reply.
                await asyncio.sleep(2 * _WATCHED_EVERY_S)
            if client.status == "running":  # else the session's end says it
                self._heard(Ended(first, None, error))
        else:
            self._heard(Ended(first, data, None))


async def _wait_for(task: asyncio.Task[None]) -> None:
    with suppress(asyncio.CancelledError):
        await task


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what Dask and asyncio log in this thread from stderr: what matters of it is an error of the map's."""
    own = threading.get_ident()

    def is_others(record: logging.LogRecord) -> bool:
        return record.thread != own

    names = [name for name in logging.root.manager.loggerDict if name.startswith(("distributed", "tornado"))]
    loggers = [logging.getLogger(name) for name in ("asyncio", *names)]
    for logger in loggers:
        logger.addFilter(is_others)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_others)
