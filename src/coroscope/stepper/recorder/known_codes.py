"""The code objects that a recording has met."""

from __future__ import annotations

from types import CodeType

from coroscope.stepper.columns import Columns
from coroscope.stepper.layout import Layout
from coroscope.stepper.own_builtins import OWN_BUILTINS
from coroscope.stepper.plans import CodePlan, facts_of
from coroscope.stepper.scope import Scope

__builtins__ = OWN_BUILTINS  # type: ignore[assignment]


class KnownCodes:
    """Plans each code object once, if it is to be recorded."""

    def __init__(self, columns: Columns, scope: Scope, layout: Layout, constants: set[int]) -> None:
        self._constants = constants
        self._columns = columns
        self._scope = scope
        self._layout = layout
        self._plans: dict[int, CodePlan | None] = {}
        self._kept: list[CodeType] = []
        self.recorded: list[CodeType] = []
        """By the number that each has in the columns."""
        self._first_number = 0

    def plan_of(self, code: CodeType) -> CodePlan | None:
        """What is known of a code object; None where it is not to be recorded, or cannot be understood."""
        key = id(code)
        if key in self._plans:
            return self._plans[key]
        plan = None
        if self._scope.wants(code):
            columns = self._columns
            try:
                facts = facts_of(code, len(columns.codes), self._first_number)
            except Exception as error:
                columns.say(f"{code.co_qualname} was left out: {error}")
            else:
                plan = CodePlan(code, facts, self._layout)
                columns.codes.append(facts)
                self.recorded.append(code)
                self._constants.update(map(id, code.co_consts))
                self._first_number += len(facts.instructions)
                if facts.file not in columns.sources:
                    columns.sources[facts.file] = self._scope.source_of(facts.file)
        # The code object stays: its address must remain its own. It is immutable, and has no finaliser.
        self._plans[key] = plan
        self._kept.append(code)
        return plan
