from __future__ import annotations

import math

import pytest
import yaml

from integrations.prometheus.slo_samples import FAMILIES, MAX_SPENDERS, SLO_LABELS, alert_name, slo_samples
from schemas.slo_events import BudgetShare, SloStatus, TimeToExhaustion
from slo.definition import AlertPolicy, RatioIndicator, RollingWindow, Slo, Source
from slo.prometheus import to_prometheus_rules
from tests.unit.integrations.prometheus.statuses import by_name, opened, own, silent, status
from tests.unit.slo.definitions import slo_of


def test_the_customary_names_say_what_the_exported_rules_would() -> None:
    found = by_name(slo_samples(status()))
    assert {name: value for name, value in found.items() if name.startswith("slo:")} == {
        "slo:objective:ratio": 0.999,
        "slo:error_budget:ratio": 0.001,
        "slo:time_period:days": 30.0,
        "slo:sli_error:ratio_rate5m": 0.02,
        "slo:sli_bad:count5m": 2.0,
        "slo:sli_total:count5m": 100.0,
        "slo:sli_error:ratio_rate1h": 0.002,
        "slo:sli_bad:count1h": 2.0,
        "slo:sli_total:count1h": 1000.0,
        "slo:sli_error:ratio_rate30d": 0.002,
        "slo:current_burn_rate:ratio": 20.0,
        "slo:period_burn_rate:ratio": 2.0,
        "slo:period_error_budget_remaining:ratio": -1.0,
    }


def test_a_recorded_rule_and_a_live_sample_have_one_name() -> None:
    window = RollingWindow(duration_s=30 * 86_400)
    indicator = RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))
    made = Slo(name="checkout", service="shop", method="Occurrences", indicator=indicator, target=0.999, window=window)
    burn = [{"window_s": s, "bad": 0, "total": 1, "error_ratio": 0, "burn_rate": 0} for s in (300, 1800, 3600)]
    burn += [
        {"window_s": s, "bad": 0, "total": 1, "error_ratio": 0, "burn_rate": 0} for s in (7200, 21600, 86400, 259200)
    ]
    live = {one.name for one in slo_samples(status(burn=burn))}
    recorded = {line.split()[-1] for line in to_prometheus_rules(made).splitlines() if "record:" in line}
    assert recorded <= live


def test_every_series_carries_our_labels_and_sloths_for_the_same() -> None:
    for one in slo_samples(status()):
        labels = dict(one.labels)
        assert tuple(labels)[: len(SLO_LABELS)] == SLO_LABELS
        assert (labels["slo"], labels["sloth_slo"], labels["sloth_id"]) == (
            "checkout",
            "checkout",
            "acme-shop-checkout",
        )


def test_the_default_tenant_has_sloths_own_ids() -> None:
    assert dict(slo_samples(status(tenant="default"))[0].labels)["sloth_id"] == "shop-checkout"


def test_what_nobody_measured_has_no_value() -> None:
    found = by_name(slo_samples(silent()))
    assert found["metrics_ai_slo_no_data"] == 1.0
    assert not {name for name in found if "ratio_rate" in name or "burn_rate" in name or "remaining" in name}
    assert found["slo:objective:ratio"] == 0.999


def test_a_calendars_period_has_no_name_that_wanders_with_its_length() -> None:
    month = own(end_ms=own()["end_ms"] + 86_400_000)
    names = {one.name for one in slo_samples(status(budgets=[month]))}
    assert not {name for name in names if name.startswith("slo:sli_error") and name.endswith("d")}
    assert "slo:period_burn_rate:ratio" in names


def test_budgets_stand_by_period() -> None:
    budgets = [own(), own(period="daily", remaining=0.25, remaining_of_period=0.75, compliance=1.0)]
    found = by_name(slo_samples(status(budgets=budgets)))
    assert found["metrics_ai_slo_budget_remaining_ratio,period=own"] == -1.0
    assert found["metrics_ai_slo_budget_remaining_ratio,period=daily"] == 0.25
    assert found["metrics_ai_slo_budget_remaining_of_period_ratio,period=daily"] == 0.75
    assert found["metrics_ai_slo_compliance_ratio,period=daily"] == 1.0
    assert found["metrics_ai_slo_good_events"] == 998.0
    assert found["metrics_ai_slo_total_events"] == 1000.0


