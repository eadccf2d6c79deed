"""Who maps a function over items, and what one of them costs once: what `strategies.py` starts again and again.

`python contenders.py STRATEGY CONTENDER SETTING JOB ITEMS WORKERS` prints one JSON object: `wall_s` and `cpu_s` of a
map with all that it starts and ends, the latter that of processes included; or `missing`, why there is none.

Rule: each contender maps a few items before it is measured, so that imports, and what a process starts but once, as
a fork server, are left out; a pool is a new one all the same.
Rule: all of one strategy have the same workers, the same start method, and items in a list; all give a list.
"""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import jobs  # type: ignore[import-not-found]  # beside this file

import coroscope
from coroscope.errors import UsageError

Run = Callable[[Any, list[int], int], list[int]]
"""Maps a job over items by so many workers."""
OURS = "coroscope.map"
WARM_UP = 10
TASKS_OF_A_LOOP = 1_000
"""At once, as `coroscope.map` has it for each loop of loop-per-core."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to map; `prepare` makes it, and may raise ImportError, given one of `settings`."""

    name: str
    prepare: Callable[[int], Run]
    setting: str = ""
    """What there is to set, if anything: then the best of `settings` counts."""
    settings: tuple[int, ...] = (0,)
    is_engine: bool = False
    """Whether the strategy stands on it, or is to be on a par with it."""


def ours(strategy: str) -> Callable[[int], Run]:
    limit = TASKS_OF_A_LOOP if strategy == "cooperative" else None

    def run(job: Any, items: list[int], workers: int) -> list[int]:
        return list(coroscope.map(job, items, strategy=strategy, workers=workers, limit=limit))

    return lambda _: run


def thread_pool(_: int) -> Run:
    from concurrent.futures import ThreadPoolExecutor

    def run(job: Any, items: list[int], workers: int) -> list[int]:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(job, items))

    return run


def process_pool(chunksize: int) -> Run:
    from concurrent.futures import ProcessPoolExecutor

    def run(job: Any, items: list[int], workers: int) -> list[int]:
        with ProcessPoolExecutor(workers) as pool:
            return list(pool.map(job, items, chunksize=chunksize))

    return run


def multiprocessing_pool(chunksize: int) -> Run:
    def run(job: Any, items: list[int], workers: int) -> list[int]:
        with multiprocessing.Pool(workers) as pool:
            results = list(pool.imap(job, items, chunksize=chunksize))
            pool.close()
            pool.join()  # What leaving the block does not wait for, the others do.
            return results

    return run


def interpreter_pool(_: int) -> Run:
    from concurrent.futures import InterpreterPoolExecutor  # type: ignore[attr-defined]  # From 3.14 on.

    def run(job: Any, items: list[int], workers: int) -> list[int]:
        with InterpreterPoolExecutor(workers) as pool:
            return list(pool.map(job, items))

    return run


def joblib_threads(_: int) -> Run:
    joblib: Any = import_module("joblib")

    def run(job: Any, items: list[int], workers: int) -> list[int]:
        return list(
            joblib.Parallel(workers, backend="threading")(joblib.delayed(job)(item) for item in items)
        )

    return run


def joblib_processes(_: int) -> Run:
    joblib: Any = import_module("joblib")
    loky: Any = import_module("joblib.externals.loky")

    def run(job: Any, items: list[int], workers: int) -> list[int]:
        results = list(joblib.Parallel(workers, backend="loky")(joblib.delayed(job)(item) for item in items))
        # Kept for the next call otherwise, and its costs unseen.
        loky.get_reusable_executor().shutdown(wait=True)
        return results

    return run


def gathered(_: int) -> Run:
    async def all_of(job: Any, items: list[int]) -> list[int]:
        results: list[int] = await asyncio.gather(*map(job, items))
        return results

    return lambda job, items, _: coroscope.run(all_of(job, items))


