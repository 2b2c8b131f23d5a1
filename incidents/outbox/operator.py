"""The notify stage of one partition: notifications and outcomes in, deliveries to make out of it, and the timeline."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from incidents.outbox.page import Page
from schemas.bounds import LONGEST_S
from schemas.errors import CheckpointError
from schemas.events import Tick
from schemas.ids import event_id
from schemas.incident_events import EntryKind, TimelineEntry
from schemas.notification_events import Notification, NotificationResult
from schemas.topics import NOTIFICATION_RESULTS, NOTIFICATIONS, NOTIFY_TICKS, TIMELINE, Topic
from streams.operator import Output

_PAGE: Final = "page/"
_Turn = tuple[str, int, str]
_SAID: Final[Mapping[str, str]] = {
    "open": "told",
    "update": "told more",
    "resolve": "told that it is over",
    "digest": "told in a digest",
}


class OutboxSettings(BaseModel):
    """What is told, and for how long that is remembered."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    retention_s: float = Field(
        default=14 * 86_400,
        gt=0,
        le=LONGEST_S,
        description="A dedup key of which nothing was heard for so long is forgotten; a repeat would be told again.",
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something to send now.

    Parameters
    ----------
    key
        Of which nothing else may be sent meanwhile.
    notification
        What to tell.
    attempt
        Counts from 1.
    memory
        What the far end calls this key, as far as it was ever told.
    """

    key: str
    notification: Notification
    attempt: int
    memory: Mapping[str, Any]


class NotifyOperator:
    """Queues of what is to be told, a queue a dedup key.

    Parameters
    ----------
    settings
        Bounds.
    partition
        Which one this is.

    Examples
    --------
    >>> operator = NotifyOperator(OutboxSettings(), partition=0)
    >>> list(operator.due(now_ms=1_000))
    []
    """

    inputs: tuple[Topic, ...] = (NOTIFICATIONS, NOTIFICATION_RESULTS, NOTIFY_TICKS)

    def __init__(self, settings: OutboxSettings, partition: int) -> None:
        self._retention_ms = round(settings.retention_s * 1000)
        self._partition = partition
        self._pages: dict[str, Page] = {}
        # Keys of which something waits, in the order in which they are told; and where each of them stands in it.
        self._order: list[_Turn] = []
        self._turns: dict[str, _Turn] = {}
        self._dirty: set[str] = set()
        self._looked_ms = 0
        self.counts: Counter[str] = Counter()
        self._steps: dict[str, Callable[[bytes | None], list[Output]]] = {
            NOTIFICATIONS.name: lambda value: self.on_notification(Notification.from_bytes(value)),
            NOTIFICATION_RESULTS.name: lambda value: self.on_result(NotificationResult.from_bytes(value)),
            NOTIFY_TICKS.name: lambda value: self.on_tick(Tick.from_bytes(value).at_ms),
        }

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        """Apply one record.

        Raises
        ------
        SchemaError
            If the record cannot be read; the state is then unchanged.
        """
        return self._steps[topic](value)

    def on_notification(self, notification: Notification) -> list[Output]:
        """Queue what is to be told; nothing comes of a repeat."""
        page = self._pages.get(notification.key) or Page(notification.key)
        if not page.put(notification):
            self.counts["repeated"] += 1
            return []
        self._pages[page.key] = page
        self._touch(page)
        return []

    def on_result(self, result: NotificationResult) -> list[Output]:
        """Take an outcome: the next of its key may go, or the same once more later."""
        page = self._pages.setdefault(result.key, Page(result.key))
        over = page.settle(result)
        self._touch(page)
        if over is None:
            return []
        self.counts[result.outcome] += 1
        return self._entry(over, result)

    def on_tick(self, at_ms: int) -> list[Output]:
        """Let time pass: keys that are over for long are forgotten."""
        if at_ms - self._looked_ms < self._retention_ms // 100:
            return []
        self._looked_ms = at_ms
        before_ms = at_ms - self._retention_ms
        for key in [key for key, page in self._pages.items() if not page.waiting and page.touched_ms < before_ms]:
            del self._pages[key]
            self._dirty.add(key)
        return []

    def due(self, now_ms: int) -> Iterator[Delivery]:
        """What may be sent now, one of each key at most: the most urgent first, of these what waits longest."""
        for *_, key in list(self._order):
            page = self._pages[key]
            if page.retry_at_ms <= now_ms:
                yield Delivery(key, page.waiting[0], page.attempts + 1, dict(page.memory))

    @property
    def waiting(self) -> int:
        """Notifications that are not told yet."""
        return sum(len(self._pages[key].waiting) for key in self._turns)

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        dirty, self._dirty = self._dirty, set()
        return [(_PAGE + key, page.pack() if (page := self._pages.get(key)) else None) for key in sorted(dirty)]

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        if not key.startswith(_PAGE):
            raise CheckpointError(f"a block named {key!r}", "Run the release that wrote it, or a newer one")
        page = Page.unpack(value)
        self._pages[page.key] = page

    def finish_load(self) -> None:
        """Know which queues are not empty."""
        self._turns = {key: _turn(page) for key, page in self._pages.items() if page.waiting}
        self._order = sorted(self._turns.values())

    def _touch(self, page: Page) -> None:
        self._dirty.add(page.key)
        turn = _turn(page) if page.waiting else None
        before = self._turns.pop(page.key, None)
        if before is not None and before != turn:
            del self._order[bisect_left(self._order, before)]
        if turn is not None:
            self._turns[page.key] = turn
            if turn != before:
                insort(self._order, turn)

    def _entry(self, over: Notification, result: NotificationResult) -> list[Output]:
        """What its incident's timeline says of it; of updates only those that failed."""
        failed = result.outcome != "delivered"
        if over.incident_id is None or (over.action == "update" and not failed):
            return []
        kind: EntryKind = "notification_failed" if failed else "escalated" if over.escalation else "notified"
        where = f"{over.receiver} ({over.integration})"
        text = f"{where} was {_SAID[over.action]}: {over.reason}"
        if failed:
            text = f"{where} could not be told ({result.outcome.replace('_', ' ')}): {result.text or 'no reason given'}"
        entry = TimelineEntry(
            id=event_id("notified", over.id, result.outcome),
            tenant=over.tenant,
            incident_id=over.incident_id,
            at_ms=result.at_ms,
            kind=kind,
            text=text,
        )
        key = f"{over.tenant}/{over.incident_id}"
        return [Output(TIMELINE, self._partition, key, entry.to_bytes(), result.at_ms, entry.id)]


def _turn(page: Page) -> _Turn:
    """When a page's first notification has its turn: by priority, whose names sort as they rank, then by time."""
    first = page.waiting[0]
    return first.priority, first.at_ms, page.key
