"""Calendars as Google Calendar, Grafana OnCall and Outlook export them, written for these tests."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

BERLIN_ZONE = """\
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
"""


def calendar(*events: str, head: str = "", zones: str = "") -> str:
    """An iCalendar file of events, with lines that end as the RFC wants."""
    body = "".join(events)
    text = f"BEGIN:VCALENDAR\nPRODID:-//Example//Rota 1.0//EN\nVERSION:2.0\n{head}{zones}{body}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def event(summary: str, start: str, end: str, *more: str, uid: str = "") -> str:
    """An event; ``start`` and ``end`` are what stands behind DTSTART and DTEND."""
    lines = [f"UID:{uid or summary + start}", "DTSTAMP:20260101T000000Z", f"DTSTART{start}", f"DTEND{end}"]
    return "\n".join(["BEGIN:VEVENT", *lines, f"SUMMARY:{summary}", *more, "END:VEVENT", ""])


def ms(text: str, zone: str = "UTC") -> int:
    """Event time of a moment as clocks of a zone show it."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


# Ann has the days of every other week, Bob of the others: 9 to 17 in Berlin. Ann is away on 2026-01-21, and on the 22nd
# her turn is Cem's, from 10.
WEEKDAYS = "BYDAY=MO,TU,WE,TH,FR"
GOOGLE = calendar(
    event(
        "ann",
        ";TZID=Europe/Berlin:20260105T090000",
        ";TZID=Europe/Berlin:20260105T170000",
        f"RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=MO;{WEEKDAYS}",
        "EXDATE;TZID=Europe/Berlin:20260121T090000",
        uid="ann-days@example.org",
    ),
    event(
        "cem",
        ";TZID=Europe/Berlin:20260122T100000",
        ";TZID=Europe/Berlin:20260122T170000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260122T090000",
        uid="ann-days@example.org",
    ),
    event(
        "bob",
        ";TZID=Europe/Berlin:20260112T090000",
        ";TZID=Europe/Berlin:20260112T170000",
        f"RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=MO;{WEEKDAYS}",
        "STATUS:CONFIRMED",
    ),
    head="X-WR-CALNAME:Rota\nX-WR-TIMEZONE:Europe/Berlin\nMETHOD:PUBLISH\n",
    zones=BERLIN_ZONE,
)
# Two levels: the first line is [L1], and who leads is [L2] in the morning.
LEVELS = calendar(
    event("[L1] ann\\, bob", ":20260105T000000Z", ":20260106T000000Z", "RRULE:FREQ=DAILY;COUNT=5"),
    event("[L2] dora", ":20260105T060000Z", ":20260105T120000Z", "RRULE:FREQ=DAILY;COUNT=5"),
)
