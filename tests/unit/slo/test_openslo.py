"""What is read from OpenSLO, and what is said of what cannot hold."""

from __future__ import annotations

import random
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from slo.definition import (
    AlertPolicy,
    BucketIndicator,
    BurnTier,
    CalendarWindow,
    RatioIndicator,
    RollingWindow,
    Slo,
    Source,
    ThresholdIndicator,
)
from slo.export import to_openslo
from slo.openslo import load, read_slos
from tests.unit.slo.definitions import CHECKOUT, DAY_S, THRESHOLD, TIERED, slo_of, slos
from tests.unit.slo.openslo_schema import SCHEMAS


def only(text: str) -> Slo:
    (slo,) = load(text, "slos.yaml")
    return slo


def test_a_ratio_by_time_slices_with_an_sla_is_read() -> None:
    slo = only(CHECKOUT)
    assert (slo.key, slo.title, slo.service) == ("default/checkout", "Checkout answers", "web-shop")
    assert slo.labels == {"team": "shop", "tags": "a,b"}
    assert (slo.target, slo.sla, slo.slice_s, slo.slice_target) == (0.9995, 0.99, 60, 0.99)
    assert (slo.unknown, slo.alerts) == ("bad", AlertPolicy(min_events=20))
    assert slo.indicator == RatioIndicator(
        bad=Source(metric="http_requests_total", selector='{job="api",port="8080",code=~"5.."}'),
        total=Source(metric="http_requests_total", selector='{job="api"}'),
    )


def test_what_an_slo_refers_to_is_found_wherever_it_stands() -> None:
    slo = only(TIERED)
    assert slo.indicator == BucketIndicator(
        histogram=Source(metric="payment_seconds", selector='{route="/pay"}'), le=0.3
    )
    assert slo.window == CalendarWindow(unit="month", start="2026-01-01 00:00:00", time_zone="Europe/Berlin")
    assert slo.alerts == AlertPolicy(
        profile="custom",
        tiers=(
            BurnTier(name="quick-burn", long_s=3600, short_s=300, factor=14.4, priority="P0"),
            BurnTier(name="slow-burn", long_s=3 * DAY_S, short_s=21_600, factor=1, priority="P2"),
        ),
    )


def test_a_threshold_on_a_quantile_takes_its_sla_from_an_annotation() -> None:
    slo = only(THRESHOLD)
    assert slo.indicator == ThresholdIndicator(source=Source(metric="latency_ms"), op="lte", value=250, quantile=0.99)
    assert (slo.sla, slo.slice_s, slo.window) == (0.95, 30, RollingWindow(duration_s=7 * DAY_S))
    assert (slo.alerts.profile, slo.alerts.remaining) == ("pyrra", (0.5, 0.1))


def test_a_condition_on_the_name_stands_for_the_metric() -> None:
    text = THRESHOLD.replace("metric: latency_ms", "matchers: '{__name__=~\"latency_.*\"}'")
    indicator = only(text).indicator
    assert isinstance(indicator, ThresholdIndicator)
    assert indicator.source.select == '{__name__=~"latency_.*"}'


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
            "45: spec.objectives[0].timeSliceWindow: a slice of 2d cannot be counted. A slice lasts a second at least, "
            "and a day at the most",
            id="a slice of two days",
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
            "unknown, alert-profile, min-events, min-bad, remaining, sla-target",
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


def test_one_bad_document_leaves_the_others_readable() -> None:
    reading = read_slos(CHECKOUT.replace("99.95", "ninety") + "---\n" + TIERED, "slos.yaml")
    assert [slo.name for slo in reading.slos] == ["payments"]
    assert [str(one).split(": ")[1] for one in reading.problems] == ["spec.objectives[0].targetPercent"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "a.yaml:1: there is no object in it. Define an SLO, or remove it", id="nothing"),
        pytest.param(b"a: \xff", "a.yaml:1: the text is not UTF-8. Save it as UTF-8", id="bytes"),
        pytest.param(b"[" * 5000, "a.yaml:1: not YAML (nested too deeply). Mend the file", id="depth"),
        pytest.param(b"just words", "a.yaml:1: a mapping is wanted, not 'just words'. Write key: value", id="words"),
        pytest.param(
            b"a: 1\nb: \x07", "a.yaml:2: not YAML (a character that YAML does not allow). Remove it", id="a bell"
        ),
        pytest.param(b"&a [*a]", "a.yaml:1: a mapping is wanted, not a list. Write key: value", id="itself"),
    ],
)
def test_garbage_is_one_line(content: bytes, said: str) -> None:
    assert [str(one) for one in read_slos(content, "a.yaml").problems] == [said]


