"""Half computing and half waiting: what a program does that asks a database, and works large answers over.

    coroscope compare examples/workloads/mixed_50_50.py
    python examples/workloads/mixed_50_50.py [ITEMS]

While one waits another can compute, so threads and the loop take half the time of the sequence, and never less: that
half is computing, of which an interpreter does one thing at a time. Processes are faster by their number, but each
wastes its waits. A loop on each core wastes neither: the computing is shared out, and the waits pass meanwhile.
"""

from __future__ import annotations

from functools import partial

from mixed_10_90 import ask, ask_async, queries  # type: ignore[import-not-found]  # beside this file

import coroscope

# Working an answer over takes some 5 ms.
workload = coroscope.Workload(partial(queries, 80_000, 1), call=ask, coroutine=ask_async, name="mixed 50/50")

if __name__ == "__main__":
    import by_hand  # type: ignore[import-not-found]  # beside this file

    by_hand.main(workload)
