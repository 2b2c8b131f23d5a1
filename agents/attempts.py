"""What it is to tell the outside world something: an attempt, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from schemas.notification_events import Notification


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt to deliver.

    Parameters
    ----------
    outcome
        As in ``NotificationResult``.
    status, text, reference
        Of the far end.
    retry_at_ms
        When to try again, if it is to be.
    """

    outcome: Literal["delivered", "retry", "refused", "given_up"]
    status: int | None = None
    text: str = ""
    retry_at_ms: int | None = None
    reference: Mapping[str, Any] = field(default_factory=dict)


Deliver = Callable[[Notification, int, Mapping[str, Any]], Awaitable[Attempt]]
"""Makes an attempt, given how many there were with it, and what the far end calls the key; raises nothing."""
