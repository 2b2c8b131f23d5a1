"""Which alerts keep which others quiet.

https://prometheus.io/docs/alerting/latest/configuration/#inhibit_rule
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from incidents.routing.matchers import Matchers, all_hold, matcher, matchers_text


@dataclass(frozen=True, slots=True)
class InhibitRule:
    """While an alert fires that the source's matchers fit, those that the target's fit are not told.

    Parameters
    ----------
    source, target
        Matchers of the two.
    equal
        Labels that have to be the same on both; absent on both is the same.
    name
        What people call it; empty for none.

    Examples
    --------
    >>> from incidents.routing.matcher_syntax import matchers_from
    >>> rule = InhibitRule(matchers_from("severity=critical"), matchers_from("severity=warning"), ("node",))
    >>> rule.inhibits({"severity": "critical", "node": "a"}, {"severity": "warning", "node": "a"})
    True
    >>> rule.inhibits({"severity": "critical", "node": "a"}, {"severity": "warning"})
    False
    """

    source: Matchers
    target: Matchers
    equal: tuple[str, ...] = ()
    name: str = ""

    def inhibits(self, source: Mapping[str, str], target: Mapping[str, str]) -> bool:
        """Whether an alert that fires keeps another quiet.

        Alerts that fit both sides do not keep each other quiet, nor themselves: one of them has to be told.
        """
        if not all_hold(self.target, target) or not all_hold(self.source, source):
            return False
        if any(source.get(name, "") != target.get(name, "") for name in self.equal):
            return False
        return not (all_hold(self.source, target) and all_hold(self.target, source))

    def __str__(self) -> str:
        equal = f" where {', '.join(self.equal)} are equal" if self.equal else ""
        return f"{self.name or 'inhibition'}: {matchers_text(self.source)} over {matchers_text(self.target)}{equal}"

    def public(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "source": [[one.name, one.operator, one.value] for one in self.source],
            "target": [[one.name, one.operator, one.value] for one in self.target],
            "equal": list(self.equal),
        }

    @classmethod
    def from_public(cls, body: Mapping[str, Any]) -> Self:
        """From what ``public`` gave."""
        source, target = (tuple(matcher(*one) for one in body[side]) for side in ("source", "target"))
        return cls(source, target, tuple(body["equal"]), body["name"])
