"""The files of a recording, line by line."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from textual.content import Content
from textual.highlight import highlight

from coroscope.stepper.recording import Recording
from coroscope.views.terminal.inert import inert

TAB = 8


class Sources:
    """The lines of each file; coloured when it is shown for the first time."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._lines: dict[str, list[str]] = {}
        self._coloured: dict[str, list[Content]] = {}

    def lines(self, file: str) -> list[str]:
        """The text of each line; none if the file was not there when it ran."""
        if file not in self._lines:
            text = self._recording.sources.get(file)
            self._lines[file] = [] if text is None else text.split("\n")
        return self._lines[file]

    def coloured(self, file: str) -> list[Content]:
        """The lines, inert and coloured."""
        if file not in self._coloured:
            safe = [inert(line.expandtabs(TAB)) for line in self.lines(file)]
            made = highlight("\n".join(safe), language="python").split("\n", allow_blank=True)
            made += [Content("")] * (len(safe) - len(made))
            if [line.plain for line in made] != safe:  # rather no colours than another text
                made = [Content(line) for line in safe]
            self._coloured[file] = made
        return self._coloured[file]

    @cached_property
    def ran(self) -> dict[str, set[int]]:
        """Of each file, the lines of which an instruction ran."""
        found: dict[str, set[int]] = defaultdict(set)
        ran = set(self._recording.columns.instructions)
        for code in self._recording.codes:
            for each in code.instructions:
                if each.line and code.first + each.index in ran:
                    found[code.file].add(each.line)
        return found
