"""Files that are uploaded by a pool of as many threads: those that wait need no processor."""

import time
from concurrent.futures import ThreadPoolExecutor

FILES = 16


def upload(number: int) -> int:
    """Send one file, and wait until it has arrived."""
    time.sleep(0.2 + number % 4 / 50)
    return number * 1000


def main() -> None:
    with ThreadPoolExecutor(FILES, thread_name_prefix="upload") as pool:
        sent = sum(pool.map(upload, range(FILES)))
    print(sent, "bytes sent")


main()
