"""Eight workers that share a client, which holds the lock of its token over the whole request."""

import threading
import time

REQUESTS = 3


class Client:
    """Talks to a service that wants a fresh token every hundred requests."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._uses_left = 0

    def request(self, number: int) -> int:
        with self._lock:  # here
            if not self._uses_left:
                self._uses_left = 100
            self._uses_left -= 1
            return self._send(number)

    def _send(self, number: int) -> int:
        time.sleep(0.04)  # The service's answer takes a while.
        return number * number


def work(client: Client, first: int, results: list[int]) -> None:
    for number in range(first, first + REQUESTS):
        results.append(client.request(number))


def main() -> None:
    client = Client()
    results: list[int] = []
    workers = [threading.Thread(target=work, args=(client, first, results)) for first in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print(sum(results))


main()
