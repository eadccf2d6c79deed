"""One finding."""

from __future__ import annotations

from dataclasses import dataclass

from coroscope.trace.model import Frame


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at one place of the program.

    `message` says in one sentence what was seen, with its figures; `advice` in one sentence what to do about it.
    """

    name: str
    """The check's: a name such as "blocking-call"."""
    message: str
    advice: str
    place: Frame | None
    """The line that it points to."""
    task: int | None
    """The task that shows it best."""
    start_ns: int
    """When it can be seen in that task."""
    duration_ns: int
    """For how long, from there."""
    cost_ns: int
    """How much time it took, over all occurrences."""
    saving_ns: int | None
    """How much shorter the whole run could be; None where that cannot be known."""
    occurrences: int = 1
