"""When an attempt that failed is made again: by the answer, by how often, and by what the far end asks for.

Nothing here asks the time. Of each vendor a table says what a status means; the rest is the same for all:

================================  =========  =================================================================
what came                         outcome    why
================================  =========  =================================================================
2xx                               delivered
3xx                               refused    redirects are not followed: a secret would go to somewhere else
401, 403, 407                     retry      a key is being rotated, or somebody must put it right; the text says so
408, 425, 429                     retry      after what the far end asks for
other 4xx                         refused    the same bytes are refused again
5xx                               retry
no answer                         retry      refused, reset, too slow
================================  =========  =================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, Literal

from integrations.delivery.adapter import Outcome
from schemas.events import Priority
from schemas.notification_events import Notification

Verdict = Literal["delivered", "retry", "refused"]
RetryTable = Mapping[str, Verdict]
"""By status (``429``), by class of status (``4xx``) and for no answer at all (``none``)."""

COMMON: Final[RetryTable] = {
    "2xx": "delivered",
    "3xx": "refused",
    "401": "retry",
    "403": "retry",
    "407": "retry",
    "408": "retry",
    "425": "retry",
    "429": "retry",
    "4xx": "refused",
    "5xx": "retry",
    "none": "retry",
}
MAX_ASKED_S: Final = 900.0
"""However long a far end asks to be left alone, it is asked again after this."""
DAY_MS: Final = 86_400_000
_URGENT: Final[frozenset[Priority]] = frozenset({"P0", "P1"})
# Seconds since the epoch are larger than any number of seconds that one waits.
_EPOCH_FROM: Final = 1_000_000_000.0


def verdict(status: int | None, table: RetryTable = COMMON) -> Verdict:
    """What a status means.

    Examples
    --------
    >>> verdict(202), verdict(429), verdict(400), verdict(503), verdict(None), verdict(302)
    ('delivered', 'retry', 'refused', 'retry', 'retry', 'refused')
    >>> verdict(404, {**COMMON, "404": "delivered"})
    'delivered'
    """
    if status is None:
        return table["none"]
    return table.get(str(status)) or table.get(f"{status // 100}xx") or "retry"


def asked_wait_s(headers: Mapping[str, str], now_s: float) -> float | None:
    """For how long an answer's headers ask to be left alone.

    Read are ``Retry-After`` (seconds or a date), then what vendors say instead: ``ratelimit-reset`` (seconds,
    PagerDuty's), ``x-ratelimit-reset`` (a time, Jira's) and ``x-ratelimit-period-in-sec`` (Opsgenie's).

    Parameters
    ----------
    headers
        Of the answer, names in lower case.
    now_s
        Seconds since the epoch.

    Examples
    --------
    >>> asked_wait_s({"retry-after": "30"}, 0.0)
    30.0
    >>> asked_wait_s({"retry-after": "Thu, 01 Jan 1970 00:02:00 GMT"}, 90.0)
    30.0
    >>> asked_wait_s({"x-ratelimit-reset": "2026-03-01T00:00Z"}, 1772323190.0)
    10.0
    >>> asked_wait_s({}, 0.0) is None
    True
    """
    for name in ("retry-after", "ratelimit-reset", "x-ratelimit-reset", "x-ratelimit-period-in-sec"):
        if name in headers:
            wait_s = _wait_s(headers[name].strip(), now_s)
            if wait_s is not None:
                return min(max(0.0, wait_s), MAX_ASKED_S)
    return None


def _wait_s(text: str, now_s: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return _until_s(text, now_s)
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124 (not a number is not itself)
        return None
    return number - now_s if number >= _EPOCH_FROM else number


def _until_s(text: str, now_s: float) -> float | None:
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            found = read(text)
            # A time that names no zone is UTC, as HTTP's dates are.
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() - now_s
        except (ValueError, TypeError, OverflowError):
            continue
    return None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How attempts are spread, and when they end.

    Parameters
    ----------
    first_s, most_s
        The first wait, and the longest; each is twice the one before.
    give_up_ms
        An update is given up after so long. What opens or resolves a P0 or P1 never is.
    """

    first_s: float = 1.0
    most_s: float = 300.0
    give_up_ms: int = DAY_MS


DEFAULT_POLICY: Final = RetryPolicy()


def backoff_s(attempt: int, seed: str, policy: RetryPolicy = DEFAULT_POLICY) -> float:
    """The wait after an attempt: doubling, the upper half of it by chance, the same for the same seed.

    Examples
    --------
    >>> [round(backoff_s(attempt, "n1"), 2) for attempt in (1, 2, 3, 20)]
    [0.59, 1.65, 2.71, 232.44]
    """
    digest = hashlib.blake2b(f"{seed}/{attempt}".encode(), digest_size=8).digest()
    chance = int.from_bytes(digest, "big") / 2**64
    doublings = min(attempt - 1, 62)
    return float(min(policy.most_s, policy.first_s * 2**doublings) * (0.5 + chance / 2))


def is_given_up(notification: Notification, first_ms: int, now_ms: int, policy: RetryPolicy = DEFAULT_POLICY) -> bool:
    """Whether a notification that fails since ``first_ms`` is not tried any more."""
    opens_or_ends = notification.action in {"open", "resolve"}
    if opens_or_ends and notification.priority in _URGENT:
        return False
    return now_ms - first_ms >= policy.give_up_ms


def next_attempt_ms(
    notification: Notification, attempt: int, now_ms: int, outcome: Outcome, policy: RetryPolicy = DEFAULT_POLICY
) -> int:
    """When to try again after an attempt whose outcome was ``retry``.

    Never earlier than the far end asks for.

    Parameters
    ----------
    attempt
        How many were made, this one included; from 1.
    """
    wait_s = max(backoff_s(attempt, notification.id, policy), outcome.retry_after_s or 0.0)
    return now_ms + round(wait_s * 1000)
