"""All that is said of a step, in full: what has no room in its place on the screen can be read here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from textual.content import Content

from coroscope.stepper.shown_values import Value
from coroscope.views.step_words import numbered
from coroscope.views.terminal.inert import inert
from coroscope.views.terminal.interactive.banner import where
from coroscope.views.terminal.interactive.look import Look
from coroscope.views.terminal.interactive.names import without_names
from coroscope.views.terminal.interactive.rows import STRONG, quiet, told
from coroscope.views.terminal.telling import Told


def whole(look: Look) -> Iterator[Content]:
    """The instruction and what it does, what came before it, what it leads to, the stacks, the names."""
    yield where(look)
    yield Content(look.sentence)
    yield _part("before it", _events(look.happened), "the previous instruction, nothing else")
    yield _part("leads to", _events(look.leads_to), "the next instruction")
    yield _part("stack before it, the top first", _stack(look.frame.stack), "empty")
    if look.after is not None:
        yield _part("stack after it, the top first", _stack(look.after.stack), "empty")
    yield _part("names", _names(look), without_names(look.frame))


def _names(look: Look) -> Iterator[Content]:
    cells = look.frame.cells
    for name, value in look.frame.locals.items():
        cell = f" cell #{cells[name].object}" if name in cells else ""
        yield Content(inert(f"{name}{cell} = {numbered(value)}"))
    for name, empty in cells.items():
        if name not in look.frame.locals:
            yield Content(inert(f"{name} empty cell #{empty.object}"))


def _events(events: Sequence[Told]) -> Iterator[Content]:
    return map(told, events)


def _stack(stack: Sequence[Value] | None) -> list[Content]:
    if stack is None:
        return [quiet("not known")]
    return [Content(inert(numbered(value))) for value in reversed(stack)]


def _part(heading: str, lines: Iterable[Content], otherwise: str) -> Content:
    shown = [Content.assemble("  ", line) for line in lines] or [quiet(f"  {otherwise}")]
    return Content("\n").join([Content.styled(heading, STRONG), *shown])