def with_semaphore(limit: int) -> Run:
    async def one(semaphore: asyncio.Semaphore, job: Any, item: int) -> int:
        async with semaphore:
            result: int = await job(item)
            return result

    async def all_of(job: Any, items: list[int]) -> list[int]:
        semaphore = asyncio.Semaphore(limit)
        return await asyncio.gather(*(one(semaphore, job, item) for item in items))

    return lambda job, items, _: coroscope.run(all_of(job, items))


def our_wait(limit: int) -> Run:
    return lambda job, items, _: coroscope.wait(map(job, items), limit=limit)


def aiomultiprocess_pool(tasks_of_a_loop: int) -> Run:
    aiomultiprocess: Any = import_module("aiomultiprocess")
    aiomultiprocess.set_start_method(multiprocessing.get_start_method())

    async def all_of(job: Any, items: list[int], workers: int) -> list[int]:
        async with aiomultiprocess.Pool(
            workers, childconcurrency=tasks_of_a_loop, loop_initializer=coroscope.Loop
        ) as pool:
            results = list(await pool.map(job, items))
            pool.close()
            await pool.join()
            return results

    return lambda job, items, workers: coroscope.run(all_of(job, items, workers))


def dask_client(_: int) -> Run:
    distributed: Any = import_module("distributed")

    def run(job: Any, items: list[int], workers: int) -> list[int]:
        with (
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            return list(client.gather(client.map(job, items)))

    return run


CHUNKS = "chunksize"
_SIZES = (1, 10, 50, 100, 500, 1_000)
CONTENDERS: dict[str, tuple[Contender, ...]] = {
    strategy: (Contender(OURS, ours(strategy)), *others)
    for strategy, others in {
        "threads": (
            Contender("ThreadPoolExecutor.map", thread_pool, is_engine=True),
            Contender("joblib, threading", joblib_threads),
        ),
        "processes": (
            Contender("ProcessPoolExecutor.map", process_pool, CHUNKS, _SIZES, is_engine=True),
            Contender("multiprocessing.Pool.imap", multiprocessing_pool, CHUNKS, _SIZES),
            Contender("joblib, loky", joblib_processes),
        ),
        "interpreters": (Contender("InterpreterPoolExecutor.map", interpreter_pool, is_engine=True),),
        "cooperative": (
            Contender("asyncio.gather, our loop", gathered, is_engine=True),
            Contender(
                "asyncio.Semaphore, our loop", with_semaphore, "limit", (TASKS_OF_A_LOOP,), is_engine=True
            ),
            Contender("coroscope.wait", our_wait, "limit", (TASKS_OF_A_LOOP,)),
        ),
        "loop-per-core": (
            Contender(
                "aiomultiprocess.Pool.map",
                aiomultiprocess_pool,
                "childconcurrency",
                (16, 100, TASKS_OF_A_LOOP),
                is_engine=True,
            ),
        ),
        "cluster": (Contender("distributed.Client.map", dask_client, is_engine=True),),
    }.items()
}
"""By strategy; the first is ours."""


def cpu_s() -> float:
    """Of this process, and of those that it has started and that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Measure what the command line names, and print it."""
    strategy, name, setting, job_name, count, workers = sys.argv[1:]
    contender = next(one for one in CONTENDERS[strategy] if one.name == name)
    is_async = strategy in ("cooperative", "loop-per-core")
    job = getattr(jobs, job_name + "_async" * is_async)
    items = list(range(int(count)))
    try:
        run = contender.prepare(int(setting))
        run(job, items[:WARM_UP], int(workers))
    except (ImportError, UsageError) as error:
        print(json.dumps({"missing": str(error)}))
        return
    gc.collect()
    cpu_before_s, started_s = cpu_s(), time.perf_counter()
    results = run(job, items, int(workers))
    wall_s, used_s = time.perf_counter() - started_s, cpu_s() - cpu_before_s
    assert results == [item + 1 for item in items]
    print(json.dumps({"wall_s": wall_s, "cpu_s": used_s}))


if __name__ == "__main__":
    main()
