"""Which threshold rules hold when, and which series they watch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from models.params import FOREVER_MS, rule_record, rule_records
from models.rules import ThresholdRule
from schemas.series import Series
from streams.bank import SeriesBank
from streams.layout import HOT_DIRTY, MAX_RULES, RULE_PLACES, WARM_DIRTY, Array

# Metrics whose rules are remembered: names may come and go without end.
_NAMES_KEPT: Final = 10_000


class Entry(NamedTuple):
    """A rule, and the event time in which it holds."""

    rule: ThresholdRule
    from_ms: int
    until_ms: int


class RuleBook:
    """Threshold rules by position; a series' state of a rule names it by that position.

    Examples
    --------
    >>> book = RuleBook([ThresholdRule(name="hot", select="temperature", threshold=30)], every_s=60)
    >>> book.watching(Series("t", "temperature")), book.watching(Series("t", "humidity"))
    ([0], [])
    """

    def __init__(self, rules: Sequence[ThresholdRule], every_s: float) -> None:
        self._every_s = every_s
        self.configured = list(rules)
        self.entries = [Entry(rule, 0, FOREVER_MS) for rule in rules]
        self.dropped = 0
        self._named: dict[str, list[int]] = {}

    def records(self) -> Array:
        """For compiled code."""
        return rule_records([rule_record(*entry, self._every_s) for entry in self.entries])

    def watching(self, series: Series) -> list[int]:
        """Positions of the rules that are about a series."""
        if (named := self._named.get(series.metric)) is None:
            if len(self._named) >= _NAMES_KEPT:
                self._named.clear()
            named = [at for at, entry in enumerate(self.entries) if entry.rule.may_match(series.metric)]
            self._named[series.metric] = named
        return [at for at in named if self.entries[at].rule.matches(series)]

    def attach(self, bank: SeriesBank, slot: int, positions: Sequence[int]) -> None:
        """Let rules watch a slot; beyond ``MAX_RULES`` the least urgent are dropped and counted."""
        row = bank.slots[slot]
        held = [at for at in row["rule"][: row["rules"]].tolist() if self._lasts(at)]
        urgent = sorted(positions, key=lambda at: (not self._lasts(at), self.entries[at].rule.priority, at))
        room = max(0, MAX_RULES - len(held))
        self.dropped += sum(self._lasts(at) for at in urgent[room:])
        for position in sorted(urgent[:room]):
            place = self._place(row)
            _watch(row, place, position)
            row["rules"] = max(int(row["rules"]), place + 1)
            row["dirty"] |= HOT_DIRTY | WARM_DIRTY

    def _lasts(self, position: int) -> bool:
        return self.entries[position].until_ms == FOREVER_MS

    def _place(self, row: Any) -> int:
        """A place for one more rule: an empty one, or that of the rule that ended first, silent ones before others."""
        count = int(row["rules"])
        ended = [
            (bool(row["rule_firing"][at]), self.entries[int(row["rule"][at])].until_ms, at)
            for at in range(count)
            if not self._lasts(int(row["rule"][at]))
        ]
        over = [one for one in ended if not one[0] and one[1] <= row["newest_ms"]]
        if over:
            return min(over)[2]
        return count if count < RULE_PLACES else min(ended)[2]

    def replace(self, rules: Sequence[ThresholdRule], from_ms: int, newest_ms: int, bank: SeriesBank) -> None:
        """From an event time on these rules hold, and no others; a rule that stays as it is keeps its state."""
        self._prune(newest_ms, bank)
        self._named.clear()
        kept = [entry.rule for entry in self.entries if entry.until_ms == FOREVER_MS and entry.rule in rules]
        self.entries = [
            entry if entry.rule in kept else entry._replace(until_ms=min(entry.until_ms, from_ms))
            for entry in self.entries
        ]
        self.entries += [Entry(rule, from_ms, FOREVER_MS) for rule in rules if rule not in kept]
        for slot, identity in list(bank.live()):
            held = set(bank.slots[slot]["rule"][: bank.slots[slot]["rules"]].tolist())
            if absent := [at for at in self.watching(identity.series) if self._lasts(at) and at not in held]:
                self.attach(bank, slot, absent)

    def _prune(self, newest_ms: int, bank: SeriesBank) -> None:
        """Let go of rules that ended for every series that they watch; the others move up."""
        needed = {at for at, entry in enumerate(self.entries) if entry.until_ms > newest_ms}
        if len(needed) == len(self.entries):
            return
        for slot, _ in bank.live():
            needed.update(self._still_needed(bank.slots[slot]))
        keep = sorted(needed)
        moved = {old: new for new, old in enumerate(keep)}
        for slot, _ in bank.live():
            _move(bank.slots[slot], moved)
        self.entries = [self.entries[at] for at in keep]

    def _still_needed(self, row: Any) -> list[int]:
        """Rules that a series has not seen the end of: it lags, or its next sample will tell the end."""
        watching = row["rule"][: row["rules"]].tolist()
        return [
            position
            for at, position in enumerate(watching)
            if row["rule_firing"][at] or self.entries[position].until_ms > row["newest_ms"]
        ]

    def state(self) -> list[Any]:
        """For a checkpoint."""
        return [(entry.rule.model_dump(mode="json"), entry.from_ms, entry.until_ms) for entry in self.entries]

    def load(self, state: Sequence[Sequence[Any]]) -> None:
        """From a checkpoint."""
        self._named.clear()
        self.entries = [Entry(ThresholdRule.model_validate(rule), start, end) for rule, start, end in state]


def _move(row: Any, moved: Mapping[int, int]) -> None:
    """Give a slot's rules their new positions; those without one go."""
    held = row["rule"][: row["rules"]].tolist()
    if all(moved.get(position) == position for position in held):
        return
    count = 0
    for at, position in enumerate(held):
        if (new := moved.get(position)) is not None:
            for name in ("rule_firing", "rule_ms", "rule_s", "rule_peak"):
                row[name][count] = row[name][at]
            row["rule"][count] = new
            count += 1
    row["rules"] = count
    row["dirty"] |= HOT_DIRTY | WARM_DIRTY


def _watch(row: Any, at: int, position: int) -> None:
    """Put a rule on a slot, with nothing known yet."""
    row["rule"][at] = position
    row["rule_firing"][at] = 0
    row["rule_ms"][at] = 0
    row["rule_s"][at] = 0
    row["rule_peak"][at] = 0.0
