"""A pool that scores texts letter by letter, which is Python code from the first letter to the last."""

from concurrent.futures import ThreadPoolExecutor

TEXTS = [f"text number {number} " * 150_000 for number in range(6)]


def score(text: str) -> int:
    total = 0
    for letter in text:
        total = (total * 31 + (letter != " ") * 7) & 0xFFFF  # here
    return total


def main() -> None:
    with ThreadPoolExecutor(3) as pool:
        print(list(pool.map(score, TEXTS)))


main()
