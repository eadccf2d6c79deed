"""Files that are uploaded by a pool of four threads, because the machine has four processors."""

import time
from concurrent.futures import ThreadPoolExecutor

FILES = 16
PROCESSORS = 4


def upload(number: int) -> int:
    """Send one file, and wait until it has arrived."""
    time.sleep(0.2 + number % 4 / 50)
    return number * 1000


def main() -> None:
    with ThreadPoolExecutor(PROCESSORS, thread_name_prefix="upload") as pool:
        sent = sum(pool.map(upload, range(FILES)))  # here
    print(sent, "bytes sent")


main()
