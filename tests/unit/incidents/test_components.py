"""An incident is a connected component of its alerts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from hypothesis import given, settings

from incidents.decide import DecideOperator
from incidents.objectives import alert_labels
from incidents.settings import Correlation, CorrelationHistory
from schemas.events import Setting
from schemas.incident_events import Alert
from schemas.slo_events import SloAlert
from tests.unit.incidents.arrivals import SETTINGS, Event, arrivals, feed, versions

Make = Callable[..., Event]


@given(orders=arrivals(), set_before=versions())
@settings(max_examples=60, deadline=None)
def test_an_incident_is_a_connected_component_of_its_alerts(
    make: Make, orders: tuple[list[dict[str, Any]], list[dict[str, Any]]], set_before: list[Setting]
) -> None:
    operator = DecideOperator(SETTINGS, 0, 1)
    history = CorrelationHistory(SETTINGS)
    for setting in set_before:
        operator.on_setting(setting)
        history.put(setting.valid_from_ms, setting.body)
    feed(operator, [make(**one) for one in orders[0]], [])
    objectives = known_of(make(**one) for one in orders[0])
    alerts = [one for one in operator.alerts() if one.priority != "P3"]
    assert all((one.incident_id is None) == (one.priority == "P3") for one in operator.alerts())
    groups = {one.id + one.tenant: {one.id + one.tenant} for one in alerts}
    for one, other in itertools.combinations(alerts, 2):
        holds = history.at(max(one.started_ms, other.started_ms))
        related = are_near(one, other, holds) or are_linked(one, other, objectives, holds)
        if related and one.tenant == other.tenant:
            joined = groups[one.id + one.tenant] | groups[other.id + other.tenant]
            groups |= dict.fromkeys(joined, joined)
    expected = {frozenset(group) for group in groups.values()}
    found: dict[str | None, set[str]] = {}
    for one in alerts:
        found.setdefault(one.incident_id, set()).add(one.id + one.tenant)
    assert {frozenset(group) for group in found.values()} == expected


class Known(NamedTuple):
    """What all turns of an objective's alert say together."""

    until_ms: int
    since_ms: int
    spenders: set[str]


def known_of(events: Iterable[Event]) -> dict[tuple[str, str, int], Known]:
    """By signal, what is the alert's own label, and start."""
    found: dict[tuple[str, str, int], Known] = {}
    for one in events:
        if isinstance(one, SloAlert):
            key = f"slo:{one.slo}", alert_labels(one)["alertname"] + one.tenant + one.alert, one.started_ms
            since_ms = one.started_ms if one.since_ms is None else one.since_ms
            was = found.get(key, Known(one.at_ms, since_ms, set()))
            spenders = was.spenders | {each.who for each in one.spenders}
            found[key] = Known(max(was.until_ms, one.at_ms), min(was.since_ms, since_ms), spenders)
    return found


def of_objective(alert: Alert, objectives: dict[tuple[str, str, int], Known]) -> Known | None:
    names = {
        "SloBurn": alert.labels.get("tier"),
        "SloBudgetLow": "budget-0.25",
        "SloBroken": "sla",
        "SloNoData": "no-data",
    }
    name = alert.labels["alertname"]
    return objectives.get((alert.signal, f"{name}{alert.tenant}{names.get(name)}", alert.started_ms))


def is_standing(alert: Alert) -> bool:
    return alert.labels["alertname"] in {"SloBudgetLow", "SloBroken"}


def are_near(one: Alert, other: Alert, holds: Correlation) -> bool:
    """Whether two alerts are related by their entity, their signal or, one being a symptom, their service."""
    gap_s = abs(one.started_ms - other.started_ms) / 1000
    same_entity = one.entity == other.entity and one.entity != "unknown"
    same_series = one.signal == other.signal and one.entity == other.entity
    near = (same_entity or same_series) and gap_s <= holds.entity_window_s
    same_place = all(one.labels.get(name, "") == other.labels.get(name, "") for name in ("cluster", "service"))
    near = near or (one.signal == other.signal and same_place and gap_s <= holds.signal_window_s)
    same_service = one.labels.get("service", "") == other.labels.get("service")
    noticed = "symptom" in (one.role, other.role)
    near = near or (same_service and noticed and gap_s <= SETTINGS.cause_window_s)
    return near and not is_standing(one) and not is_standing(other)


def are_linked(one: Alert, other: Alert, objectives: dict[tuple[str, str, int], Known], holds: Correlation) -> bool:
    """Whether two alerts are of one objective at a time, or one spent the other's budget."""
    first, second = sorted((one, other), key=lambda each: (each.started_ms, each.tenant, each.id))
    earlier, later = of_objective(first, objectives), of_objective(second, objectives)
    alike = one.signal == other.signal and is_standing(one) == is_standing(other)
    lasted = earlier and later and (second.started_ms <= earlier.until_ms or later.since_ms <= first.started_ms)
    if alike and lasted:
        return True
    is_close = abs(one.started_ms - other.started_ms) / 1000 <= holds.spender_window_s
    return is_close and any(
        known is not None and not is_standing(symptom) and cause.entity in known.spenders
        for symptom, known, cause in ((first, earlier, second), (second, later, first))
    )
