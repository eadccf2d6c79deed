"""What the self-test's child runs: a small program, recorded and held to the rules that any recording obeys."""

from __future__ import annotations

import sys
from typing import Any

from coroscope.stepper.layout import layout_here, why_unreadable
from coroscope.stepper.recorder import Recorder
from coroscope.stepper.recording import Recording
from coroscope.stepper.rules import check
from coroscope.stepper.scope import Scope
from coroscope.stepper.self_test import GENERATOR_OFFSET, PASSED, Readability

_FEWEST_CHECKS = 1000
_FILE = "<self-test of the stepper>"
_PROGRAM = """
def counter(limit):
    number = 0
    while number < limit:
        got = yield number
        number += 1 if got is None else got
    return [number]

def delegating(limit):
    result = yield from counter(limit)
    yield result

class Pair:
    def __init__(self, left, right):
        self.left, self.right = left, right
    def sum(self):
        return self.left + self.right

def deep(depth, a, b, c):
    if depth == 0:
        return (a, [b], {"c": c})
    return deep(depth - 1, c + 1, a - 1, b * 2)

def failing(number):
    try:
        return 100 // number
    except ZeroDivisionError as error:
        return type(error).__name__
    finally:
        number = -number

def cells(number):
    def add(other):
        nonlocal number
        number += other
        return number
    return [add(each) for each in range(10)]

def main():
    total = 0
    for number in delegating(30):
        if isinstance(number, int):
            total += number
    for depth in range(8):
        deep(depth, 3, depth, -5)
    kept = [Pair(left, left * 1000003).sum() for left in range(12)]
    words = {str(number): number for number in range(5)}
    return total, kept, words, failing(0), failing(7), cells(4), (1.5 * 2, "a" + "b", -2 ** 70)

result = main()
"""
_EXPECTED = 435


def check_reading() -> str:
    """`PASSED`, or what was not as expected."""
    reason = why_unreadable()
    layout = layout_here()
    if reason is not None or layout is None:
        return reason or "its layout is not known"
    recorder = Recorder(Scope([_FILE]), Readability(layout, GENERATOR_OFFSET, None), most_steps=1_000_000)
    names: dict[str, Any] = {"__name__": "self_test"}
    source = _source_of(recorder)
    code = compile(_PROGRAM, _FILE, "exec")
    recorder.switch.stop = source.stop
    recorder.begin()
    source.start(code)
    try:
        exec(code, names)
    finally:
        source.stop()
    recording = Recording(recorder.close())
    checked = check(recording)
    if recording.notes:
        return recording.notes[0]
    if names["result"][0] != _EXPECTED:
        return "the program did not do what it does"
    if checked.broken:
        return checked.broken[0]
    if sum(checked.counts.values()) < _FEWEST_CHECKS:
        return f"only {sum(checked.counts.values())} values could be checked"
    if not any(frame.generator for frame in recording.frames):
        return "generators are not where they are thought to be"
    return PASSED


def _source_of(recorder: Recorder) -> Any:
    if sys.version_info >= (3, 12):
        from coroscope.stepper.monitoring import Monitoring

        return Monitoring(recorder)
    from coroscope.stepper.tracing import Tracing

    return Tracing(recorder)
