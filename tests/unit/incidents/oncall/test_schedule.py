"""Whose turn it is: overrides before shifts, the highest level, and gaps."""

from __future__ import annotations

import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.oncall.book import OnCallBook, uncovered
from incidents.oncall.calendar import RotaCalendar
from incidents.oncall.schedule import LOOKAHEAD_MS, OnCallSchedule
from schemas.errors import SchemaError
from tests.unit.incidents.oncall.calendars import GOOGLE, LEVELS, calendar, event, ms

UTC = ZoneInfo("UTC")
HOUR_MS = 3_600_000


def rota(text: str, name: str = "rota.ics") -> RotaCalendar:
    return RotaCalendar(text, name, UTC)


def covers(who: str, start: str, end: str) -> str:
    return event(who, f":{start}Z", f":{end}Z")


OVERRIDE = rota(calendar(covers("eve", "20260105T100000", "20260105T110000")), "overrides.ics")


def test_the_highest_level_is_on_call_and_below_it_who_is_left() -> None:
    schedule = OnCallSchedule("eu", [rota(LEVELS)])
    turns = schedule.turns(ms("2026-01-05"), ms("2026-01-06"))
    assert [(one.people, (one.until_ms - one.from_ms) // HOUR_MS) for one in turns] == [
        (("ann", "bob"), 6),
        (("dora",), 6),
        (("ann", "bob"), 12),
    ]


def test_an_override_counts_before_every_level_while_it_lasts() -> None:
    schedule = OnCallSchedule("eu", [rota(LEVELS)], [OVERRIDE])
    found = schedule.at(ms("2026-01-05T10:30"))
    assert found == (("eve",), "override", ms("2026-01-05T10:30"), ms("2026-01-05T11:00"), "overrides.ics")
    assert schedule.at(ms("2026-01-05T11:00"))[:2] == (("dora",), "shift")


def test_shifts_of_one_level_in_several_calendars_are_on_call_together() -> None:
    other = rota(calendar(covers("[L1] fay", "20260105T000000", "20260106T000000")), "b.ics")
    schedule = OnCallSchedule("eu", [rota(LEVELS), other])
    assert schedule.at(ms("2026-01-05T01:00")).people == ("ann", "bob", "fay")


def test_a_turn_ends_when_the_people_change_and_not_when_a_shift_does() -> None:
    schedule = OnCallSchedule("eu", [rota(LEVELS.replace("dora", "ann\\, bob"))])
    assert schedule.at(ms("2026-01-05T00:00")).until_ms == ms("2026-01-10")


def test_while_it_is_nobodys_turn_that_is_said_with_the_end_of_the_gap() -> None:
    schedule = OnCallSchedule("eu", [rota(GOOGLE)], fallback="managers", time_zone=ZoneInfo("Europe/Berlin"))
    found = schedule.at(ms("2026-01-10T12:00"))
    assert (found.people, found.source, found.until_ms) == ((), "gap", ms("2026-01-12T08:00"))
    assert OnCallSchedule("none", []).at(0).until_ms == LOOKAHEAD_MS


def test_gaps_are_all_that_no_shift_covers() -> None:
    text = calendar(
        covers("ann", "20260105T000000", "20260105T120000"), covers("bob", "20260105T130000", "20260106T000000")
    )
    (gap,) = OnCallSchedule("eu", [rota(text)]).gaps(ms("2026-01-05"), ms("2026-01-06"))
    assert gap == ("eu", ms("2026-01-05T12:00"), ms("2026-01-05T13:00"))


def test_an_override_closes_a_gap() -> None:
    text = calendar(
        covers("ann", "20260105T000000", "20260105T100000"), covers("bob", "20260105T110000", "20260106T000000")
    )
    assert OnCallSchedule("eu", [rota(text)], [OVERRIDE]).gaps(ms("2026-01-05"), ms("2026-01-06")) == []


def test_an_empty_span_has_no_turns() -> None:
    with pytest.raises(ValueError, match="empty"):
        OnCallSchedule("eu", []).turns(5, 5)


def hours(start: int, length: int) -> tuple[str, str]:
    return (
        f"202601{5 + start // 24:02}T{start % 24:02}0000",
        f"202601{5 + (start + length) // 24:02}T{(start + length) % 24:02}0000",
    )


SHIFTS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 30), st.sampled_from(["ann", "bob", "[L1] cem"])), max_size=6
)


