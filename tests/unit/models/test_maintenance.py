"""Windows of maintenance: when they are, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from models.calendar import CalendarSettings
from models.maintenance import MaintenanceWindow, Span
from models.maintenance_book import CHUNK_MS, MaintenanceBook
from models.settings import DetectSettings
from schemas.series import Series
from streams.bank import SeriesBank

HOUR_MS = 3_600_000
NIGHT: dict[str, Any] = {"name": "night", "start": "2026-01-01T02:00", "duration_s": 3600}
BERLIN = {**NIGHT, "time_zone": "Europe/Berlin"}


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def begins(window: dict[str, Any], first: str, last: str, **calendar: str) -> list[str]:
    resolved = MaintenanceWindow.model_validate(window).in_calendar(CalendarSettings.model_validate(calendar))
    found = resolved.spans(ms(first), ms(last))
    return [datetime.fromtimestamp(one.from_ms / 1000, UTC).strftime("%m-%dT%H:%M") for one in found]


@pytest.mark.parametrize(
    ("window", "first", "expected"),
    [
        (BERLIN | {"rrule": "FREQ=DAILY"}, "2026-03-28", ["03-28T01:00", "03-29T01:00", "03-30T00:00"]),
        (BERLIN | {"rrule": "FREQ=DAILY"}, "2026-10-24", ["10-24T00:00", "10-25T00:00", "10-26T01:00"]),
        (NIGHT | {"rrule": "FREQ=DAILY"}, "2026-10-24", ["10-24T02:00", "10-25T02:00", "10-26T02:00"]),
        (NIGHT | {"rrule": "FREQ=DAILY", "exdates": ["2026-10-25"]}, "2026-10-24", ["10-24T02:00", "10-26T02:00"]),
        (
            NIGHT | {"rrule": "FREQ=DAILY", "exdates": [date(2026, 10, 25)]},
            "2026-10-24",
            ["10-24T02:00", "10-26T02:00"],
        ),
        (
            NIGHT | {"rrule": "FREQ=DAILY;BYHOUR=2,14", "exdates": ["2026-10-25T02:00", "2026-10-26T15:00+01:00"]},
            "2026-10-24",
            ["10-24T02:00", "10-24T14:00", "10-25T14:00", "10-26T02:00"],
        ),
        (BERLIN | {"start": "2026-10-25T02:30:00+01:00"}, "2026-10-24", ["10-25T01:30"]),  # the hour's second coming
        (BERLIN | {"start": "2026-10-25T02:30"}, "2026-10-24", ["10-25T00:30"]),
        (
            BERLIN | {"start": datetime.fromisoformat("2026-10-25T02:30")},
            "2026-10-24",
            ["10-25T00:30"],
        ),  # as YAML reads it
        (NIGHT | {"rrule": "FREQ=DAILY", "start": "2026-10-26T02:00"}, "2026-10-24", ["10-26T02:00"]),
    ],
)
def test_a_window_keeps_to_the_clock_of_its_place(window: dict[str, Any], first: str, expected: list[str]) -> None:
    day = date.fromisoformat(first)
    assert begins(window, first, date.fromordinal(day.toordinal() + 3).isoformat()) == expected


def test_a_window_on_holidays_is_on_those_of_its_country() -> None:
    window = {**NIGHT, "start": "2026-01-01T00:00", "duration_s": 86_400, "days": ["holiday"]}
    christmas = ("2026-12-24", "2027-01-02")
    bavaria = {"time_zone": "Europe/Berlin", "country": "DE", "subdivision": "BY"}
    assert begins(window, *christmas, **bavaria) == ["12-24T23:00", "12-25T23:00", "12-31T23:00"]
    of_france = {**window, "holidays": {"country": "FR"}}
    assert begins(of_france, *christmas, **bavaria) == ["12-24T23:00", "12-31T23:00"]
    mondays = {**window, "rrule": "FREQ=WEEKLY;BYDAY=MO", "days": ["holiday"]}
    assert begins(mondays, "2026-03-01", "2026-06-01", **bavaria) == ["04-05T22:00", "05-24T22:00"]


def test_a_window_at_the_end_of_the_month_is_on_its_last_workday() -> None:
    window = {**NIGHT, "days": ["month_end"]}
    assert begins(window, "2026-10-01", "2027-01-01") == ["10-30T02:00", "11-30T02:00", "12-31T02:00"]


def test_a_long_window_is_found_from_its_middle() -> None:
    window = MaintenanceWindow.model_validate({**NIGHT, "duration_s": 200 * 86_400})
    begin_ms = ms("2026-01-01T02:00")
    span = Span(begin_ms, begin_ms + 200 * 24 * HOUR_MS)
    assert window.spans(begin_ms + 3000 * HOUR_MS, begin_ms + 3001 * HOUR_MS) == [span]
    assert window.spans(begin_ms + 4800 * HOUR_MS, begin_ms + 4801 * HOUR_MS) == []


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"start": "tomorrow"}, "start", "tomorrow is no time like 2026-10-24T02:00"),
        ({"start": "1026-10-24"}, "start", "years are from 1970 to 2999"),
        ({"duration_s": 0}, "duration_s", "greater than 0"),
        ({"rrule": "FREQ=DALY"}, "rrule", "FREQ is one of DAILY"),
        ({"rrule": "FREQ=DAILY", "exdates": ["never"]}, "exdates", "never is no time like"),
        ({"exdates": ["2026-10-24"]}, "exdates", "a window that comes once has nothing to leave out"),
        ({"time_zone": "Berlin"}, "time_zone", "no time zone is called Berlin; the nearest name is Europe/Berlin"),
        ({"select": "{oops"}, "select", "not a selector like metric"),
        ({"days": ["holidays"]}, "days", "Input should be 'workday'"),
        ({"holidays": {"country": "XX"}}, "holidays", "country XX is not known"),
    ],
)
def test_what_is_wrong_is_said_of_its_field(fields: dict[str, Any], where: str, says: str) -> None:
    with pytest.raises(ValueError, match="1 validation error") as caught:
        DetectSettings.model_validate({"maintenance": [NIGHT | fields]})
    first = caught.value.errors()[0]  # type: ignore[attr-defined]
    assert says in first["msg"]
    assert first["loc"][:3] == ("maintenance", 0, where)


def test_windows_have_names_of_their_own_and_are_not_without_end() -> None:
    with pytest.raises(ValueError, match="maintenance windows of one name: night"):
        DetectSettings.model_validate({"maintenance": [NIGHT, NIGHT]})
    with pytest.raises(ValueError, match="1001 maintenance windows, 1000 are the most"):
        DetectSettings.model_validate({"maintenance": [NIGHT | {"name": f"{at}"} for at in range(1001)]})


def test_windows_on_holidays_need_somebodys() -> None:
    window = {**NIGHT, "days": ["holiday"]}
    with pytest.raises(ValueError, match=r"maintenance night is on holidays; set holidays or calendar"):
        DetectSettings.model_validate({"maintenance": [window]})
    assert DetectSettings.model_validate({"maintenance": [window], "calendar": {"country": "DE"}}).maintenance


def test_series_share_a_group_when_the_same_windows_are_about_them() -> None:
    windows = [MaintenanceWindow.model_validate(NIGHT | {"name": name, "select": name}) for name in ("cpu", "disk")]
    every = MaintenanceWindow.model_validate(NIGHT | {"name": "all", "tenant": "t"})
    book = MaintenanceBook([*windows, every], CalendarSettings(), 0)
    names = [("t", "cpu"), ("t", "disk"), ("t", "cpu"), ("t", "load"), ("u", "load"), ("u", "cpu")]
    assert [book.group_of(Series(tenant, metric)) for tenant, metric in names] == [1, 2, 1, 3, 0, 4]


def test_the_table_is_right_at_the_times_it_is_asked_for() -> None:
    nightly = MaintenanceWindow.model_validate(NIGHT | {"rrule": "FREQ=DAILY", "duration_s": 2 * HOUR_MS / 1000})
    again = nightly.model_copy(update={"name": "again", "start": "2026-01-01T03:00"})
    book = MaintenanceBook([nightly, again], CalendarSettings(), 0)
    assert book.group_of(Series("t", "cpu")) == 1
    for time_ms in (ms("2026-03-05"), ms("2026-03-05") // CHUNK_MS * CHUNK_MS, ms("2500-01-01")):
        table = book.table(np.array([time_ms]))
        spans = table[table[1, 0] : table[1, 1]]
        day_ms = time_ms // (24 * HOUR_MS) * 24 * HOUR_MS
        assert [day_ms + 2 * HOUR_MS, day_ms + 5 * HOUR_MS] in spans.tolist()
        assert (np.diff(spans.ravel()) > 0).all()


def test_windows_that_were_replaced_are_let_go_in_time() -> None:
    book = MaintenanceBook([], CalendarSettings(), 1000)
    for at in range(50):
        window = MaintenanceWindow.model_validate(NIGHT | {"name": f"w{at}"})
        book.replace([window], at * 100, at * 100, SeriesBank())
    assert len(book.entries) <= 12
