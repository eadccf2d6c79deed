"""From samples of threads to their tracks, and to those of the processes whose main threads they are.

A process does what its main thread does. So where that has been looked at, the track of the process is laid out from
it; the main thread has a track of its own only where its process has several threads, or no track.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from coroscope.record.events import (
    THREAD_CROWDED,
    THREAD_ITSELF,
    THREAD_UNCLOCKED,
    THREAD_WANTED,
    EventKind,
    ThreadStanding,
)
from coroscope.trace.chapter import Chapter, Event, Handler
from coroscope.trace.lock_views import views_of
from coroscope.trace.model import Task, ThreadSample, Trace
from coroscope.trace.thread_layout import ON, Layout, Seen

_BEYOND_NATIVES = 32
"""A thread of which nothing is known but its track gets a number that the system gives to none."""


@dataclass(frozen=True, slots=True)
class _Main:
    """What is known of a main thread besides."""

    time_ns: int
    used_ns: int
    """So much its process had used of a processor by then."""
    is_wanted: bool


class Threads(Chapter):
    """Fills the tracks of threads."""

    def __init__(self) -> None:
        self._seen: dict[int, list[Seen]] = {}
        self._streams: dict[int, int] = {}
        self._natives: dict[int, int] = {}
        """What the system calls the threads, by their tracks, as `_streams` is."""
        self._mains: dict[int, _Main] = {}

    def handlers(self) -> dict[int, Handler]:
        return {
            EventKind.THREAD_SAMPLED: self._sample,
            EventKind.THREAD_WRITES: self._write,
            EventKind.THREAD_MAIN: self._main,
        }

    def _sample(self, event: Event) -> None:
        time_ns, thread, used_us, stack, lock, detail, _, stream = event
        used_ns = None if detail & THREAD_UNCLOCKED else used_us * 1000
        chain = self.definitions[stream].chain(stack)
        standing = detail & ~(THREAD_UNCLOCKED | THREAD_CROWDED)
        is_crowded = bool(detail & THREAD_CROWDED)
        self._seen.setdefault(thread, []).append(Seen(time_ns, used_ns, standing, is_crowded, chain, lock))

    def _write(self, event: Event) -> None:
        (self._natives if event[5] == THREAD_ITSELF else self._streams)[event[1]] = event[2]

    def _main(self, event: Event) -> None:
        time_ns, thread, used_us, _, _, detail, *_ = event
        self._mains.setdefault(thread, _Main(time_ns, used_us * 1000, bool(detail & THREAD_WANTED)))

    def add_to(self, trace: Trace) -> None:
        threads = trace.threads
        if not threads:
            return
        for process in {task.process: task for task in reversed(threads)}.values():
            process.is_main = process.parent is None and process.coroutine == "<module>"
        views = views_of(trace.lock_samples)
        for task in threads:
            task.thread = self._number_of(task.id)
            seen = self._seen.get(task.id, [])
            Layout(task, views.get(task.thread)).fill(seen)
            trace.thread_samples += [
                ThreadSample(task.id, one.time_ns, one.chain, ON.get(one.standing))
                for one in seen
                if one.chain
            ]
        trace.thread_samples.sort(key=lambda sample: sample.time_ns)
        trace.tasks = dict(sorted(trace.tasks.items(), key=lambda item: item[1].created_ns))

    def _number_of(self, track: int) -> int:
        if track in self._natives:
            return self.native_thread(self._natives[track])
        stream = self._streams.get(track)
        return self.native_thread(track << _BEYOND_NATIVES) if stream is None else self.thread(stream)

    def native_of(self, track: int) -> int | None:
        """What the system calls the thread with that track."""
        return self._natives.get(track)

    def fill_processes(self, trace: Trace) -> None:
        """Lay out the processes, which have their tracks by now, and leave out main threads that are alone."""
        threads: dict[int, list[Task]] = {}
        for thread in trace.threads:
            threads.setdefault(thread.process, []).append(thread)
        tracks = {task.process: task for task in trace.tasks.values() if task.kind == "process"}
        for number, process in tracks.items():
            mains = [thread for thread in threads.get(number, ()) if thread.id in self._mains]
            seen = list(self._seen_of(process, mains))
            if seen:
                Layout(process).fill(seen)
        for number, of_process in threads.items():
            # More than one, of one process, have been its main thread where it has begun another program.
            if all(self._is_needless(thread, number in tracks) for thread in of_process):
                for thread in of_process:
                    del trace.tasks[thread.id]
        trace.thread_samples = [sample for sample in trace.thread_samples if sample.task in trace.tasks]

    def _is_needless(self, thread: Task, has_process_track: bool) -> bool:
        main = self._mains.get(thread.id)
        return main is not None and (has_process_track or not main.is_wanted)

    def _seen_of(self, process: Task, mains: Iterable[Task]) -> Iterator[Seen]:
        """What was seen of a process: what it had used when somebody began to look, then its main thread."""
        used_ns = 0
        for index, thread in enumerate(mains):
            main = self._mains[thread.id]
            if not index:
                yield Seen(process.created_ns, 0, ThreadStanding.UNKNOWN, False, (), 0)
            # All that the process has used by now, also under the program that it ran before.
            yield Seen(main.time_ns, max(main.used_ns - used_ns, 0), ThreadStanding.UNKNOWN, False, (), 0)
            used_ns = max(main.used_ns, used_ns)
            for seen in self._seen.get(thread.id, ()):
                yield seen
                used_ns += seen.used_ns or 0
