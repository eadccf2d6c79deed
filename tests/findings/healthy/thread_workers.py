"""No event loop at all: four threads take jobs from a queue, and each job waits for something else."""

import queue
import threading
import time


def work(jobs: "queue.Queue[int | None]", done: list[int]) -> None:
    while (job := jobs.get()) is not None:
        time.sleep(0.01)
        done.append(job)


def main() -> None:
    jobs: queue.Queue[int | None] = queue.Queue()
    done: list[int] = []
    threads = [threading.Thread(target=work, args=(jobs, done)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for job in range(120):
        jobs.put(job)
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        thread.join()
    assert sorted(done) == list(range(120))


main()
