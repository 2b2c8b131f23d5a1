"""What the API answers, as tables and lines for people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rich.table import Table

from metrics_ai.event_listing import clock_text, wide_console
from schemas.errors import ConfigurationError

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST: Final = timedelta(days=3660)


def print_why(status: Mapping[str, Any]) -> None:
    """Every decision about an alert, in order."""
    console = wide_console()
    told = ", ".join(status["receivers"]) or "nobody"
    console.print(f"alert {status['alert_id']}: {status['state']}, {status['priority']}, for {told}")
    for label, names in (
        ("silenced by", status["silenced_by"]),
        ("inhibited by", status["inhibited_by"]),
        ("held back by", status["muted_by"]),
    ):
        if names:
            console.print(f"{label}: {', '.join(names)}")
    table = Table("when", "step", "verdict", "by", "why", "labels", box=None)
    for one in status["decisions"]:
        labels = " ".join(f"{name}={value}" for name, value in one.get("labels", {}).items())
        name = one.get("name") or "-"
        table.add_row(clock_text(one["at_ms"]), one["step"], one["verdict"], name, one["text"], labels or "-")
    console.print(table)
    parts = ", ".join(f"{one['of']} {one['value']:.2f} ({one['why']})" for one in status.get("score_parts", []))
    if parts:
        console.print(f"score {status['score']:.0f} of 100: {parts}")


def print_silences(found: Sequence[Mapping[str, Any]]) -> None:
    """Silences as a table."""
    console = wide_console()
    if not found:
        console.print("no silences")
        return
    table = Table("state", "from", "until", "by", "matchers", "comment", "id", box=None)
    for one in found:
        silence = one["silence"]
        table.add_row(
            one["state"],
            clock_text(silence["starts_ms"]),
            clock_text(silence["ends_ms"]),
            silence["created_by"] or "-",
            " ".join(map(matcher_text, silence["matchers"])),
            silence["comment"] or "-",
            silence["id"],
        )
    console.print(table)


def print_preview(answer: Mapping[str, Any]) -> None:
    """What a silence would mute."""
    console = wide_console()
    console.print(f"{answer['matched']} of {answer['firing']} alerts that fire would be muted")
    for one in answer["alerts"]:
        labels = " ".join(f"{name}={value}" for name, value in sorted(one["labels"].items()))
        console.print(f"{one['alert_id']}  {labels}")


def matcher_text(matcher: Mapping[str, Any]) -> str:
    """A matcher as it is typed.

    Examples
    --------
    >>> matcher_text({"name": "node", "value": "n1|n2", "is_regex": True, "is_equal": False})
    'node!~"n1|n2"'
    """
    operator = ("=" if matcher["is_equal"] else "!") + ("~" if matcher["is_regex"] else "")
    operator = {"=": "=", "!": "!=", "=~": "=~", "!~": "!~"}[operator]
    return f'{matcher["name"]}{operator}"{matcher["value"]}"'


def silence_times(start: str | None, until: str | None, lasting: str) -> tuple[str | None, str]:
    """When a silence begins (None is now) and ends, as the API takes them.

    Raises
    ------
    ConfigurationError
        If one is no time, or no duration.

    Examples
    --------
    >>> silence_times("2026-12-01T22:00Z", None, "2h")
    ('2026-12-01T22:00:00+00:00', '2026-12-02T00:00:00+00:00')
    """
    begins = None if start is None else _moment(start, "--from")
    ends = (begins or datetime.now(UTC)) + _duration(lasting) if until is None else _moment(until, "--until")
    return (None if begins is None else begins.isoformat()), ends.isoformat()


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} {text!r} is no time", "Write it like 2026-12-01T22:00Z") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _duration(text: str) -> timedelta:
    found = re.findall(r"(\d+)([smhdw])", text)
    if not found or "".join(count + unit for count, unit in found) != text:
        raise ConfigurationError(f"--for {text!r} is no duration", "Write it like 90s, 30m, 2h, 1d or 1h30m")
    try:
        total = sum((timedelta(**{_UNITS[unit]: int(count)}) for count, unit in found), timedelta())
    except OverflowError:
        total = timedelta.max
    if not timedelta() < total <= _LONGEST:
        raise ConfigurationError(f"--for {text!r} is not between a second and ten years", "Write it like 2h")
    return total
