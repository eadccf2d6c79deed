"""Specialised forms in words, and what there is to say of all of them."""

from __future__ import annotations

from rich.text import Text

from coroscope.stepper.forms import Form, Forms, Unspecialised
from coroscope.stepper.meanings import count
from coroscope.views.terminal.glyphs import QUIET, TROUBLE
from coroscope.views.terminal.sheet import Sheet

SPECIALISED = "color(65)"
_WORDS = {
    Unspecialised.NO_FORM: "",
    Unspecialised.TOO_SELDOM: "(too seldom)",
    Unspecialised.NONE_FITS: "(none fits)",
    Unspecialised.WATCHED: "(watched)",
    Unspecialised.UNKNOWN: "(not known)",
}
_MEANINGS = {
    Unspecialised.TOO_SELDOM: ("too seldom", "not run often enough to be specialised"),
    Unspecialised.NONE_FITS: ("none fits", "tried, and there is no form for what it worked on"),
    Unspecialised.WATCHED: ("watched", "traced or monitored by the program itself"),
    Unspecialised.NO_FORM: ("", "of a kind that no specialised form exists of"),
}


def told_form(form: Form) -> Text:
    """The form's name, or in a word or two why there is none."""
    return Text(form, SPECIALISED) if isinstance(form, str) else Text(_WORDS[form], QUIET)


def named_with_form(base: str, form: Form) -> Text:
    """The form's name in the instruction's place, what it adds in another colour."""
    if not isinstance(form, str):
        return Text(base)
    if not form.startswith(base):
        return Text(form, SPECIALISED)
    return Text.assemble(base, (form[len(base) :], SPECIALISED))


def print_count(sheet: Sheet, forms: Forms) -> None:
    """Say how many of the program's instructions are specialised, and why those that are not have no form."""
    counts = forms.count()
    if forms.by_code:
        sheet.heading(f"Specialised forms, of the file's {count(sum(counts.values()), 'instruction')}")
        width = len(str(max(counts.values()))) + 2
        sheet.paragraph("specialised at the end of a plain run", label=f"{counts[None]}", label_width=width)
        for reason, (word, meaning) in _MEANINGS.items():
            if counts[reason]:
                told = f"{word}: {meaning}" if word else meaning
                sheet.paragraph(told, QUIET, label=f"{counts[reason]}", label_width=width)
    if forms.problem:
        sheet.blank()
        sheet.paragraph(sheet.inert(forms.problem[:1].upper() + forms.problem[1:] + "."), TROUBLE)
