"""The lines of the user's file between which a recording is made."""

from __future__ import annotations

from types import CodeType

from coroscope.stepper.columns import Columns
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import Plan
from coroscope.stepper.recorder.switch import StopRecordingError

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class Extent:
    """From the first time that one line is reached, until another one is."""

    def __init__(
        self, columns: Columns, main_file: str | None, from_line: int | None, until_line: int | None
    ) -> None:
        self._columns = columns
        self._main_file = main_file
        self._from_line, self._until_line = from_line, until_line
        self.has_begun = from_line is None
        self.is_limited = from_line is not None or until_line is not None

    def holds(self, plan: Plan, code: CodeType) -> bool:
        """Whether the instruction is to be recorded. The one at which the recording ends raises StopRecordingError."""
        if not self.has_begun:
            self.has_begun = code.co_filename == self._main_file and plan.line == self._from_line
            return self.has_begun
        until = self._until_line
        if until is not None and plan.line == until and code.co_filename == self._main_file:
            self._columns.cut = f"the recording ends before line {until}, as it was told"
            raise StopRecordingError
        return True
