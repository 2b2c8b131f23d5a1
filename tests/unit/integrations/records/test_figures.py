"""Rows of records, and figures from rows."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.project import Record
from integrations.records.rows import Row, main_cause, main_label, read_topics, row_of
from integrations.records.sre_health import Ratio, Spread, accuracies, median_interval, quantile, shift_of
from schemas.base import Event
from schemas.topics import CATALOGUE, COMMAND_RESULTS
from tests.unit.integrations.serving.telling import HOUR_MS, NOW_MS, TOPIC_OF, alert, incident, member, times

FLOATS = st.floats(0, 1e9)


def row(event: Event) -> Row:
    found = row_of(Record(TOPIC_OF[type(event)].name, 0, 7, b"k", event.to_bytes(), NOW_MS))
    assert found is not None
    return found


def test_every_topic_of_the_role_is_recorded_but_for_results_of_commands() -> None:
    read = {topic.name for topic in CATALOGUE if "project" in topic.readers}
    assert read - {topic.name for topic in read_topics()} == {COMMAND_RESULTS.name}


def test_an_incident_goes_by_the_label_of_its_first_member_that_has_it() -> None:
    members = [
        member("c", started_ms=NOW_MS + 2, labels={"team": "late"}),
        member("b", started_ms=NOW_MS + 1, labels={"team": "web"}),
        member("a", started_ms=NOW_MS),
    ]
    assert main_label(members, "team") == "web"
    assert main_label(members, "service") == ""
    assert main_label([], "team") == ""


def test_a_cause_goes_before_what_began_earlier() -> None:
    first, cause = member("a", signal="slo:checkout"), member("b", started_ms=NOW_MS + 9, signal="disk", role="cause")
    assert main_cause([first, cause]) == "disk"
    assert main_cause([first]) == "slo:checkout"
    assert main_cause([]) == ""


def test_an_incident_of_before_there_were_times_took_from_its_start_to_its_end() -> None:
    told = incident("i", "resolved", started_ms=NOW_MS - 90_000, ended_ms=NOW_MS - 30_000, resolved_ms=NOW_MS)
    assert row(told).values["to_resolve_s"] == 60
    assert row(incident("i")).values["to_resolve_s"] is None
    newer = told.model_copy(update={"times": times(1.0, None, None, 50.0)})
    assert row(newer).values["to_resolve_s"] == 50
    assert row(newer).values["to_detect_s"] == 1


def test_an_alert_without_a_rule_has_an_empty_one() -> None:
    assert row(alert("a")).values["rule"] == ""
    assert row(alert("a")).identity == ("shop", "a")


@given(st.lists(FLOATS, min_size=1), st.floats(0, 1))
def test_quantiles_are_numpys(values: list[float], share: float) -> None:
    assert quantile(sorted(values), share) == pytest.approx(np.quantile(values, share), rel=1e-9, abs=1e-6)


@given(st.lists(st.one_of(st.none(), FLOATS)))
def test_what_is_not_known_does_not_count(values: list[float | None]) -> None:
    known = [value for value in values if value is not None]
    spread = Spread.of(values)
    assert spread.n == len(known)
    if known:
        assert spread.mean_s == pytest.approx(math.fsum(known) / len(known))
        assert min(known) <= (spread.median_s or 0.0) <= max(known)
    else:
        assert (spread.mean_s, spread.median_s, spread.p90_s) == (None, None, None)


@given(st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_the_ends_of_wilsons_interval_are_where_its_test_is_indifferent(counted: tuple[int, int]) -> None:
    count, of = counted
    ratio = Ratio.wilson(count, of)
    assert 0 <= ratio.low <= count / of <= ratio.high <= 1
    for end in (ratio.low, ratio.high):
        if 0 < end < 1:
            deviation = math.sqrt(end * (1 - end) / of)
            assert abs(count / of - end) / deviation == pytest.approx(1.959963984540054, rel=1e-6)


def test_verdicts_of_a_group_are_summed() -> None:
    cpu, disk = accuracies([("disk", None, 2), ("cpu", "false", 1), ("disk", "duplicate", 1), ("disk", "false", 1)])
    assert (cpu.alerts, cpu.labelled, cpu.false.share) == (1, 1, 1.0)
    assert (disk.alerts, disk.labelled, disk.duplicate.share, disk.actioned.share) == (4, 2, 0.5, 0.0)


@given(st.integers(0, 4_000_000_000_000), st.sets(st.integers(0, 23), min_size=1))
def test_a_shift_began_at_one_of_its_hours_and_no_other_began_since(at_ms: int, hours: set[int]) -> None:
    starts_h = sorted(hours)
    start_ms = shift_of(at_ms, starts_h)
    begun = datetime.fromtimestamp(start_ms / 1000, UTC) if start_ms >= 0 else None
    assert start_ms <= at_ms
    if begun is not None:
        assert begun.hour in hours
        assert (begun.minute, begun.second) == (0, 0)
    later = range(start_ms + HOUR_MS, at_ms + 1, HOUR_MS)
    assert not any((one // HOUR_MS) % 24 in hours for one in later)


def test_the_medians_interval_holds_the_median_as_often_as_it_says() -> None:
    chance = np.random.default_rng(7)
    for n in (6, 25, 90):
        samples = np.sort(chance.lognormal(3.0, 1.5, (2000, n)))
        intervals = [median_interval(sample) for sample in samples.tolist()]
        truth = math.exp(3.0)
        held = [low is not None and high is not None and low <= truth <= high for low, high in intervals]
        assert 0.94 < np.mean(held) <= 1.0


@given(st.lists(FLOATS, max_size=60))
def test_the_medians_interval_lies_about_it_and_is_of_the_values(values: list[float]) -> None:
    spread = Spread.of(values)
    assert (spread.median_low_s is None) == (len(values) < 6)
    if spread.median_low_s is not None and spread.median_high_s is not None and spread.median_s is not None:
        assert {spread.median_low_s, spread.median_high_s} <= set(values)
        assert spread.median_low_s <= spread.median_s <= spread.median_high_s
