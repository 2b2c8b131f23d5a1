"""Alerts that other systems post: what of them can be taken, and why not of the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from pydantic import ValidationError

from console.access import Caller
from console.alertmanager.bodies import PostableAlert
from console.asking import Desk, Wish
from schemas.command_events import CommandResult, PostAlerts, PostedAlert

# A command is a record of Kafka, which holds 8 MiB.
_AT_ONCE: Final = 2000
_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NO_TEXT: Final = re.compile(r"[\ud800-\udfff]")


def taken(posted: Sequence[PostableAlert], now_ms: int) -> tuple[list[PostedAlert], list[str]]:
    """The alerts that hold, and what is wrong with the others.

    Examples
    --------
    >>> good = PostableAlert(labels={"alertname": "Disk", "empty": ""})
    >>> alerts, wrong = taken([good, PostableAlert(labels={"a b": "x"}), PostableAlert(labels={"a": ""})], 5)
    >>> [one.labels for one in alerts]
    [{'alertname': 'Disk'}]
    >>> wrong
    ["alert 1: 'a b' is no name of a label", 'alert 2: it has no label with a value']
    """
    alerts: list[PostedAlert] = []
    wrong: list[str] = []
    for number, one in enumerate(posted):
        try:
            alerts.append(_checked(one, now_ms))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            wrong.append(f"alert {number}: {'.'.join(map(str, first['loc']))}: {first['msg']}")
        except ValueError as error:
            wrong.append(f"alert {number}: {error}")
    return alerts, wrong


def _checked(one: PostableAlert, now_ms: int) -> PostedAlert:
    # A label without a value is one that is not there.
    labels = {name: value for name, value in one.labels.items() if value}
    if not labels:
        raise ValueError("it has no label with a value")
    for name, value in (*labels.items(), *one.annotations.items()):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name[:80]!r} is no name of a label")
        if _NO_TEXT.search(value):
            raise ValueError(f"the value of {name} is no text")
    starts_ms, ends_ms = one.starts_ms, one.ends_ms
    if starts_ms is None and ends_ms is not None and ends_ms <= now_ms:
        starts_ms = ends_ms
    if starts_ms is not None and ends_ms is not None and ends_ms < starts_ms:
        raise ValueError("it ends before it starts")
    return PostedAlert(
        labels=labels,
        annotations=one.annotations,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        generator_url=one.generatorURL,
    )


def post(
    desk: Desk,
    caller: Caller,
    alerts: Sequence[PostedAlert],
    command_id: str,
    seen_of: Callable[[Sequence[PostedAlert]], Callable[[CommandResult], bool]] = lambda _: lambda _: True,
) -> list[str]:
    """Ask for alerts to be taken, in as many commands as it needs; why some were not.

    Parameters
    ----------
    desk
        Who takes them.
    caller
        Who asks.
    alerts
        Those that hold.
    command_id
        What the commands' ids begin with.
    seen_of
        Of some of them, whether what was done is to be read already.
    """
    wrong = []
    for start in range(0, len(alerts), _AT_ONCE):
        some = list(alerts[start : start + _AT_ONCE])
        wish = Wish(f"{command_id}-{start}", PostAlerts(alerts=some), is_seen=seen_of(some))
        result = desk.ask(caller, wish).result
        if result is not None and not result.ok:
            wrong.append(result.reason)
    return wrong
