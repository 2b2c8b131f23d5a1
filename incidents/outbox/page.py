"""One dedup key at one integration: what waits to be told of it, and how far that came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from incidents.packing import pack, unpack
from schemas.notification_events import Notification, NotificationResult


@dataclass(slots=True)
class Page:
    """A queue of notifications of one key.

    Parameters
    ----------
    key
        Tenant, receiver, integration and dedup key.
    waiting
        In the order of their sequence; the first is being told.
    done
        The last sequence that is over: delivered, refused, given up, or overtaken by a later one.
    attempts
        How often the first was tried in vain.
    retry_at_ms
        It is not tried before.
    memory
        What the far end calls it.
    touched_ms
        When something was last heard of the key.
    """

    key: str
    waiting: list[Notification] = field(default_factory=list)
    done: int = 0
    attempts: int = 0
    retry_at_ms: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    touched_ms: int = 0

    def put(self, notification: Notification) -> bool:
        """Queue a notification; whether it is news.

        An update that waits behind the first says no more than the next update or resolve does: it makes way. One
        that opens a key never does.
        """
        newest = max((one.sequence for one in self.waiting), default=self.done)
        if notification.sequence <= newest:
            return False
        first, *later = [*self.waiting, notification] if self.waiting else [notification]
        if notification.action in ("update", "resolve"):
            later = [one for one in later if one.action != "update" or one is notification]
        self.waiting = [first, *later]
        self.touched_ms = max(self.touched_ms, notification.at_ms)
        return True

    def settle(self, result: NotificationResult) -> Notification | None:
        """Take an outcome; gives the notification back that is over by it, if it is known.

        After a kill outcomes may be read before what they are of: what is over stays over. Since a key is told one
        thing at a time, all before it is over, too. One that failed, of another notification than the first, says
        nothing.
        """
        self.touched_ms = max(self.touched_ms, result.at_ms)
        if result.outcome == "retry":
            is_first = bool(self.waiting) and result.sequence == self.waiting[0].sequence
            if is_first and result.attempt > self.attempts:
                self.attempts, self.retry_at_ms = result.attempt, result.retry_at_ms or 0
            return None
        if result.sequence <= self.done:
            return None
        if result.outcome == "delivered":
            self.memory |= result.reference
        over = next((one for one in self.waiting if one.sequence == result.sequence), None)
        self.waiting = [one for one in self.waiting if one.sequence > result.sequence]
        self.done, self.attempts, self.retry_at_ms = result.sequence, 0, 0
        return over

    def pack(self) -> bytes:
        """The block of a page."""
        waiting = [one.to_bytes() for one in self.waiting]
        body = {"key": self.key, "waiting": waiting, "done": self.done, "attempts": self.attempts}
        rest = {"retry_at_ms": self.retry_at_ms, "memory": self.memory, "touched_ms": self.touched_ms}
        return pack(body | rest)

    @classmethod
    def unpack(cls, value: bytes) -> Page:
        """The page of a block.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        body = unpack(value)
        body["waiting"] = [Notification.from_bytes(one) for one in body["waiting"]]
        return cls(**body)
