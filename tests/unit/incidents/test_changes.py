"""The change before an alert: the nearest that fits, whenever it arrives; and none where none fits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.changes import ChangeBook, fits
from incidents.decide import DecideOperator, DecideSettings
from schemas.change_events import Change
from schemas.errors import SchemaError
from schemas.events import Anomaly
from schemas.ids import decide_partition
from schemas.incident_events import Alert
from schemas.topics import ALERTS, CHANGES, INCIDENTS

Make = Callable[..., Anomaly]
DAY_MS = 86_400_000


def change(what: str = "abc", at_s: float = 900, tenant: str = "default", **fields: Any) -> Change:
    body = {"id": f"{what}-{at_s}", "kind": "deploy", "labels": {"node": "h1", "service": "checkout"}}
    return Change.model_validate({"tenant": tenant, "what": what, "at_ms": round(at_s * 1000), **body, **fields})


def operator(**fields: Any) -> DecideOperator:
    return DecideOperator(DecideSettings(**fields), 0, 1)


def named(decide: DecideOperator) -> list[str | None]:
    return [one.change.what if one.change else None for one in decide.alerts()]


@pytest.mark.parametrize(
    ("where", "fit"),
    [
        ({}, True),
        ({"node": "h1"}, True),
        ({"node": "h2"}, False),
        ({"node": "h1", "region": "eu"}, True),
        ({"node": "h1", "region": "us"}, False),
        ({"region": "eu"}, True),
        ({"cluster": "c1"}, False),
        ({"service": "checkout"}, False),
        ({"service": "checkout", "region": "eu"}, False),
        ({"service": "checkout", "node": "h1"}, True),
    ],
)
def test_a_change_fits_what_it_names(where: dict[str, str], fit: bool) -> None:
    assert fits(where, {"alertname": "MetricAnomaly", "node": "h1", "region": "eu"}) is fit


def test_a_drift_says_which_change_came_before_it(anomaly: Make) -> None:
    decide = operator()
    decide.step(CHANGES.name, change(at_s=820, url="https://ci.example/abc").to_bytes())
    sentence = "CPU of node h1 is up 20 %: 41 % to 49 % since 00:16; seen at 01:10:00"
    drift = anomaly(kind="drift", detector="drift", start_s=4200, changed_ms=1_000_000, explanation=sentence)
    (sent,) = decide.on_anomaly(drift)
    alert = Alert.from_bytes(sent.value)
    assert alert.annotations["explanation"] == f"{sentence}; began 3 minutes after deploy abc of checkout"
    assert alert.annotations["summary"].endswith("; began 3 minutes after deploy abc of checkout")
    assert alert.change is not None
    assert (alert.change.at_ms, alert.change.url) == (820_000, "https://ci.example/abc")


def test_without_a_change_nothing_is_blamed(anomaly: Make) -> None:
    decide = operator(change_window_s=60)
    for one in (
        change("other node", 990, labels={"node": "h2"}),
        change("other tenant", 990, tenant="acme"),
        change("too old", 939),
        change("later", 1061),
    ):
        decide.on_change(one)
    decide.on_anomaly(anomaly())
    decide.on_anomaly(anomaly(kind="trend", detector="disk_full", metric="disk"))
    assert named(decide) == [None, None]
    assert "change" not in decide.alerts()[0].to_bytes().decode()
    assert "began" not in decide.alerts()[0].annotations["summary"]


def test_the_nearest_of_several_is_named_and_one_that_comes_late_too(anomaly: Make) -> None:
    decide = operator()
    decide.on_change(change("far", 700))
    decide.on_change(change("near", 980))
    decide.on_anomaly(anomaly())
    assert named(decide) == ["near"]
    sent = decide.on_change(change("nearest", 990, kind="config"))
    assert [one.topic for one in sent] == [ALERTS]
    assert named(decide) == ["nearest"]
    (incident,) = decide.on_tick(1_010_000)
    assert incident.topic == INCIDENTS
    assert b"began with config nearest of checkout" in incident.value
    assert decide.on_change(change("nearest", 990, kind="config")) == []
    assert decide.on_change(change("farther", 800)) == []


def test_what_was_told_of_a_change_is_corrected_by_its_id(anomaly: Make) -> None:
    decide = operator()
    decide.on_change(change("abc", 900, id="7"))
    decide.on_anomaly(anomaly())
    decide.on_change(change("abd", 910, id="7"))
    decide.on_change(change("abc", 900, id="7"))
    assert named(decide) == ["abd"]
    decide.on_change(change("abd", 2000, id="7"))
    assert named(decide) == [None]


EVENTS = st.lists(
    st.one_of(
        st.builds(
            dict,
            metric=st.sampled_from(["cpu", "memory"]),
            node=st.sampled_from(["h1", "h2"]),
            start_s=st.integers(10, 20).map(lambda n: 100 * n),
            tenant=st.sampled_from(["default", "acme"]),
        ),
        st.builds(
            change,
            what=st.sampled_from(["abc", "def"]),
            at_s=st.integers(0, 200).map(lambda n: 10 * n),
            tenant=st.sampled_from(["default", "acme"]),
            id=st.sampled_from(["1", "2", "3", "4", "5", "6", "7", "8"]),
            labels=st.sampled_from([{}, {"node": "h1"}, {"node": "h2", "service": "s"}, {"service": "s"}]),
        ),
    ),
    min_size=6,
    max_size=20,
)


@given(events=EVENTS, data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_order_and_any_kill_name_the_same_changes(
    anomaly: Make, events: list[dict[str, Any] | Change], data: st.DataObject
) -> None:
    outcomes = []
    for order in (events, data.draw(st.permutations(events))):
        decide = operator(change_window_s=500)
        killed_at = data.draw(st.integers(0, len(order)))
        for position, one in enumerate(order):
            if position == killed_at:
                decide = restored(decide, change_window_s=500)
            decide.on_change(one) if isinstance(one, Change) else decide.on_anomaly(anomaly(**one))
        outcomes.append([one.model_dump(exclude={"incident_id", "page_key"}) for one in decide.alerts()])
    assert outcomes[0] == outcomes[1]


def test_old_changes_go_and_too_many_too_but_what_was_named_stays(anomaly: Make) -> None:
    decide = operator(retention_s=10 * 86_400)
    decide.on_change(change())
    decide.on_anomaly(anomaly())
    decide.take_blocks()
    decide.on_anomaly(anomaly("memory", state="update", at_s=1000 + 3 * 86_400))
    decide.on_tick(1_000_000 + 3 * DAY_MS)
    assert dict(decide.take_blocks())["change/default/abc-900"] is None
    assert decide.alerts()[0].change is not None
    book = ChangeBook(3_600_000)
    for number in range(1500):
        book.put(change(at_s=10 + number))
    assert len(book.forget(0)) == 500
    assert book.at("default/abc-509") is None
    assert book.at("default/abc-510") is not None


def test_a_change_of_another_partition_is_sent_there_once() -> None:
    right = decide_partition("default", 8)
    wrong = DecideOperator(DecideSettings(), (right + 1) % 8, 8)
    (sent,) = wrong.step(CHANGES.name, change().to_bytes())
    assert (sent.topic, sent.partition, sent.key) == (CHANGES, right, "default/checkout")
    assert wrong.take_blocks() == []
    with pytest.raises(SchemaError, match="misplaced still"):
        wrong.step(CHANGES.name, sent.value)


def test_an_alert_of_a_checkpoint_from_before_changes_is_read(anomaly: Make) -> None:
    decide = operator()
    decide.on_anomaly(anomaly())
    older = operator()
    for key, value in decide.take_blocks():
        assert value is not None
        body = msgspec.msgpack.decode(value)
        body.pop("change", None)
        older.load_block(key, msgspec.msgpack.encode(body))
    older.finish_load()
    assert older.alerts() == decide.alerts()


def restored(decide: DecideOperator, **fields: Any) -> DecideOperator:
    """A twin from the other's blocks; all of them, for none was taken before."""
    twin = operator(**fields)
    for key, value in decide.take_blocks():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    return twin


def test_a_time_in_seconds_is_refused_with_the_reason() -> None:
    good = change(at_s=1_795_837_519)
    with pytest.raises(SchemaError, match="in seconds, where milliseconds"):
        Change.from_bytes(good.to_bytes().replace(b"1795837519000", b"1795837519"))
