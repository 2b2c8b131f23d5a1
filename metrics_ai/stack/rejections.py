"""Records that could not be read, told to people: how many of which topic, and why."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from metrics_ai.stack.merged import samples_of

# A producer that sends nothing readable would say it with every batch.
_EVERY_S: Final = 60.0
WAY_OUT: Final = (
    "metrics-ai decode shows what a producer's messages become; the records, with the reason in a header, lie on "
    "metrics.rejected, what is sent to inner topics on their .dlq"
)

Rejected = Counter[tuple[str, str]]
"""Records by topic and reason."""


def rejected_in(texts: Mapping[str, str]) -> Rejected:
    r"""What the roles' metrics say was rejected.

    Examples
    --------
    >>> name = 'metrics_ai_rejected_total{stage="ingest",source="telegraf",reason="not_json"}'
    >>> dict(rejected_in({"ingest": f"# TYPE metrics_ai_rejected counter\n{name} 3\n"}))
    {('telegraf', 'not_json'): 3}
    """
    found: Rejected = Counter()
    for text in texts.values():
        for labels, value in samples_of(text, "metrics_ai_rejected_total"):
            if value:
                found[labels.get("source", ""), labels.get("reason", "")] += int(value)
    return found


def rejected_text(rejected: Rejected) -> str:
    """As a part of a sentence, the most frequent first.

    Examples
    --------
    >>> rejected_text(Counter({("telegraf", "not_json"): 1200}))
    '1,200 of telegraf (not_json)'
    """
    most = rejected.most_common(3)
    more = f" and {len(rejected) - 3} more kinds" if len(rejected) > 3 else ""
    return ", ".join(f"{count:,} of {topic} ({reason})" for (topic, reason), count in most) + more


class RejectionNews:
    """Says now and then what was rejected since it last said so.

    Parameters
    ----------
    clock
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: Rejected = Counter()
        self._next_s = 0.0

    def news(self, rejected: Rejected) -> str | None:
        """The news, if there are some and the last are old enough."""
        # A role that was started again counts from 0.
        fresh = Counter({key: count for key, count in (rejected - self._told).items() if count > 0})
        self._told &= rejected
        if not fresh or self._clock() < self._next_s:
            return None
        self._told, self._next_s = Counter(rejected), self._clock() + _EVERY_S
        return f"rejected: {rejected_text(fresh)}. {WAY_OUT}"
