"""From a bad vital sign to an anomaly that people read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from models import episodes as e
from models.explain import clock, duration, number, subject_of
from models.names import VITAL_NAMES
from models.verdict import REASONS, STATES, TAILS, Subject, Told, anomaly_id, direction_of, identity_of
from models.vitals import F_NOW, F_USUAL, FIRST_VITAL, FLATLINE, MISSING, VARIANCE
from schemas.events import Anomaly, Contribution

# Silence and sameness are plain to see; a variance is an estimate.
_CONFIDENCE: Final[Mapping[int, tuple[float, list[str]]]] = MappingProxyType(
    {
        FLATLINE: (0.9, []),
        VARIANCE: (0.7, ["one detector, on variances of some minutes"]),
        MISSING: (0.9, []),
    }
)


def vital_anomaly(told: Told, about: Subject) -> Anomaly:
    """A series that stands still, swings as it never did, or sends nothing: it informs, and pages nobody."""
    ints, floats = told.ints, told.floats
    sign = FIRST_VITAL - ints[e.I_RULE]
    kind = VITAL_NAMES[sign]
    reason = REASONS.get(ints[e.I_CODE])
    score = floats[e.F_SCORE]
    confidence, reasons = _CONFIDENCE[sign]
    return Anomaly(
        id=anomaly_id(about.series_id, kind, ints[e.I_STARTED]),
        state=STATES.get(ints[e.I_CODE], "end"),
        **identity_of(about),
        kind=kind,
        detector=kind,
        direction=direction_of(ints[e.I_DIRECTION]) if sign == VARIANCE else "none",
        severity="info",
        priority="P3",
        started_ms=ints[e.I_STARTED],
        at_ms=ints[e.I_AT],
        ended_ms=ints[e.I_ENDED] if reason else None,
        end_reason=reason,
        score=score,
        peak_score=max(score, floats[e.F_PEAK]),
        observed=floats[e.F_VALUE],
        contributions=[Contribution(of=kind, value=score)] if score else [],
        confidence=confidence,
        confidence_reasons=list(reasons),
        explanation=_sentence(told, about, sign),
    )


def _sentence(told: Told, about: Subject, sign: int) -> str:
    """What is odd, what is usual, since when; or how it ended."""
    now, usual = told.floats[F_NOW], told.floats[F_USUAL]
    subject, since = subject_of(about.series), clock(told.ints[e.I_STARTED])
    if sign == MISSING:
        text = f"{subject} sends nothing for {duration(now)}, usually every {duration(usual)}; last at {since}"
    elif sign == FLATLINE:
        value = number(told.floats[e.F_VALUE])
        text = f"{subject} is {value} without any change for {duration(now)}, usual is up to {duration(usual)}; "
        text += f"since {since}"
    else:
        text = f"{subject} swings {_times(now, usual)}: samples differ by {number(now)}, usually by {number(usual)}; "
        text += f"since {since}"
    reason = REASONS.get(told.ints[e.I_CODE])
    return text + _end_of(told, sign) if reason else text


def _times(now: float, usual: float) -> str:
    """How much more, or less."""
    if now <= 0.0 or usual <= 0.0:
        return "more than it used to" if now > usual else "less than it used to"
    if now >= usual:
        return f"{number(now / usual)} times as much as usual"
    return f"{number(usual / now)} times less than usual"


def _end_of(told: Told, sign: int) -> str:
    """What ended it, at what time."""
    reason = REASONS[told.ints[e.I_CODE]]
    at = clock(told.ints[e.I_ENDED])
    if reason != "recovered":
        return "; forgotten" if sign == MISSING else TAILS[reason].format(at=at)
    return {FLATLINE: f"; moves again at {at}", MISSING: f"; back at {at}"}.get(sign, f"; as usual again at {at}")
