"""What a contest's samples say of one loop beside another."""

from __future__ import annotations

import json

import pytest

from coroscope.bench.document import document
from coroscope.bench.result import Row
from tests.contest_builder import missing, result, row, standings, usual_result


def test_a_ratio_is_of_the_medians_of_the_rounds() -> None:
    ours, other = row("switch", "coroscope", 1.0, 9.0, 2.0), row("switch", "uvloop", 3.0, 1.0, 4.0)
    assert standings(ours, other).ratio(other) == 1.5


def test_a_mean_is_geometric_and_says_where_it_is_lowest_and_highest() -> None:
    rows = [row(workload, "coroscope", 1.0) for workload in ("switch", "spawn", "wake")]
    others = [row("switch", "uvloop", 0.5), row("spawn", "uvloop", 4.0), row("wake", "uvloop", 4.0)]
    (mean,) = standings(*rows, *others).means()
    assert (mean.loop, mean.median) == ("uvloop", 4.0)
    assert mean.geometric == pytest.approx(2.0)
    assert (mean.lowest, mean.highest) == ("switch", "spawn")


def test_a_mean_is_over_the_workloads_that_both_were_measured_at() -> None:
    (standing,) = usual_result().standings
    assert {mean.loop: len(mean.ratios) for mean in standing.means()} == {
        "asyncio": 4,
        "uvloop": 4,
        "trio": 3,
    }


def test_an_own_way_takes_no_part_in_the_means() -> None:
    ours, own = row("switch", "coroscope", 1.0), row("switch", "coroscope.sleep", 0.5)
    assert list(standings(ours, own).means()) == []


def test_without_coroscope_the_first_loop_is_compared_with() -> None:
    own, uvloop, trio = (
        row("switch", loop, us) for loop, us in (("coroscope.sleep", 0.5), ("uvloop", 1.0), ("trio", 4.0))
    )
    assert standings(own, uvloop, trio).ratio(trio) == 4.0


def test_a_loop_that_fails_in_a_later_round_counts_as_not_measured() -> None:
    failing = row("switch", "uvloop", 1.0)
    failing.add({"missing": "failed: exit code -11"})
    standing = standings(row("switch", "coroscope", 1.0), failing)
    assert standing.loops == ["coroscope"]
    assert standing.ratio(failing) is None
    assert [gap.reason for gap in standing.gaps()] == ["failed: exit code -11"]


def test_a_sample_is_counted_for_one_operation_in_microseconds() -> None:
    measured = Row("switch", "coroscope")
    measured.add({"operations": 2_000, "cpu_s": 0.003, "peak_bytes": None})
    assert measured.samples_us == [1.5]
    assert measured.peak_bytes is None


def test_gaps_name_the_workloads_unless_it_is_all_of_them() -> None:
    rows = [
        row("switch", "trio", 4.0),
        missing("call_soon", "trio", "none"),
        missing("call_later", "trio", "none"),
    ]
    absent = [missing(workload, "uvloop", "not installed") for workload in ("switch", "call_soon")]
    gaps = standings(*rows, *absent).gaps()
    assert [(gap.loop, gap.workloads) for gap in gaps] == [
        ("trio", ("call_soon", "call_later")),
        ("uvloop", ()),
    ]


def test_the_document_has_every_sample_and_what_follows_from_them() -> None:
    told = json.loads(json.dumps(document(usual_result())))
    assert (told["format"], told["complete"], told["machine"]["processors"]) == (1, True, 8)
    (interpreter,) = told["interpreters"]
    rows = {(row["workload"], row["loop"]): row for row in interpreter["rows"]}
    uvloop = rows["cancel", "uvloop"]
    assert uvloop["samples_us"] == [8.30, 8.11, 8.49]
    assert uvloop["median_us"] == 8.30
    assert uvloop["ratio"] == pytest.approx(8.30 / 12.2)
    assert rows["gather", "trio"]["median_us"] is None
    assert rows["gather", "trio"]["missing"] == "trio has nothing that gathers results"
    means = {mean["loop"]: mean for mean in interpreter["means"]}
    assert means["trio"]["workloads"] == 3
    assert means["uvloop"]["lowest"] == pytest.approx(8.30 / 12.2)


def test_other_figures_are_medians_of_the_rounds_too() -> None:
    ours, theirs = Row("http-aiohttp", "coroscope"), Row("http-aiohttp", "uvloop")
    for measured, requests in ((ours, (100.0, 500.0, 300.0)), (theirs, (400.0, 600.0, 900.0))):
        for requests_per_s in requests:
            figures = {"requests_per_s": requests_per_s}
            measured.add({"operations": 10, "cpu_s": 0.1, "peak_bytes": None, "figures": figures})
    told = document(result(standings(ours, theirs)))["interpreters"][0]["rows"][1]["figures"]
    assert told == {"requests_per_s": {"median": 600.0, "samples": [400.0, 600.0, 900.0], "ratio": 2.0}}


def test_a_result_without_a_sample_is_empty() -> None:
    assert result(standings(missing("switch", "trio", "not installed"))).is_empty
    assert not usual_result().is_empty
