"""A contest of event loops as a page: the means, a card of bars a workload, and the table.

Rule: names, versions, paths and messages come from other programs: they pass `_text`, which escapes them.
Rule: no style attributes, which the page's policy forbids: lengths stand in the bars' geometry.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Sequence

from coroscope.bench.catalogue import WORKLOADS, is_own_way
from coroscope.bench.result import Mean, Result, Row, Standings
from coroscope.figures import three_digits, times
from coroscope.views import contest_words as words
from coroscope.views.contest_table import Cell, Line, Table, plan_table
from coroscope.views.page.assembly import assemble
from coroscope.views.page.plain_text import make_visible
from coroscope.views.page.write import write_document

_BAR_HEIGHT = 10
_SCALE = 100
"""Units of a bar's drawing for one whole ratio."""


def write_contest(result: Result, path: str | os.PathLike[str]) -> None:
    """Write `result` as one HTML file that opens anywhere, offline. UsageError where `path` cannot be written."""
    write_document(render_contest(result), path)


def render_contest(result: Result) -> str:
    """The whole page."""
    ending = "" if result.complete else '<span class="ending bad">broken off</span>'
    names = ", ".join(dict.fromkeys(standings.interpreter.name for standings in result.standings))
    contents = {
        "title": _text(f"Event loops on {names} · coroscope bench"),
        "ending": ending,
        "facts": _fact("Machine", str(result.machine)) + _fact("Method", words.method(result)),
        "standings": "\n".join(_standings(result, standings) for standings in result.standings),
    }
    return assemble("contest.html", ["style.css", "contest.css"], "contest.js", contents)


def _text(text: str) -> str:
    return html.escape(make_visible(text))


def _fact(name: str, value: str) -> str:
    return f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>"


def _standings(result: Result, standings: Standings) -> str:
    interpreter = standings.interpreter
    under = f"{words.versions(result, standings)} · {interpreter.path}"
    return "\n".join(
        [
            f'<section class="standings"><h2>{_text(interpreter.name)}</h2><p class="under">{_text(under)}</p>',
            *(_measured(standings) if standings.is_measured else ()),
            _gaps(standings),
            "</section>",
        ]
    )


def _measured(standings: Standings) -> Iterator[str]:
    reference = _text(standings.reference)
    means = list(standings.means())
    if means:
        yield f"<h3>Over all workloads: how many times {reference}’s time <small>geometric mean</small></h3>"
        yield f'<dl class="means">{"".join(map(_mean, means))}</dl>'
    if standings.has_ratios:
        yield f"<h3>How many times {reference}’s time each loop needs <small>µs on the right</small></h3>"
        yield _key(standings)
        yield f'<div class="cards">{"".join(_cards(standings))}</div>'
    table = plan_table(standings)
    yield (
        "<h3>All figures <small>processor time of one operation in µs, "
        f"and how many times {_text(table.first)}’s that is</small></h3>"
    )
    yield _table(table)


def _mean(mean: Mean) -> str:
    over = "1 workload" if len(mean.ratios) == 1 else f"{len(mean.ratios)} workloads"
    spread = (
        f"{over}, median {times(mean.median)}; lowest {times(mean.ratios[mean.lowest])} ({mean.lowest}), "
        f"highest {times(mean.ratios[mean.highest])} ({mean.highest})"
    )
    return (
        f'<div><dt>{_text(mean.loop)}</dt><dd class="headline">{times(mean.geometric)}</dd>'
        f"<dd>{_text(spread)}</dd></div>"
    )


def _key(standings: Standings) -> str:
    reference = _text(standings.reference)
    entries = (
        ("running", reference),
        ("waiting", f"needs more than {reference}"),
        ("ready", f"needs less than {reference}"),
    )
    shown = "".join(f'<li><i class="swatch {color}"></i>{meaning}</li>' for color, meaning in entries)
    return f'<ul class="key">{shown}<li>dashed: {reference}’s time</li></ul>'


def _cards(standings: Standings) -> Iterator[str]:
    longest = words.longest_bar(standings)
    for workload in standings.workloads:
        if rows := standings.rows_of(workload):
            yield _card(standings, workload, rows, longest)


def _card(standings: Standings, workload: str, rows: Sequence[Row], longest: int) -> str:
    return (
        f'<figure class="card"><figcaption><b>{_text(words.title(workload, rows))}</b>'
        f'<small>{_text(words.unit(workload))}</small><small class="does">{_text(WORKLOADS[workload].does)}</small>'
        f"</figcaption><ul>{''.join(_racer(standings, row, longest) for row in rows)}</ul></figure>"
    )


def _racer(standings: Standings, row: Row, longest: int) -> str:
    ratio = standings.ratio(row)
    reference = ' class="reference"' if row.loop == standings.reference else ""
    return (
        f'<li{reference} title="{_text(f"{words.spread(row)} µs")}"><span>{_text(row.loop)}</span>'
        f"{_bar(row.loop, standings.reference, ratio, longest)}"
        f'<span class="ratio-of">{times(ratio)}</span>'
        f'<span class="needs">{three_digits(row.median_us)}</span></li>'
    )


def _bar(loop: str, reference: str, ratio: float | None, longest: int) -> str:
    if ratio is None:
        return "<span></span>"
    kind = "ours" if loop == reference or is_own_way(loop) else "faster" if ratio < 1 else "theirs"
    beyond = " beyond" if ratio > longest else ""
    width = min(ratio, longest) * _SCALE
    return (
        f'<svg class="bar {kind}{beyond}" viewBox="0 0 {longest * _SCALE} {_BAR_HEIGHT}" '
        f'preserveAspectRatio="none" aria-hidden="true"><rect width="{width:.1f}" height="{_BAR_HEIGHT}"/>'
        f'<path class="tick" d="M{_SCALE} 0V{_BAR_HEIGHT}"/></svg>'
    )


def _table(table: Table) -> str:
    heads = "".join(f'<th scope="col">{_text(loop)}</th>' for loop in (table.first, *table.others))
    lines = "".join(_line(table, line) for line in table.lines)
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">Workload</th>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div>"
    )


def _line(table: Table, line: Line) -> str:
    kind = ' class="sub"' if line.is_sub else ""
    first = line.cells.get(table.first)
    cells = f"<td>{'' if first is None else first.figure}</td>"
    cells += "".join(f"<td>{_cell(line.cells.get(loop))}</td>" for loop in table.others)
    return f'<tr{kind}><th scope="row">{_text(line.label)}</th>{cells}</tr>'


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    if cell.ratio is None:
        return cell.figure
    faster = ' class="faster"' if cell.is_better else ""
    return f"{cell.figure} <b{faster}>{times(cell.ratio)}</b>"


def _gaps(standings: Standings) -> str:
    gaps = "".join(f"<li>{_text(words.gap(gap))}</li>" for gap in standings.gaps())
    return f"<h3>Not measured</h3><ul>{gaps}</ul>" if gaps else ""