def test_the_time_to_exhaustion_leaves_out_an_end_that_is_beyond_the_period() -> None:
    found = by_name(slo_samples(status(exhausted_in=TimeToExhaustion(p50_s=60.0, low_80_s=30.0))))
    told = {name: value for name, value in found.items() if "exhausted" in name}
    assert told == {
        "metrics_ai_slo_exhausted_in_seconds,bound=p50": 60.0,
        "metrics_ai_slo_exhausted_in_seconds,bound=low_80": 30.0,
    }


def test_spenders_are_bounded_and_each_is_one_series() -> None:
    spenders = [BudgetShare(who=f"node:h{n}", bad=9.0 - n, of_budget=0.1) for n in range(6)]
    spenders = [spenders[0], *spenders]
    found = slo_samples(status(spenders=spenders))
    named = [dict(one.labels)["who"] for one in found if one.name == "metrics_ai_slo_spender_bad_events"]
    assert named == ["node:h0", "node:h1", "node:h2"]
    assert len(named) == MAX_SPENDERS


def test_alerts_stand_as_prometheus_has_its_own() -> None:
    samples = slo_samples(status(firing=["page-quick", "no-data"], open=[opened("page-quick", "P0")]))
    found = [dict(one.labels) for one in samples if one.name == "ALERTS"]
    assert [(one["alertname"], one["alertstate"], one.get("sloth_severity")) for one in found] == [
        ("SloBurn", "firing", "page"),
        ("SloNoData", "firing", None),
    ]


@pytest.mark.parametrize(("target", "text"), [(0.999, "99.9"), (0.9999995, "99.99995"), (0.95, "95"), (0.07, "7")])
def test_the_objective_of_sloths_info_is_the_target_in_percent(target: float, text: str) -> None:
    (info,) = (one for one in slo_samples(status(target=target)) if one.name == "sloth_slo_info")
    assert dict(info.labels)["sloth_objective"] == text


def everything() -> SloStatus:
    return status(
        budgets=[own(), own(period="daily")],
        exhausted_in=TimeToExhaustion(p50_s=1, low_80_s=1, high_80_s=1),
        sla=0.99,
        sla_remaining=0.5,
        spenders=[BudgetShare(who="h1", bad=1, of_budget=1)],
        firing=["page-quick", "budget-0.5", "sla"],
        open=[opened("page-quick", "P0"), opened("budget-0.5", "P2"), opened("sla", "P1")],
    )


def test_every_metric_and_label_is_one_that_the_reference_names() -> None:
    samples = slo_samples(everything())
    listed = {family.name.partition("<")[0]: set(family.labels) for family in FAMILIES}
    seen = set()
    for one in samples:
        name = next(name for name in listed if one.name == name or (name[-1].isalpha() and one.name.startswith(name)))
        name = one.name if one.name in listed else name
        seen.add(name)
        assert {label for label, _ in one.labels} - set(SLO_LABELS) == listed[name], one
    assert seen == set(listed)


def test_no_two_samples_are_of_one_series_and_none_is_a_number_that_is_none() -> None:
    samples = slo_samples(everything())
    assert len({(one.name, one.labels) for one in samples}) == len(samples)
    assert all(math.isfinite(one.value) and all(value for _, value in one.labels) for one in samples)


def test_rules_that_are_exported_have_the_labels_of_what_is_served() -> None:
    slo = slo_of(tenant="acme", alerts=AlertPolicy(only=("page-quick",)))
    told = status(slo=slo.name, service=slo.service, target=slo.target)
    served = {one.name: dict(one.labels) for one in slo_samples(told)}
    (group,) = yaml.safe_load(to_prometheus_rules(slo))["groups"]
    recorded = {rule["record"]: rule["labels"] for rule in group["rules"] if "record" in rule}
    both = served.keys() & recorded.keys()
    assert {"sloth_slo_info", "slo:sli_error:ratio_rate5m", "slo:sli_error:ratio_rate1h"} < both
    assert {name: recorded[name] for name in both} == {name: served[name] for name in both}
    (burn, no_data) = (rule for rule in group["rules"] if "alert" in rule)
    assert (burn["alert"], no_data["alert"]) == (alert_name("page-quick"), alert_name("no-data"))
