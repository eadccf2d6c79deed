"""One run of one workload by one strategy, in a process of its own: `python -m coroscope.comparison.child ASKED`.

`ASKED` is a JSON object: see `Asked`. What it measured, or why it could not, is written to the file `report`.
Rule: what is measured begins when the items are at hand and the modules are imported, and ends when the last worker
has ended; only the reading of the workers' memory is left out.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Sequence, Sized
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from coroscope.comparison.loading import load_workload
from coroscope.comparison.loops import loop_factory_of
from coroscope.comparison.memory import descendants, proportional_sizes
from coroscope.errors import CoroscopeError, UsageError
from coroscope.record.marks import current_recorder, region
from coroscope.strategies.catalogue import STRATEGIES
from coroscope.strategies.delivery import Stop, deliver
from coroscope.strategies.flow import Flow
from coroscope.strategies.options import Options, at_hand
from coroscope.strategies.parcels import moved
from coroscope.strategies.workload import Workload

WORK = "coroscope compare: the work"
"""The region of a recording that is what was measured."""
_FAILED = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What a child is told."""

    file: str
    name: str
    report: str
    output: str
    """Where all that is printed goes: standard output and standard error are this file."""
    strategy: str = ""
    """Empty: only say what the workload is."""
    workers: int = 1
    limit: int | None = None
    start_method: str | None = None
    address: str | None = None
    loop: str | None = None
    results: str | None = None
    """Where the results are to be kept, pickled."""


def main() -> int:
    """Do what the command line asks for, and report."""
    asked = Asked(**json.loads(sys.argv[1]))
    try:
        workload = load_workload(asked.file, asked.name)
        if asked.address is not None:
            _let_travel(asked.file)
        report = _run(workload, asked) if asked.strategy else _describe(workload)
    except CoroscopeError as error:
        report = {"problem": str(error), "cannot_be_meant": isinstance(error, UsageError)}
    except Exception as error:
        report = {"problem": _sentence(error)}
        import traceback

        traceback.print_exc()
    with open(asked.report, "w", encoding="utf-8") as file:
        json.dump(report, file)
    return _FAILED if "problem" in report else 0


def _let_travel(file: str) -> None:
    """Have what stands in the file's folder travel with its code: the machines of a cluster need not have it."""
    import cloudpickle  # which Dask brings along

    folder = os.path.dirname(os.path.abspath(file))
    for module in list(sys.modules.values()):
        origin = getattr(module, "__file__", None)
        if isinstance(origin, str) and os.path.dirname(os.path.abspath(origin)) == folder:
            cloudpickle.register_pickle_by_value(module)


def _sentence(error: BaseException) -> str:
    notes = [note for note in getattr(error, "__notes__", []) if note.startswith("raised by item")]
    what = f"{type(error).__qualname__}: {error}" if str(error) else type(error).__qualname__
    return f"{what} ({notes[0]})" if notes else what


def _describe(workload: Workload) -> dict[str, Any]:
    items = workload.items
    return {
        "name": workload.name,
        "items": len(items) if isinstance(items, Sized) else None,
        "has_call": workload.call is not None,
        "has_coroutine": workload.coroutine is not None,
    }


def _run(workload: Workload, asked: Asked) -> dict[str, Any]:
    options = Options(
        "coroscope compare",
        asked.strategy,
        # Of one loop these would be the threads of what blocks.
        None if STRATEGIES[asked.strategy].has_one_worker else asked.workers,
        asked.limit,
        None,
        return_exceptions=False,
        ordered=True,
        progress=False,
        start_method=asked.start_method,
        loop_factory=loop_factory_of(asked.loop),
        address=asked.address,
    )
    items = workload.items
    settings = options.settings(workload.function(asked.strategy), items)
    flow = Flow(items, settings.total, ordered=True)
    engine = options.way.engine(settings)
    _import_what_runs(asked.strategy)
    before, moved_before = _Usage.now(), moved.size_bytes
    at_end = _AtEnd()
    results: list[Any] = []
    with region(WORK), _with_remote_workers(asked):
        began_ns = time.monotonic_ns()
        for batch in deliver(flow, engine, options, at_hand(items), Stop()):
            results += batch
            if flow.is_over:  # The engine is closed when one asks for more.
                at_end.read()
        wall_ns = time.monotonic_ns() - began_ns - at_end.took_ns
    _end_helpers()
    used = _Usage.now() - before
    first_ns = flow.first_began_ns
    return {
        "items": len(results),
        "wall_s": wall_ns / 1e9,
        "startup_s": None if asked.address or first_ns is None else (first_ns - began_ns) / 1e9,
        "cpu_s": used.cpu_s,
        "switches": used.switches,
        "involuntary_switches": used.involuntary_switches,
        "serialised_bytes": moved.size_bytes - moved_before,
        "own_memory_bytes": at_end.own_bytes,
        "worker_memory_bytes": at_end.workers_bytes,
        "digest": _keep(results, asked.results),
    }


