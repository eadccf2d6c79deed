"""The builtins as they were when the recorder was loaded.

A program may put others in their place, and code of the program's must not run because it is recorded. The functions of
a module whose `__builtins__` this is find these; it must be set before they are defined.
"""

from __future__ import annotations

import builtins

OWN_BUILTINS = dict(vars(builtins))
