"""Figures of how well it goes, against SQLite and PostgreSQL: those that one counts by hand."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from integrations.records import RecordsSettings
from integrations.records.sre_health import IncidentDurations
from integrations.records.store import RecordsStore, Volume
from schemas.incident_events import Alert, Incident
from schemas.notification_events import Notification
from tests.integration.stores import told
from tests.unit.integrations.serving.telling import (
    HOUR_MS,
    NOW_MS,
    alert,
    feedback,
    incident,
    member,
    notification,
    status,
    times,
)

DAY_MS = 24 * HOUR_MS


@pytest.fixture
def store(records: RecordsSettings) -> Iterator[RecordsStore]:
    with RecordsStore(records) as found:
        yield found


def drawn(seed: int, count: int = 60) -> list[Any]:
    """Incidents of three teams, some merged, each with its alerts, receivers and durations."""
    chance = random.Random(seed)
    events: list[Any] = []
    for number in range(count):
        name, team = f"i{number:02}", chance.choice(["web", "data", ""])
        took = [chance.choice([None, float(chance.randrange(1, 5000))]) for _ in range(4)]
        labels = {"team": team} if team else {}
        fields = {"started_ms": NOW_MS + number * HOUR_MS, "times": times(*took).model_dump()}
        merged = {"merged_into": "i00"} if number and chance.random() < 0.2 else {}
        state = "merged" if merged else chance.choice(["open", "resolved"])
        members = [member(f"a{number}", labels=labels).model_dump()]
        events.append(incident(name, state, NOW_MS + DAY_MS, members=members, resolved_ms=None, **fields, **merged))
        rules, receivers = ["r1", "r2", "r3"], ["pager", "tickets"]
        events += [
            alert(f"a{number}{rule}", incident_id=name, rule=rule, labels=labels or {"x": "y"})
            for rule in chance.sample(rules, chance.randrange(3))
        ]
        events += [
            notification(f"n{number}{receiver}", receiver=receiver, incident_id=name)
            for receiver in chance.sample(receivers, chance.randrange(3))
        ]
    return events


def by_hand(events: list[Any], by: str, until_ms: int) -> dict[str, list[IncidentDurations]]:
    """Durations of incidents by group, as a reader of the log would note them down."""
    named: dict[str, set[str]] = {}
    for one in events:
        if (by, type(one)) in (("rule", Alert), ("route", Notification)):
            named.setdefault(one.incident_id, set()).add(one.rule if by == "rule" else one.receiver)
    found: dict[str, list[IncidentDurations]] = {}
    for one in events:
        if isinstance(one, Incident) and one.state != "merged" and one.started_ms < until_ms:
            groups = {"all": {""}, "team": {one.members[0].labels.get("team", "")}}.get(by) or named.get(one.id) or {""}
            took = one.times
            all_took = took.to_detect_s, took.to_acknowledge_s, took.to_mitigate_s, took.to_resolve_s
            for group in groups:
                found.setdefault(group, []).append(IncidentDurations(*all_took))
    return found


@pytest.mark.parametrize("by", ["all", "team", "rule", "route"])
def test_repair_times_are_those_counted_by_hand(records: RecordsSettings, store: RecordsStore, by: Any) -> None:
    events, until_ms = drawn(7), NOW_MS + 50 * HOUR_MS
    told(records, *events)
    expected = by_hand(events, by, until_ms)
    found = store.mttr("shop", by, until_ms=until_ms)
    assert [one.group for one in found] == sorted(expected)
    for one in found:
        assert one.incidents == len(expected[one.group])
        spreads = one.detect, one.acknowledge, one.mitigate, one.resolve
        for spread, column in zip(spreads, zip(*expected[one.group], strict=True), strict=True):
            known = [value for value in column if value is not None]
            assert spread.n == len(known) > 0
            assert spread.mean_s == pytest.approx(statistics.fmean(known))
            assert spread.median_s == pytest.approx(np.median(known))
            assert spread.p90_s == pytest.approx(np.quantile(known, 0.9))


def test_an_incident_that_others_were_merged_into_counts_once_with_their_rules(
    records: RecordsSettings, store: RecordsStore
) -> None:
    told(
        records,
        incident("i0", "resolved", aliases=["i1"], times=times(1.0, None, None, 60.0).model_dump()),
        incident("i1", "merged", merged_into="i0", times=times(2.0, None, None, 70.0).model_dump()),
        alert("a", incident_id="i1", rule="disk"),
    )
    (found,) = store.mttr("shop", "rule")
    assert (found.group, found.incidents, found.resolve.mean_s) == ("disk", 1, 60.0)
    assert store.mttr("shop", "rule", since_ms=NOW_MS + 1) == []


def test_alerts_are_counted_by_day_shift_team_and_receiver(records: RecordsSettings, store: RecordsStore) -> None:
    midnight_ms = NOW_MS - NOW_MS % DAY_MS
    hours = {"a": 5, "b": 6, "c": 13, "d": 30}
    events = [
        alert(name, started_ms=midnight_ms + hour * HOUR_MS, labels={"team": "web" if name < "c" else "data"})
        for name, hour in hours.items()
    ]
    told(records, *events, status("a", receivers=["pager", "tickets"]), status("b", receivers=[]))
    assert store.volume("shop") == [Volume(midnight_ms, "", 3), Volume(midnight_ms + DAY_MS, "", 1)]
    shifts = [(one.start_ms, one.alerts) for one in store.volume("shop", "shift")]
    starts = [(-2, 1), (6, 2), (30, 1)]
    assert shifts == [(midnight_ms + hour * HOUR_MS, count) for hour, count in starts]
    assert store.volume("shop", "all", "team") == [Volume(None, "data", 2), Volume(None, "web", 2)]
    by_route = {one.group: one.alerts for one in store.volume("shop", "all", "route")}
    assert by_route == {"pager": 1, "tickets": 1, "": 3}
    assert store.volume("shop", until_ms=midnight_ms + 6 * HOUR_MS) == [Volume(midnight_ms, "", 1)]


def test_the_share_of_false_alerts_is_of_those_that_were_labelled(
    records: RecordsSettings, store: RecordsStore
) -> None:
    verdicts = ["actioned"] * 6 + ["false"] * 3 + ["duplicate"]
    events = [alert(f"a{n}", rule="disk") for n in range(20)] + [alert("x", rule="cpu")]
    told(records, *events, *(feedback(f"a{n}", verdict) for n, verdict in enumerate(verdicts)))
    cpu, disk = store.accuracy("shop")
    assert (disk.group, disk.alerts, disk.labelled) == ("disk", 20, 10)
    assert (disk.actioned.share, disk.false.share, disk.duplicate.share) == (0.6, 0.3, 0.1)
    assert disk.false.low < 0.3 < disk.false.high
    assert (cpu.labelled, cpu.false.share, cpu.false.low, cpu.false.high) == (0, None, 0.0, 1.0)
    (everything,) = store.accuracy("shop", "all")
    assert (everything.alerts, everything.labelled) == (21, 10)
