"""Four threads that count primes in Python, in the hope of being four times as fast."""

import threading
from math import isqrt

LIMIT = 300_000
counts: dict[int, int] = {}


def count_primes(worker: int, first: int, last: int) -> None:
    count = 0
    for number in range(max(first, 2), last):
        count += all(number % divisor for divisor in range(2, isqrt(number) + 1))  # here
    counts[worker] = count


def main() -> None:
    share = LIMIT // 4
    threads = [
        threading.Thread(target=count_primes, args=(worker, worker * share, (worker + 1) * share))
        for worker in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(counts.values()), "primes")


main()
