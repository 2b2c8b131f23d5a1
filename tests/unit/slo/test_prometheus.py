"""The rules for Prometheus are ones that its own tool takes, and evaluates to what they should be."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.errors import ConfigurationError
from slo.definition import (
    AlertPolicy,
    BucketIndicator,
    CalendarWindow,
    DerivedIndicator,
    RatioIndicator,
    RollingWindow,
    Slo,
    Source,
    ThresholdIndicator,
)
from slo.export import to_prometheus_rules
from tests.unit.slo.definitions import DAY_S, RATIO, slo_of

PROMTOOL = shutil.which("promtool")
TOTAL = Source(metric="http_requests_total")
DISKS = ThresholdIndicator(
    source=Source(metric="", selector='{__name__=~"node_(disk|filesystem)_used_ratio"}'), op="lt", value=0.9
)
GOOD = Source(metric="http_requests_total", selector='{code!~"5..",path="/a\\\\b"}')
NUMBERS = RatioIndicator(bad=Source(metric="failed"), total=Source(metric="done"), counter=False)
SLICES = {"method": "Timeslices", "slice_s": 60, "slice_target": 0.99}
EXPRESSIBLE = {
    "bad of all": slo_of(),
    "good of all": slo_of(indicator=RatioIndicator(good=GOOD, total=TOTAL)),
    "numbers that are no counters": slo_of(indicator=NUMBERS),
    "a histogram's bucket": slo_of(indicator=BucketIndicator(histogram=Source(metric="latency_seconds"), le=1.0)),
    "samples below a threshold": slo_of(indicator=DISKS),
    "slices of a ratio": slo_of(**SLICES),
    "slices of samples, unknown ones bad": slo_of(**SLICES, indicator=DISKS, unknown="bad"),
    "ratios of slices": slo_of(method="RatioTimeslices", slice_s=300, unknown="good"),
    "a week of Sloth": slo_of(alerts=AlertPolicy(profile="sloth"), window=RollingWindow(duration_s=7 * DAY_S)),
    "four weeks of Pyrra": slo_of(alerts=AlertPolicy(profile="pyrra"), window=RollingWindow(duration_s=28 * DAY_S)),
    "a day": slo_of(window=RollingWindow(duration_s=DAY_S)),
    "no tiers": slo_of(alerts=AlertPolicy(profile="custom"), title='It\'s "quoted"'),
}


def promtool(*arguments: str) -> str:
    if PROMTOOL is None:
        pytest.skip("promtool is not installed")
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("slo", EXPRESSIBLE.values(), ids=EXPRESSIBLE)
def test_promtool_takes_the_rules(slo: Slo, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(to_prometheus_rules(slo))
    assert "SUCCESS" in promtool("check", "rules", str(rules))


def evaluate(slo: Slo, tmp_path: Path, series: dict[str, str], **tests: Any) -> None:
    """What promtool says of rules over series of a sample a minute."""
    (tmp_path / "rules.yaml").write_text(to_prometheus_rules(slo))
    one = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        **tests,
    }
    suite = tmp_path / "suite.yaml"
    suite.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": [one]}))
    promtool("test", "rules", str(suite))


def expect(expr: str, at: str, value: float | None) -> dict[str, Any]:
    samples = [] if value is None else [{"labels": "{}", "value": value}]
    return {"expr": f"sum({expr})", "eval_time": at, "exp_samples": samples}


def test_the_ratio_of_a_period_weighs_events_and_not_hours(tmp_path: Path) -> None:
    """Bad 6/s of 10/s, then 1/s of 102/s: 7 of 112; a mean of ratios would say 0.3049."""
    series = {
        'http_requests_total{code="500"}': "0+360x60 21660+60x59",
        'http_requests_total{code="200"}': "0+240x60 20460+6060x59",
    }
    burn = 0.0625 / (1 - 0.999)
    evaluate(
        slo_of(),
        tmp_path,
        series,
        promql_expr_test=[
            expect("slo:sli_error:ratio_rate30d", "120m", 0.0625),
            expect("round(slo:period_error_budget_remaining:ratio, 0.0001)", "121m", round(1 - burn, 4)),
            expect("slo:sli_error:ratio_rate1h", "60m", 0.6),
        ],
    )


def fired_alert(severity: str, priority: str, tier: str, said: str) -> dict[str, Any]:
    sloth = {"sloth_id": "shop-checkout", "sloth_service": "shop", "sloth_slo": "checkout", "sloth_severity": severity}
    labels = {"tenant": "default", "service": "shop", "slo": "checkout", **sloth}
    return {
        "exp_labels": {**labels, "severity": severity, "priority": priority, "tier": tier},
        "exp_annotations": {
            "summary": "checkout burns its error budget",
            "description": f"{said} times what the target of 99.9 % allows.",
        },
    }


def test_a_full_outage_pages_in_the_minute_in_which_both_windows_cross(tmp_path: Path) -> None:
    series = {
        'http_requests_total{code="500"}': "0x360 600+600x10",
        'http_requests_total{code="200"}': "0+600x360 216000x10",
    }
    # The slowest tier speaks too: of its three days there are six hours yet.
    fired = [
        fired_alert("page", "P0", "page-quick", "1.667% were bad over 1h; over it and over 5m that is more than 14.4"),
        fired_alert("ticket", "P2", "ticket-slow", "0.277% were bad over 3d; over it and over 6h that is more than 1"),
    ]
    evaluate(
        slo_of(),
        tmp_path,
        series,
        alert_rule_test=[
            {"eval_time": "360m", "alertname": "SloBurn", "exp_alerts": []},
            {"eval_time": "361m", "alertname": "SloBurn", "exp_alerts": fired},
        ],
    )


def test_one_error_in_a_few_requests_pages_nobody(tmp_path: Path) -> None:
    series = {
        'http_requests_total{code="500"}': "0x10 1x50",
        'http_requests_total{code="200"}': "0+1x19 19x40",
    }
    evaluate(
        slo_of(),
        tmp_path,
        series,
        promql_expr_test=[expect("slo:sli_error:ratio_rate1h > bool 0.0144", "59m", 1)],
        alert_rule_test=[{"eval_time": "59m", "alertname": "SloBurn", "exp_alerts": []}],
    )


def test_an_hour_of_samples_with_three_bad_ones_is_95_percent_good(tmp_path: Path) -> None:
    disks = DISKS.model_copy(update={"source": Source(metric="node_disk_used_ratio")})
    evaluate(
        slo_of(indicator=disks),
        tmp_path,
        {'node_disk_used_ratio{node="a"}': "0.5x56 0.9x2"},
        promql_expr_test=[expect("1 - slo:sli_error:ratio_rate1h", "59m", 0.95)],
    )


def test_slices_weigh_alike_whatever_came_in_them(tmp_path: Path) -> None:
    series = {
        'http_requests_total{code="500"}': "0x9 1x30",
        'http_requests_total{code="200"}': "0+1x9 9+6000x30",
    }
    evaluate(
        slo_of(method="Timeslices", slice_s=60, slice_target=0.5),
        tmp_path,
        series,
        promql_expr_test=[
            expect("slo:sli_bad:count30m", "30m", 1),
            expect("slo:sli_total:count30m", "30m", 30),
        ],
    )


def test_what_is_absent_is_told_and_no_budget_is_spent(tmp_path: Path) -> None:
    evaluate(
        slo_of(indicator=RATIO),
        tmp_path,
        {'other{code="200"}': "0x20"},
        promql_expr_test=[
            expect("slo:sli_error:ratio_rate5m", "20m", None),
            expect('ALERTS{alertname="SloNoData",alertstate="firing"}', "2m", 1),
        ],
    )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"indicator": DerivedIndicator(source="node_health")}, "no series holds node_health"),
        (
            {"window": CalendarWindow(unit="month", start="2026-01-01 00:00:00")},
            "a range of PromQL's has a fixed length, and a calendar's window has not",
        ),
        (
            {"indicator": ThresholdIndicator(source=Source(metric="a"), op="lt", value=1, quantile=0.9)},
            "PromQL has a quantile over one series' samples or over many series' newest ones, not over both",
        ),
        ({"unknown": "bad"}, "a slice without data has no number of events that could be bad"),
        (
            {"method": "Timeslices", "slice_s": 3600, "slice_target": 0.9},
            "a short window is shorter than a slice",
        ),
        (
            {"indicator": RatioIndicator(bad=Source(metric="disk.bad"), total=TOTAL)},
            "Prometheus has no metric of the name disk.bad",
        ),
        (
            {"indicator": RatioIndicator(bad=Source(metric="a", selector='{k8s.pod="x"}'), total=TOTAL)},
            "Prometheus has no label of the name k8s.pod",
        ),
    ],
)
def test_what_promql_cannot_say_is_refused_with_the_reason(given: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        to_prometheus_rules(slo_of(**given))
    assert raised.value.what == f"default/checkout cannot be written as rules of Prometheus: {why}"
