"""From what the kernels report to anomalies that people and other stages read."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from models import episodes as e
from models.chosen import ChosenEvent
from models.confidence import Evidence, precision_of, probability, reasons, since
from models.explain import Seen, change_of, clock, explain, forecast, is_share, level, moment, number, subject_of
from models.limits import F_SLOPE
from models.rules import ThresholdRule
from models.settings import WINDOW_NAMES, UpdateSettings
from models.shapes import RAMP
from models.trend import EARLIEST, EARLY, ETAS, LATE, LATEST, MEDIAN
from models.usual import HourState, usual_hour
from schemas.events import (
    Anomaly,
    AnomalyKind,
    AnomalyState,
    Contribution,
    Direction,
    EndReason,
    Range,
    Severity,
    TimeToLimit,
    UsualHour,
    WindowVerdict,
)
from schemas.ids import event_id
from schemas.series import Series

WINDOWS_DETECTOR: Final = "windows"
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
STATES: Final[dict[int, AnomalyState]] = {e.START: "start", e.UPDATE: "update"}
REASONS: Final[dict[int, EndReason]] = {
    e.END_RECOVERED: "recovered",
    e.END_SHIFT: "level_shift",
    e.END_SILENT: "silent",
    e.END_MAINTENANCE: "maintenance",
}
TAILS: Final[dict[EndReason, str]] = {
    "recovered": "; back to normal at {at}",
    "level_shift": "; accepted as the new level at {at}",
    "silent": "; no sample after {at}",
    "maintenance": "; muted by maintenance from {at}",
}
# A range no wider than this, as a share of its center, only guards a division.
_NOTHING: Final = 1e-8
_DAY_S: Final = 86_400.0
# A shift that ends so near to what is usual, in sizes of what would matter, is the end of another one.
_BACK: Final = 0.5
# A limit is crossed or not: nothing is inferred.
_LIMIT_CONFIDENCE: Final = 1.0
# What the shorter interval that it tells gives itself, and holds (docs/guides/detection.md: 81 % of planted fills).
_FORECAST_CONFIDENCE: Final = 0.8


class Told(NamedTuple):
    """One reported event: its integers and floats, as lists."""

    ints: list[int]
    floats: list[float]


class Subject(NamedTuple):
    """The series of an event, and its id."""

    series: Series
    series_id: int


def anomaly_id(series_id: int, detector: str, started_ms: int) -> str:
    """The same in all states of an episode."""
    return event_id("anomaly", f"{series_id:016x}", detector, started_ms)


def window_anomaly(told: Told, about: Subject) -> Anomaly:
    """The five windows' fused verdict on a series."""
    ints, series = told.ints, about.series
    code, direction = ints[e.I_CODE], ints[e.I_DIRECTION]
    reason = REASONS.get(code)
    score, peak = told.floats[e.F_SCORE], told.floats[e.F_PEAK]
    verdicts = _verdicts(told)
    agreeing = [one.window for one in verdicts if one.agrees and one.score > 1.0]
    best = _best(told)
    expected = None if best is None else _range(told, best)
    evidence = evidence_of(told)
    observed = told.floats[e.F_VALUE] if reason or best is None else _seen(told, best)
    ended_ms = ints[e.I_ENDED] if reason else None
    usual = _usual(told, observed, is_sample=reason is not None or best in {None, 0})
    seen = Seen(observed, expected, None if reason else usual)
    named: list[str] = list(agreeing) or [WINDOW_NAMES[ints[e.I_LEAD] % e.FINEST]]
    tail = TAILS[reason].format(at=clock(ints[e.I_ENDED])) if reason else ""
    return Anomaly(
        id=anomaly_id(about.series_id, WINDOWS_DETECTOR, ints[e.I_STARTED]),
        state=STATES.get(code, "end"),
        **identity_of(about),
        kind=_kind(ints, reason),
        detector=WINDOWS_DETECTOR,
        direction=direction_of(direction),
        severity=SEVERITIES[ints[e.I_SEVERITY]],
        started_ms=ints[e.I_STARTED],
        at_ms=ints[e.I_AT],
        ended_ms=ended_ms,
        end_reason=reason,
        score=score,
        peak_score=peak,
        observed=observed,
        expected=expected,
        usual=usual,
        windows=verdicts,
        contributions=_contributions(score, [one for one in verdicts if one.direction == direction_of(direction)]),
        confidence=probability(evidence),
        confidence_reasons=reasons(evidence),
        cold_start=evidence.cold,
        explanation=explain(series, seen, named, ints[e.I_STARTED], tail),
    )


