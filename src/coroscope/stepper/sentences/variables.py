"""Sentences on what reads and writes variables, constants and attributes."""

from __future__ import annotations

from coroscope.stepper.meanings import CELL_OF
from coroscope.stepper.sentences.words import NULL, Sentences, Told

_LOOKS_FOR_NAME = "the local names of this module or class body, then the global ones, then the builtins"
_ITERATOR = ".0"
"""The name of the one parameter that a comprehension's function has."""
_CELL = "the box through which this function shares the variable with others"


def _is_cell(told: Told) -> bool:
    return told.name.startswith(CELL_OF)


def _value_of(operand: str) -> str:
    if operand == _ITERATOR:
        return f"what the comprehension or generator expression goes through ({_ITERATOR})"
    return operand if operand.startswith(CELL_OF) else f"the value of the local variable {operand}"


def _load_fast(told: Told) -> str:
    if _is_cell(told):
        return f"Push {told.name}: {_CELL}."
    if told.name == _ITERATOR:
        return f"Push {_value_of(told.name)}."
    if told.version < (3, 12):
        return f"Push {_value_of(told.name)}; UnboundLocalError if it has none yet."
    return f"Push {_value_of(told.name)}, which certainly has one here."


def _load_fast_borrow(told: Told) -> str:
    return (
        f"Push {_value_of(told.name)}; it is only borrowed (not counted as a reference), for the variable "
        "keeps it alive meanwhile."
    )


def _load_global(told: Told) -> str:
    where = f"the global variable {told.name}, or else the builtin of that name"
    if not told.arg & 1:
        return f"Push the value of {where}."
    if told.version < (3, 13):
        return f"Push {NULL}, in the place of a `self`, then the value of {where}, to be called soon."
    return f"Push the value of {where}, to be called soon, then {NULL}, in the place of a `self`."


def method_pushed(told: Told) -> str:
    """What is pushed when an attribute is looked up in order to call it."""
    if told.version < (3, 13):
        return f"the method and the object, as its `self`; if it is no plain method, {NULL} and the attribute"
    return f"the method and the object, as its `self`; if it is no plain method, the attribute and {NULL}"


def _load_attr(told: Told) -> str:
    if told.version < (3, 12) or not told.arg & 1:
        return f"Pop an object, push its attribute {told.name}."
    return f"Pop an object, look up its method {told.name} to call it, push {method_pushed(told)}."


def _load_method(told: Told) -> str:
    return f"Pop an object, look up its method {told.name} to call it, push {method_pushed(told)}."


def _load_super_attr(told: Told) -> str:
    written = "super(…, …)" if told.arg & 2 else "super()"
    popped = "Pop `self`, then the class, then `super` itself"
    if told.arg & 1:
        return (
            f"{popped}; look up {written}.{told.name} to call it, push what that gives (a method is bound to `self` "
            f"already), then {NULL}."
        )
    return f"{popped}; push {written}.{told.name}."


def _load_two(told: Told) -> str:
    return f"Push {_value_of(told.name)}, then {_value_of(told.other)}."


def _load_two_borrowed(told: Told) -> str:
    return (
        f"Push {_value_of(told.name)}, then {_value_of(told.other)}; both are only borrowed (not counted "
        "as references), for "
        "the variables keep them alive meanwhile."
    )


def _load_fast_and_clear(told: Told) -> str:
    name = told.name.removeprefix(CELL_OF)
    return (
        f"Push what the local variable {name} holds, or {NULL}, and take it from the variable: the "
        "comprehension that "
        "follows uses the name for itself, and what was there is put back afterwards."
    )


def _place(operand: str) -> str:
    if operand.startswith(CELL_OF):
        return f"the place of {operand.removeprefix(CELL_OF)}, a variable shared through a cell"
    return f"the local variable {operand}"


def _store_fast(told: Told) -> str:
    return f"Pop the top value into {_place(told.name)}."


def _store_load(told: Told) -> str:
    return f"Pop the top value into {_place(told.name)}, then push {_value_of(told.other)}."


def _store_two(told: Told) -> str:
    return f"Pop the top value into {_place(told.name)}, then the next one into {_place(told.other)}."


def _make_cell(told: Told) -> str:
    return (
        f"Put the variable {told.name} into a new cell, with its value if it has one: functions defined in "
        "here share it."
    )


