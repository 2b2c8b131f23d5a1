"""Alerts of objectives as states of alerts: what they are called, what they are related by, what is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from incidents.finding import Finding, Identity, Named, Source
from models.explain import duration
from schemas.events import Priority, Severity
from schemas.slo_events import BudgetShare, SloAlert, TimeToExhaustion
from slo.words import ALERT_NAMES, percent

_SAID: Final[Mapping[str, str]] = {
    "burn": "burns",
    "budget": "is low on budget",
    "sla": "breaks its SLA",
    "no_data": "has no data",
}
_SEVERITIES: Final[Mapping[Priority, Severity]] = {"P0": "critical", "P1": "critical", "P2": "warning", "P3": "info"}
# Budgets that are low and an SLA that is broken outlast the fault by weeks: a burn's incident must not wait for them.
_STANDING: Final = frozenset({"budget", "sla"})
_OWN: Final = ("alertname", "slo", "service", "tier", "share")
# Of what the listed spent: who spent less is noise, whatever befell it.
_LEAST_SPENT: Final = 0.1


def alert_labels(alert: SloAlert) -> dict[str, str]:
    """Labels that identify the alert: its name, the objective, its service, tier or share, and the objective's own.

    An own label of one of these names is kept as ``exported_service`` and the like.

    Examples
    --------
    >>> told = {"id": "1", "tenant": "t", "slo": "checkout", "state": "start", "started_ms": 0, "at_ms": 0}
    >>> low = SloAlert(**told, service="shop", alert="budget-0.25", kind="budget", priority="P2", labels={"team": "a"})
    >>> alert_labels(low)
    {'alertname': 'SloBudgetLow', 'slo': 'checkout', 'service': 'shop', 'share': '0.25', 'team': 'a'}
    """
    labels = {"alertname": ALERT_NAMES[alert.kind], "slo": alert.slo}
    if alert.service:
        labels["service"] = alert.service
    if alert.kind == "burn":
        labels["tier"] = alert.alert
    elif alert.kind == "budget":
        labels["share"] = alert.alert.removeprefix("budget-")
    return labels | {f"exported_{name}" if name in _OWN else name: value for name, value in alert.labels.items()}


@dataclass(frozen=True, slots=True)
class SloFinding(Finding[SloAlert]):
    """A turn in the life of an objective's alert."""

    @property
    def name(self) -> str:
        """By its kind."""
        return ALERT_NAMES[self.event.kind]

    @property
    def source(self) -> Source:
        """An objective."""
        return "slo"

    @property
    def named(self) -> Named:
        """By its objective, and what befalls it."""
        return Named("objective", f"SLO {self.event.slo} {_SAID[self.event.kind]}")

    @property
    def subject(self) -> str:
        """Its name, its tier or share, and whose it is."""
        which = f" {self.event.alert}" if self.event.kind in {"burn", "budget"} else ""
        return f"{self.name}{which} of SLO {self.event.slo}"

    def labels(self) -> dict[str, str]:
        """As ``alert_labels`` has them."""
        return alert_labels(self.event)

    def identity(self, labels: dict[str, str]) -> Identity:
        """What burns is of its service; what stands for weeks is related to its own kind alone."""
        slo = self.event.slo
        entity = f"service:{labels['service']}" if "service" in labels else f"slo:{slo}"
        if self.event.kind in _STANDING:
            return Identity(labels, entity, f"slo:{slo}", place="", objective=f"{slo}/standing", symptom=True)
        service = labels.get("service", "")
        return Identity(labels, entity, f"slo:{slo}", place=entity, objective=slo, service=service, symptom=True)

    @property
    def ended_ms(self) -> int | None:
        """The time of the state that is its end."""
        return self.event.at_ms if self.event.state == "end" else None

    @property
    def began_ms(self) -> int | None:
        """Its start; of a budget that ran low over weeks, nobody can say."""
        return None if self.event.kind in _STANDING else self.event.started_ms

    @property
    def priority(self) -> Priority:
        """As its tier says."""
        return self.event.priority

    @property
    def safety(self) -> bool:
        """None is on the safety list: a tier pages as urgent as it is."""
        return False

    @property
    def severity(self) -> Severity:
        """As urgent as it is."""
        return _SEVERITIES[self.event.priority]

    @property
    def badness(self) -> float:
        """How fast it burns, or how little is left; where that is not told, where it ended or froze, least."""
        one = self.event
        if one.state == "end" or one.frozen:
            return -math.inf
        value = one.burn_rate if one.kind == "burn" else None if one.budget_left is None else -one.budget_left
        return -math.inf if value is None else value

    @property
    def peak_score(self) -> float | None:
        """None: what is counted is not scored."""
        return None

    @property
    def spenders(self) -> frozenset[str]:
        """Those who spent a part of it that is worth speaking of."""
        if self.event.kind in _STANDING:
            return frozenset()
        listed = sum(one.bad for one in self.event.spenders)
        return frozenset(one.who for one in self.event.spenders if 0 < one.bad >= _LEAST_SPENT * listed)

    @property
    def since_ms(self) -> int:
        """When the oldest alert began that was open with it."""
        since_ms, started_ms = self.event.since_ms, self.event.started_ms
        return started_ms if since_ms is None else min(since_ms, started_ms)

    @property
    def falls_silent(self) -> bool:
        """Never: the stage that counts tells of turns alone, and of the end of all that it looks after no more."""
        return False

    def runbooks(self, worst: Finding[Any]) -> Sequence[str]:
        """The last that were named."""
        return self.event.runbooks or worst.event.runbooks

    @property
    def ended(self) -> str:
        """Just that."""
        return "ended"

    @property
    def summary(self) -> str:
        """As it was told; else in our words."""
        return self.event.summary or _summary(self.event)

    def annotations(self, worst: Finding[Any]) -> dict[str, str]:
        """Numbers as they are now; of spenders and runbooks the last that were named."""
        now = self.event
        told = {
            "burn_rate": _number(now.burn_rate),
            "budget_left": _share(now.budget_left),
            "exhausted_in": _exhausted(now.exhausted_in),
            "spenders": ", ".join(map(_spender, now.spenders or worst.event.spenders)),
            "runbooks": ", ".join(self.runbooks(worst)),
            "frozen": "nothing is measured: it stays as it was" if now.frozen else "",
        }
        return {name: text for name, text in told.items() if text}

    def alert_body(self, worst: Finding[Any]) -> Mapping[str, Any]:
        """The numbers now and at the worst."""
        return {
            "observed": observed(self.event),
            "peak_observed": observed(worst.event),
            "unit": _unit(self.event),
            "confidence": 1.0,
        }

    def member_body(self) -> Mapping[str, Any]:
        """The number."""
        return {
            "role": "symptom",
            "observed": observed(self.event),
            "unit": _unit(self.event),
            "confidence": 1.0,
        }


