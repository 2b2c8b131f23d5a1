"""What is normal has versions: kept, rolled back, and written down; limits move slowly."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.errors import SchemaError
from schemas.events import Anomaly, AuditEntry
from tests.unit.models.rooms import HOUR, Room, noise, shifted


def test_each_accepted_level_is_a_version_of_its_own() -> None:
    room = shifted()
    start, end = room.feed(noise(2 * HOUR, 70.0, 9))
    assert (start.direction, end.end_reason) == ("up", "level_shift")
    (entry,) = room.audit()
    assert (entry.action, entry.version) == ("baseline_accepted", 2)


def test_the_level_before_is_kept_for_a_week() -> None:
    room = shifted()
    assert room.feed(noise(8 * 24 * HOUR, 40.0, 9)) == []
    room.roll_back()
    assert room.feed(noise(HOUR, 40.0, 10)) == []
    assert room.audit() == []


def test_a_rollback_makes_the_level_before_normal_until_the_series_is_back() -> None:
    room = shifted()
    room.roll_back()
    (start,) = room.feed(noise(3 * HOUR, 40.0, 9))
    assert (start.state, start.direction) == ("start", "up")
    (entry,) = room.audit()
    assert (entry.action, entry.version) == ("baseline_rolled_back", 0)
    assert (entry.before, entry.after) == (pytest.approx(40.0, abs=4.0), pytest.approx(20.0, abs=1.0))
    (end,) = room.feed(noise(HOUR, 20.0, 10))
    assert (end.end_reason, end.id) == ("recovered", start.id)
    start, end = room.feed(noise(HOUR, 40.0, 11))
    assert end.end_reason == "level_shift"


def test_a_rollback_holds_from_its_time_on_and_asks_nothing_of_others() -> None:
    room = shifted()
    room.roll_back(series_id="0" * 16)
    room.roll_back(tenant="other")
    assert room.feed(noise(HOUR, 40.0, 9)) == []
    fresh = Room()
    fresh.feed(noise(6 * HOUR, 20.0))
    fresh.roll_back()
    assert fresh.feed(noise(HOUR, 20.0, 8)) == []
    assert room.audit() == fresh.audit() == []
    with pytest.raises(SchemaError, match="baselines: action"):
        room.roll_back(action="forget")


TUESDAY_10_MS = 1_700_560_800_000
DAY = 288
"""Of samples every five minutes."""


def days_of(room: Room, days: float, level: float, swing: float) -> list[Anomaly]:
    """A level with a daily cycle, for some days."""
    samples = int(days * DAY)
    hours = (room.at_ms / 3_600_000 + np.arange(samples) / 12) % 24
    return room.feed(noise(samples, level, room.at_ms % 97) + swing * np.sin(2 * np.pi * hours / 24))


@pytest.mark.parametrize(
    ("known", "swing", "until"),
    [
        pytest.param(5, 0.0, 1.1, id="a level of five days, rolled back a day after"),
        pytest.param(5, 5.0, 3.1, id="a daily cycle of five days, rolled back three days after"),
        pytest.param(21, 0.0, 1.1, id="a level of three weeks, rolled back a day after"),
        pytest.param(21, 5.0, 1.1, id="a daily cycle of three weeks, rolled back a day after"),
        pytest.param(21, 5.0, 6.5, id="a daily cycle of three weeks, rolled back a week after"),
    ],
)
def test_no_time_makes_a_rolled_back_level_normal(known: int, swing: float, until: float) -> None:
    room = Room(TUESDAY_10_MS - known * 86_400_000, 300_000)
    days_of(room, known, 20.0, swing)
    assert days_of(room, until, 40.0, swing)[1].end_reason == "level_shift"
    room.roll_back()
    other = Room(room.at_ms, 300_000)
    other.operator = room.operator
    other.restore()
    (start,) = days_of(room, 8, 40.0, swing)
    assert (start.state, start.direction) == ("start", "up")
    assert room.operator.bank.slots[0]["score"] > 1.5
    (end,) = days_of(room, 0.5, 20.0, swing)
    assert (end.end_reason, end.id) == ("recovered", start.id)
    days_of(room, 1.5, 20.0, swing)
    again = days_of(room, 0.1, 40.0, swing)
    assert [one.end_reason for one in again] == [None, "level_shift"]
    assert days_of(other, 8, 40.0, swing) == [start]
    assert days_of(other, 0.5, 20.0, swing) == [end]


def test_a_series_that_is_back_at_once_is_not_held() -> None:
    room = shifted()
    room.roll_back()
    assert room.feed(noise(2 * HOUR, 20.0, 9)) == []
    start, end = room.feed(noise(2 * HOUR, 40.0, 10))
    assert (start.direction, end.end_reason) == ("up", "level_shift")


def test_versions_go_through_a_checkpoint() -> None:
    room, other = shifted(), shifted()
    other.restore()
    for one in (room, other):
        one.roll_back()
    found = [one.feed(np.concatenate([noise(HOUR, 40.0, 9), noise(HOUR, 20.0, 10)])) for one in (room, other)]
    assert found[0] == found[1] != []
    assert room.audit() == other.audit() != []


def test_a_settled_limit_moves_by_a_fifth_of_its_range_a_day_and_says_so() -> None:
    room = Room()
    wander = np.random.default_rng(3)
    days = [noise(24 * HOUR, 20.0, day) + np.repeat(wander.normal(0, 1.0, 48), HOUR // 2) for day in range(4)]
    for values in days:
        room.feed(values)
    room.operator.take_audit()
    row = room.operator.bank.slots[0]
    before = row["tail"].copy()
    entries: list[AuditEntry] = []
    # What three days of a week have reached would count at once.
    for day in range(2):
        room.feed(noise(24 * HOUR, 20.0, day + 50) + np.repeat(wander.normal(0, 2.0, 48), HOUR // 2))
        width = before[:2, 1] - before[:2, 0]
        now = row["tail"][:2, 1] - row["tail"][:2, 0]
        assert np.isfinite(now).all()
        assert (now <= 1.2 * width + 1e-9).all()
        assert (now > 1.05 * width).any()
        before = row["tail"].copy()
        entries += [one for one in room.operator.take_audit() if one.action == "limit_moved"]
    assert row["version"] == 0
    assert entries
    assert {one.of for one in entries} <= {"15m low", "15m high", "1h low", "1h high", "24h low", "24h high"} | {
        "7d low",
        "7d high",
    }
    assert all("a fifth of the range a day" in one.why for one in entries)
    assert len({one.id for one in entries}) == len(entries)