def _with_remote_workers(asked: Asked) -> AbstractContextManager[None]:
    """Have the workers of a cluster at an address in the recording, if one is made."""
    if asked.address is None or current_recorder() is None:
        return nullcontext()
    from coroscope.cluster_recording import record_workers  # Which imports Dask.

    return record_workers()


def _import_what_runs(strategy: str) -> None:
    """A program has its imports once, whatever it runs how often."""
    if STRATEGIES[strategy].takes_coroutines:
        import coroscope.loop.loop  # noqa: F401
    if strategy == "processes":
        import concurrent.futures.process  # noqa: F401


class _AtEnd:
    """Reads the memory of this process and its workers while all of them are still there."""

    def __init__(self) -> None:
        self._others = set(descendants(os.getpid())) - {os.getpid()}
        """What the workload itself has started is no worker."""
        self.took_ns = 0
        self.own_bytes: int | None = None
        self.workers_bytes: Sequence[int] = ()

    def read(self) -> None:
        """Do so now, once."""
        if self.took_ns:
            return
        began_ns = time.monotonic_ns()
        sizes = proportional_sizes(os.getpid())
        self.own_bytes = sizes.pop(os.getpid(), None)
        self.workers_bytes = [size for process, size in sizes.items() if process not in self._others]
        self.took_ns = time.monotonic_ns() - began_ns


@dataclass(frozen=True, slots=True)
class _Usage:
    """What this process and all of its children that have ended have used."""

    cpu_s: float
    switches: int
    involuntary_switches: int

    @classmethod
    def now(cls) -> _Usage:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return cls(
            sum(usage.ru_utime + usage.ru_stime for usage in usages),
            sum(usage.ru_nvcsw for usage in usages),
            sum(usage.ru_nivcsw for usage in usages),
        )

    def __sub__(self, other: _Usage) -> _Usage:
        return _Usage(
            self.cpu_s - other.cpu_s,
            self.switches - other.switches,
            self.involuntary_switches - other.involuntary_switches,
        )


def _end_helpers() -> None:
    """End what `multiprocessing` keeps for the next pool, so that what it has used is known."""
    for module, keeper in (
        ("multiprocessing.forkserver", "_forkserver"),
        ("multiprocessing.resource_tracker", "_resource_tracker"),
    ):
        with suppress(Exception):  # Private names (CPython 3.11 to 3.15): only the figures depend on them.
            getattr(sys.modules[module], keeper)._stop()


def _keep(results: Sequence[Any], path: str | None) -> str | None:
    """A digest of the results, by which runs are compared; None where they cannot be pickled."""
    try:
        pickled = [_canonical(result) for result in results]
    except Exception:  # From code of the results' own classes.
        return None
    if path is not None:
        with open(path, "wb") as file:
            pickle.dump(pickled, file)
    digest = sha256()
    for each in pickled:
        digest.update(sha256(each).digest())
    return digest.hexdigest()


def _canonical(result: Any) -> bytes:
    """The pickle of `result` as it is when it has been sent once: what is shared within it is known by then."""
    return pickle.dumps(pickle.loads(pickle.dumps(result)))


if __name__ == "__main__":
    sys.exit(main())