def observed(alert: SloAlert) -> float | None:
    """The number that an alert is about: a burn rate, or the share of the budget that is left."""
    return alert.burn_rate if alert.kind == "burn" else None if alert.kind == "no_data" else alert.budget_left


def _unit(alert: SloAlert) -> str:
    return "x" if alert.kind == "burn" else ""


def _summary(alert: SloAlert) -> str:
    name = alert.title or f"SLO {alert.slo}"
    match alert.kind:
        case "burn":
            rate = "too fast" if alert.burn_rate is None else f"{alert.burn_rate:.3g} times as fast as it lasts"
            return f"{name} burns its budget {rate}"
        case "budget":
            return f"{name} runs low on its budget: {_share(alert.budget_left) or 'little'} of it is left"
        case "sla":
            return f"{name} breaks its SLA"
        case "no_data":
            return f"{name} is not measured"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _share(share: float | None) -> str:
    return "" if share is None else percent(round(share, 4))


def _exhausted(left: TimeToExhaustion | None) -> str:
    if left is None or left.p50_s is None:
        return ""
    if left.low_80_s is None or left.high_80_s is None:
        return duration(left.p50_s)
    return f"{duration(left.p50_s)} (80 %: {duration(left.low_80_s)} to {duration(left.high_80_s)})"


def _spender(one: BudgetShare) -> str:
    return f"{one.who} {_share(one.of_budget)} of the budget" if one.of_budget is not None else one.who
