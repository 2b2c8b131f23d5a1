"""What records change in the serving store, step by step."""

from __future__ import annotations

import pytest

from integrations.project import Record
from integrations.serving.documents import ORPHAN, Change, Layout, change_of, topics
from schemas.base import Event
from schemas.errors import NewerVersionError, SchemaError
from schemas.topics import ALERTS, CATALOGUE, INCIDENTS, SILENCES, TIMELINE, Topic
from tests.unit.integrations.serving.telling import (
    NOW_MS,
    TOPIC_OF,
    alert,
    entry,
    feedback,
    incident,
    notification,
    result,
    silence,
    status,
)

LAYOUT = Layout("p:", 10)
ROOT = "p:v1:t:shop:"


def change(event: Event) -> Change:
    found = change_of(Record(TOPIC_OF[type(event)].name, 0, 7, b"shop/x", event.to_bytes(), NOW_MS), LAYOUT)
    assert found is not None
    return found


def words(found: Change) -> list[tuple[object, ...]]:
    """Its commands, keys without what all of them begin with, and documents cut out."""
    return [
        tuple(
            one.removeprefix(ROOT) if isinstance(one, str) else "..." if isinstance(one, bytes) else one for one in step
        )
        for step in (step.arguments for step in found.steps)
    ]


def tombstone(topic: Topic, key: bytes) -> Change | None:
    return change_of(Record(topic.name, 0, 7, key, None, NOW_MS), LAYOUT)


def test_every_topic_that_is_served_names_the_role_as_its_reader() -> None:
    read = {topic.name for topic in CATALOGUE if "project" in topic.readers}
    assert read <= {topic.name for topic in topics()}


def test_a_firing_alert_has_not_ended_and_one_that_ended_does_not_fire() -> None:
    assert words(change(alert("a")))[1:] == [
        ("ZADD", "alerts.started", NOW_MS, "a"),
        ("ZADD", "alerts.firing", NOW_MS, "a"),
        ("ZREM", "alerts.ended", "a"),
    ]
    ended = words(change(alert("a", "resolved")))
    assert ("ZREM", "alerts.firing", "a") in ended
    assert ("ZADD", "alerts.ended", NOW_MS + 3_600_000, "a") in ended


@pytest.mark.parametrize("event", [status("a"), feedback("a")], ids=["status", "feedback"])
def test_what_is_said_of_an_alert_goes_when_that_does(event: Event) -> None:
    orphan = (ORPHAN, "alerts", "aliases", "alerts.ended", "a", NOW_MS)
    assert orphan in words(change(event))


def test_of_a_merged_incident_the_name_stays() -> None:
    assert words(change(incident("i1", "merged", merged_into="i0"))) == [
        ("HSET", "aliases", "i1", "i0"),
        ("HDEL", "incidents", "i1"),
        ("ZREM", "incidents.updated", "i1"),
        ("ZREM", "incidents.ended", "i1"),
    ]
    assert ("HSET", "aliases", "i1", "i0") in words(change(incident("i0", aliases=["i1"])))


@pytest.mark.parametrize(
    ("state", "over"), [("open", False), ("mitigated", False), ("resolved", True), ("reviewed", True)]
)
def test_an_incident_that_is_open_again_has_not_ended(state: str, over: bool) -> None:
    found = words(change(incident("i", state)))
    assert (("ZADD", "incidents.ended", NOW_MS, "i") in found) is over
    assert (("ZREM", "incidents.ended", "i") in found) is not over


def test_a_timeline_is_cut_to_its_newest_entries() -> None:
    assert ("ZREMRANGEBYRANK", "timeline:i", 0, -11) in words(change(entry(1, "i")))


def test_a_result_goes_after_an_hour_and_is_told_to_nobody_who_looks_on() -> None:
    found = change(result("c"))
    assert words(found) == [("SET", "result:c", "...", "PX", 3_600_000)]
    assert found.subject == ""


def test_a_notifications_context_is_not_served() -> None:
    (put, _) = change(notification("n")).steps
    assert b"forecasts" in notification("n").to_bytes()
    assert b"forecasts" not in bytes(put.arguments[3])  # type: ignore[arg-type]


def test_tombstones_take_what_they_name() -> None:
    gone = tombstone(SILENCES, b"shop/s1")
    assert gone is not None
    assert words(gone) == [("HDEL", "silences", "s1"), ("ZREM", "silences.ends", "s1")]
    assert tombstone(TIMELINE, b"shop/i") is None
    with pytest.raises(SchemaError):
        tombstone(SILENCES, b"nonsense")


def test_what_cannot_be_read_is_refused() -> None:
    with pytest.raises(SchemaError):
        change_of(Record(ALERTS.name, 0, 0, b"k", b"nonsense", NOW_MS), LAYOUT)
    newer = silence("s").to_bytes().replace(b'"v":1', b'"v":99')
    with pytest.raises(NewerVersionError):
        change_of(Record(SILENCES.name, 0, 0, b"k", newer, NOW_MS), LAYOUT)


def test_a_forgotten_incident_leaves_no_rank() -> None:
    gone = tombstone(INCIDENTS, b"shop/i")
    assert gone is not None
    assert ("ZREM", "incidents.updated", "i") in words(gone)
