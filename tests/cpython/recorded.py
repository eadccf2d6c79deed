"""In which of CPython's tests a recording shows, and why."""

from __future__ import annotations

MODULES = (
    "test.test_threading",
    "test.test_threading_local",
    "test.test_thread",
    "test.test_concurrent_futures",  # until 3.12
    "test.test_concurrent_futures.test_as_completed",
    "test.test_concurrent_futures.test_deadlock",
    "test.test_concurrent_futures.test_future",
    "test.test_concurrent_futures.test_init",
    "test.test_concurrent_futures.test_interpreter_pool",
    "test.test_concurrent_futures.test_process_pool",
    "test.test_concurrent_futures.test_shutdown",
    "test.test_concurrent_futures.test_thread_pool",
    "test.test_concurrent_futures.test_wait",
)
"""Tests of threads and pools; a package's are in its modules."""
DIFFERENCES: dict[str, str] = {}
"""The tests that do not end recorded as they do alone, and why."""
