"""Sentences on calls, on functions being made, and on how a function begins and ends."""

from __future__ import annotations

from coroscope.stepper.meanings import FUNCTION_PARTS, INTRINSICS_OF_ONE, INTRINSICS_OF_TWO
from coroscope.stepper.sentences.words import NULL, Sentences, Told

_SELF = "given as first argument unless it is NULL"


def _arguments(told: Told) -> str:
    return "no argument" if not told.arg else told.counted("argument")


def _popped_callable(told: Told) -> str:
    """What is popped below the arguments."""
    if told.version < (3, 13):
        return f"the two values below: a callable with {NULL} under it, or a `self` with its method under it"
    return f"the `self` ({_SELF}), then the callable"


def _precall(told: Told) -> str:
    return (
        f"Prepare the call with {_arguments(told)}: a bound method on the stack is taken apart into its "
        "function and its "
        "`self`."
    )


def _call(told: Told) -> str:
    order = " (the last one is on top)" if told.arg > 1 else ""
    popped = f"{_arguments(told)}{order}, then " if told.arg else ""
    return f"Pop {popped}{_popped_callable(told)}. Call it, and push what it returns."


def _kw_names(told: Told) -> str:
    return f"Have the call that follows give its last arguments by the names {told.name}."


def _call_kw(told: Told) -> str:
    return (
        f"Pop a tuple of names, then {_arguments(told)}, the last of them for those names, then "
        f"{_popped_callable(told)}. Call it, and push what it returns."
    )


def _call_function_ex(told: Told) -> str:
    if told.version >= (3, 14):
        first = "a dictionary of keyword arguments (or NULL, if there are none), then a tuple of the others"
    elif told.arg & 1:
        first = "a mapping of keyword arguments, then an iterable of the others"
    else:
        first = "an iterable of arguments"
    below = (
        "the callable, then the NULL below it"
        if told.version < (3, 13)
        else "a NULL, then the callable below it"
    )
    return f"Pop {first}, then {below}. Call it with these arguments, and push what it returns."


def _make_function(told: Told) -> str:
    if told.version >= (3, 13):
        return "Pop a code object; push a new function that runs it."
    parts = [part for bit, part in reversed(list(enumerate(FUNCTION_PARTS[:4]))) if told.arg >> bit & 1]
    words = {"closure": "the cells it shares (closure)", "defaults": "the default values"}
    named = ", then ".join(words.get(part, f"the {part}") for part in parts)
    also = f", then {named}" if named else ""
    return f"Pop a code object{also}; push a new function of {'it' if not parts else 'them'}."


def _set_function_attribute(told: Told) -> str:
    described = {
        "defaults": "a tuple of default values",
        "keyword defaults": "a dictionary of defaults for keyword arguments",
        "annotations": "its annotations",
        "closure": "a tuple of the cells it shares with functions around it",
        "annotate function": "the function that gives its annotations when they are asked for",
    }
    return (
        f"Pop a function, then {described.get(told.name, told.name)}; give it to the function, which is "
        "pushed again."
    )


def _resume(told: Told) -> str:
    places = {
        "start": f"The {_BEGINS.get(told.kind, 'function')} begins here",
        "after yield": "The generator goes on here after its `yield`",
        "after yield from": (
            "The generator goes on here after the one it delegates to (`yield from`) has yielded"
        ),
        "after await": (
            "The coroutine has its turn again, in its `await`, and the SEND that follows asks what it awaits for more"
        ),
    }
    checks = (
        "nothing is computed; debuggers and profilers are told here"
        if told.arg & 3 > 1
        else "nothing is computed, but signals are seen to, and other threads that wait for their turn"
    )
    return f"{places.get(told.name, 'The function goes on here')}: {checks}."


