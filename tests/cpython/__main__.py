"""Runs CPython's own tests of asyncio on asyncio's loop and on ours, and compares them.

`python -m tests.cpython` runs every module; `python -m tests.cpython tasks locks` runs those two. A test that passes on
asyncio and not on ours is an error, unless `DIFFERENCES` has the reason for it.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MODULES = (
    "base_events", "buffered_proto", "context", "eager_task_factory", "events", "free_threading", "futures", "futures2",
    "graph", "locks", "pep492", "protocols", "queues", "runners", "selector_events", "sendfile", "server",
    "server_context", "sock_lowlevel", "ssl", "sslproto", "staggered", "streams", "subprocess", "taskgroups", "tasks",
    "threads", "timeouts", "transports", "unix_events", "waitfor",
)  # fmt: skip
"""All but what is for Windows, and `tools`, which looks into other processes."""
LIMIT_S = 300

_PRIVATE_TIMERS = (
    "reads or fills the private list `_scheduled`, in whose place we have a heap that compares no handles"
)
_NO_IO = "wants a loop without any I/O, which our class is not, nor is any loop that a program runs"
_C_MEMORY = (
    "guards the C type's memory against Python code that deletes its fields or leaves out its constructor"
)
_CALL_SOON = (
    "makes the loop's `call_soon` fail, which a task of ours does not need: it enters the ready queue itself"
)
DIFFERENCES = {
    "test_base_events.BaseEventLoopTests.test__run_once": _PRIVATE_TIMERS,
    "test_base_events.BaseEventLoopTests.test__run_once_cancelled_event_cleanup": _PRIVATE_TIMERS,
    "test_base_events.BaseEventLoopTests.test__run_once_schedule_handle": _PRIVATE_TIMERS,
    "test_base_events.BaseEventLoopTests.test_call_later": _PRIVATE_TIMERS,
    "test_base_events.BaseLoopSockSendfileTests.test__sock_sendfile_native_failure": _NO_IO,
    "test_base_events.BaseLoopSockSendfileTests.test_sock_sendfile_no_fallback": _NO_IO,
    "test_futures.CFutureTests_Again.test_future_del_segfault": _C_MEMORY,
    "test_futures.CFutureTests_Again.test_uninitialized": _C_MEMORY,
    "test_tasks.CTask_CFuture_Tests_Again.test_error_in_call_soon": _CALL_SOON,
    "test_tasks.CTask_CFuture_SubclassTests_Again.test_error_in_call_soon": _CALL_SOON,
}
"""The tests that do not pass on ours, and why."""


def run(module: str, loop: str, folder: Path) -> dict[str, Any]:
    """How each test of `module` ended on `loop`, and the reports of those that failed."""
    results = folder / f"{module}-{loop}.json"
    command = [
        sys.executable,
        "-W",
        "ignore",
        str(Path(__file__).with_name("child.py")),
        module,
        loop,
        str(results),
    ]
    child = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    if not results.exists():
        raise SystemExit(
            f"test_{module} on {loop} ended with exit code {child.returncode}:\n{child.stderr[-4000:]}"
        )
    outcome: dict[str, Any] = json.loads(results.read_text())
    return outcome


def main(modules: list[str]) -> int:
    if importlib.util.find_spec("test.test_asyncio") is None:
        raise SystemExit(
            "this CPython comes without its tests (test.test_asyncio): use one built from its source"
        )
    unexpected = 0
    for module in modules or MODULES:
        if importlib.util.find_spec(f"test.test_asyncio.test_{module}") is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            theirs, ours = (run(module, loop, Path(folder)) for loop in ("asyncio", "coroscope"))
        passed = [name for name, outcome in theirs["outcomes"].items() if outcome == "passed"]
        worse = [name for name in passed if ours["outcomes"].get(name) != "passed"]
        new = [name for name in worse if name not in DIFFERENCES]
        allowed = f", {len(worse) - len(new)} differ as listed" if len(worse) > len(new) else ""
        print(
            f"test_{module}: {len(passed)} pass on asyncio, {len(passed) - len(worse)} on ours{allowed}",
            flush=True,
        )
        for name in new:
            print(f"  {name}\n{ours['reports'].get(name, ours['outcomes'].get(name, 'did not run'))}")
        unexpected += len(new)
    print(f"{unexpected} unexpected differences on CPython {sys.version.split()[0]}")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
