"""Prints what changed routes would have done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from metrics_ai.preview import Preview, Told

_MOST: Final = 20
_ACTIONS: Final = ("open", "update", "resolve", "digest")


def answer_of(preview: Preview, days: float) -> dict[str, Any]:
    """The same for programs."""
    gone, new = differences(preview)
    return {
        "days": days,
        "records": preview.records,
        "alerts": len(preview.now.alerts),
        "now": _numbers(preview.now),
        "changed": _numbers(preview.changed),
        "told_no_more": [_named(preview.now, key) for key in gone],
        "told_anew": [_named(preview.changed, key) for key in new],
    }


def differences(preview: Preview) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """What is opened now and would not be, and what would be and is not; by time."""
    now, changed = preview.now.opened, preview.changed.opened
    gone = sorted(set(now) - set(changed), key=lambda key: now[key])
    new = sorted(set(changed) - set(now), key=lambda key: changed[key])
    return gone, new


def print_preview(preview: Preview, days: float, name: str) -> None:
    """A table of what is told, one of what is held back, and what differs."""
    console = Console()
    console.print(
        f"{len(preview.now.alerts)} alerts of {preview.records} records in {days:g} days, "
        f"with the routes in force and with {name}"
    )
    if not preview.records:
        console.print("Nothing happened in that time, or the broker no longer holds it: give more --days")
        return
    console.print(_told(preview))
    console.print(_held(preview))
    gone, new = differences(preview)
    _print_keys(console, "Told no more", preview.now, gone)
    _print_keys(console, "Told anew", preview.changed, new)
    if not gone and not new:
        console.print("The same incidents are told to the same receivers.")


def _told(preview: Preview) -> Table:
    table = Table("receiver", "told", "now", "changed", box=None, header_style="bold")
    receivers = sorted({receiver for told in (preview.now, preview.changed) for receiver, _ in told.by_receiver})
    for receiver in receivers:
        for action in _ACTIONS:
            before, after = (told.by_receiver[receiver, action] for told in (preview.now, preview.changed))
            if before or after:
                style = "bold" if before != after else ""
                table.add_row(receiver, action, str(before), str(after), style=style)
    return table


def _held(preview: Preview) -> Table:
    table = Table("held back by", "now", "changed", box=None, header_style="bold")
    for step in sorted({*preview.now.held, *preview.changed.held}):
        before, after = (len(told.held.get(step, ())) for told in (preview.now, preview.changed))
        table.add_row(step, str(before), str(after), style="bold" if before != after else "")
    return table


def _print_keys(console: Console, title: str, told: Told, keys: list[tuple[str, str]]) -> None:
    if not keys:
        return
    console.print(f"[bold]{title}[/] ({len(keys)})")
    for receiver, key in keys[:_MOST]:
        at_ms, text = told.opened[receiver, key]
        when = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        console.print(f"  {when}  {receiver}: {text}", markup=False, highlight=False)
    if len(keys) > _MOST:
        console.print(f"  and {len(keys) - _MOST} more (--json has all)")


def _numbers(told: Told) -> dict[str, Any]:
    receivers: dict[str, dict[str, int]] = {}
    for (receiver, action), count in sorted(told.by_receiver.items()):
        receivers.setdefault(receiver, {})[action] = count
    return {"receivers": receivers, "held": {step: len(alerts) for step, alerts in sorted(told.held.items())}}


def _named(told: Told, key: tuple[str, str]) -> dict[str, Any]:
    at_ms, title = told.opened[key]
    return {"receiver": key[0], "dedup_key": key[1], "at_ms": at_ms, "title": title}
