"""Scores: what raises a part never lowers the whole, and what nobody knows counts neither way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.scoring import (
    NEUTRAL,
    WEIGHTS,
    Accuracy,
    Impact,
    accuracy_part,
    confidence_part,
    demoted,
    impact_part,
    score,
    score_of,
    urgency_part,
)
from schemas.incident_events import Alert
from schemas.notification_events import ScorePart

COUNTS = st.none() | st.integers(0, 10**9)
SECONDS = st.floats(0, 1e9)
UNITS = st.floats(0, 1)
POOR = Accuracy(mean=0.05, right=0, wrong=20, in_a_row=20, is_poor=True)
GOOD = Accuracy(mean=0.9, right=20, wrong=0, in_a_row=0, is_poor=False)


def part(of: Any, value: float) -> ScorePart:
    return ScorePart(of=of, value=value, why="")


def whole(*values: float) -> float:
    return score(*(part(of, value) for of, value in zip(WEIGHTS, values, strict=True))).value


@given(st.tuples(UNITS, UNITS, UNITS, UNITS), st.integers(0, 3), UNITS)
def test_a_higher_part_never_lowers_the_whole(values: tuple[float, ...], at: int, other: float) -> None:
    raised = list(values)
    raised[at] = max(values[at], other)
    assert 0 <= whole(*values) <= whole(*raised) <= 100


@given(SECONDS, SECONDS)
def test_a_nearer_end_is_never_less_urgent(one: float, other: float) -> None:
    near, far = sorted((one, other))
    assert 1 >= urgency_part(near).value >= urgency_part(far).value >= 0


@given(COUNTS, COUNTS, st.integers(0, 10**6))
def test_more_services_or_users_never_weigh_less(services: int | None, users: int | None, more: int) -> None:
    value = impact_part(Impact(services, users)).value
    assert 0 <= value <= 1
    if services is not None:
        assert impact_part(Impact(services + more, users)).value >= value
    if users is not None:
        assert impact_part(Impact(services, users + more)).value >= value


@pytest.mark.parametrize("unknown", [impact_part(None), impact_part(Impact()), urgency_part(None), accuracy_part(None)])
def test_what_nobody_knows_is_neutral_and_says_so(unknown: ScorePart) -> None:
    assert unknown.value == NEUTRAL
    assert unknown.why.startswith("not known: ")


def test_every_part_says_what_it_is_made_of() -> None:
    parts = (
        impact_part(Impact(services=12, users=90_000)),
        urgency_part(7200),
        confidence_part(0.93),
        accuracy_part(Accuracy(mean=0.6, right=5, wrong=3, in_a_row=0, is_poor=False)),
    )
    assert [one.why for one in score(*parts).parts] == [
        "12 services behind it, 90,000 users",
        "its limit is reached in 2.0 hours",
        "of such anomalies 93 % are real ones",
        "5 of 8 judged alerts needed action",
    ]
    assert score(*parts).value == 88.0


def test_what_users_feel_is_urgent_whatever_the_trend_says() -> None:
    assert urgency_part(1e9, is_felt=True).value == 1.0


@pytest.mark.parametrize(("priority", "after"), [("P0", "P1"), ("P1", "P2"), ("P2", "P3"), ("P3", "P3")])
def test_a_rule_that_is_often_wrong_is_told_one_level_lower(priority: Any, after: str) -> None:
    assert demoted(priority, POOR, safety=False) == after
    assert demoted(priority, GOOD, safety=False) == priority
    assert demoted(priority, None, safety=False) == priority


@given(st.sampled_from(["P0", "P1", "P2", "P3"]), st.sampled_from([POOR, GOOD, None]))
def test_the_safety_list_is_never_demoted(priority: Any, accuracy: Accuracy | None) -> None:
    assert demoted(priority, accuracy, safety=True) == priority


def test_an_alert_is_scored_by_its_role_the_time_left_its_confidence_and_what_is_known_of_it() -> None:
    alert = Alert(
        id="a",
        tenant="t",
        fingerprint="f",
        labels={},
        state="firing",
        priority="P1",
        severity="warning",
        entity="node:h1",
        signal="disk",
        started_ms=0,
        updated_ms=0,
        confidence=0.8,
        seconds_left=86_400.0,
    )
    assert [one.value for one in score_of(alert).parts] == [NEUTRAL, 0.5, 0.8, NEUTRAL]
    felt = alert.model_copy(update={"role": "symptom"})
    assert [one.value for one in score_of(felt, Impact(services=5), GOOD).parts] == [0.5, 1.0, 0.8, 0.9]


def test_the_weights_make_a_whole() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert (whole(1, 1, 1, 1), whole(0, 0, 0, 0)) == (100.0, 0.0)
