"""A program's plain run in a process of its own, which tells at its end the specialised forms of its instructions.

Rule: nobody watches: what traces or monitors this process from its beginning is switched off. What the program itself
switches on is its own.
Rule: nothing of it reaches the program, as with `child`.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from typing import Any

from coroscope.stepper.codes import all_codes
from coroscope.stepper.forms import read_forms
from coroscope.stepper.script import End, Script, refusals_to

_TOOLS = 6
"""Of `sys.monitoring`, that can be anyone's."""


def run(function: str, forms: str, problem: str, file: str, *arguments: str) -> None:
    """Run `file`, or `function` of it unless that is "", save the forms, and end as the program ends."""
    _watch_nothing()
    end = End()
    with refusals_to(problem):
        script = Script(file, function or None, arguments)
        process = os.getpid()

        def tell() -> None:
            if os.getpid() == process:
                read_forms(all_codes(script.code)).save(forms)

        atexit.register(tell)  # What was registered first is called last, after all of the program's.
        script.run(end)
    end.leave()


def _watch_nothing() -> None:
    sys.settrace(None)
    sys.setprofile(None)
    threading.settrace(None)
    threading.setprofile(None)
    monitoring: Any = getattr(sys, "monitoring", None)  # It came with 3.12.
    if monitoring is not None:
        for tool in range(_TOOLS):
            if monitoring.get_tool(tool) is not None:
                monitoring.set_events(tool, 0)
