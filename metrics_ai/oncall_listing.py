"""Who is on call, and when nobody is, as tables and JSON."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.table import Table

from incidents.oncall.book import OnCallBook
from incidents.oncall.schedule import Gap, OnCall, OnCallSchedule
from metrics_ai.event_listing import wide_console
from metrics_ai.explain.cases import UnknownIdError
from models.explain import duration


def chosen_schedules(book: OnCallBook, name: str | None) -> list[OnCallSchedule]:
    """The schedule of a name, or all.

    Raises
    ------
    UnknownIdError
        If there is none of that name.
    """
    if name is None:
        return list(book.schedules.values())
    if found := book.schedules.get(name):
        return [found]
    close = difflib.get_close_matches(name, book.schedules, 1)
    raise UnknownIdError(
        f"there is no schedule {name!r}", f"Did you mean {close[0]}?" if close else "metrics-ai oncall show has all"
    )


def turn_row(schedule: OnCallSchedule, turn: OnCall) -> dict[str, Any]:
    """A turn for programs."""
    return {
        "schedule": schedule.name,
        "people": list(turn.people),
        "source": turn.source,
        "calendar": turn.calendar,
        "from_ms": turn.from_ms,
        "until_ms": turn.until_ms,
        "fallback": schedule.fallback if turn.source == "gap" else "",
    }


def gap_row(gap: Gap, schedule: OnCallSchedule) -> dict[str, Any]:
    """A gap for programs."""
    return {**gap._asdict(), "fallback": schedule.fallback}


def print_turns(turns: Sequence[tuple[OnCallSchedule, OnCall]]) -> None:
    """Print whose turn it is, one schedule a row, times as its clocks show them."""
    table = Table("schedule", "on call", "by", "until", box=None)
    for schedule, turn in turns:
        people = ", ".join(turn.people) or _nobody(schedule)
        source = f"{turn.source} of {turn.calendar}" if turn.calendar else turn.source
        table.add_row(schedule.name, people, source, clock(turn.until_ms, schedule.time_zone))
    wide_console().print(table if turns else "no schedules")


def print_gaps(gaps: Sequence[tuple[OnCallSchedule, Gap]]) -> None:
    """Print when nobody is on call, times as the schedule's clocks show them."""
    table = Table("schedule", "nobody from", "until", "for", "told instead", box=None)
    for schedule, gap in gaps:
        zone = schedule.time_zone
        lasts = duration((gap.until_ms - gap.from_ms) / 1000)
        fallback = schedule.fallback or "nobody"
        table.add_row(schedule.name, clock(gap.from_ms, zone), clock(gap.until_ms, zone), lasts, fallback)
    wide_console().print(table if gaps else "somebody is on call all the time")


def clock(at_ms: int, zone: ZoneInfo) -> str:
    """A moment as clocks of a zone show it.

    Examples
    --------
    >>> clock(1_767_600_000_000, ZoneInfo("Europe/Berlin"))
    'Mon 2026-01-05 09:00 CET'
    """
    return datetime.fromtimestamp(at_ms / 1000, zone).strftime("%a %Y-%m-%d %H:%M %Z")


def _nobody(schedule: OnCallSchedule) -> str:
    return f"nobody; {schedule.fallback} is told" if schedule.fallback else "nobody"