def _usual(told: Told, observed: float, *, is_sample: bool) -> UsualHour | None:
    """What is usual at this hour of the week, where it is known."""
    low, center, high, error, inside, share = told.floats[e.F_USUAL : e.F_SHARE + 1]
    state = HourState(low, center, high, error, inside, share, *told.ints[e.I_HOUR : e.I_MONTH + 1])
    return usual_hour(observed, state, is_sample=is_sample)


def _measured(told: Told, rule: ThresholdRule, left: TimeToLimit | None) -> str:
    """What a rule saw, in words; a trend goes on for days, so that a time of day says little of its start."""
    observed = number(told.floats[e.F_VALUE])
    if left is not None:
        return f"{forecast(left)}; now {observed}, limit {number(left.limit)}"
    if rule.limit is not None:
        unsure = "" if told.ints[e.I_CODE] in REASONS else "; where it is heading is not sure now"
        return f"is {observed}, limit {number(rule.limit)}{unsure}"
    measure = "is" if rule.function == "last" else f"has {rule.function} over {rule.window_s:g} s"
    limit = f"limit {rule.comparison} {number(rule.threshold)}"
    return f"{measure} {observed}, {limit}; since {clock(told.ints[e.I_STARTED])}"


def _time_to_limit(told: Told, rule: ThresholdRule) -> TimeToLimit | None:
    """Of a rule on a trend that still leads to its limit."""
    times = [one if math.isfinite(one) else None for one in told.floats[e.F_WINDOWS : e.F_WINDOWS + ETAS]]
    median = times[MEDIAN]
    if rule.limit is None or median is None or told.ints[e.I_CODE] in REASONS:
        return None
    return TimeToLimit(
        limit=rule.limit,
        per_day=told.floats[F_SLOPE] * _DAY_S,
        p50_s=median,
        low_80_s=times[EARLY],
        high_80_s=times[LATE],
        low_95_s=times[EARLIEST],
        high_95_s=times[LATEST],
    )


def _sense(rule: ThresholdRule) -> Direction:
    """Where the series went, or goes, that a rule fires on."""
    if rule.limit is not None:
        return rule.towards
    return "up" if ">" in rule.comparison else "down" if "<" in rule.comparison else "none"


def rule_anomaly(told: Told, about: Subject, rule: ThresholdRule) -> Anomaly:
    """A limit that is crossed, or that a trend leads to."""
    ints = told.ints
    reason = REASONS.get(ints[e.I_CODE])
    observed, score, peak = told.floats[e.F_VALUE], told.floats[e.F_SCORE], told.floats[e.F_PEAK]
    left = _time_to_limit(told, rule)
    sentence = f"{rule.summary or rule.name}: {subject_of(about.series)} {_measured(told, rule, left)}"
    if reason:
        sentence += TAILS[reason].format(at=clock(ints[e.I_ENDED]))
    return Anomaly(
        id=anomaly_id(about.series_id, rule.name, ints[e.I_STARTED]),
        state=STATES.get(ints[e.I_CODE], "end"),
        **identity_of(about),
        kind="limit" if rule.limit is None else "trend",
        detector=rule.name,
        direction=_sense(rule),
        severity=rule.severity,
        priority=rule.priority,
        safety=rule.safety,
        started_ms=ints[e.I_STARTED],
        at_ms=ints[e.I_AT],
        ended_ms=ints[e.I_ENDED] if reason else None,
        end_reason=reason,
        score=score,
        peak_score=peak,
        observed=observed,
        time_to_limit=left,
        contributions=[Contribution(of=rule.name, value=score)],
        confidence=_LIMIT_CONFIDENCE if rule.limit is None else _FORECAST_CONFIDENCE,
        confidence_reasons=[] if rule.limit is None else ["a forecast: it holds if the trend goes on"],
        explanation=sentence,
    )


