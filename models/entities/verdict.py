"""From what the kernels found to anomalies of kind ``multivariate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from models.entities.bank import Name
from models.explain import clock, noun_of
from models.names import ENTITIES
from models.verdict import REASONS, SEVERITIES, STATES, Subject, identity_of
from schemas.events import Anomaly, Contribution, EndReason, Range
from schemas.ids import event_id
from schemas.series import Series

DETECTOR: Final = ENTITIES
_MINUTE_MS: Final = 60_000
_TAILS: Final[dict[EndReason, str]] = {
    "recovered": "; they fit again at {at}",
    "level_shift": "; accepted as usual at {at}",
    "silent": "; no sample after {at}",
}
_MOST_NAMED: Final = 3
_TELLING: Final = 2.0
"""Spreads from which on a further series is named."""
_LISTED: Final = 8
_KNOWN_MINUTES: Final = 3 * 1440


@dataclass(frozen=True, slots=True)
class Member:
    """A series that had a say: how far from what the others suggest, in spreads; its level, and what they suggest."""

    series: Series
    series_id: int
    away: float
    value: float
    expected: float
    spread: float


def entity_anomaly(found: Any, name: Name, series: Mapping[int, Series]) -> Anomaly | None:
    """One state of an episode of an entity; None where none of its series is known any more.

    It is told of the series that fitted least when it began, so that it can be looked up, drawn, and related to
    others like any anomaly.
    """
    members = sorted(_members(found, series), key=lambda one: (-abs(one.away), one.series_id))
    lead_id = int(found["lead"]) if int(found["lead"]) in series else min(series, default=0)
    if not lead_id:
        return None
    lead, own = series[lead_id], next((one for one in members if one.series_id == lead_id), None)
    reason = REASONS.get(int(found["code"]))
    score, started_ms = float(found["score"]), int(found["started"]) * _MINUTE_MS
    ended_ms = (int(found["ended"]) + (reason == "silent")) * _MINUTE_MS if reason else None
    sure, reasons = _confidence(found, members)
    return Anomaly(
        id=event_id("anomaly", name.tenant, name.entity, DETECTOR, started_ms),
        state=STATES.get(int(found["code"]), "end"),
        **identity_of(Subject(lead, lead_id)),
        kind="multivariate",
        detector=DETECTOR,
        direction="none" if own is None else "up" if own.away > 0 else "down",
        severity=SEVERITIES[int(found["severity"])],
        started_ms=started_ms,
        at_ms=(int(found["at"]) + 1) * _MINUTE_MS,
        ended_ms=ended_ms,
        end_reason=reason,
        score=score,
        peak_score=max(float(found["peak"]), score),
        observed=0.0 if own is None else own.value,
        expected=None if own is None else _range(own, float(found["limit"])),
        contributions=_contributions(score, members),
        confidence=sure,
        confidence_reasons=reasons,
        explanation=_sentence(name.entity, members, started_ms, reason, ended_ms),
    )


def _members(found: Any, series: Mapping[int, Series]) -> list[Member]:
    return [
        Member(series[int(found["id"][at])], int(found["id"][at]), *(float(found[name][at]) for name in _NUMBERS))
        for at in np.flatnonzero(~np.isnan(found["away"])).tolist()
        if int(found["id"][at]) in series
    ]


_NUMBERS: Final = ("away", "value", "expected", "spread")


def _range(own: Member, limit: float) -> Range:
    reach = max(limit, 0.0) * own.spread
    low = own.expected - reach
    if own.value >= 0.0 and own.expected >= 0.0:
        low = max(low, 0.0)
    return Range(low=low, center=own.expected, high=own.expected + reach)


def _contributions(score: float, members: list[Member]) -> list[Contribution]:
    """The score, shared by how much it would fall if a series were let go; the shares add up to it."""
    total = sum(one.away**2 for one in members)
    if total <= 0.0:
        return [Contribution(of=DETECTOR, value=score)] if score else []
    shares = [Contribution(of=_named(one.series), value=score * one.away**2 / total) for one in members[:_LISTED]]
    if rest := sum(one.away**2 for one in members[_LISTED:]):
        shares.append(Contribution(of="the others", value=score * rest / total))
    return shares


def _named(series: Series) -> str:
    return series.metric + noun_of(series).removeprefix(noun_of(Series("", series.metric, type=series.type)))


def _sentence(
    entity: str, members: list[Member], started_ms: int, reason: EndReason | None, ended_ms: int | None
) -> str:
    named = [one for at, one in enumerate(members[:_MOST_NAMED]) if at == 0 or abs(one.away) >= _TELLING]
    parts = [_told(one, " spreads" if at == 0 else "") for at, one in enumerate(named)]
    told = f": {', '.join(parts)} what the others suggest" if parts else ""
    tail = _TAILS[reason].format(at=clock(ended_ms or started_ms)) if reason else ""
    place = entity.replace(":", " ", 1)
    fit = "did not fit" if reason else "do not fit"
    return f"{place}: its signals {fit} together{told if not reason else ''}; since {clock(started_ms)}{tail}"


def _told(one: Member, unit: str) -> str:
    return f"{noun_of(one.series)} {abs(one.away):.1f}{unit} {'above' if one.away > 0 else 'below'}"


def _confidence(found: Any, members: list[Member]) -> tuple[float, list[str]]:
    """How sure: by the peak's height, and by how long the entity is known."""
    sure = 1.0 - 0.5 / max(float(found["peak"]), 1.0)
    reasons = [f"{len(members)} of {int(found['count'])} series had a say"]
    if (judged := int(found["judged"])) < _KNOWN_MINUTES:
        sure *= 0.7 + 0.3 * judged / _KNOWN_MINUTES
        reasons.append(f"short history: its limit knows {judged // 60} hours")
    return round(min(1.0, max(0.0, sure)), 4), reasons