@given(SHIFTS, SHIFTS)
def test_turns_cover_the_span_without_holes_and_say_what_each_moment_says(
    shifts: list[tuple[int, int, str]], overrides: list[tuple[int, int, str]]
) -> None:
    made = []
    for some in (shifts, overrides):
        events = [
            event(who, *(f":{text}Z" for text in hours(start, length)), uid=str(at))
            for at, (start, length, who) in enumerate(some)
        ]
        made.append([rota(calendar(*events))] if events else [])
    schedule = OnCallSchedule("eu", *made)
    start_ms, end_ms = ms("2026-01-05"), ms("2026-01-08")
    turns = schedule.turns(start_ms, end_ms)
    assert (turns[0].from_ms, turns[-1].until_ms) == (start_ms, end_ms)
    for one, other in itertools.pairwise(turns):
        assert one.until_ms == other.from_ms
        assert one[:2] != other[:2] or one.calendar != other.calendar
    for turn in turns:
        for at_ms in (turn.from_ms, turn.until_ms - 1):
            assert schedule.at(at_ms)[:2] == turn[:2]
            wanted = _at(overrides, at_ms) or _at(shifts, at_ms)
            assert bool(turn.people) == bool(wanted)
            assert set(turn.people) <= {who.removeprefix("[L1] ") for who in wanted}


def _at(shifts: list[tuple[int, int, str]], at_ms: int) -> list[str]:
    hour = (at_ms - ms("2026-01-05")) / HOUR_MS
    return [who for start, length, who in shifts if start <= hour < start + length]


def book() -> OnCallBook:
    eu = OnCallSchedule("eu", [rota(GOOGLE)], [OVERRIDE], fallback="managers", regions=["eu-west-1", "eu-north-1"])
    return OnCallBook([eu, OnCallSchedule("us", [rota(LEVELS)], time_zone=ZoneInfo("America/New_York"))])


def test_a_region_has_its_schedule_and_all_others_the_receivers() -> None:
    at_ms = ms("2026-01-05T12:00")
    assert [
        (found := book().on_call(labels, usual, at_ms)) and found.people
        for labels, usual in [({"region": "eu-west-1"}, "us"), ({"region": "x"}, "us"), ({}, "us"), ({}, "none")]
    ] == [("ann",), ("ann", "bob"), ("ann", "bob"), None]


def test_schedules_travel_as_a_setting_and_say_the_same_after_it() -> None:
    again = OnCallBook.from_public(book().public())
    assert again.public() == book().public()
    span = ms("2026-01-01"), ms("2026-02-01")
    assert again.gaps(*span) == book().gaps(*span) != []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"schedules": [{}]},
        {"schedules": 5},
        {"schedules": [{**book().public()["schedules"][0], "time_zone": "Mars"}]},
    ],
)
def test_a_setting_that_holds_no_schedules_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match="not an oncall setting"):
        OnCallBook.from_public(body)


def test_a_gap_is_told_as_a_ticket_that_lasts_as_long() -> None:
    gap = book().gaps(ms("2026-01-05T17:00"), ms("2026-01-06"))[0]
    told = uncovered(gap, "")
    assert told.labels["priority"] == "P2"
    assert (told.starts_ms, told.ends_ms) == (gap.from_ms, gap.until_ms)
    assert told.annotations == {"summary": "Nobody is on call in eu: pages reach nobody"}
