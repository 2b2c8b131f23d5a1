"""When a route tells, and whose hours count."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from incidents.routing.config import RoutingConfig
from tests.unit.incidents.routing.texts import routing

TEXT = """
route:
  receiver: a
  routes:
  - matchers: [kind=day]
    receiver: b
    active_time_intervals: [business-hours, evenings]
    mute_time_intervals: [lunch]
  - matchers: [kind=never]
    active_time_intervals: [past]
  - matchers: [kind=team]
    active_time_intervals: [business-hours]
receivers: [{name: a}, {name: b}]
time_intervals:
- name: business-hours
  time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}]
- name: early
  time_intervals: [{weekdays: ['monday:saturday'], times: [{start_time: '06:00', end_time: '14:00'}]}]
- name: evenings
  time_intervals: [{times: [{start_time: '20:00', end_time: '22:00'}]}]
- name: lunch
  time_intervals: [{times: [{start_time: '12:00', end_time: '13:00'}]}]
- name: past
  time_intervals: [{years: ['2020']}]
teams:
- {name: tokyo, timezone: Asia/Tokyo}
- {name: bakers, business_hours: early, timezone: Europe/Berlin}
- {name: millers, business_hours: early}
"""


@pytest.fixture
def config() -> RoutingConfig:
    return routing(TEXT)


def muting(config: RoutingConfig, labels: dict[str, str], at: str) -> tuple[tuple[str, ...], str | None] | None:
    at_ms = int(datetime.fromisoformat(at).timestamp() * 1000)
    (route,) = config.match(labels)
    found = config.muting(route, labels, at_ms)
    if found is None:
        return None
    opens = None if found.opens_ms is None else datetime.fromtimestamp(found.opens_ms / 1000, UTC).isoformat()
    return found.intervals, opens


def test_a_route_without_intervals_tells_at_any_time(config: RoutingConfig) -> None:
    assert muting(config, {}, "2026-11-28T03:00Z") is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-27T10:00Z", None),
        ("2026-11-27T20:00Z", None),
        ("2026-11-27T12:30Z", (("lunch",), "2026-11-27T13:00:00+00:00")),
        ("2026-11-27T18:00Z", (("business-hours", "evenings"), "2026-11-27T20:00:00+00:00")),
        ("2026-11-28T22:00Z", (("business-hours", "evenings"), "2026-11-29T20:00:00+00:00")),
    ],
)
def test_a_route_tells_in_any_active_interval_and_in_no_muting_one(
    config: RoutingConfig, at: str, expected: object
) -> None:
    assert muting(config, {"kind": "day"}, at) == expected


def test_a_route_that_never_opens_says_so(config: RoutingConfig) -> None:
    assert muting(config, {"kind": "never"}, "2026-11-28T03:00Z") == (("past",), None)


@pytest.mark.parametrize(
    ("team", "opens"),
    [
        ("none", "2026-11-30T09:00:00+00:00"),
        ("tokyo", "2026-11-30T00:00:00+00:00"),
        ("bakers", "2026-11-28T05:00:00+00:00"),
        ("millers", "2026-11-28T06:00:00+00:00"),
    ],
)
def test_business_hours_are_those_of_the_alerts_team_by_its_clocks(
    config: RoutingConfig, team: str, opens: str
) -> None:
    assert muting(config, {"kind": "team", "team": team}, "2026-11-27T23:00Z") == (("business-hours",), opens)


def test_other_intervals_are_the_same_for_every_team(config: RoutingConfig) -> None:
    tokyo = config.interval_for("evenings", {"team": "tokyo"})
    assert tokyo == config.intervals["evenings"]


def test_the_first_team_that_fits_has_the_alert(config: RoutingConfig) -> None:
    team = config.team_of({"team": "bakers"})
    assert team is not None
    assert team.name == "bakers"
    assert config.team_of({}) is None
