from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from schemas.slo_events import SloAlert, SloSlice, SloStatus, Spender
from tests.unit.slo.feeding import Feed


def test_a_slice_is_written_as_columns_and_read_again() -> None:
    record = SloSlice(
        tenant="t",
        partition=3,
        slice_ms=5000,
        slice_s=5,
        slos=["t/a", "t/b"],
        good=[9, -1],
        bad=[1, 5],
        unknown=[0, 2],
        spenders={"t/a": [Spender(entity="node-1", bad=1)]},
    )
    assert SloSlice.from_bytes(record.to_bytes()) == record
    assert record.key == "t/3/5"


@pytest.mark.parametrize("fields", [{"good": []}, {"good": [float("nan")]}, {"unknown": [1.0, 2.0]}])
def test_columns_that_cannot_be_counts_are_refused(fields: dict[str, Any]) -> None:
    given = {"partition": 0, "slice_ms": 0, "slice_s": 5, "slos": ["t/a"], "good": [1.0], "bad": [0.0]}
    with pytest.raises(ValidationError):
        SloSlice(**(given | fields))


def test_a_status_is_the_same_as_bytes_and_as_an_event(feed: Callable[..., Feed]) -> None:
    counting = feed(sla=0.99)
    counting.go(800, bad=1.0)
    status = counting.engine.status(counting.key)
    event = status.event()
    assert SloStatus.from_bytes(status.to_bytes()) == event
    assert event.key == counting.key
    assert event.exhausted_in is not None
    assert event.budget("weekly").total == 80_000
    with pytest.raises(KeyError):
        event.model_copy(update={"budgets": []}).budget("daily")


def test_an_alert_of_an_objective_is_an_event(feed: Callable[..., Feed]) -> None:
    counting = feed()
    counting.go(800, bad=50.0)
    found = [one.event() for one in counting.alerts]
    assert {one.state for one in found} <= {"start", "update"}
    assert SloAlert.from_bytes(found[0].to_bytes()) == found[0]
    assert found[0].slo == "checkout"


def test_an_alert_says_since_when_others_of_its_kind_are_open_with_it(feed: Callable[..., Feed]) -> None:
    counting = feed()
    counting.go(1500)
    counting.go(700, bad=5.0)
    open_ms: dict[bool, dict[str, int]] = {True: {}, False: {}}
    for one in (turn.event() for turn in counting.alerts):
        alike = open_ms[one.kind in {"budget", "sla"}]
        alike[one.alert] = one.started_ms
        if one.state == "end":
            del alike[one.alert]
        assert one.since_ms == min([one.started_ms, *alike.values()])
    tiers = [turn for turn in counting.alerts if turn.kind == "burn"]
    assert len({one.started_ms for one in tiers}) > 1
    assert {one.since_ms for one in tiers} == {tiers[0].started_ms}
