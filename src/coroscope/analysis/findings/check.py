"""What every check has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol

from coroscope.analysis.findings.finding import Finding
from coroscope.trace.model import Trace


class Check(Protocol):
    """Looks for one kind of finding. Implementations are frozen dataclasses; their fields are the thresholds."""

    name: ClassVar[str]
    """The finding's name: lower case, words joined by hyphens."""

    def find(self, trace: Trace) -> Iterable[Finding]:
        """Every finding of this kind, one for each place; the trace is not changed."""
        ...
