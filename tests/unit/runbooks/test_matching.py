"""Which runbooks fit: the most specific first, and the same whatever the order."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from runbooks.matching import alert_facts, fitting, specificity
from runbooks.reading import read_runbooks
from runbooks.spec import Runbook
from schemas.change_events import NearestChange
from schemas.incident_events import Alert
from tests.unit.runbooks.definitions import runbook

NAMES = ("alertname", "metric", "node", "service")
VALUES = ("a", "b", "")
LABELS = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES))
CONDITIONS = st.builds(
    "{}{}{}".format, st.sampled_from(NAMES), st.sampled_from(("=", "!=", "=~", "!~")), st.sampled_from(('"a"', '"a|b"'))
)
MATCHERS = st.lists(CONDITIONS, max_size=4).map(lambda ones: "{" + ",".join(ones) + "}")


def made(name: str, *matchers: str, unless: tuple[str, ...] = ()) -> Runbook:
    (one,) = read_runbooks(runbook(name, *matchers, unless=unless), "a.yaml").runbooks
    return one


RUNBOOKS = st.lists(
    st.tuples(st.lists(MATCHERS, min_size=1, max_size=3), st.lists(MATCHERS, max_size=1)), max_size=6
).map(lambda drawn: [made(f"r{at}", *ones, unless=tuple(unless)) for at, (ones, unless) in enumerate(drawn)])


def ids(found: list[Runbook]) -> list[str]:
    return [one.id for one in found]


def test_more_conditions_come_first_and_equals_by_id() -> None:
    known = [
        made("every", "{}"),
        made("z", '{node="h1"}'),
        made("a", '{node="h1"}'),
        made("best", '{node="h1"}', '{node="h1",alertname="hot"}'),
        made("other", '{node="h2"}'),
    ]
    labels = {"alertname": "hot", "node": "h1"}
    assert ids(fitting(known, labels, 9)) == ["best", "a", "z", "every"]
    assert ids(fitting(known, labels)) == ["best", "a", "z"]
    assert ids(fitting(known, {})) == ["every"]
    assert fitting(known, labels, 0) == fitting(known, labels, -1) == []


def test_a_label_that_is_absent_is_empty() -> None:
    assert specificity(made("a", '{node=""}'), {}) == 1
    assert specificity(made("a", '{node!=""}'), {}) is None


def test_unless_rules_a_runbook_out() -> None:
    one = made("a", '{metric="m"}', unless=('{alertname="MetricMissing"}',))
    assert specificity(one, {"metric": "m", "alertname": "MetricDrift"}) == 1
    assert specificity(one, {"metric": "m", "alertname": "MetricMissing"}) is None


@given(RUNBOOKS, LABELS, st.randoms(use_true_random=False), st.integers(0, 7))
def test_no_order_of_runbooks_or_labels_changes_what_fits(
    known: list[Runbook], labels: dict[str, str], chance: Random, limit: int
) -> None:
    found = fitting(known, labels, limit)
    mixed, pairs = list(known), list(labels.items())
    chance.shuffle(mixed)
    chance.shuffle(pairs)
    assert fitting(mixed, dict(pairs), limit) == found
    assert found == fitting(known, labels, 99)[:limit]


@given(RUNBOOKS, LABELS)
def test_what_fits_is_ranked_and_a_label_that_nobody_asks_for_changes_nothing(
    known: list[Runbook], labels: dict[str, str]
) -> None:
    found = fitting(known, labels, 99)
    keys = [(-(specificity(one, labels) or 0), one.id) for one in found]
    assert keys == sorted(keys)
    assert {one.id for one in known if specificity(one, labels) is not None} == set(ids(found))
    assert fitting(known, {**labels, "zone": "z1"}, 99) == found


def alert(**more: object) -> Alert:
    return Alert.model_validate(
        {
            "id": "1",
            "tenant": "default",
            "fingerprint": "f",
            "labels": {"alertname": "MetricAnomaly", "metric": "latency_ms", "severity": "mine"},
            "state": "firing",
            "priority": "P2",
            "severity": "warning",
            "entity": "service:shop",
            "signal": "latency",
            "started_ms": 0,
            "updated_ms": 0,
            "score": 1,
            "peak_score": 1,
            "observed": 1,
            "confidence": 1,
            "anomaly_id": "a",
            **more,
        }
    )


def test_an_alerts_facts_are_its_labels_and_what_else_is_known_of_it() -> None:
    assert alert_facts(alert()) == {
        "signal": "latency",
        "severity": "mine",
        "priority": "P2",
        "direction": "none",
        "alertname": "MetricAnomaly",
        "metric": "latency_ms",
    }


def test_the_change_before_an_alert_is_a_fact_of_it() -> None:
    change = NearestChange(id="1", kind="deploy", what="v2", at_ms=0)
    facts = alert_facts(alert(change=change, kind="drift"))
    assert (facts["change"], facts["kind"]) == ("deploy", "drift")
