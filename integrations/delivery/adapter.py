"""What every adapter is, and what comes of one attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from schemas.errors import MetricsAIError
from schemas.notification_events import Notification

Memory = Mapping[str, Any]
"""The reference of the last result of the same key that had one: an issue's key, a message's time stamp."""


class SecretUnreadableError(MetricsAIError):
    """A file that holds a key, a token or a password cannot be read just now; it may be while it rotates."""

    blame = "user"
    retry = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt.

    Parameters
    ----------
    outcome
        Delivered; to be tried again; or refused, which it will always be.
    status
        The HTTP status or the reply of SMTP, where there was one.
    text
        What the far end or the network said, in a line without secrets.
    retry_after_s
        For how long the far end asks to be left alone.
    reference
        What the far end calls it. It is given back, as ``memory``, with the next notification of the key.
    """

    outcome: Literal["delivered", "retry", "refused"]
    status: int | None = None
    text: str = ""
    retry_after_s: float | None = None
    reference: Memory = field(default_factory=dict)

    @property
    def is_delivered(self) -> bool:
        """Whether it arrived."""
        return self.outcome == "delivered"


class Adapter(Protocol):
    """One integration of a receiver: it tells its far end of a notification, once.

    An adapter keeps nothing between two calls but rates: what it must know again it puts into the
    outcome's ``reference``. So the same call may be made again, by another process, after a kill.
    """

    kind: str
    settle_s: float
    """For so long a repeat waits after a kill: the far end must first find what was taken before it. Mostly 0."""

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Tell it; whatever the far end does is an outcome and never raises."""
        ...
