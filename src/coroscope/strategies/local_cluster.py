"""A Dask cluster on this machine for one map: a process for each worker, all of them gone behind it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from multiprocessing import resource_tracker
from tempfile import TemporaryDirectory
from typing import Any

import dask
from distributed import LocalCluster, Nanny

from coroscope.errors import UsageError

_GRACE_S = 1.0
"""So long a process may take to end by SIGTERM."""
_CLOSING_S = 10.0
_LOOKED_EVERY_S = 0.01
_SETUP = "coroscope.strategies.worker_cluster"


class Local:
    """The cluster while it lasts, and the processes of its workers."""

    def __init__(self) -> None:
        self.address = ""
        self.is_hurried = False
        """Whether what the workers are at is not to be waited for."""
        self.nannies: list[Any] = []
        self.begun: list[Any] = []
        """What stands for each process that a nanny has begun, or is about to begin."""
        self._processes: dict[str, Any] = {}
        """By the address of the worker that runs in it, also when it has ended."""

    def note_processes(self) -> None:
        """Know the processes that run now, for when they have ended."""
        for begun in self.begun:
            if begun.worker_address and begun.process is not None:
                self._processes[begun.worker_address] = begun.process

    def process_of(self, address: str) -> tuple[int | None, int | None]:
        """Number and exit code of a worker's process, as far as they are known."""
        process = self._processes.get(address)
        return (None, None) if process is None else (process.pid, process.exitcode)

    async def end_processes(self) -> None:
        """End the workers' processes in the middle of what they do."""
        for nanny in self.nannies:
            nanny.auto_restart = False
        processes = [begun.process for begun in self.begun if begun.process is not None]
        for end in ("terminate", "kill"):
            for process in processes:
                with suppress(ValueError, AttributeError):  # It has ended.
                    await getattr(process, end)()
            deadline_s = time.monotonic() + _GRACE_S
            while any(process.is_alive() for process in processes) and time.monotonic() < deadline_s:
                await asyncio.sleep(_LOOKED_EVERY_S)
            processes = [process for process in processes if process.is_alive()]


@asynccontextmanager
async def local_cluster(workers: int, local: Local) -> AsyncIterator[None]:
    """Start a cluster, tell `local` of it, and end it behind the block; the calling thread hears no more of Ctrl-C."""
    # The workers' processes inherit it, and hear of Ctrl-C once they know to leave it to their parent. The tracker
    # comes first: it ends with that signal unblocked.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    with TemporaryDirectory(prefix="coroscope-cluster-", ignore_cleanup_errors=True) as folder:
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            worker_class=_nanny_known_to(local),
            dashboard_address=None,
            # Without bokeh's pages, and at a port of its own: 8787 may be another scheduler's.
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0", "allowed_failures": 0},
            silence_logs=logging.CRITICAL,
            asynchronous=True,
            memory_limit=0,  # As for other processes, the system's limits hold.
            local_directory=folder,
            preload=[_SETUP],
        )
        try:
            # The scheduler takes its folder from here.
            with dask.config.set({"temporary-directory": folder}):
                await _started(cluster, local)
            local.address = cluster.scheduler_address
            yield
        finally:
            if local.is_hurried or not local.address:
                await local.end_processes()
            with suppress(Exception):
                await asyncio.wait_for(cluster.close(), _CLOSING_S)
            await local.end_processes()
            # Dask puts the folders of its servers there, and takes away one of them.
            sys.path[:] = [entry for entry in sys.path if not entry.startswith(folder)]


async def _started(cluster: LocalCluster, local: Local) -> None:
    """Start it; a start that is interrupted goes on to its end, or failure: Dask would leave processes behind."""
    starting = asyncio.ensure_future(cluster)
    try:
        await asyncio.shield(starting)
    except Exception as error:
        raise UsageError(
            f"the workers of a local cluster could not be started ({error}): in a script, call map() under "
            "'if __name__ == \"__main__\":', because each of their processes imports the script"
        ) from error
    except asyncio.CancelledError:
        while not starting.done():
            await local.end_processes()
            await asyncio.wait([starting], timeout=_LOOKED_EVERY_S)
        with suppress(Exception):
            starting.result()
        raise


def _nanny_known_to(local: Local) -> type[Nanny]:
    class KnownNanny(Nanny):  # type: ignore[misc]
        """Dask's guardian of a worker's process, all of whose processes are known to us from their beginning."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._begun: Any = None
            super().__init__(*args, **kwargs)
            local.nannies.append(self)

        @property
        def process(self) -> Any:
            return self._begun

        @process.setter
        def process(self, begun: Any) -> None:
            self._begun = begun
            if begun is not None:
                local.begun.append(begun)

    return KnownNanny
