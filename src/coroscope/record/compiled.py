"""The recorder's short ways, compiled (src/quick): `QUICK` is the module, or None where Python's own are to be used.

None where it was not built, cannot be loaded, or is an older one that was left behind in a checkout, and where the
environment says `COROSCOPE_COMPILED=0`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

_NEEDED = {"Bell", "Memo", "OwnSteps", "Pen", "QueueSteps", "Soon", "Steps", "prepare"}
QUICK: Any = None
if os.environ.get("COROSCOPE_COMPILED") != "0":
    with suppress(ImportError):
        from coroscope.record import _quick

        if vars(_quick).keys() >= _NEEDED:
            QUICK = _quick


def new_memo() -> Any:
    """What compiled code remembers of the tasks of one watch; None where there is no such code."""
    return None if QUICK is None else QUICK.Memo()
