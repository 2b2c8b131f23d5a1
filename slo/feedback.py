"""What people say of alerts, as counts of the objectives that are about them.

Each alert that somebody judged is one event, in the slice in which it was first judged: good if it needed action, bad
if it did not. One that only repeated another is bad, too: it asked for attention that the other had. A later verdict of
the same alert replaces the earlier; its event stays in its slice while that takes counts, and what changes counts in
the newest whole slice after that. An older verdict that comes after a newer one changes nothing.

Verdicts are remembered for 90 days. One that is of a time which has not come waits for it: it does not make time pass.
The stage may be weeks behind: it reads its inputs in no common order, and slices of as long as their topic keeps them.
What is farther ahead than that is refused. Of too many that wait those farthest ahead are dropped, of the tenant that
has most: nobody's mistake about times keeps others' verdicts out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from models.rules import matchers_of
from schemas.slo_events import Feedback, SloSlice
from schemas.topics import SLO_EVENTS
from slo.definition import DerivedIndicator, Slo
from slo.params import is_judged
from slo.snapshot import pack, unpack

VERDICT: Final = "verdict/"
FEEDBACK: Final = "feedback"
REMEMBERED_MS: Final = 90 * 86_400_000
MOST_WAITING: Final = 10_000
MOST_WAITING_OF_TENANT: Final = 2_000
AHEAD_MS: Final = (SLO_EVENTS.retention_ms or 0) + 5 * 60_000
"""No verdict is of so long after the newest slice or tick, however far the stage is behind."""
_HOUR_MS: Final = 3_600_000


class _Entry(NamedTuple):
    """Where an alert is counted for an objective, and as what."""

    slice_ms: int
    good: bool


@dataclass
class _Verdict:
    """The last word on an alert."""

    at_ms: int
    good: bool
    labels: dict[str, str]
    entries: dict[str, _Entry] = field(default_factory=dict)

    def counts_for(self, slo: Slo) -> bool | None:
        """Whether the alert is good in the eyes of an objective; None if it is not about it."""
        assert isinstance(slo.indicator, DerivedIndicator)
        matchers = matchers_of(slo.indicator.selector)
        return self.good if all(one.holds(self.labels) for one in matchers) else None


class FeedbackBook:
    """Verdicts, and how many of them are counted where.

    Parameters
    ----------
    takes
        Whether a slice still takes counts for an objective.
    partition
        Under which the counts go: no partition of samples has this number.
    """

    def __init__(self, takes: Callable[[str, int], bool], partition: int) -> None:
        self._takes = takes
        self._partition = partition
        self._slos: dict[str, dict[str, Slo]] = {}
        self._verdicts: dict[str, _Verdict] = {}
        self._waiting: dict[str, dict[str, Feedback]] = {}
        self._cells: dict[str, dict[int, list[int]]] = {}
        self._touched: set[tuple[str, int]] = set()
        self._dirty: set[str] = set()
        self._hour = 0
        self.counts: Counter[str] = Counter()

    @property
    def is_waiting(self) -> bool:
        """Whether there are verdicts whose time has not come."""
        return bool(self._waiting)

    def define(self, slo: Slo) -> None:
        """Know of an objective; it is about feedback or no matter."""
        if is_judged(slo):
            self._slos.setdefault(slo.tenant, {})[slo.key] = slo

    def forget(self, key: str) -> None:
        """Count for an objective no more, and forget what was counted."""
        tenant, _, _ = key.rpartition("/")
        if self._slos.get(tenant, {}).pop(key, None) is None:
            return
        self._cells.pop(key, None)
        self._dirty.add(FEEDBACK)
        for name, verdict in self._verdicts.items():
            if verdict.entries.pop(key, None) is not None:
                self._dirty.add(VERDICT + name)

    def put(self, one: Feedback, now_ms: int | None = None) -> None:
        """Keep a verdict until its time has come.

        Parameters
        ----------
        one
            The verdict.
        now_ms
            The newest time of slices and ticks, where there is one.
        """
        if now_ms is not None and one.at_ms > now_ms + AHEAD_MS:
            self.counts["feedback_ahead"] += 1
            return
        self._wait(one.model_copy(update={"by": None, "note": None}))
        if len(self._waiting[one.tenant]) > MOST_WAITING_OF_TENANT:
            self._drop_farthest(one.tenant)
        elif sum(map(len, self._waiting.values())) > MOST_WAITING:
            self._drop_farthest(max(self._waiting, key=lambda tenant: (len(self._waiting[tenant]), tenant)))
        self._dirty.add(FEEDBACK)

    def settle(self, now_ms: int) -> list[SloSlice]:
        """Count the verdicts whose time has come, and forget those that are old; the slices that this changes."""
        if self._waiting:
            self._count_due(now_ms)
        if now_ms // _HOUR_MS > self._hour:
            self._hour = now_ms // _HOUR_MS
            self._forget_old(now_ms)
        touched, self._touched = self._touched, set()
        return [self._slice(key, slice_ms) for key, slice_ms in sorted(touched)]

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """A block a verdict that changed, and one for the rest."""
        dirty, self._dirty = self._dirty, set()
        return [(key, self._block(key)) for key in sorted(dirty)]

    def load_block(self, key: str, value: bytes) -> None:
        """Put one back."""
        body = unpack(value)
        if key == FEEDBACK:
            self._hour = body["hour"]
            self._cells = body["cells"]
            self._waiting = {}
            for one in body["waiting"].values():
                self._wait(Feedback.from_bytes(one))
            return
        entries = {one: _Entry(*entry) for one, entry in body["entries"].items()}
        self._verdicts[key.removeprefix(VERDICT)] = _Verdict(body["at_ms"], body["good"], body["labels"], entries)

    def _wait(self, one: Feedback) -> None:
        self._waiting.setdefault(one.tenant, {})[f"{one.at_ms:015d}/{one.key}"] = one

    def _drop_farthest(self, tenant: str) -> None:
        waiting = self._waiting[tenant]
        del waiting[max(waiting)]
        self.counts["feedback_dropped"] += 1

    def _count_due(self, now_ms: int) -> None:
        for tenant, waiting in sorted(self._waiting.items()):
            slos = self._slos.get(tenant, {})
            longest_s = max((slo.slice_s for slo in slos.values()), default=0)
            for name in sorted(name for name, one in waiting.items() if one.at_ms + longest_s * 1000 <= now_ms):
                self._dirty.add(FEEDBACK)
                self._count(waiting.pop(name), slos, now_ms)
            if not waiting:
                del self._waiting[tenant]

    def _count(self, one: Feedback, slos: Mapping[str, Slo], now_ms: int) -> None:
        known = self._verdicts.get(one.key)
        if one.at_ms <= now_ms - REMEMBERED_MS or (known is not None and known.at_ms > one.at_ms):
            self.counts["feedback_too_late"] += 1
            return
        self.counts["feedback"] += 1
        labels = {**known.labels, **one.labels} if known else dict(one.labels)
        verdict = _Verdict(one.at_ms, one.verdict == "actioned", labels, known.entries if known else {})
        self._verdicts[one.key] = verdict
        self._dirty.add(VERDICT + one.key)
        for key, slo in sorted(slos.items()):
            self._enter(verdict, slo, verdict.entries.pop(key, None), now_ms)

    def _enter(self, verdict: _Verdict, slo: Slo, was: _Entry | None, now_ms: int) -> None:
        """Let an objective's counts follow a verdict."""
        good = verdict.counts_for(slo)
        if good is None and was is None:
            return
        if was is not None and self._takes(slo.key, was.slice_ms):
            slice_ms = was.slice_ms
        else:
            slice_ms = self._slice_of(slo, now_ms if was is not None else verdict.at_ms, now_ms)
        if good is not None:
            is_same = was is not None and was.good == good
            verdict.entries[slo.key] = _Entry(was.slice_ms if is_same and was else slice_ms, good)
        if was is None or was.good != good:
            cell = self._cells.setdefault(slo.key, {}).setdefault(slice_ms, [0, 0])
            if was is not None:
                cell[was.good] -= 1
            if good is not None:
                cell[good] += 1
            self._touched.add((slo.key, slice_ms))
            self._dirty.add(FEEDBACK)

    def _slice_of(self, slo: Slo, at_ms: int, now_ms: int) -> int:
        """The slice of a time, or the newest whole one where that takes no counts."""
        length = slo.slice_s * 1000
        slice_ms = at_ms // length * length
        is_whole = slice_ms + length <= now_ms
        return slice_ms if is_whole and self._takes(slo.key, slice_ms) else (now_ms // length - 1) * length

    def _slice(self, key: str, slice_ms: int) -> SloSlice:
        bad, good = self._cells[key][slice_ms]
        tenant, _, _ = key.rpartition("/")
        return SloSlice(
            tenant=tenant,
            partition=self._partition,
            slice_ms=slice_ms,
            slice_s=self._slos[tenant][key].slice_s,
            slos=[key],
            good=[good],
            bad=[bad],
        )

    def _forget_old(self, now_ms: int) -> None:
        self._dirty.add(FEEDBACK)
        for name in [name for name, one in self._verdicts.items() if one.at_ms <= now_ms - REMEMBERED_MS]:
            del self._verdicts[name]
            self._dirty.add(VERDICT + name)
        for key, cells in self._cells.items():
            self._cells[key] = {
                at: cell for at, cell in cells.items() if (key, at) in self._touched or self._takes(key, at)
            }

    def _block(self, key: str) -> bytes | None:
        if key == FEEDBACK:
            return pack(self._rest())
        one = self._verdicts.get(key.removeprefix(VERDICT))
        if one is None:
            return None
        return pack({"at_ms": one.at_ms, "good": one.good, "labels": one.labels, "entries": one.entries})

    def _rest(self) -> dict[str, Any]:
        together = {name: one for waiting in self._waiting.values() for name, one in waiting.items()}
        waiting = {name: one.to_bytes() for name, one in sorted(together.items())}
        return {"hour": self._hour, "cells": self._cells, "waiting": waiting}
