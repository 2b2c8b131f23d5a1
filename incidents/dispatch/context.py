"""What helps whoever is told: an hour of the most telling series, forecasts, changes, budgets, runbooks, links."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from incidents.dispatch.links import filled
from incidents.dispatch.subjects import Subject
from incidents.finding import PRIORITY_RANK
from schemas.events import WindowVerdict
from schemas.incident_events import Alert
from schemas.notification_events import NotificationContext, NotifiedConfidence, SignalExcerpt

MAX_BYTES: Final = 100 * 1024
"""Of a context as JSON."""
MOST_SIGNALS: Final = 5
_MOST_LISTED: Final = 10
# What a forecast's bounds hold, by ``Alert.seconds_left_80``.
_LEVEL: Final = 0.8
_HOUR_MS: Final = 3_600_000
# In a list of JSON every item but the first has a comma, and around them stand name, brackets and commas.
_FRAME_BYTES: Final = 256


def context_of(
    subjects: Sequence[Subject], evidence: Sequence[Subject], links: Mapping[str, str], at_ms: int
) -> NotificationContext | None:
    """What alerts say that helps; None where they say nothing.

    Parameters
    ----------
    subjects
        What is told of, the most urgent first; links are about the first.
    evidence
        Alerts of the same incident, these or others, that may be more telling.
    links
        Addresses with ``{label}`` in them, by what is behind them.
    at_ms
        Now.
    """
    known = list({one.key: one for one in (*subjects, *evidence)}.values())
    known.sort(key=lambda one: one.rank)
    changes = {one.alert.change.id: one.alert.change for one in known if one.alert.change is not None}
    found: dict[str, list[Any]] = {
        "signals": excerpts(known),
        "forecasts": _distinct(one.alert.annotations.get("summary", "") for one in known if one.alert.kind == "trend"),
        "changes": list(changes.values()),
        "budgets": _distinct(budget_line(one.alert) for one in known if one.alert.source == "slo"),
        "runbooks": _distinct(name for one in known for name in one.alert.runbooks),
        "links": list(filled(links, _facts(subjects[0], known, at_ms)).items()),
    }
    if not any(found.values()):
        return None
    return fitted({name: values[:_MOST_LISTED] for name, values in found.items()}, {*found} & _longer(found))


def _longer(found: Mapping[str, Sequence[Any]]) -> set[str]:
    return {name for name, values in found.items() if len(values) > _MOST_LISTED}


def excerpts(subjects: Iterable[Subject]) -> list[SignalExcerpt]:
    """The hour that led to each of the most telling alerts, one a series' name and entity, the highest score first."""
    best: dict[tuple[str, str], Subject] = {}
    for one in subjects:
        if one.alert.recent:
            key = (one.alert.signal, one.alert.entity)
            best[key] = min(best.get(key, one), one, key=_telling)
    return [
        SignalExcerpt(
            signal=one.alert.signal, entity=one.alert.entity, unit=one.alert.unit, points=one.alert.recent or []
        )
        for one in heapq.nsmallest(MOST_SIGNALS, best.values(), key=_telling)
    ]


def _telling(subject: Subject) -> tuple[float, int, int, str]:
    alert = subject.alert
    return -(alert.peak_score or 0.0), PRIORITY_RANK[subject.priority], alert.started_ms, subject.key


def budget_line(alert: Alert) -> str:
    """What befalls an objective, how much of its budget is left, and for how long.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> told = {"summary": "checkout burns its budget 14.4 times as fast as it lasts", "budget_left": "62 %"}
    >>> budget_line(SimpleNamespace(annotations=told, signal="slo:checkout"))
    'checkout burns its budget 14.4 times as fast as it lasts; 62 % of its budget is left'
    """
    told = alert.annotations
    parts = [told.get("summary") or alert.signal]
    if left := told.get("budget_left"):
        parts.append(f"{left} of its budget is left")
    if ends := told.get("exhausted_in"):
        parts.append(f"as it burns, that is spent in {ends}")
    return "; ".join(parts)


def confidence_of(alert: Alert) -> NotifiedConfidence | None:
    """How sure an alert's teller is; None where nothing was estimated: a limit is crossed or not, a ratio is counted.

    Of a forecast it has the bounds of the seconds that are left.
    """
    if alert.source != "anomaly" or alert.kind == "limit":
        return None
    bounds = alert.seconds_left_80
    if bounds is None or bounds == (None, None):
        return NotifiedConfidence(value=alert.confidence)
    low, high = bounds
    return NotifiedConfidence(lo=low, hi=high, level=_LEVEL, value=alert.confidence, of="seconds_left")


def windows_of(alert: Alert) -> dict[str, str]:
    """What each window says of an alert's series, by its name.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> up = WindowVerdict(window="5m", score=12.31, direction="up", agrees=True)
    >>> calm = WindowVerdict(window="24h", score=0.4, direction="up", agrees=False)
    >>> windows_of(SimpleNamespace(windows=[up, calm]))
    {'5m': 'anomalous, up, score 12.3', '24h': 'as expected, score 0.4'}
    """
    return {one.window: _verdict(one) for one in alert.windows}


def _verdict(one: WindowVerdict) -> str:
    direction = f", {one.direction}" if one.direction != "none" else ""
    if one.agrees:
        return f"anomalous{direction}, score {one.score:.3g}"
    # Of another direction than the anomaly, or not enough.
    return f"as expected, score {one.score:.3g}" if one.score <= 1.0 else f"otherwise{direction}, score {one.score:.3g}"


def fitted(found: Mapping[str, list[Any]], cut: Iterable[str] = ()) -> NotificationContext:
    """A context of at most ``MAX_BYTES``: of whatever takes the most room the last goes, until it fits.

    Parameters
    ----------
    found
        Lists by the context's fields; links as pairs.
    cut
        Names of the lists that were cut before.
    """
    kept = {name: list(values) for name, values in found.items()}
    sizes = {name: [_bytes(one) for one in values] for name, values in kept.items()}
    totals = {name: sum(own) for name, own in sizes.items()}
    truncated = bool([*cut])
    while sum(totals.values()) > MAX_BYTES - _FRAME_BYTES:
        name = max(totals, key=totals.__getitem__)
        kept[name].pop()
        totals[name] -= sizes[name].pop()
        truncated = True
    return NotificationContext(**{**kept, "links": dict(kept.get("links", []))}, truncated=truncated)


def _bytes(item: Any) -> int:
    """How long an item of a list is as JSON, with its comma."""
    alone = NotificationContext.model_construct(forecasts=[item])
    return len(alone.model_dump_json(include={"forecasts"}, warnings=False).encode()) - len('{"forecasts":[]}') + 1


def _distinct(texts: Iterable[str]) -> list[str]:
    return [text for text in dict.fromkeys(texts) if text]


def _facts(lead: Subject, known: Sequence[Subject], at_ms: int) -> dict[str, str]:
    """What an address may name: labels as routes see them, and the time from an hour before it began until now."""
    from_ms = max(0, min(one.alert.started_ms for one in known) - _HOUR_MS)
    return {**lead.labels, "from_ms": str(from_ms), "to_ms": str(at_ms)}
