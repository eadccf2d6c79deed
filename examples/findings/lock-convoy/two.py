"""A pool of six threads that log every answer to a file on a slow disk, one at a time and to the end."""

import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

ANSWERS = 42
journal_lock = threading.Lock()


def to_disk(file: int, line: str) -> None:
    """Write a line so that it is there after a power cut."""
    os.write(file, line.encode())
    time.sleep(0.02)  # os.fsync on a disk that takes its time.


def answer(file: int, number: int) -> int:
    line = f"{number} was answered\n"
    journal_lock.acquire()  # here
    try:
        to_disk(file, line)
    finally:
        journal_lock.release()
    return len(line)


def main() -> None:
    with tempfile.TemporaryFile() as file, ThreadPoolExecutor(6) as pool:
        futures = [pool.submit(answer, file.fileno(), number) for number in range(6)]
        for number in range(6, ANSWERS):
            futures[number - 6].result()
            futures.append(pool.submit(answer, file.fileno(), number))
        print(sum(future.result() for future in futures), "characters")


main()