def chosen_anomaly(told: ChosenEvent, about: Subject, settings: UpdateSettings) -> Anomaly:
    """What a chosen detector calls anomalous."""
    name, ended = told.choice.name, told.state == "end"
    sure, why = precision_of(told.choice.detector)
    reason: EndReason | None = None if not ended else "silent" if told.silent else "recovered"
    sentence = (
        f"{subject_of(about.series)} is {number(told.value)}: {name} scores it {number(max(told.score, told.peak))}; "
        f"since {clock(told.started_ms)}"
    )
    if reason:
        sentence += TAILS[reason].format(at=clock(told.ended_ms))
    return Anomaly(
        id=anomaly_id(about.series_id, name, told.started_ms),
        state=told.state,
        **identity_of(about),
        kind="deviation",
        detector=name,
        severity=SEVERITIES[(told.peak >= settings.warning) + (told.peak >= settings.critical)],
        started_ms=told.started_ms,
        at_ms=told.at_ms,
        ended_ms=told.ended_ms if ended else None,
        end_reason=reason,
        score=told.score,
        peak_score=told.peak,
        observed=told.value,
        contributions=[Contribution(of=name, value=told.score)],
        confidence=sure,
        confidence_reasons=[why],
        explanation=sentence,
    )


def identity_of(about: Subject) -> dict[str, object]:
    """The fields that say which series it is."""
    series = about.series
    return {
        "tenant": series.tenant,
        "series_id": f"{about.series_id:016x}",
        "metric": series.metric,
        "labels": dict(series.labels),
        "dims": dict(series.dims),
        "entity": series.entity,
        "unit": series.unit,
    }


def direction_of(sign: int) -> Direction:
    """Where a sign points."""
    return "up" if sign > 0 else "down" if sign < 0 else "none"


def _kind(ints: list[int], reason: EndReason | None) -> AnomalyKind:
    if reason != "level_shift" and ints[e.I_LEAD] == len(WINDOW_NAMES) - 1:
        return "seasonal"
    if reason != "level_shift" and ints[e.I_SHAPE] == RAMP:
        return "ramp"
    if reason == "level_shift" or 1 < ints[e.I_LEAD] < e.FINEST:
        return "level_shift"
    return "spike" if ints[e.I_DIRECTION] > 0 else "drop"


def _range(told: Told, window: int) -> Range:
    """A window's expected range; a side that is not watched mirrors the other; nothing below 0 that never was.

    Of a series that never moved, and whose family names no floor, exactly its value was expected.
    """
    at = e.F_WINDOWS + e.WINDOW_FLOATS * window
    center, low, high = told.floats[at + 1 : at + 4]
    if not math.isfinite(low):
        low = center - (high - center) if math.isfinite(high) else center
    if not math.isfinite(high):
        high = center + (center - low)
    if high - low <= _NOTHING * max(1.0, abs(center)):
        return Range(low=center, center=center, high=center)
    if center >= 0 and told.floats[e.F_VALUE] >= 0:
        low = max(low, 0.0)
    return Range(low=low, center=center, high=high)


def _speaking(told: Told) -> list[int]:
    """Windows that have a say: those that speak now and, when an episode ends, those that called it one."""
    bits = told.ints[e.I_READY]
    if _is_end(told):
        bits |= told.ints[e.I_AGREED]
    return [window for window in range(len(WINDOW_NAMES)) if bits >> window & 1]


def _is_end(told: Told) -> bool:
    return told.ints[e.I_CODE] in REASONS


def _verdicts(told: Told) -> list[WindowVerdict]:
    """What each window says; at an end, whether it called the episode anomalous."""
    sign = told.ints[e.I_DIRECTION]
    found: list[WindowVerdict] = []
    for window in _speaking(told):
        score = told.floats[e.F_WINDOWS + e.WINDOW_FLOATS * window]
        agrees = bool(told.ints[e.I_AGREED] >> window & 1) if _is_end(told) else score * sign > 1.0
        found.append(
            WindowVerdict(
                window=WINDOW_NAMES[window],
                score=abs(score),
                direction=direction_of((score > 0.0) - (score < 0.0)),
                agrees=agrees,
                expected=_range(told, window),
            )
        )
    return found