def _copy_free_vars(told: Told) -> str:
    return (
        f"Bring the cells of {told.counted('variable')}, shared with enclosing functions, from the "
        "function object "
        "into the frame."
    )


def _load_const(told: Told) -> str:
    if told.name.startswith("<code of "):
        return f"Push the constant {told.name}, the compiled code that a function or class is made of next."
    return f"Push the constant {told.name}."


def _import_name(told: Told) -> str:
    popped = "Pop the names wanted from it, then the number of leading dots; "
    if told.version >= (3, 15) and told.arg & 1:
        return f"{popped}push a stand-in for the module {told.name}, which is imported when it is first used."
    return (
        f"{popped}import the module {told.name} and push it (of a dotted name without `from`, the first "
        "part)."
    )


SENTENCES: Sentences = {
    "LOAD_CONST": _load_const,
    "LOAD_SMALL_INT": "Push the integer {name}, which the instruction holds in its argument.",
    "LOAD_COMMON_CONSTANT": "Push {name}, one of a few values that CPython keeps at hand.",
    "LOAD_FAST": _load_fast,
    "LOAD_FAST_BORROW": _load_fast_borrow,
    "LOAD_FAST_CHECK": "Push the value of the local variable {name}; UnboundLocalError if it has none.",
    "LOAD_FAST_AND_CLEAR": _load_fast_and_clear,
    "LOAD_FAST_LOAD_FAST": _load_two,
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW": _load_two_borrowed,
    "STORE_FAST": _store_fast,
    "STORE_FAST_LOAD_FAST": _store_load,
    "STORE_FAST_STORE_FAST": _store_two,
    "DELETE_FAST": "Take the value from the local variable {name}; UnboundLocalError if it has none.",
    "LOAD_NAME": f"Push the value of {{name}}, looked for in {_LOOKS_FOR_NAME}.",
    "STORE_NAME": "Pop the top value into the variable {name} of this module or class body.",
    "DELETE_NAME": "Delete the variable {name} of this module or class body; NameError if there is none.",
    "LOAD_GLOBAL": _load_global,
    "STORE_GLOBAL": "Pop the top value into the global variable {name}.",
    "DELETE_GLOBAL": "Delete the global variable {name}; NameError if there is none.",
    "LOAD_DEREF": (
        "Push the value in the cell of {name}, a variable shared between functions; NameError if it is "
        "empty."
    ),
    "STORE_DEREF": "Pop the top value into the cell of {name}, a variable shared between functions.",
    "DELETE_DEREF": (
        "Empty the cell of {name}, a variable shared between functions; NameError if it is empty already."
    ),
    "LOAD_CLASSDEREF": (
        "Push the value of {name}: what the class body itself has by that name, or else what is in the "
        "enclosing "
        "function's cell."
    ),
    "LOAD_FROM_DICT_OR_DEREF": (
        "Pop the names of the class body; push what they have as {name}, or else what is in the cell of "
        "that name."
    ),
    "LOAD_FROM_DICT_OR_GLOBALS": (
        "Pop the names of the class body; push what they have as {name}, or else the global variable or "
        "builtin of that "
        "name."
    ),
    "LOAD_LOCALS": "Push the mapping that holds the local names of this class body or module.",
    "LOAD_CLOSURE": f"Push the cell of {{name}}: {_CELL}.",
    "MAKE_CELL": _make_cell,
    "COPY_FREE_VARS": _copy_free_vars,
    "LOAD_ATTR": _load_attr,
    "LOAD_METHOD": _load_method,
    "LOAD_SUPER_ATTR": _load_super_attr,
    "STORE_ATTR": "Pop an object, then a value; store the value as the object's attribute {name}.",
    "DELETE_ATTR": "Pop an object and delete its attribute {name}.",
    "LOAD_ASSERTION_ERROR": "Push the class AssertionError, whatever the program has by that name.",
    "LOAD_BUILD_CLASS": (
        "Push the builtin __build_class__, which is called next with a class body and makes the class."
    ),
    "SETUP_ANNOTATIONS": "Make the dictionary __annotations__ among the local names, unless it is there.",
    "IMPORT_NAME": _import_name,
    "IMPORT_FROM": (
        "Push the attribute {name} of the module on top, or its submodule of that name; the module stays."
    ),
    "IMPORT_STAR": "Pop a module, and take all its public names over into the local ones.",
}  # fmt: skip