_BEGINS = {"module": "module's code", "class": "class's body"}
_OF_ONE = {
    "print": "Pop a value and show it as the interactive prompt does (sys.displayhook); push None.",
    "import *": "Pop a module, and take all its public names over into the local ones; push None.",
    "StopIteration to RuntimeError": (
        "Pop the exception; push a RuntimeError in its place if it is a StopIteration (in an asynchronous "
        "generator also a "
        "StopAsyncIteration), which must not leave a generator or coroutine, or else the exception itself."
    ),
    "wrap for async generator": (
        "Pop a value, push it wrapped: so `async for` can tell what is yielded from what is awaited."
    ),
    "unary +": "Pop a value, push +value.",
    "list to tuple": "Pop a list, push a tuple of its items.",
    "TypeVar": "Pop a name, push a new TypeVar of that name.",
    "ParamSpec": "Pop a name, push a new ParamSpec of that name.",
    "TypeVarTuple": "Pop a name, push a new TypeVarTuple of that name.",
    "Generic[...]": "Pop a tuple of type parameters, push Generic[…] of them, as base of a generic class.",
    "type alias": (
        "Pop a tuple of a name, type parameters and the function that gives its value; push the type alias "
        "made of them."
    ),
    "invalid": "Never executed: the compiler uses no such argument.",
}  # fmt: skip
_OF_TWO = {
    "exception group to raise": (
        "Pop a list of what the `except*` clauses raised or left over, then the original exception; push "
        "the exception that "
        "must be raised now, or None."
    ),
    "TypeVar with bound": "Pop the function that gives a bound, then a name; push a new TypeVar of them.",
    "TypeVar with constraints": (
        "Pop the function that gives constraints, then a name; push a new TypeVar of them."
    ),
    "set type parameters": (
        "Pop a tuple of type parameters, then a function; give it them, and push the function."
    ),
    "set default of type parameter": (
        "Pop the function that gives a default, then a type parameter; give it that, and push the type "
        "parameter."
    ),
    "invalid": "Never executed: the compiler uses no such argument.",
}


def _intrinsic_1(told: Told) -> str:
    return _OF_ONE[INTRINSICS_OF_ONE[told.arg]]


def _intrinsic_2(told: Told) -> str:
    return _OF_TWO[INTRINSICS_OF_TWO[told.arg]]


def _return_value(told: Told) -> str:
    return f"Pop the top value and return it: {_END.get(told.kind, _ENDS_FRAME)}."


def _return_const(told: Told) -> str:
    return f"Return the constant {told.name}: {_END.get(told.kind, _ENDS_FRAME)}."


_ENDS_FRAME = "the frame ends, and the caller gets the value"
_END = {
    "module": "the frame ends, and with it the module's code",
    "class": "the frame ends, and the class is made of the names that have a value in it",
    "generator": (
        "the generator ends. A `for` loop over it ends, a `yield from` gets the value, and next() raises "
        "StopIteration with it"
    ),
    "coroutine": "the coroutine ends, and what awaits it gets the value",
    "async generator": (
        "the asynchronous generator ends. An `async for` over it ends; others who wait for its next value get "
        "StopAsyncIteration"
    ),
}

SENTENCES: Sentences = {
    "PRECALL": _precall,
    "CALL": _call,
    "KW_NAMES": _kw_names,
    "CALL_KW": _call_kw,
    "CALL_FUNCTION_EX": _call_function_ex,
    "CALL_INTRINSIC_1": _intrinsic_1,
    "CALL_INTRINSIC_2": _intrinsic_2,
    "PRINT_EXPR": "Pop a value and show it as the interactive prompt does (sys.displayhook).",
    "MAKE_FUNCTION": _make_function,
    "SET_FUNCTION_ATTRIBUTE": _set_function_attribute,
    "RESUME": _resume,
    "RETURN_VALUE": _return_value,
    "RETURN_CONST": _return_const,
    "EXIT_INIT_CHECK": (
        "Pop what __init__ returned; TypeError unless it is None. Only in a frame of the interpreter's own."
    ),
    "INTERPRETER_EXIT": (
        "Pop the top value and return it from the interpreter's own C function. Only in a frame of the "
        "interpreter's own."
    ),
}  # fmt: skip
