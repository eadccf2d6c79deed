"""A workload: items and the work on one of them, in blocking form, in coroutine form, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from coroscope.strategies.catalogue import STRATEGIES
from coroscope.strategies.work import Function, check_function, is_coroutine_function


class Workload:
    """What every strategy runs, and `coroscope compare` compares them by.

    `items` is an iterable, or a function without arguments that makes one. `call` is a blocking function of one item,
    `coroutine` a coroutine function of one; the strategies of event loops take the coroutine, the others the call, and
    each makes do with the other one where it is missing. TypeError where neither is given, or one is not what it says.
    """

    def __init__(
        self,
        items: Iterable[Any] | Callable[[], Iterable[Any]],
        call: Callable[[Any], Any] | None = None,
        coroutine: Callable[[Any], Any] | None = None,
        name: str | None = None,
    ) -> None:
        if call is None and coroutine is None:
            raise TypeError("coroscope.Workload() has nothing to run: give call=, coroutine=, or both")
        if call is not None and is_coroutine_function(call):
            raise TypeError("coroscope.Workload(): call= is a coroutine function: give it as coroutine=")
        if coroutine is not None and not is_coroutine_function(coroutine):
            raise TypeError(
                "coroscope.Workload(): coroutine= is no coroutine function: "
                "define it with async def, or give it as call="
            )
        if not isinstance(items, Iterable) and not callable(items):
            raise TypeError(
                f"coroscope.Workload(): items is a {type(items).__qualname__}: "
                "give an iterable, or a function without arguments that makes one"
            )
        for function in (call, coroutine):
            if function is not None:
                check_function(function, "coroscope.Workload()")
        self.call = call
        self.coroutine = coroutine
        self.name = name or getattr(call or coroutine, "__name__", "workload")
        self._items = items

    @property
    def items(self) -> Iterable[Any]:
        """The items; made anew at each time where a function makes them."""
        if isinstance(self._items, Iterable):
            return self._items
        made = self._items()
        if not isinstance(made, Iterable):
            raise TypeError(
                f"the items of workload {self.name!r} are a {type(made).__qualname__}: return an iterable"
            )
        return made

    def function(self, strategy: str) -> Function:
        """What `strategy` calls with each item."""
        wanted, other = (
            (self.coroutine, self.call)
            if STRATEGIES[strategy].takes_coroutines
            else (self.call, self.coroutine)
        )
        function = other if wanted is None else wanted
        assert function is not None
        return function

    def is_derived(self, strategy: str) -> bool:
        """Whether `strategy` has to make do with the other form of the work."""
        return (self.coroutine if STRATEGIES[strategy].takes_coroutines else self.call) is None

    def __repr__(self) -> str:
        forms = ", ".join(form for form in ("call", "coroutine") if getattr(self, form) is not None)
        return f"<coroscope.Workload {self.name!r}: {forms}>"
