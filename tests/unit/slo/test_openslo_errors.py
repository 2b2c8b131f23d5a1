"""What is said of a definition that cannot hold: its line, its path, and the way out."""

from __future__ import annotations

import pytest

from slo.openslo import read_slos
from tests.unit.slo.definitions import CHECKOUT, THRESHOLD, TIERED


@pytest.mark.parametrize(
    ("base", "old", "new", "said"),
    [
        pytest.param(
            CHECKOUT,
            "openslo/v1",
            "openslo/v2",
            "1: apiVersion: 'openslo/v2' cannot be read. Write apiVersion: openslo/v1",
            id="another version",
        ),
        pytest.param(
            CHECKOUT,
            "kind: SLO",
            "kind: SLOs",
            "2: kind: there is no kind 'SLOs'. Did you mean SLO?",
            id="unknown kind",
        ),
        pytest.param(
            CHECKOUT,
            "name: checkout",
            "name: Checkout_1",
            "4: metadata.name: 'Checkout_1' is no name. Use up to 63 lower-case letters, digits and -, as in "
            "checkout-latency",
            id="a name that RFC 1123 has not",
        ),
        pytest.param(
            CHECKOUT,
            "type: metrics-ai",
            "type: prometheus",
            "24: spec.indicator.spec.ratioMetric.bad.metricSource.type: a source of type prometheus cannot be read. "
            "Supported is type: metrics-ai with spec: {metric: NAME, match: {LABEL: VALUE}}, {histogram: NAME, le: "
            "BOUND} or {source: node_health}",
            id="another source",
        ),
        pytest.param(
            CHECKOUT,
            "targetPercent: 99.95",
            "target: 99.95",
            "43: spec.objectives[0].target: 99.95 is no share between 0 and 1. 99.9 % is target: 0.999, or "
            "targetPercent: 99.9",
            id="a percentage where a share is meant",
        ),
        pytest.param(
            CHECKOUT,
            "      target: 0.99\n",
            "      target: 0.9999\n",
            "46: spec.objectives[1]: the SLA 0.9999 is not below the target 0.9995. Promise less than what you aim at, "
            "so that there is time to act",
            id="an SLA above the target",
        ),
        pytest.param(
            CHECKOUT,
            "displayName: SLA",
            "displayName: Promise",
            "41: spec.objectives: 2 objectives, and 0 of the displayName SLA. Write one, and one more called SLA if "
            "you like; make an SLO of each further target",
            id="two objectives",
        ),
        pytest.param(
            CHECKOUT,
            "timeSliceWindow: 1m",
            "timeSliceWindow: 2d",
            "45: spec.objectives[0].timeSliceWindow: a slice of 2d cannot be counted. A slice lasts 5 s at least, "
            "since late samples are kept for ten minutes of slices, and a day at the most",
            id="a slice of two days",
        ),
        pytest.param(
            CHECKOUT,
            "timeSliceWindow: 1m",
            "timeSliceWindow: 0.07",
            "45: spec.objectives[0].timeSliceWindow: a slice of 0.07 cannot be counted. A slice lasts 5 s at least, "
            "since late samples are kept for ten minutes of slices, and a day at the most",
            id="a slice of four seconds",
        ),
        pytest.param(
            CHECKOUT,
            "budgetingMethod: Timeslices",
            "budgetingMethod: timeslices",
            "40: spec.budgetingMethod: 'timeslices' is none of Occurrences, Timeslices, RatioTimeslices. Did you mean "
            "Timeslices?",
            id="a method in small letters",
        ),
        pytest.param(
            CHECKOUT,
            "        bad:",
            "        ugly:",
            "22: spec.indicator.spec.ratioMetric.ugly: there is no such field. Known here: counter, good, bad, total",
            id="an unknown field",
        ),
        pytest.param(
            CHECKOUT,
            "'{code=~\"5..\"}'",
            "'{code=~\"5..(\"}'",
            "30: spec.indicator.spec.ratioMetric.bad.metricSource.spec.matchers: not a regular expression in "
            "'{code=~\"5..(\"}': missing ), unterminated subpattern at position 3. Write it like "
            '{code=~"5..",job="api"}',
            id="a matcher that does not compile",
        ),
        pytest.param(
            CHECKOUT,
            "metrics-ai.io/unknown: bad",
            "metrics-ai.io/unknow: bad",
            "10: metadata.annotations.metrics-ai.io/unknow: there is no such annotation. Known under metrics-ai.io/: "
            "unknown, alert-profile, tiers, min-events, min-bad, remaining, sla-target",
            id="an annotation of ours that there is not",
        ),
        pytest.param(
            CHECKOUT,
            "  service: web-shop\n",
            "  service: web-shop\n  service: shop\n",
            "16: spec.service: it stands here and on line 15. Keep one of them",
            id="a key that stands twice",
        ),
        pytest.param(
            CHECKOUT,
            "duration: 28d",
            "duration: 28 days",
            "38: spec.timeWindow[0].duration: '28 days' is no duration. Write it like 12h, 28d, 4w or 1M",
            id="a duration in words",
        ),
        pytest.param(
            TIERED,
            "Europe/Berlin",
            "Europe/Berlon",
            "13: spec.timeWindow[0].calendar.timeZone: no time zone is called Europe/Berlon; the nearest name is "
            "Europe/Berlin. Write a name of the IANA's, such as Europe/Berlin",
            id="no time zone",
        ),
        pytest.param(
            TIERED,
            "indicatorRef: fast",
            "indicatorRef: fasst",
            "7: spec.indicatorRef: there is no SLI fasst. Define it, or write its indicator here",
            id="an indicator that is not there",
        ),
        pytest.param(
            TIERED,
            "alertAfter: 5m",
            "alertAfter: 2h",
            "69: spec.conditions[0].spec.condition.alertAfter: the short window is longer than the long one. "
            "alertAfter is at most lookbackWindow; a twelfth is usual",
            id="a short window that is the longer one",
        ),
        pytest.param(
            TIERED,
            "type: metrics-ai",
            "type: Datadog",
            "30: spec.ratioMetric.good.metricSource.metricSourceRef: a source of type Datadog cannot be read. "
            "Supported is type: metrics-ai with spec: {metric: NAME, match: {LABEL: VALUE}}, {histogram: NAME, le: "
            "BOUND} or {source: node_health}",
            id="a data source of another kind",
        ),
        pytest.param(
            THRESHOLD,
            "    - op: lte\n      value: 250\n      target",
            "    - target",
            "24: spec.objectives[0]: a thresholdMetric is compared with something. Add op: lt (or lte, gt, gte) and "
            "value",
            id="a threshold without its value",
        ),
        pytest.param(
            THRESHOLD,
            "timeSliceTarget: 1\n",
            "timeSliceTarget: [1\n",
            "29: not YAML (expected ',' or ']', but got '<stream end>'). Mend the line, or quote its text",
            id="no YAML",
        ),
    ],
)
def test_an_error_names_line_and_path_and_the_way_out(base: str, old: str, new: str, said: str) -> None:
    assert old in base
    problems = read_slos(base.replace(old, new, 1), "slos.yaml").problems
    assert [str(one) for one in problems] == [f"slos.yaml:{said}"]