def _seen(told: Told, window: int) -> float:
    """What a window observed: 5m the value, the others their level."""
    return told.floats[e.F_WINDOWS + e.WINDOW_FLOATS * window + 4]


def _best(told: Told) -> int | None:
    """The window that scores highest in the episode's direction, else the one that led."""
    speaking, sign = _speaking(told), told.ints[e.I_DIRECTION]
    if not speaking:
        return None
    scores = {window: sign * told.floats[e.F_WINDOWS + e.WINDOW_FLOATS * window] for window in speaking}
    best, lead = max(speaking, key=scores.__getitem__), told.ints[e.I_LEAD] % e.FINEST
    return lead if scores[best] <= 1.0 and lead in speaking else best


def _contributions(score: float, verdicts: list[WindowVerdict]) -> list[Contribution]:
    """The score, shared among windows of its direction as they scored themselves; the shares add up to it."""
    total = sum(one.score for one in verdicts)
    if total <= 0.0:
        return [Contribution(of=WINDOWS_DETECTOR, value=score)] if score else []
    shares = [Contribution(of=one.window, value=score * one.score / total) for one in verdicts if one.score > 0.0]
    return sorted(shares, key=lambda share: -share.value)


def evidence_of(told: Told) -> Evidence:
    """What is known of an anomaly at one of its states."""
    ints, at_ms = told.ints, told.ints[e.I_AT]
    first_ms = at_ms - ints[e.I_AGE]
    return Evidence(
        peak=told.floats[e.F_PEAK],
        agreed=ints[e.I_AGREED].bit_count(),
        speaking=(ints[e.I_READY] | ints[e.I_AGREED]).bit_count(),
        lasted_ms=(ints[e.I_ENDED] if _is_end(told) else at_ms) - ints[e.I_STARTED],
        age_ms=ints[e.I_AGE],
        interval_ms=ints[e.I_INTERVAL],
        shifted_ms=since(at_ms, ints[e.I_SINCE], first_ms),
        drifted_ms=since(at_ms, ints[e.I_DRIFTED], first_ms),
        alarms=told.floats[e.F_ALARMS],
        known=told.floats[e.F_KNOWN],
    )


class Minute(NamedTuple):
    """A closed minute at which a drift was seen: its end, its mean, the center it drifted from, a spread's size.

    And since when its level is another one; 0 where the detector cannot tell.
    """

    end_ms: int
    mean: float
    center: float
    size: float
    since_ms: int = 0


def drift_anomalies(minute: Minute, about: Subject, detector: str) -> list[Anomaly]:
    """A drift begins and ends at one moment: it informs, and pages nobody."""
    away = abs(minute.mean - minute.center) / minute.size
    up = minute.mean >= minute.center
    expected = Range(low=minute.center - minute.size, center=minute.center, high=minute.center + minute.size)
    share = is_share(about.series)
    change = change_of(minute.center, minute.mean, share) if away >= _BACK else f"back at {level(minute.mean, share)}"
    since = f" since {moment(minute.since_ms, minute.end_ms)}" if minute.since_ms else ""
    sentence = f"{subject_of(about.series)} is {change}{since}; seen at {clock(minute.end_ms)}"
    start = Anomaly(
        id=anomaly_id(about.series_id, detector, minute.end_ms),
        state="start",
        **identity_of(about),
        kind="drift",
        detector=detector,
        direction="up" if up else "down",
        severity="info",
        priority="P3",
        started_ms=minute.end_ms,
        at_ms=minute.end_ms,
        score=1.0 + away,
        peak_score=1.0 + away,
        observed=minute.mean,
        expected=expected,
        changed_ms=minute.since_ms or None,
        base=1.0,
        contributions=[Contribution(of=detector, value=away)],
        confidence=precision_of("drift")[0],
        confidence_reasons=["one detector, on means of minutes"],
        explanation=sentence,
    )
    return [start, start.model_copy(update={"state": "end", "ended_ms": minute.end_ms, "end_reason": "level_shift"})]
