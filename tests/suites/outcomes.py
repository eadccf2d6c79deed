"""A plugin of pytest's that writes how each test ended; it stands alone, in the environment of another project.

Into the file that OUTCOMES_FILE names goes what `tests.cpython.runs.Results` is made of, as JSON. If OUTCOMES_LOOP is
"coroscope", whoever lets asyncio choose a loop gets one of ours.
"""

from __future__ import annotations

import json
import os
from typing import Any

if os.environ.get("OUTCOMES_LOOP") == "coroscope":
    from coroscope import EventLoopPolicy
    from coroscope.loop.versions import set_loop_policy

    set_loop_policy(EventLoopPolicy())

outcomes: dict[str, str] = {}
reports: dict[str, str] = {}


def pytest_runtest_logreport(report: Any) -> None:
    """Of a test's set-up, call and tear-down, what did not pass counts."""
    if report.outcome != "passed":
        outcomes[report.nodeid] = report.outcome
        reports[report.nodeid] = report.longreprtext
    else:
        outcomes.setdefault(report.nodeid, "passed")


def pytest_sessionfinish() -> None:
    """Write it all down."""
    with open(os.environ["OUTCOMES_FILE"], "w") as file:
        json.dump({"outcomes": outcomes, "reports": reports}, file)
