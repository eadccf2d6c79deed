"""Whether two runs returned the same, where their digests differ: `python -m coroscope.comparison.equality ASKED`.

In a process of its own, because the results' own classes are code of the user's.
Rule: results are the same if `==` says so, or if they have the same pickle; a NaN is the same as itself.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from coroscope.comparison.loading import load_workload


@dataclass(frozen=True, slots=True)
class Asked:
    """The workload's file and name, and the files of the two runs' results."""

    file: str
    name: str
    one: str
    other: str


def main() -> int:
    """Print the index of the first item whose results differ, -1 for another number of results, null for none."""
    asked = Asked(**json.loads(sys.argv[1]))
    load_workload(asked.file, asked.name)
    print(json.dumps({"first_difference": first_difference(_read(asked.one), _read(asked.other))}))
    return 0


def _read(path: str) -> Sequence[bytes]:
    with open(path, "rb") as file:
        pickled: Sequence[bytes] = pickle.load(file)
    return pickled


def first_difference(one: Sequence[bytes], other: Sequence[bytes]) -> int | None:
    """The index of the first item whose results differ, given pickled; -1: there are not as many."""
    if len(one) != len(other):
        return -1
    for index, (first, second) in enumerate(zip(one, other, strict=True)):
        if first != second and not _are_same(pickle.loads(first), pickle.loads(second)):
            return index
    return None


def _are_same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other or (one != one and other != other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_are_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_are_same(one[key], other[key]) for key in one)
    with suppress(Exception):  # From code of the results' own classes.
        return _as_bool(one == other)
    return False


def _as_bool(answer: Any) -> bool:
    """An array answers for each of its elements."""
    try:
        return bool(answer)
    except ValueError:
        return bool(answer.all())


if __name__ == "__main__":
    sys.exit(main())
