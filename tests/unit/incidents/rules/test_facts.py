"""What rules see of anomalies and of alerts of objectives."""

from __future__ import annotations

import math
from collections.abc import Callable

from incidents.anomalies import AnomalyFinding
from incidents.objectives import SloFinding
from incidents.rules.facts import facts_of, facts_of_anomaly, facts_of_slo_alert
from schemas.events import Anomaly, Range, TimeToLimit, UsualHour
from schemas.slo_events import SloAlert, TimeToExhaustion

Make = Callable[..., Anomaly]


def usual(center: float) -> UsualHour:
    return UsualHour(low=0, center=center, high=9, hour=3, seen=9, same_day=True, percentile=99)


def test_what_is_usual_at_this_hour_is_compared_with_before_what_is_expected(anomaly: Make) -> None:
    shared = {"observed": 6.0, "expected": Range(low=1, center=2, high=3)}
    assert facts_of_anomaly(anomaly(**shared)).numbers["ratio_to_usual"] == 3.0
    assert facts_of_anomaly(anomaly(**shared, usual=usual(4))).numbers["ratio_to_usual"] == 1.5


def test_where_nothing_is_usual_any_is_far_more(anomaly: Make) -> None:
    assert facts_of_anomaly(anomaly(observed=0.5, usual=usual(0))).numbers["ratio_to_usual"] == math.inf
    assert "ratio_to_usual" not in facts_of_anomaly(anomaly(observed=0.5, usual=usual(-1))).numbers
    assert "ratio_to_usual" not in facts_of_anomaly(anomaly(observed=0.5, expected=None)).numbers


def test_a_rules_anomaly_goes_by_its_name_and_brings_its_priority_and_time_left(anomaly: Make) -> None:
    one = anomaly(
        "node_disk_used_ratio",
        kind="trend",
        detector="disk_full_in_3_days",
        priority="P0",
        safety=True,
        confidence=0.1,
        time_to_limit=TimeToLimit(limit=1, per_day=0.1, p50_s=90_000),
    )
    facts = facts_of_anomaly(one)
    assert (facts.alertname, facts.priority, facts.safety) == ("disk_full_in_3_days", "P0", True)
    assert (facts.signal, facts.entity_kind) == ("saturation", "node")
    assert facts.numbers["time_to_limit_s"] == 90_000


def test_selectors_see_labels_and_the_metric_as_their_name(anomaly: Make) -> None:
    facts = facts_of_anomaly(anomaly("up", labels={"alertname": "own", "job": "a"}, dims={"node": "h1"}))
    assert facts.labels == {
        "__name__": "up",
        "alertname": "MetricAnomaly",
        "metric": "up",
        "exported_alertname": "own",
        "job": "a",
        "node": "h1",
    }


def test_an_objectives_alert_brings_its_burn_rate_its_budget_and_when_that_is_spent(
    slo_alert: Callable[..., SloAlert],
) -> None:
    one = slo_alert(burn_rate=7.0, budget_left=0.2, exhausted_in=TimeToExhaustion(p50_s=3600), state="end")
    facts = facts_of_slo_alert(one)
    assert facts.numbers == {"burn_rate": 7.0, "budget_left": 0.2, "observed": 7.0, "time_to_limit_s": 3600}
    assert (facts.alertname, facts.entity, facts.kind, facts.ended) == ("SloBurn", "service:web-shop", "burn", True)
    assert (facts.labels["tier"], facts.confidence) == ("page-quick", 1.0)


def test_a_finding_of_any_teller_is_read(anomaly: Make, slo_alert: Callable[..., SloAlert]) -> None:
    assert facts_of(AnomalyFinding(anomaly())) == facts_of_anomaly(anomaly())
    assert facts_of(SloFinding(slo_alert())) == facts_of_slo_alert(slo_alert())