def conforms(text: str) -> None:
    """Hold a text against what OpenSLO's own schemas ask."""
    for one in yaml.safe_load_all(text):
        jsonschema.validate(one, SCHEMAS[one["kind"]])


@settings(max_examples=100, deadline=None)
@given(slos())
def test_what_is_written_reads_back_the_same_and_is_openslo(slo: Slo) -> None:
    text = to_openslo(slo)
    assert load(text, "export", slo.tenant) == [slo]
    conforms(text)


def test_what_ships_is_openslo() -> None:
    for path in sorted((Path(__file__).resolve().parents[3] / "slo" / "shipped").glob("*.yaml")):
        conforms(path.read_text())
        assert "RatioTimeslices" not in path.read_text(), "older schemas of v1 do not have it"


def test_labels_of_several_values_are_written_as_a_list() -> None:
    text = to_openslo(only(CHECKOUT))
    assert yaml.safe_load(text)["metadata"]["labels"] == {"team": "shop", "tags": ["a", "b"]}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"window": RollingWindow(duration_s=90)}, "90 s are no whole minutes"),
        ({"service": "Web Shop"}, "'Web Shop' is no name"),
        ({"slice_s": 7}, "it would read back as another one"),
    ],
)
def test_what_openslo_has_no_words_for_is_refused(given: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigurationError, match=f"default/checkout cannot be written as OpenSLO: .*{why}"):
        to_openslo(slo_of(**given))


VALUES = (
    "",
    "0",
    "-1",
    "1e999999999999",
    "nan",
    "[]",
    "{}",
    "null",
    "yes",
    "'",
    '"\\ud800"',
    "&a x",
    "*a",
    "1:30",
    "!!float x",
    "0x1F",
    "99999999d",
    "9" * 30,
    "<<",
    "P0",
    "2026-13-01 00:00:00",
    '{a=~"(((x{99999999999})"}',
    "a\tb",
    "!!python/object:os.system x",
    "? x",
    "---",
    "%",
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([CHECKOUT, TIERED, THRESHOLD]),
    st.integers(0, 2**32),
    st.sampled_from(["characters", "value", "line", "key", "bytes"]),
    st.sampled_from(VALUES),
)
def test_any_change_of_a_definition_loads_or_is_refused_in_one_line(text: str, seed: int, how: str, value: str) -> None:
    reading = read_slos(mutated(text, random.Random(seed), how, value), "slos.yaml")
    for problem in reading.problems:
        assert isinstance(problem, ConfigurationError)
        assert str(problem).startswith("slos.yaml:")
        assert "\n" not in str(problem)


def mutated(text: str, chance: random.Random, how: str, value: str) -> str | bytes:
    lines = text.splitlines(keepends=True)
    at = chance.randrange(len(lines))
    match how:
        case "characters":
            cut = chance.randrange(len(text))
            return (
                text[:cut]
                + chance.choice(["", ":", "{", "\n", "  ", "\x00", "-", "é"])
                + text[cut + chance.randrange(3) :]
            )
        case "value":
            key, colon, _ = lines[at].partition(":")
            lines[at] = f"{key}{colon} {value}\n"
        case "line":
            lines.insert(at, lines.pop(chance.randrange(len(lines))))
        case "key":
            lines[at] = lines[at].replace(lines[at].strip().split(":")[0], value or "x", 1)
        case _:
            raw = bytearray(text.encode())
            raw[chance.randrange(len(raw))] = chance.randrange(256)
            return bytes(raw)
    return "".join(lines)


def test_the_examples_of_these_tests_are_whole() -> None:
    assert all(list(yaml.safe_load_all(text)) for text in (CHECKOUT, TIERED, THRESHOLD))
