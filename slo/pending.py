"""Definitions that hold from an event time on, kept until it comes; and since when an objective counts anew."""

from __future__ import annotations

from math import inf
from typing import Final

import msgspec

from schemas.events import Setting
from schemas.slo_events import SloSlice
from slo.announced import Announced, announce, announced

PENDING: Final = "pending/"
_KEPT_MS: Final = 2 * 86_400_000


class Pending:
    """What was announced and does not hold yet, by objective.

    Examples
    --------
    >>> pending = Pending()
    >>> pending.put(Announced("default/checkout", None, 5_000))
    >>> pending.due(4_999), pending.due(5_000)
    ([], [Announced(key='default/checkout', slo=None, from_ms=5000)])
    """

    def __init__(self) -> None:
        self._by_key: dict[str, list[Announced]] = {}
        self._first_ms: float = inf
        self._dirty: set[str] = set()

    def put(self, one: Announced) -> None:
        """Keep a definition until its time; those of the same objective that would hold later are overruled."""
        self.overrule(one)
        self._by_key.setdefault(one.key, []).append(one)
        self._dirty.add(one.key)
        self._first_ms = min(self._first_ms, one.from_ms)

    def overrule(self, one: Announced) -> None:
        """Forget what was announced before, and would hold after, a definition."""
        kept = [other for other in self._by_key.get(one.key, ()) if other.from_ms < one.from_ms]
        if len(kept) < len(self._by_key.get(one.key, ())):
            self._keep(one.key, kept)
            self._find_first()

    def due(self, at_ms: int) -> list[Announced]:
        """Take out what holds by then, in the order in which it came to hold."""
        if self._first_ms > at_ms:
            return []
        found = [one for ones in self._by_key.values() for one in ones if one.from_ms <= at_ms]
        for key in {one.key for one in found}:
            self._keep(key, [one for one in self._by_key[key] if one.from_ms > at_ms])
        self._find_first()
        return sorted(found, key=lambda one: (one.from_ms, one.key))

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """A block an objective, of those that changed."""
        dirty, self._dirty = self._dirty, set()
        return [(PENDING + key, self._block(key)) for key in sorted(dirty)]

    def load_block(self, key: str, value: bytes) -> None:
        """Put one back."""
        settings = msgspec.msgpack.decode(value, type=list[bytes])
        ones = [announced(Setting.from_bytes(one)) for one in settings]
        self._by_key[key.removeprefix(PENDING)] = ones
        self._first_ms = min(self._first_ms, *(one.from_ms for one in ones))

    def _block(self, key: str) -> bytes | None:
        ones = self._by_key.get(key)
        return msgspec.msgpack.encode([announce(*one).to_bytes() for one in ones]) if ones else None

    def _keep(self, key: str, ones: list[Announced]) -> None:
        self._by_key[key] = ones
        if not ones:
            del self._by_key[key]
        self._dirty.add(key)

    def _find_first(self) -> None:
        self._first_ms = min((one.from_ms for ones in self._by_key.values() for one in ones), default=inf)


class Floors:
    """Since when an objective counts what it counts now: slices that began before are of what it counted then."""

    def __init__(self) -> None:
        self._since_ms: dict[str, int] = {}

    def put(self, key: str, since_ms: int) -> None:
        """Take no slice of an objective that began before."""
        self._since_ms[key] = since_ms
        self._since_ms = {one: at for one, at in self._since_ms.items() if at > since_ms - _KEPT_MS}

    def admits(self, key: str, slice_ms: int) -> bool:
        """Whether a slice is of what the objective counts now."""
        return slice_ms >= self._since_ms.get(key, 0)

    def filtered(self, record: SloSlice) -> SloSlice:
        """A record without the rows of what is no longer counted."""
        if not self._since_ms or all(self.admits(key, record.slice_ms) for key in self._since_ms):
            return record
        kept = [at for at, key in enumerate(record.slos) if self.admits(key, record.slice_ms)]
        columns = {
            name: [getattr(record, name)[at] for at in kept]
            for name in ("slos", "good", "bad", "unknown")
            if getattr(record, name)
        }
        named = set(columns.get("slos", ()))
        spenders = {key: told for key, told in record.spenders.items() if key in named}
        return record.model_copy(update={**columns, "spenders": spenders})

    def dump(self) -> dict[str, int]:
        """As plain values."""
        return dict(self._since_ms)

    def load(self, body: dict[str, int]) -> None:
        """Take them back."""
        self._since_ms = body
