"""The clock of all that is observed, as it is when the process starts.

Programs under test replace the functions of `time` by clocks of their own, and count on who asks them.
"""

from __future__ import annotations

import time

now_ns = time.monotonic_ns
"""Nanoseconds on CLOCK_MONOTONIC."""
