"""The tiers are the published ones, to the digit."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.definition import AlertPolicy, BurnTier, CalendarWindow, RollingWindow
from slo.profiles import outage_s, period_s, tiers_of

DAY_S = 86_400
WINDOWS = [(3600, 300), (21_600, 1800), (86_400, 7200), (259_200, 21_600)]


@pytest.mark.parametrize(
    ("profile", "days", "factors"),
    [
        pytest.param("google", 30, [14.4, 6, 3, 1], id="the Workbook's table"),
        pytest.param("google", 28, [13.44, 5.6, 2.8, 0.28 / 0.3], id="28 days"),
        pytest.param("sloth", 30, [14.4, 6, 3, 1], id="Sloth's month"),
        pytest.param("sloth", 28, [13.44, 5.6, 2.8, 0.28 / 0.3], id="Sloth's four weeks"),
        pytest.param("sloth", 7, [13.44, 3.5, 1.4, 0.98], id="Sloth's week"),
    ],
)
def test_factors_are_budget_share_times_period_over_long_window(profile: Any, days: int, factors: list[float]) -> None:
    tiers = tiers_of(AlertPolicy(profile=profile), days * DAY_S)
    assert [tier.factor for tier in tiers] == pytest.approx(factors, rel=0, abs=1e-9)
    assert [(tier.long_s, tier.short_s) for tier in tiers] == WINDOWS
    assert [tier.priority for tier in tiers] == ["P0", "P1", "P2", "P2"]


def test_pyrra_keeps_its_factors_and_stretches_its_windows() -> None:
    four_weeks = tiers_of(AlertPolicy(profile="pyrra"), 28 * DAY_S)
    assert [tier.factor for tier in four_weeks] == [14, 7, 2, 1]
    assert [(tier.long_s, tier.short_s) for tier in four_weeks] == [*WINDOWS[:3], (4 * DAY_S, 21_600)]
    two_weeks = tiers_of(AlertPolicy(profile="pyrra"), 14 * DAY_S)
    assert [tier.long_s for tier in two_weeks] == [1800, 10_800, 43_200, 2 * DAY_S]
    assert two_weeks[0].short_s == 180, "of 2.5 minutes"


def test_a_week_of_google_says_nothing_below_the_pace_at_which_the_budget_lasts() -> None:
    assert [tier.factor for tier in tiers_of(AlertPolicy(), 7 * DAY_S)] == pytest.approx([3.36, 1.4])


def test_custom_tiers_are_taken_as_they_stand() -> None:
    tier = BurnTier(name="a", long_s=600, short_s=60, factor=2, priority="P3")
    assert tiers_of(AlertPolicy(profile="custom", tiers=(tier,)), DAY_S) == (tier,)


@given(st.sampled_from(["google", "sloth", "pyrra"]), st.integers(60, 400 * DAY_S))
def test_every_period_has_windows_that_can_be_counted(
    profile: Literal["google", "sloth", "pyrra"], window_s: int
) -> None:
    for tier in tiers_of(AlertPolicy(profile=profile), window_s):
        assert 5 <= tier.short_s <= tier.long_s
        assert tier.factor >= 0.9


def test_a_full_outage_pages_within_the_minute() -> None:
    assert outage_s(tiers_of(AlertPolicy(), 30 * DAY_S)[0], 0.999) == pytest.approx(51.84, abs=1e-9)


def test_a_factor_that_no_outage_reaches_never_speaks() -> None:
    assert outage_s(tiers_of(AlertPolicy(), 30 * DAY_S)[0], 0.9) is None


def test_a_calendar_month_counts_as_thirty_days() -> None:
    assert period_s(CalendarWindow(unit="month", start="2026-01-01 00:00:00")) == 30 * DAY_S
    assert period_s(CalendarWindow(unit="week", count=2, start="2026-01-01 00:00:00")) == 14 * DAY_S
    assert period_s(RollingWindow(duration_s=DAY_S)) == DAY_S


def test_a_tier_above_which_no_ratio_can_be_never_speaks_whatever_floats_say() -> None:
    tier = BurnTier(name="page", long_s=3600, short_s=300, factor=10.0, priority="P0")
    assert outage_s(tier, 0.9) is None
