"""Which findings a verb looks for, and which of them make it fail: options that several verbs have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from coroscope.cli import complain
from coroscope.errors import UsageError

# The analysis is a third of `run`'s start-up time, and most often needed after the program only.
if TYPE_CHECKING:
    from coroscope.analysis.findings import Check, Finding
    from coroscope.analysis.findings.settings import Setting
    from coroscope.trace.model import Trace

FAILED = 1
_ANY = "any"
_FAIL_ON, _OFF, _SET = "--fail-on", "--off", "--set"


@dataclass(frozen=True, slots=True)
class Judge:
    """Finds by the checks as the user set them, and knows which findings the user does not accept."""

    checks: tuple[Check, ...] | None = None
    """None: every check, with its default thresholds."""
    unaccepted: frozenset[str] = frozenset()
    failed: list[str] = field(default_factory=list)
    """The names of the checks that failed."""

    def find(self, trace: Trace) -> list[Finding]:
        """The findings in `trace`, the most costly first; of a check that fails, a sentence on stderr instead."""
        from coroscope.analysis.findings import CHECKS, find

        return find(trace, CHECKS if self.checks is None else self.checks, self._do_without)

    def _do_without(self, check: Check, error: Exception) -> None:
        self.failed.append(check.name)
        complain(
            f"the check for {check.name} failed ({type(error).__name__}: {error}), so its findings are left out; "
            f"{_OFF} {check.name} does without it"
        )

    @property
    def exit_code_unseen(self) -> int:
        """For a run that could not be looked into: what was to be judged must not pass unseen."""
        return UsageError.exit_code if self.unaccepted else 0

    def exit_code(self, found: Sequence[Finding]) -> int:
        """0, or where a finding is not accepted FAILED and a sentence on stderr, or 2 where it was not looked for."""
        refused: dict[str, list[Finding]] = {}
        for finding in found:
            if finding.name in self.unaccepted:
                refused.setdefault(finding.name, []).append(finding)
        if not refused:
            return UsageError.exit_code if self.unaccepted.intersection(self.failed) else 0
        complain(f"found what {_FAIL_ON} names: {', '.join(map(_in_words, refused.values()))}")
        return FAILED


def judging_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give `command` the options, and in `judge` what they ask for together with the configuration file."""

    @click.option(
        _FAIL_ON,
        multiple=True,
        metavar="NAME,...",
        help="exit with code 1 if there is a finding of this name (any: of any name)",
    )
    @click.option(_OFF, multiple=True, metavar="NAME,...", help="look for no findings of this name")
    @click.option(
        _SET,
        "settings",
        multiple=True,
        metavar="NAME.THRESHOLD=VALUE",
        help="find what is named NAME by another threshold",
    )
    @wraps(command)
    def with_judge(
        *, fail_on: tuple[str, ...], off: tuple[str, ...], settings: tuple[str, ...], **others: Any
    ) -> int:
        return command(judge=_appoint(_split(fail_on), _split(off), settings), **others)

    return with_judge


def _split(given: Sequence[str]) -> list[str]:
    return [name.strip() for names in given for name in names.split(",") if name.strip()]


def _appoint(unaccepted: Sequence[str], off: Sequence[str], settings: Sequence[str]) -> Judge:
    configured = list(_configured())
    if not (unaccepted or off or settings or configured):
        return Judge()
    from coroscope.analysis.findings import CHECKS
    from coroscope.analysis.findings.settings import Setting, refuse_unknown, setting_in_words, tune

    asked = [Setting(name, None, None, _OFF) for name in off]
    asked += [setting_in_words(words, _SET) for words in settings]
    checks = tune(CHECKS, [*configured, *asked])
    looked_for = {check.name for check in checks}
    for name in unaccepted:
        if name != _ANY:
            refuse_unknown(name, [*(check.name for check in CHECKS), _ANY], _FAIL_ON)
        if name not in (*looked_for, _ANY):
            raise UsageError(f"{_FAIL_ON}: {name!r} is switched off: switch it on, or leave it out here")
    return Judge(checks, frozenset(looked_for if _ANY in unaccepted else unaccepted))


def _configured() -> Iterator[Setting]:
    """The settings of the nearest pyproject.toml, from the working directory upwards."""
    file = _configuration_file()
    if file is None:
        return
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {str(file)!r} ({error.strerror}): check its permissions") from error
    if b"coroscope" not in data:  # nothing for us, so it need not be parsed, nor be right
        return
    import tomllib

    from coroscope.analysis.findings.settings import settings_in_table

    try:
        table: Any = tomllib.loads(data.decode())
    except ValueError as error:
        raise UsageError(f"cannot read {str(file)!r} as TOML ({error}): mend it") from error
    for key in ("tool", "coroscope", "findings"):
        table = table.get(key, {}) if isinstance(table, dict) else {}
    yield from settings_in_table(table, str(file))


def _configuration_file() -> Path | None:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # deleted, and we are still in it
        return None
    files = (folder / "pyproject.toml" for folder in (here, *here.parents))
    return next((file for file in files if file.is_file()), None)


def _in_words(alike: Sequence[Finding]) -> str:
    """Findings of one name: the place of the first, and how many there are besides."""
    from coroscope.views.terminal.places import file_and_line  # loaded by then: what was found has been shown

    first, more = alike[0], f" and {len(alike) - 1} more" if len(alike) > 1 else ""
    return (
        f"{first.name}{more}" if first.place is None else f"{first.name} ({file_and_line(first.place)}{more})"
    )
