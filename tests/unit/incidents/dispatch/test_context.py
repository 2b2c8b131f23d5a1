"""What a notification carries: telling series, forecasts, changes, budgets, runbooks, links, how sure it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from incidents.dispatch.context import MAX_BYTES, confidence_of, context_of, fitted, windows_of
from incidents.dispatch.settings import DispatchSettings
from incidents.dispatch.subjects import Subject, routing_labels
from schemas.change_events import NearestChange
from schemas.events import WindowVerdict
from schemas.notification_events import NotificationContext, SignalExcerpt
from tests.unit.incidents.dispatch.conftest import T0_MS, Fed, make_alert

HOUR = [(T0_MS - 60_000, 0.1), (T0_MS, 0.9)]


def subject(name: str = "DiskFull", node: str = "h1", **fields: Any) -> Subject:
    """An alert as routing sees it."""
    alert = make_alert(name, node, **fields)
    return Subject(alert, labels=routing_labels(alert, alert.incident_id, alert.priority), priority=alert.priority)


def test_the_five_highest_peaks_are_shown_one_a_series_name_and_entity() -> None:
    told = [subject("Cpu", f"h{at}", recent=HOUR, peak_score=float(at), source="anomaly") for at in range(1, 8)]
    again = subject("Cpu", "h7", since_s=-60, recent=[(T0_MS, 5.0)], peak_score=70.0, unit="%")
    found = context_of([*told, again], [], {}, T0_MS)
    assert found is not None
    assert [one.entity for one in found.signals] == ["node:h7", "node:h6", "node:h5", "node:h4", "node:h3"]
    assert found.signals[0] == SignalExcerpt(signal="cpu", entity="node:h7", unit="%", points=[(T0_MS, 5.0)])


def test_alerts_that_say_nothing_make_no_context() -> None:
    assert context_of([subject()], [subject("Other")], {}, T0_MS) is None


def test_other_alerts_of_the_incident_are_evidence() -> None:
    change = NearestChange(id="d1", kind="deploy", what="checkout 2.1", at_ms=T0_MS)
    cause = subject("Cpu", recent=HOUR, peak_score=9.0, change=change, runbooks=["cpu-high"])
    found = context_of([subject("Slow")], [cause], {}, T0_MS)
    assert found is not None
    assert [one.signal for one in found.signals] == ["cpu"]
    assert (found.changes, found.runbooks) == ([change], ["cpu-high"])


def test_a_budget_says_what_is_left_and_for_how_long() -> None:
    told = {"summary": "checkout burns", "budget_left": "62 %", "exhausted_in": "14 hours"}
    found = context_of([subject("Burn", source="slo", annotations=told)], [], {}, T0_MS)
    assert found is not None
    assert found.budgets == ["checkout burns; 62 % of its budget is left; as it burns, that is spent in 14 hours"]


def test_links_are_filled_in_with_what_routes_see_and_with_the_time() -> None:
    links = {
        "Logs": "https://logs/?q={node}&from={from_ms}&to={to_ms}",
        "Incident": "https://console/{incident_id}?p={priority}",
        "Pods": "https://k8s/{pod}",
    }
    found = context_of([subject(node="h/1 &x")], [], links, T0_MS + 5000)
    assert found is not None
    assert found.links == {
        "Logs": f"https://logs/?q=h%2F1%20%26x&from={T0_MS - 3_600_000}&to={T0_MS + 5000}",
        "Incident": "https://console/i1?p=P2",
    }


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("logs/{node}", "does not begin with http"),
        ("javascript://host/{node}", "does not begin with http"),
        ("https://{cluster}.example.com/", "names a label"),
        ("https://a.example.com@{node}/", "names a label"),
        ("https://logs/{node", "a brace stands alone"),
        ("https://logs/?q={node} x", "a space"),
        ("https://[::1/{node}", "no address"),
    ],
)
def test_a_link_that_leads_nowhere_is_refused(address: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        DispatchSettings(links={"logs": address})


# A text and how often it is repeated: long ones stay readable in a report of a failure.
TEXTS = st.tuples(st.text(min_size=1, max_size=5), st.sampled_from([1, 10, 1000, 20_000]))
POINTS = st.tuples(st.integers(0, 10**15), st.floats(allow_nan=False))
SIGNALS = st.tuples(TEXTS, POINTS, st.integers(0, 60))


def long(text: tuple[str, int]) -> str:
    return text[0] * text[1]


@given(
    signals=st.lists(SIGNALS, max_size=5),
    changes=st.lists(TEXTS, max_size=10),
    texts=st.fixed_dictionaries(
        {name: st.lists(TEXTS, max_size=10) for name in ("forecasts", "budgets", "runbooks", "links")}
    ),
)
@settings(max_examples=60, deadline=None)
def test_a_context_is_never_too_large_and_says_when_something_is_missing(
    signals: list[tuple[tuple[str, int], tuple[int, float], int]],
    changes: list[tuple[str, int]],
    texts: dict[str, list[tuple[str, int]]],
) -> None:
    found: dict[str, list[Any]] = {name: [*map(long, values)] for name, values in texts.items()}
    found["links"] = [(f"{at}", address) for at, address in enumerate(found["links"])]
    found["signals"] = [
        SignalExcerpt(signal=long(name), entity="node:h1", points=[point] * times) for name, point, times in signals
    ]
    found["changes"] = [
        NearestChange(id="c", kind="deploy", what="x", at_ms=0, labels={"service": long(text)}) for text in changes
    ]
    made = fitted(found)
    kept = {**{name: getattr(made, name) for name in found}, "links": [*made.links.items()]}
    assert len(made.model_dump_json().encode()) <= MAX_BYTES
    assert made.truncated == (kept != found)
    assert all(values[: len(kept[name])] == kept[name] for name, values in found.items())
    whole = NotificationContext(**{**found, "links": dict(found["links"])})
    if len(whole.model_dump_json().encode()) <= MAX_BYTES - 512:
        assert made == whole


def test_more_than_ten_of_a_kind_are_cut_and_said_to_be() -> None:
    told = [subject("A", f"h{at}", runbooks=[f"r{at}"]) for at in range(11)]
    found = context_of(told, [], {}, T0_MS)
    assert found is not None
    assert (len(found.runbooks), found.truncated) == (10, True)


@pytest.mark.parametrize(
    ("what", "fields", "expected"),
    [
        ("an anomaly is likely so far", {"source": "anomaly", "kind": "spike", "confidence": 0.91}, {"value": 0.91}),
        (
            "a forecast has bounds",
            {"source": "anomaly", "kind": "trend", "confidence": 0.8, "seconds_left_80": (3600.0, 7200.0)},
            {"lo": 3600.0, "hi": 7200.0, "level": 0.8, "value": 0.8, "of": "seconds_left"},
        ),
        (
            "one bound may be open",
            {"source": "anomaly", "kind": "trend", "confidence": 0.8, "seconds_left_80": (3600.0, None)},
            {"lo": 3600.0, "level": 0.8, "value": 0.8, "of": "seconds_left"},
        ),
        ("a limit is crossed or not", {"source": "anomaly", "kind": "limit"}, None),
        ("an objective is counted", {"source": "slo"}, None),
        ("who posted it is certain", {"source": "posted"}, None),
    ],
)
def test_confidence_is_told_where_something_was_estimated(
    what: str, fields: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    found = confidence_of(make_alert(**fields))
    assert (None if found is None else found.model_dump(exclude_none=True)) == expected, what


def test_a_window_of_the_other_side_does_not_agree() -> None:
    verdict = WindowVerdict(window="7d", score=3.0, direction="down", agrees=False)
    assert windows_of(make_alert(windows=[verdict])) == {"7d": "otherwise, down, score 3"}


def test_a_notification_says_how_sure_it_is_and_what_each_window_says(fed: Fed) -> None:
    fed.incident(priority="P0")
    window = WindowVerdict(window="5m", score=12.3, direction="up", agrees=True)
    fed.alert("Slow", priority="P0", source="anomaly", kind="spike", confidence=0.9, windows=[window])
    (told,) = fed.notifications()
    assert told.context is None
    assert told.confidence is not None
    assert told.confidence.value == 0.9
    assert told.windows == {"5m": "anomalous, up, score 12.3"}


def test_a_page_shows_what_other_alerts_of_its_incident_saw(fed: Fed) -> None:
    fed.incident()
    fed.alert("Cpu", recent=HOUR, peak_score=3.0, source="anomaly", kind="spike", runbooks=["cpu-high"])
    fed.incident(priority="P0", revision=2)
    fed.alert("Slow", priority="P0", source="anomaly", kind="spike")
    told = fed.notifications()[-1]
    assert told.context is not None
    assert [one.signal for one in told.context.signals] == ["cpu"]
    assert told.context.signals[0].points == HOUR
    assert told.context.runbooks == ["cpu-high"]
