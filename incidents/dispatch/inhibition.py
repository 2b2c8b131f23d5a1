"""Which alerts speak for others: an index over the rules, so that no pair of alerts is looked at in vain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from incidents.routing.inhibition import InhibitRule
from incidents.routing.matchers import all_hold

Place = tuple[str, int, tuple[str, ...]]
"""Tenant, the rule's position, and the values of its equal labels."""


@dataclass
class Inhibitions:
    """Sources and targets of one set of rules.

    An alert that is both of a rule is inhibited by none that is both, too: else two could silence each other.

    Parameters
    ----------
    rules
        In their order.
    """

    rules: Sequence[InhibitRule]
    _sources: dict[Place, dict[str, bool]] = field(default_factory=dict)
    _targets: dict[Place, set[str]] = field(default_factory=dict)
    _sides: dict[str, tuple[list[tuple[Place, bool]], list[tuple[Place, bool]]]] = field(default_factory=dict)

    def put(self, key: str, tenant: str, labels: Mapping[str, str]) -> set[str]:
        """Know a firing alert; gives the keys of those that it may speak for."""
        self.drop(key)
        sources: list[tuple[Place, bool]] = []
        targets: list[tuple[Place, bool]] = []
        touched: set[str] = set()
        for position, rule in enumerate(self.rules):
            is_source, is_target = all_hold(rule.source, labels), all_hold(rule.target, labels)
            place = tenant, position, tuple(labels.get(name, "") for name in rule.equal)
            if is_source:
                sources.append((place, is_target))
                self._sources.setdefault(place, {})[key] = is_target
                touched |= self._targets.get(place, set())
            if is_target:
                targets.append((place, is_source))
                self._targets.setdefault(place, set()).add(key)
        if sources or targets:
            self._sides[key] = sources, targets
        return touched - {key}

    def drop(self, key: str) -> set[str]:
        """Forget an alert that ended; gives the keys of those that it may have spoken for."""
        sources, targets = self._sides.pop(key, ([], []))
        touched: set[str] = set()
        for place, _ in sources:
            touched |= self._targets.get(place, set())
            _discard(self._sources, place, key)
        for place, _ in targets:
            _discard(self._targets, place, key)
        return touched - {key}

    def by(self, key: str) -> str | None:
        """Key of an alert that speaks for one: of several the first in order; None if none does."""
        _, targets = self._sides.get(key, ([], []))
        found = (
            source
            for place, is_source in targets
            for source, is_target in self._sources.get(place, {}).items()
            if source != key and not (is_source and is_target)
        )
        return min(found, default=None)

    def holds(self, source: str, key: str) -> bool:
        """Whether an alert still speaks for another."""
        _, targets = self._sides.get(key, ([], []))
        return any(
            source in self._sources.get(place, {}) and not (is_source and self._sources[place][source])
            for place, is_source in targets
        )


def _discard(index: dict[Place, dict[str, bool]] | dict[Place, set[str]], place: Place, key: str) -> None:
    held = index[place]
    if isinstance(held, dict):
        held.pop(key, None)
    else:
        held.discard(key)
    if not held:
        del index[place]
