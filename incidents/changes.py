"""Which change came just before an alert began: deploys, rollbacks, configuration, as the topic ``changes`` has them.

A change that fits and is nearest is a fact beside the alert, no verdict: it may be innocent. Where none fits, nothing
is said.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping
from typing import Final

from models.explain import duration
from schemas.change_events import Change, NearestChange
from schemas.topics import DAY_MS

# Labels that name one thing; a change that bears one of them is no news to what lacks it.
_NARROW: Final = frozenset({"node", "namespace", "pod", "service"})
# How well it is known when a level began to change: to a closed minute.
_SLACK_MS: Final = 60_000
# Detectors tell of a beginning so much later at the most.
_KEPT_MS: Final = 2 * DAY_MS
_MOST_KEPT: Final = 1000


def fits(change: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether a change's labels speak of what an alert's labels name.

    No label that both have may differ. One that names a node, a namespace, a pod or a service must share such a one;
    one that names a region or the like must share that; one without labels is of all that a tenant has.

    Examples
    --------
    >>> fits({"service": "checkout"}, {"service": "checkout", "node": "n1"}), fits({}, {"node": "n1"})
    (True, True)
    >>> fits({"service": "checkout", "region": "eu"}, {"node": "n1", "region": "eu"}), fits({"region": "eu"}, {})
    (False, False)
    """
    shared = change.keys() & labels.keys()
    if any(change[name] != labels[name] for name in shared):
        return False
    narrow = change.keys() & _NARROW
    return bool(shared & narrow) if narrow else bool(shared) or not change


def after_change(change: NearestChange, began_ms: int) -> str:
    """How an alert's beginning lies to a change, in words.

    Examples
    --------
    >>> change = NearestChange(id="1", kind="deploy", what="abc", at_ms=0, labels={"service": "checkout"})
    >>> after_change(change, 180_000), after_change(change, 4_000)
    ('began 3 minutes after deploy abc of checkout', 'began with deploy abc of checkout')
    """
    later_s = (began_ms - change.at_ms) / 1000
    when = f"{duration(later_s)} after" if later_s * 1000 > _SLACK_MS else "with"
    service = change.labels.get("service")
    return f"began {when} {change.kind} {change.what}{f' of {service}' if service else ''}"


class ChangeBook:
    """The tenants' changes of the last days, in the order of their times.

    Parameters
    ----------
    window_ms
        How long before an alert's beginning a change may lie.

    Examples
    --------
    >>> book = ChangeBook(3_600_000)
    >>> book.put(Change(id="1", tenant="t", kind="deploy", what="abc", at_ms=0, labels={"service": "checkout"}))
    True
    >>> book.nearest("t", {"service": "checkout"}, 180_000).what, book.nearest("t", {"service": "cart"}, 180_000)
    ('abc', None)
    """

    def __init__(self, window_ms: int) -> None:
        self._window_ms = window_ms
        self._changes: dict[str, list[Change]] = {}
        self._known: dict[str, Change] = {}
        self._facts: dict[str, NearestChange] = {}

    def put(self, change: Change) -> bool:
        """Know a change; whether it is news. Of two of one id the later one holds."""
        known = self._known.get(block_of(change))
        if known is not None:
            if _rank(change) <= _rank(known):
                return False
            self._changes[change.tenant].remove(known)
        bisect.insort(self._changes.setdefault(change.tenant, []), change, key=_rank)
        self._known[block_of(change)] = change
        self._facts[block_of(change)] = NearestChange.model_validate(change.model_dump())
        return True

    def nearest(self, tenant: str, labels: Mapping[str, str], began_ms: int) -> NearestChange | None:
        """The last change that fits, of those within the window before an alert began (or within its minute)."""
        changes = self._changes.get(tenant, [])
        until = bisect.bisect_right(changes, began_ms + _SLACK_MS, key=_time)
        since = bisect.bisect_left(changes, began_ms - self._window_ms, key=_time)
        found = next((one for one in reversed(changes[since:until]) if fits(one.labels, labels)), None)
        return None if found is None else self._facts[block_of(found)]

    def forget(self, clock_ms: int) -> list[str]:
        """Drop what no alert will begin after any more, and the oldest of too many; names of their blocks."""
        before_ms = clock_ms - self._window_ms - _KEPT_MS
        gone: list[str] = []
        for tenant, changes in list(self._changes.items()):
            old = max(bisect.bisect_left(changes, before_ms, key=_time), len(changes) - _MOST_KEPT)
            gone += map(block_of, changes[:old])
            del changes[:old]
            if not changes:
                del self._changes[tenant]
        for block in gone:
            del self._known[block], self._facts[block]
        return gone

    def at(self, block: str) -> Change | None:
        """The change of a block, if it is known."""
        return self._known.get(block)


def block_of(change: Change) -> str:
    """The name of a change's block, after its kind of block."""
    return f"{change.tenant}/{change.id}"


def _time(change: Change) -> int:
    return change.at_ms


def _rank(change: Change) -> tuple[int, str, bytes]:
    return change.at_ms, change.id, change.to_bytes()
