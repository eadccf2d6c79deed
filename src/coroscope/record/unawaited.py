"""Coroutines that are collected without ever having run, as CPython warns of them.

CPython finds the function that warns in the module `warnings` (3.11 to 3.15, Python/_warnings.c). `install` puts a
callable in its place that records first; the warning stays as it is, for no frame of ours is on the stack then.

To have CPython note where every coroutine is made (`sys.set_coroutine_origin_tracking_depth(1)`) costs 75 to 225 ns a
coroutine and changes the warning's text, so it is not done. Mostly the place is known without: a coroutine that nobody
keeps is collected in the line that made it. For others the code is searched for the one call whose result is kept.
"""

from __future__ import annotations

import sys
import types
from _thread import get_ident
from collections.abc import Callable, Iterator
from typing import Any

from coroscope.record.chains import LONGEST_CHAIN, Position
from coroscope.record.events import EventKind
from coroscope.record.probes import Probe
from coroscope.record.recorder import OWN_PATH, Recorder, place_number

_KEEPS = ("STORE_", "POP_TOP", "RETURN_VALUE", "LIST_APPEND", "BUILD_LIST", "BUILD_TUPLE")
"""What follows a call whose result is not awaited, and not given to another one that may await it."""


def install(probe: Probe) -> None:
    """Take the place of the function of `warnings` that warns of a coroutine."""
    warnings: Any = sys.modules["warnings"]
    recorder = probe.recorder
    warn: Callable[[Any], None] = warnings._warn_unawaited_coroutine
    kept: dict[int, types.CodeType] = {}

    class WarnUnawaited:
        """Two calls in one, made by C code alone: the recorder's, and that of the function which warns."""

        def __new__(cls, coroutine: Any) -> WarnUnawaited:
            if probe.is_on:
                try:
                    _record(recorder, coroutine, sys._getframe(1), kept)
                except Exception as error:
                    probe.fail(error)
            return super().__new__(cls)

        __init__: Any = staticmethod(warn)

    warnings._warn_unawaited_coroutine = WarnUnawaited

    def detach() -> None:
        if warnings._warn_unawaited_coroutine is WarnUnawaited:
            warnings._warn_unawaited_coroutine = warn

    probe.at_end(detach)


def _record(
    recorder: Recorder, coroutine: Any, frame: types.FrameType | None, kept: dict[int, types.CodeType]
) -> None:
    if type(coroutine) is not types.CoroutineType:
        return
    code = coroutine.cr_code
    if code.co_filename.startswith(OWN_PATH):
        return
    position = _made_at(coroutine, frame)
    stream = recorder.stream()
    place = 0
    if position is not None:
        kept[id(position[0])] = position[0]
        place = place_number(stream, position)
    site = stream.site(coroutine.__qualname__, code.co_filename, code.co_firstlineno, place)
    running = recorder.running.get(get_ident())
    task = running.token.id if running is not None and running.token is not None else 0
    stream.emit(EventKind.NEVER_AWAITED, recorder.now(), task, 0, site)


def _made_at(coroutine: Any, frame: types.FrameType | None) -> Position | None:
    """The call that made `coroutine`, which is collected in `frame`; None where that cannot be told."""
    if frame is None:
        return None
    name = coroutine.cr_code.co_name
    if _names_in_line(frame, name) or _drops_a_result(frame):
        return frame.f_code, frame.f_lasti, frame.f_lineno or 0
    calls = {
        (id(code), line): (code, offset, line)
        for code in _codes_around(coroutine, frame)
        if name in code.co_names or name in code.co_varnames or name in code.co_freevars
        for offset, line in _calls_kept(code, name)
    }
    return next(iter(calls.values())) if len(calls) == 1 else None


def _names_in_line(frame: types.FrameType, name: str) -> bool:
    """Whether the line at which `frame` is names `name`."""
    import dis

    line = 0
    for instruction in dis.get_instructions(frame.f_code):
        line = _begins(instruction) or line
        if line == frame.f_lineno and instruction.opname.startswith("LOAD_") and instruction.argval == name:
            return True
    return False


def _drops_a_result(frame: types.FrameType) -> bool:
    """Whether `frame` is at the end of a statement that is a call."""
    import dis

    previous = ""
    for instruction in dis.get_instructions(frame.f_code):
        if instruction.offset == frame.f_lasti:
            return instruction.opname == "POP_TOP" and previous.startswith("CALL")
        if instruction.opname != "CACHE":
            previous = instruction.opname
    return False


def _begins(instruction: Any) -> int:
    """The line that begins with `instruction` (0: it begins none)."""
    starts = instruction.starts_line
    if sys.version_info >= (3, 13):
        return (instruction.line_number or 0) if starts else 0
    return starts or 0


def _codes_around(coroutine: Any, frame: types.FrameType) -> Iterator[types.CodeType]:
    """The code from which the call may have come: of the modules of the coroutine and of what runs."""
    modules = [coroutine.cr_frame.f_globals] if coroutine.cr_frame is not None else []
    roots: list[types.CodeType] = []
    caller: types.FrameType | None = frame
    while caller is not None and len(roots) < LONGEST_CHAIN:
        roots.append(caller.f_code)
        modules.append(caller.f_globals)
        caller = caller.f_back
    for module in {id(module): module for module in modules}.values():
        roots += _codes_of(list(module.values()))
    seen: set[int] = set()
    while roots:
        code = roots.pop()
        if id(code) not in seen:
            seen.add(id(code))
            yield code
            roots += [constant for constant in code.co_consts if type(constant) is types.CodeType]


def _codes_of(values: list[Any]) -> list[types.CodeType]:
    """The code of the functions in `values`, and of the methods of the classes there."""
    codes = []
    for value in values:
        if type(value) is types.FunctionType:
            codes.append(value.__code__)
        elif type(value) is type:
            for member in list(vars(value).values()):
                function = member.__func__ if type(member) in (staticmethod, classmethod) else member
                if type(function) is types.FunctionType:
                    codes.append(function.__code__)
    return codes


def _calls_kept(code: types.CodeType, name: str) -> Iterator[tuple[int, int]]:
    """Offset and line of each call of `name` in `code` whose result is neither awaited nor given to another call."""
    import dis

    instructions = [found for found in dis.get_instructions(code) if found.opname != "CACHE"]
    line = 0
    for index, instruction in enumerate(instructions):
        line = _begins(instruction) or line
        if not (instruction.opname.startswith("LOAD_") and instruction.argval == name):
            continue
        depth = 0
        for position in range(index, len(instructions) - 1):
            opcode, argument = instructions[position].opcode, instructions[position].arg
            depth += dis.stack_effect(opcode, argument, jump=False)
            if instructions[position].opname.startswith("CALL") and depth <= 1:
                if instructions[position + 1].opname.startswith(_KEEPS):
                    yield instructions[position].offset, line
                break