@pytest.mark.parametrize(
    ("base", "old", "new", "said"),
    [
        (CHECKOUT, "counter: true", "counter: 1", "counter: true or false is wanted, not '1'"),
        (CHECKOUT, "        bad:\n", "        raw:\n", "a ratio that was computed before (raw)"),
        (CHECKOUT, "type: metrics-ai", "metricSourceRef: x", "there is no DataSource x"),
        (CHECKOUT, "              metric: http_requests_total\n", "", "metric is missing. Add metric: NAME"),
        (CHECKOUT, "metric: http_requests_total", "metric: http requests", "'http requests' is no metric's name"),
        (CHECKOUT, "job: api\n", "j-b: api\n", "'j-b' is no label's name"),
        (CHECKOUT, "port: 8080", "port: [8080]", "match.port: text is wanted, not a list"),
        (CHECKOUT, "'{code=~", "'code=~", "conditions stand in braces"),
        (CHECKOUT, "timeSliceTarget: 0.99", "timeSliceTarget: 1.5", "timeSliceTarget: 1.5 is no share"),
        (CHECKOUT, "      timeSliceTarget: 0.99\n", "", "Timeslices needs timeSliceTarget"),
        (CHECKOUT, "Timeslices", "Occurrences", "timeSliceWindow: Occurrences has no timeSliceWindow"),
        (CHECKOUT, "      target: 0.99\n", "      target: 0.99\n      timeSliceWindow: 2m\n", "the SLA differs"),
        (CHECKOUT, 'events: "20"', 'events: "-2"', "min-events: '-2' is no count"),
        (CHECKOUT, "min-events", "remaining", "remaining: '20' are no shares of a budget"),
        (CHECKOUT, "isRolling: true", "isRolling: false", "a window is either rolling or of the calendar"),
        (CHECKOUT, "28d", "500d", "500d is longer than 400 days"),
        (CHECKOUT, "    - duration: 28d\n      isRolling: true\n", "    []\n", "0 time windows, where one is wanted"),
        (CHECKOUT, "displayName: Answered", "op: lt", "op and value are of a thresholdMetric"),
        (CHECKOUT, "description: Requests", "description: " + "x" * 1100, "where 1050 are the most"),
        (CHECKOUT, "  indicator:\n", "  indicatorRef: x\n  indicator:\n", "either an indicator or an indicatorRef"),
        (CHECKOUT, "annotations:", "annotations:\n    metrics-ai.io/sla-target: 0.9", "of its own already"),
        (TIERED, "2026-01-01", "2026-13-01", "'2026-13-01 00:00:00' is no time"),
        (TIERED, "le: 0.3\n", "le: low\n", "le: a number is wanted, not 'low'"),
        (TIERED, "histogram: payment_seconds\n          match", "histogram: other\n          match", "the same h"),
        (TIERED, "counter: true", "counter: false", "a histogram's buckets are counters"),
        (TIERED, "    good:\n", "    bad:\n", "with a histogram the good events are named"),
        (TIERED, "- quick\n", "- quik\n", "alertPolicies[0]: there is no AlertPolicy quik"),
        (TIERED, "alertPolicyRef: slow", "kind: AlertPolicy", "neither alertPolicyRef nor spec is given"),
        (TIERED, "conditionRef: slow-burn", "conditionRef: slow", "there is no AlertCondition slow"),
        (TIERED, "severity: P0", "severity: urgent", "there is no severity 'urgent'"),
        (TIERED, "threshold: 14.4", "threshold: -1", "-1 is no burn rate"),
        (TIERED, "name: quick-burn", "name: slow-burn", "two conditions have one name"),
        (TIERED, "alertWhenBreaching: true", "alertWhenBreaching: false", "silent while the budget burns"),
        (TIERED, "    - conditionRef: slow-burn\n", "    []\n", "0 conditions, where one is wanted"),
        (TIERED, "- conditionRef: slow-burn", "- kind: AlertCondition", "neither conditionRef nor metadata and spec"),
        (TIERED, "payments\n", "payments\n  annotations: {metrics-ai.io/alert-profile: sloth}\n", "sloth brings"),
        (TIERED, "payments\n", "payments\n  annotations: {metrics-ai.io/tiers: page-quick}\n", "custom brings none"),
        (THRESHOLD, "alert-profile: pyrra", "tiers: page-quick_page", "there is no tier 'page'"),
        (THRESHOLD, "quantile: 0.99", "quantile: 99", "quantile: 99 is no quantile"),
        (THRESHOLD, "metric: latency_ms", "histogram: latency", "a histogram is of a ratioMetric"),
        (
            THRESHOLD,
            "metric: latency_ms\n            quantile: 0.99",
            "source: node_health",
            "node_health is a ratioMetric",
        ),
        (THRESHOLD, "metric: latency_ms\n            quantile: 0.99", "source: net", "'net' is none of node_health"),
        (THRESHOLD, "    spec:\n      thresholdMetric", "    spec:\n      metric", "there is no such field"),
    ],
)
def test_what_cannot_hold_is_refused(base: str, old: str, new: str, said: str) -> None:
    assert old in base
    problems = [str(one) for one in read_slos(base.replace(old, new, 1), "slos.yaml").problems]
    assert [one for one in problems if said in one], problems
