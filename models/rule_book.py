"""Which threshold rules hold when, and which series they watch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.params import FOREVER_MS, rule_record, rule_records
from models.rules import ThresholdRule
from schemas.series import Series
from streams.bank import SeriesBank
from streams.layout import HOT_DIRTY, MAX_RULES, WARM_DIRTY, Array


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
            named = [at for at, entry in enumerate(self.entries) if entry.rule.may_match(series.metric)]
            self._named[series.metric] = named
        return [at for at in named if self.entries[at].rule.matches(series)]

    def attach(self, bank: SeriesBank, slot: int, positions: Sequence[int]) -> None:
        """Let rules watch a slot; those beyond ``MAX_RULES`` are dropped and counted."""
        row = bank.slots[slot]
        for position in positions:
            count = int(row["rules"])
            if count == MAX_RULES:
                self.dropped += 1
                continue
            _watch(row, count, position)
            row["rules"] = count + 1
            row["dirty"] |= HOT_DIRTY | WARM_DIRTY

    def replace(self, rules: Sequence[ThresholdRule], from_ms: int, newest_ms: int, bank: SeriesBank) -> None:
        """From an event time on these rules hold, and no others; a rule that stays as it is keeps its state."""
        self._prune(newest_ms, bank)
        self._named.clear()
        kept = [entry.rule for entry in self.entries if entry.until_ms == FOREVER_MS and entry.rule in rules]
        self.entries = [
            entry if entry.rule in kept else entry._replace(until_ms=min(entry.until_ms, from_ms))
            for entry in self.entries
        ]
        first = len(self.entries)
        self.entries += [Entry(rule, from_ms, FOREVER_MS) for rule in rules if rule not in kept]
        for slot, identity in list(bank.live()):
            series = identity.series
            self.attach(bank, slot, [at for at in range(first, len(self.entries)) if self._matches(at, series)])

    def _matches(self, position: int, series: Series) -> bool:
        return self.entries[position].rule.matches(series)

    def _prune(self, newest_ms: int, bank: SeriesBank) -> None:
        """Let go of rules that ended; the others move up."""
        keep = [at for at, entry in enumerate(self.entries) if entry.until_ms > newest_ms]
        if len(keep) == len(self.entries):
            return
        moved = {old: new for new, old in enumerate(keep)}
        self.entries = [self.entries[at] for at in keep]
        for slot, _ in bank.live():
            row = bank.slots[slot]
            count = 0
            for at in range(int(row["rules"])):
                if (position := moved.get(int(row["rule"][at]))) is not None:
                    for name in ("rule_firing", "rule_ms", "rule_peak"):
                        row[name][count] = row[name][at]
                    row["rule"][count] = position
                    count += 1
            row["rules"] = count
            row["dirty"] |= HOT_DIRTY | WARM_DIRTY

    def state(self) -> list[Any]:
        """For a checkpoint."""
        return [(entry.rule.model_dump(mode="json"), entry.from_ms, entry.until_ms) for entry in self.entries]

    def load(self, state: Sequence[Sequence[Any]]) -> None:
        """From a checkpoint."""
        self._named.clear()
        self.entries = [Entry(ThresholdRule.model_validate(rule), start, end) for rule, start, end in state]


def _watch(row: Any, at: int, position: int) -> None:
    """Put a rule on a slot, with nothing known yet."""
    row["rule"][at] = position
    row["rule_firing"][at] = 0
    row["rule_ms"][at] = 0
    row["rule_peak"][at] = 0.0
