"""What a user changes about the checks: one is switched off, or a threshold of it is given another value.

Rule: nothing here reads a file or a command line. A setting carries the words for where it was made, so that
what is wrong with it can be told with its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass, replace
from math import inf
from typing import Any, get_type_hints

from coroscope.analysis.findings.check import Check
from coroscope.errors import UsageError

TABLE = "tool.coroscope.findings"
"""The table of a pyproject.toml that holds settings."""

_OFF = "off"
_WORDS = {int: "a whole number from 0", float: "a number from 0", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One change to the check named `check`."""

    check: str
    threshold: str | None
    """None: the check is switched off."""
    value: object
    origin: str
    """Where it was made, to begin a sentence with."""


def tune(checks: Iterable[Check], settings: Iterable[Setting]) -> tuple[Check, ...]:
    """The checks that are not off, as they were set; the last of several settings of a threshold counts.

    UsageError for a check or a threshold that there is not, or a value that is not of its type.
    """
    tuned = {check.name: check for check in checks}
    off = set()
    for setting in settings:
        refuse_unknown(setting.check, tuned, setting.origin)
        if setting.threshold is None:
            off.add(setting.check)
        else:
            tuned[setting.check] = _with_threshold(tuned[setting.check], setting.threshold, setting)
    return tuple(check for name, check in tuned.items() if name not in off)


def refuse_unknown(name: str, known: Iterable[str], origin: str) -> None:
    """UsageError where `name` is not among the `known` names of findings; `origin` says who gave it."""
    known = list(known)
    if name not in known:
        raise UsageError(f"{origin}: no finding is named {name!r}: choose from {', '.join(known)}")


def setting_in_words(words: str, origin: str) -> Setting:
    """Read "NAME.THRESHOLD=VALUE". UsageError for anything else."""
    key, equals, value = words.partition("=")
    name, dot, threshold = key.strip().partition(".")
    if not (equals and dot and name and threshold):
        raise UsageError(f"{origin}: {words!r} sets nothing: write it as NAME.THRESHOLD=VALUE")
    return Setting(name, threshold, _typed(value.strip()), f"{origin} {key.strip()}")


def settings_in_table(table: object, file: str) -> Iterator[Setting]:
    """The settings in the table of a pyproject.toml. UsageError, with `file` and key, for what is none."""
    for key, value in _entries(table, f"{file}, [{TABLE}]"):
        if key == _OFF:
            origin = f"{file}, [{TABLE}] {_OFF}"
            yield from (Setting(name, None, None, origin) for name in _names(value, origin))
            continue
        if not isinstance(value, Mapping):
            remedy = f"write {_OFF} = [...], or [{TABLE}.NAME] and below it THRESHOLD = VALUE"
            raise UsageError(f"{file}, [{TABLE}]: {key} = {value!r} sets nothing: {remedy}")
        heading = f"{file}, [{TABLE}.{key}]"
        yield from (
            Setting(key, threshold, wanted, f"{heading} {threshold}") for threshold, wanted in value.items()
        )


def _entries(table: object, origin: str) -> Iterable[tuple[str, object]]:
    if not isinstance(table, Mapping):
        raise UsageError(f"{origin}: {table!r} is not a table: begin one with [{TABLE}]")
    return table.items()


def _names(value: object, origin: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise UsageError(f'{origin}: {value!r} is not a list of names: write it as ["NAME", "NAME"]')
    return value


def _typed(word: str) -> object:
    """The value that a word stands for, as a configuration file would have it."""
    if word in ("true", "false"):
        return word == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word


def _with_threshold(check: Check, threshold: str, setting: Setting) -> Check:
    thresholds = _thresholds(check)
    if threshold not in thresholds:
        told = f"choose from {', '.join(thresholds)}" if thresholds else "it has none"
        raise UsageError(f"{setting.origin}: {check.name} has no threshold {threshold!r}: {told}")
    kind = thresholds[threshold]
    value = _fitted(setting.value, kind)
    if value is None:
        raise UsageError(f"{setting.origin}: takes {_WORDS[kind]}, not {setting.value!r}")
    return _replaced(check, threshold, value)


def _fitted(value: object, kind: type) -> object:
    """The value as one of its threshold's type; None where it is not, and for what no threshold can be."""
    if kind is float and type(value) is int:
        with suppress(OverflowError):
            value = float(value)
    if type(value) is not kind:
        return None
    return value if not isinstance(value, float | int) or 0 <= value < inf else None


def _thresholds(check: Check) -> dict[str, type]:
    """Which fields can be set, with their types: those that are a number or a claim."""
    assert is_dataclass(check)
    hints = get_type_hints(type(check))
    return {field.name: hints[field.name] for field in fields(check) if hints[field.name] in _WORDS}


def _replaced(check: Any, threshold: str, value: object) -> Check:
    changed: Check = replace(check, **{threshold: value})
    return changed
