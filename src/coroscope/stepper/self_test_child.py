"""What the child of `self_test` runs."""

from __future__ import annotations


def check() -> str:
    return "as expected"
