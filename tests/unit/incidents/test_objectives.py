"""Alerts of objectives: what they are called, which incident they are in, what they say, and how they end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from incidents.decide import DecideOperator, DecideSettings
from incidents.objectives import alert_labels
from schemas.change_events import Change
from schemas.errors import SchemaError
from schemas.events import Anomaly
from schemas.ids import alert_fingerprint, decide_partition
from schemas.incident_events import Alert, Incident
from schemas.slo_events import SloAlert, TimeToExhaustion
from schemas.topics import ALERTS, INCIDENTS, SLO_ALERTS
from streams.operator import Output

Make = Callable[..., Anomaly]
MakeSlo = Callable[..., SloAlert]
HOUR_S = 3600


def operator(**settings: Any) -> DecideOperator:
    return DecideOperator(DecideSettings(**settings), 0, 1)


def told(*events: Anomaly | SloAlert, decide: DecideOperator | None = None) -> DecideOperator:
    decide = decide or operator()
    for one in events:
        decide.on_anomaly(one) if isinstance(one, Anomaly) else decide.on_slo_alert(one)
    return decide


def incidents_in(outputs: Sequence[Output]) -> list[Incident]:
    return [Incident.from_bytes(one.value) for one in outputs if one.topic is INCIDENTS]


@pytest.mark.parametrize(
    ("alert", "own"),
    [
        ("page-quick", {"alertname": "SloBurn", "tier": "page-quick"}),
        ("budget-0.25", {"alertname": "SloBudgetLow", "share": "0.25"}),
        ("sla", {"alertname": "SloBroken"}),
        ("no-data", {"alertname": "SloNoData"}),
    ],
)
def test_each_kind_has_a_name_and_labels_of_its_own(alert: str, own: dict[str, str], slo_alert: MakeSlo) -> None:
    (found,) = told(slo_alert(alert)).alerts()
    assert found.labels == {"slo": "checkout", "service": "web-shop", "team": "shop", **own}
    assert found.fingerprint == alert_fingerprint(found.labels)
    assert (found.id, found.entity, found.signal) == (
        f"{found.fingerprint}-1000000",
        "service:web-shop",
        "slo:checkout",
    )


def test_an_own_label_of_a_name_that_is_ours_is_kept_beside_it(slo_alert: MakeSlo) -> None:
    labels = alert_labels(slo_alert(labels={"service": "theirs", "tier": "gold"}, service=""))
    assert labels["tier"] == "page-quick"
    assert (labels["exported_service"], labels["exported_tier"]) == ("theirs", "gold")
    (alert,) = told(slo_alert(service="")).alerts()
    assert alert.entity == "slo:checkout"


def test_an_alert_says_how_fast_how_long_who_and_what_to_do(slo_alert: MakeSlo) -> None:
    left = TimeToExhaustion(p50_s=9000, low_80_s=7200, high_80_s=10_800)
    (alert,) = told(slo_alert(spent_by=["node:h1"], exhausted_in=left)).alerts()
    assert alert.annotations == {
        "summary": "Checkout answers burns its budget 14.9 times as fast as it lasts",
        "burn_rate": "14.9",
        "budget_left": "61 %",
        "exhausted_in": "2.5 hours (80 %: 2.0 hours to 3.0 hours)",
        "spenders": "node:h1 30 % of the budget",
        "runbooks": "checkout-errors",
    }
    assert (alert.observed, alert.unit, alert.confidence, alert.severity) == (14.9, "x", 1.0, "critical")
    assert (alert.score, alert.peak_score, alert.expected, alert.anomaly_id) == (None, None, None, None)


@pytest.mark.parametrize(
    ("alert", "sentence"),
    [
        ("page-quick", "SLO checkout burns its budget 14.9 times as fast as it lasts"),
        ("budget-0.25", "SLO checkout runs low on its budget: 61 % of it is left"),
        ("sla", "SLO checkout breaks its SLA"),
        ("no-data", "SLO checkout is not measured"),
    ],
)
def test_what_comes_without_a_sentence_is_given_one(alert: str, sentence: str, slo_alert: MakeSlo) -> None:
    (found,) = told(slo_alert(alert, title="", summary="")).alerts()
    assert found.annotations["summary"] == sentence


def test_a_fast_burn_opens_an_incident_and_pages_under_its_id(slo_alert: MakeSlo) -> None:
    (incident,) = incidents_in(operator().on_slo_alert(slo_alert()))
    assert (incident.title, incident.priority, incident.severity) == ("SLO checkout burns", "P0", "critical")
    assert incident.page_keys == [incident.id]
    assert (incident.members[0].role, incident.confidence) == ("symptom", 1.0)


def test_a_share_of_the_budget_that_is_a_notice_stays_an_alert(slo_alert: MakeSlo) -> None:
    decide = told(slo_alert("budget-0.5", priority="P3"))
    assert (len(decide.alerts()), decide.incidents()) == (1, [])


def test_tiers_that_burn_at_a_time_are_one_incident_however_far_apart_they_begin(slo_alert: MakeSlo) -> None:
    quick, slow = slo_alert(), slo_alert("ticket-slow", start_s=1000 + 5 * HOUR_S, since_s=1000)
    for order in itertools.permutations([quick, slow]):
        (incident,) = told(*order).incidents()
        assert (incident.member_count, incident.priority, len(incident.page_keys)) == (2, "P0", 1)


def test_a_tier_that_ended_before_is_another_incident_and_one_that_is_seen_to_have_lasted_joins(
    slo_alert: MakeSlo,
) -> None:
    quick, slow = slo_alert(), slo_alert("ticket-slow", start_s=1000 + 5 * HOUR_S)
    early, late = (slo_alert(state="end", at_s=1000 + hours * HOUR_S) for hours in (2, 6))
    for order in itertools.permutations([quick, slow, early]):
        assert len(told(*order).incidents()) == 2
    for order in itertools.permutations([quick, slow, late]):
        assert len(told(*order).incidents()) == 1


def test_budgets_and_the_sla_are_an_incident_of_their_own_that_outlasts_the_burn(slo_alert: MakeSlo) -> None:
    decide = told(
        slo_alert(),
        slo_alert("budget-0.25", start_s=1100),
        slo_alert("sla", start_s=1200, since_s=1100),
        slo_alert(state="end", at_s=2000),
    )
    decide.on_tick(2_100_000)
    burn, budget = decide.incidents()
    assert (burn.state, burn.member_count) == ("resolved", 1)
    assert (budget.state, budget.member_count, budget.priority) == ("open", 2, "P1")
    assert budget.title == "SLO checkout breaks its SLA and SLO checkout is low on budget"


def test_anomalies_of_who_spent_the_budget_join_as_causes_and_others_do_not(anomaly: Make, slo_alert: MakeSlo) -> None:
    burn = slo_alert(start_s=3000, spent_by=["node:h1"])
    cause = anomaly(start_s=1000)
    others = [
        anomaly("memory", "h2", 3000),
        anomaly("memory", "h1", 3000 + HOUR_S + 1),
        anomaly("disk", "h1", tenant="other"),
    ]
    for order in itertools.permutations([burn, cause, *others]):
        found = told(*order).incidents()
        (incident,) = [one for one in found if one.priority == "P0"]
        assert {one.entity: one.role for one in incident.members} == {"service:web-shop": "symptom", "node:h1": "cause"}
        assert incident.title == "SLO checkout burns; CPU of node h1 anomalous"
        assert len(found) == 4


def test_who_spent_little_of_it_is_no_cause(anomaly: Make, slo_alert: MakeSlo) -> None:
    burn = slo_alert(spent_by=["node:h1", "node:h2"])
    little = burn.spenders[1].model_copy(update={"bad": 9.0})
    burn = burn.model_copy(update={"spenders": [burn.spenders[0], little]})
    assert len(told(burn, anomaly(node="h2")).incidents()) == 2
    assert len(told(burn, anomaly(node="h1")).incidents()) == 1


def test_a_spender_that_a_later_state_names_brings_its_anomaly_in(anomaly: Make, slo_alert: MakeSlo) -> None:
    decide = told(anomaly(), slo_alert(start_s=1100))
    assert len(decide.incidents()) == 2
    outputs = decide.on_slo_alert(slo_alert(start_s=1100, state="update", at_s=1200, spent_by=["node:h1"]))
    assert [one.state for one in incidents_in(outputs)] == ["merged", "open"]
    (incident,) = decide.incidents()
    assert (incident.priority, incident.member_count, len(incident.page_keys)) == ("P0", 2, 1)


def test_a_burns_priority_raises_its_incidents_and_its_end_resolves_its_member(
    anomaly: Make, slo_alert: MakeSlo
) -> None:
    decide = told(anomaly(), slo_alert("page-slow", priority="P1", spent_by=["node:h1"]))
    assert decide.incidents()[0].priority == "P1"
    decide.on_slo_alert(slo_alert("page-slow", state="update", at_s=1100, priority="P0"))
    assert decide.incidents()[0].priority == "P0"
    decide.on_slo_alert(slo_alert("page-slow", state="end", at_s=1200))
    (incident,) = decide.incidents()
    assert [one.state for one in incident.members] == ["resolved", "firing"]
    decide.on_anomaly(anomaly(state="end", at_s=1300))
    decide.on_tick(1_330_000)
    assert [one.state for one in decide.incidents()] == ["resolved"]


def test_what_is_frozen_says_so_and_does_not_resolve(slo_alert: MakeSlo) -> None:
    decide = told(slo_alert(), slo_alert(state="update", at_s=1500, frozen=True, burn_rate=None))
    decide.on_tick(9_000_000)
    (alert,) = decide.alerts()
    assert (alert.state, alert.annotations["frozen"]) == ("firing", "nothing is measured: it stays as it was")
    assert (alert.observed, alert.peak_observed) == (None, 14.9)
    assert decide.incidents()[0].state == "open"


def test_an_objective_falls_never_silent(anomaly: Make, slo_alert: MakeSlo) -> None:
    decide = told(slo_alert(), anomaly(node="h9"), decide=operator(abandon_after_s=7200))
    decide.on_tick(100_000_000)
    decide.on_tick(200_000_000)
    assert {one.entity: one.state for one in decide.alerts()} == {"service:web-shop": "firing", "node:h9": "resolved"}


def test_an_end_that_says_nothing_else_ends_what_began_with_all_labels(slo_alert: MakeSlo) -> None:
    decide = told(slo_alert(), slo_alert(state="end", at_s=1200, labels={}, service="", title="", runbooks=[]))
    (alert,) = decide.alerts()
    assert (alert.state, alert.labels["team"], alert.entity) == ("resolved", "shop", "service:web-shop")
    assert alert.annotations["runbooks"] == "checkout-errors"
    twin = operator()
    for key, value in decide.take_blocks():
        assert value is not None
        twin.load_block(key, value)
    twin.finish_load()
    assert (twin.alerts(), twin.incidents()) == (decide.alerts(), decide.incidents())


def test_a_burn_names_the_change_of_its_service_and_a_budget_names_none(slo_alert: MakeSlo) -> None:
    decide = operator()
    deploy = Change(
        id="1", tenant="default", kind="deploy", what="abc", at_ms=820_000_000, labels={"service": "web-shop"}
    )
    decide.on_change(deploy.model_copy(update={"at_ms": 820_000}))
    told(slo_alert(), slo_alert("budget-0.25"), decide=decide)
    burn, budget = sorted(decide.alerts(), key=lambda one: one.labels["alertname"], reverse=True)
    assert burn.annotations["summary"].endswith("as it lasts; began 3 minutes after deploy abc of web-shop")
    assert (burn.change is not None, budget.change) == (True, None)


def test_a_tenant_of_another_partition_is_sent_there_once(slo_alert: MakeSlo) -> None:
    right = decide_partition("default", 8)
    wrong = DecideOperator(DecideSettings(), (right + 1) % 8, 8)
    (sent,) = wrong.step(SLO_ALERTS.name, slo_alert().to_bytes())
    assert (sent.topic, sent.partition, sent.key) == (SLO_ALERTS, right, "default/checkout/page-quick")
    home = DecideOperator(DecideSettings(), right, 8)
    assert len(incidents_in(home.step(SLO_ALERTS.name, sent.value))) == 1
    with pytest.raises(SchemaError, match="misplaced still"):
        wrong.step(SLO_ALERTS.name, sent.value)


def test_what_was_told_of_an_objective_reads_as_an_alert(slo_alert: MakeSlo) -> None:
    sent = operator().on_slo_alert(slo_alert())
    (value,) = (one.value for one in sent if one.topic is ALERTS)
    alert = Alert.from_bytes(value)
    assert Alert.from_bytes(alert.to_bytes()) == alert
    assert value is not None
    assert b'"score"' not in value
