"""Sentences on what computes, compares, takes items and formats."""

from __future__ import annotations

from coroscope.stepper.meanings import CONVERSIONS
from coroscope.stepper.sentences.words import Sentences, Told


def _binary_op(told: Told) -> str:
    if told.name == "[]":
        return "Pop a key or index, then the container below it; push container[key]."
    if told.name.endswith("="):
        return (
            f"Pop the right operand, then the left one; push the result of left {told.name} right, which "
            "may be the left "
            "object itself, changed."
        )
    return f"Pop the right operand, then the left one; push left {told.name} right."


def _compare_op(told: Told) -> str:
    compared = f"Pop the right operand, then the left one; push the result of left {told.name} right"
    if told.version >= (3, 13) and told.arg & 16:
        return f"{compared}, made True or False."
    return f"{compared}."


def _format_value(told: Told) -> str:
    conversion = CONVERSIONS[told.arg & 3]
    converted = f", made a string by {conversion}()," if conversion else ""
    if told.arg & 4:
        return f"Pop a format specification, then a value; push the value{converted} formatted so."
    return f"Pop a value; push it{converted} formatted as a string."


def _build_interpolation(told: Told) -> str:
    conversion = CONVERSIONS[told.arg >> 2]
    first = "a format specification, then " if told.arg & 1 else ""
    what = f", with the conversion {conversion}" if conversion else ""
    return f"Pop {first}the expression's source text, then its value; push an Interpolation of them{what}."


SENTENCES: Sentences = {
    "BINARY_OP": _binary_op,
    "UNARY_NEGATIVE": "Pop a value, push -value.",
    "UNARY_POSITIVE": "Pop a value, push +value.",
    "UNARY_INVERT": "Pop a value, push ~value.",
    "UNARY_NOT": "Pop a value, push `not value`: False if it is true, True if it is false.",
    "TO_BOOL": "Pop a value; push True if it is true, False if it is false.",
    "COMPARE_OP": _compare_op,
    "IS_OP": (
        "Pop the right operand, then the left one; push whether left {name} right: one and the same object "
        "or not."
    ),
    "CONTAINS_OP": "Pop a container, then the value below it; push whether value {name} container.",
    "BINARY_SUBSCR": "Pop a key or index, then the container below it; push container[key].",
    "BINARY_SLICE": "Pop the end, the start, then the container below them; push container[start:end].",
    "STORE_SUBSCR": "Pop a key, then a container, then a value; do container[key] = value.",
    "STORE_SLICE": "Pop the end, the start, a container, then a value; do container[start:end] = value.",
    "DELETE_SUBSCR": "Pop a key, then a container; do `del container[key]`.",
    "GET_LEN": "Push the length of the value on top, which stays.",
    "FORMAT_VALUE": _format_value,
    "CONVERT_VALUE": "Pop a value, push {name}(value).",
    "FORMAT_SIMPLE": "Pop a value, push it formatted as a string.",
    "FORMAT_WITH_SPEC": "Pop a format specification, then a value; push the value formatted so.",
    "BUILD_INTERPOLATION": _build_interpolation,
    "BUILD_TEMPLATE": (
        "Pop a tuple of interpolations, then a tuple of strings; push the template string made of both."
    ),
}  # fmt: skip
