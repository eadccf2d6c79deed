"""The primes counted by one thread: the others would only have waited for it."""

from math import isqrt

LIMIT = 300_000


def count_primes(first: int, last: int) -> int:
    count = 0
    for number in range(max(first, 2), last):
        count += all(number % divisor for divisor in range(2, isqrt(number) + 1))
    return count


def main() -> None:
    print(count_primes(0, LIMIT), "primes")


main()
