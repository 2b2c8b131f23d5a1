"""A case in plain words: what was seen, what was expected, who says so, how sure, since and until when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from metrics_ai.event_listing import clock_text, is_objective, number_text, range_text, score_text, tier_of
from metrics_ai.explain.cases import AlertCase, AnomalyCase, Case, IncidentCase
from metrics_ai.explain.objectives import member_value, objective_lines
from metrics_ai.explain.words import (
    columns_text,
    contribution_lines,
    duration_text,
    fields_text,
    indented,
    series_text,
    unit_text,
    value_text,
)
from models.explain import forecast
from models.usual import days_text, percentile_text
from schemas.change_events import NearestChange
from schemas.events import Anomaly, UsualHour, WindowVerdict
from schemas.incident_events import Alert, Incident, IncidentMember

MOST_MEMBERS: Final = 10
"""Members of an incident that are explained one by one."""
_ENDS: Final = {
    "recovered": "back to normal",
    "level_shift": "the new level is normal now",
    "silent": "the series stopped",
}
_GONE: Final = "Its anomaly is no longer on its topic: contributions are not known any more."


def story_of(case: Case) -> list[str]:
    """The lines of a case."""
    match case:
        case IncidentCase():
            return _incident_lines(case)
        case AlertCase():
            return _alert_lines(case)
        case AnomalyCase():
            return _anomaly_lines(case)


def json_of(case: Case) -> dict[str, Any]:
    """A case as one object, its events as they lie on their topics."""
    match case:
        case IncidentCase():
            return {
                "kind": "incident",
                "incident": _event(case.incident),
                "merged": list(case.merged[:-1]),
                "members": [json_of(one) for _, one in case.members if one is not None],
                "timeline": [_event(one) for one in case.timeline],
            }
        case AlertCase():
            anomaly = None if case.anomaly is None else json_of(case.anomaly)
            return {"kind": "alert", "alert": _event(case.alert), "anomaly": anomaly}
        case AnomalyCase():
            return {"kind": "anomaly", "latest": _event(case.latest), "worst": _event(case.worst)}


def _event(event: Any) -> Any:
    return event.model_dump(mode="json", exclude_none=True)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _anomaly_lines(case: AnomalyCase) -> list[str]:
    one = case.latest
    state = "over" if one.state == "end" else "going on"
    head = f"Anomaly {one.id}: {_words(one.kind)} of {one.metric}, {one.severity}, {state}"
    return [head, "", *indented([case.worst.explanation, "", *_anomaly_body(case)])]


def _anomaly_body(case: AnomalyCase, first: Sequence[tuple[str, str]] = ()) -> list[str]:
    """Fields, windows and contributions, behind some fields of an alert."""
    now, worst = case.latest, case.worst
    fields = [
        *first,
        ("series", series_text(now.metric, now.labels)),
        ("entity", now.entity),
        ("detector", now.detector),
        *_times(now.started_ms, now.ended_ms, now.end_reason),
        ("at its worst", _worst_text(worst, now.peak_score)),
        ("usual then", "" if worst.usual is None else _usual_text(worst.usual, worst.unit)),
        ("changed", "" if now.changed_ms is None else clock_text(now.changed_ms)),
        ("now" if now.ended_ms is None else "at its end", value_text(now.observed, now.expected, now.unit)),
        ("trend", "" if now.time_to_limit is None else forecast(now.time_to_limit)),
        ("confidence", _confidence_text(worst.confidence, worst.confidence_reasons)),
    ]
    return [
        *fields_text(fields),
        *_window_lines(worst.windows, worst.unit),
        "",
        f"Where the score of {worst.score:.2f} comes from (above 1.00 = anomalous):",
        *indented(contribution_lines(worst.base, worst.contributions, worst.score)),
    ]


def _usual_text(usual: UsualHour, unit: str) -> str:
    """What the hour of the week usually shows, and where the value lies among it."""
    text = value_text(usual.center, None, unit)
    reach = f"{number_text(usual.low)} .. {number_text(usual.high)}{unit_text(unit)} in 5 min"
    return f"{text}, {reach}; it is {percentile_text(usual.percentile)} of {days_text(usual)}"


def _worst_text(one: Anomaly, peak: float) -> str:
    """The worst state that was told; between two of them the score may have been higher."""
    text = f"{value_text(one.observed, one.expected, one.unit)}; score {one.score:.2f} at {clock_text(one.at_ms)}"
    return text if f"{peak:.2f}" == f"{one.score:.2f}" else f"{text}, {peak:.2f} at the most"


def _times(started_ms: int, ended_ms: int | None, reason: str | None = None) -> list[tuple[str, str]]:
    until = ""
    if ended_ms is not None:
        until = f"{clock_text(ended_ms)} ({duration_text(ended_ms - started_ms)})"
        until += f": {_ENDS.get(reason, _words(reason))}" if reason else ""
    return [("since", clock_text(started_ms)), ("until", until or "it goes on")]


def _confidence_text(confidence: float, reasons: Sequence[str]) -> str:
    return "; ".join([f"{confidence:.0%}", *reasons])


def _window_lines(windows: Sequence[WindowVerdict], unit: str) -> list[str]:
    """Which windows said what."""
    if not windows:
        return []
    rows = [
        [
            one.window,
            f"{one.score:.2f}",
            _says(one),
            f"{range_text(one.expected)}{unit_text(unit) if one.expected else ''}",
        ]
        for one in windows
    ]
    return ["", *columns_text([["window", "score", "says", "expects"], *rows], right=[1])]


def _says(one: WindowVerdict) -> str:
    if one.agrees or one.score <= 1.0:
        return "anomalous" if one.agrees else "as expected"
    return f"too {'low' if one.direction == 'down' else 'high'}"


def _alert_lines(case: AlertCase) -> list[str]:
    one = case.alert
    head = f"Alert {one.id}: {one.labels.get('alertname', one.signal)}, {one.priority}, {one.state}"
    return [head, "", *indented(_alert_body(case))]


def _alert_body(case: AlertCase) -> list[str]:
    one = case.alert
    fields = [
        ("incident", one.incident_id or "none"),
        ("priority", f"{one.priority}{', on the safety list' if one.safety else ''}; {one.severity}"),
        ("after", "" if one.change is None else _change_text(one.change)),
    ]
    if case.anomaly is not None:
        return [
            case.anomaly.worst.explanation,
            "",
            *_anomaly_body(case.anomaly, [*fields, ("anomaly", case.anomaly.latest.id)]),
        ]
    if is_objective(one.signal):
        return objective_lines(one, [*fields, *_times(one.started_ms, one.ended_ms)])
    return [*_alert_alone(one, fields), "", _GONE]


def _change_text(change: NearestChange) -> str:
    """A change that came before an alert, which may be innocent."""
    where = ", ".join(f"{name} {value}" for name, value in change.labels.items())
    told = [f"{change.kind} {change.what} at {clock_text(change.at_ms)}", where, change.by or "", change.url or ""]
    return "; ".join(part for part in told if part)


def _alert_alone(one: Alert, fields: Sequence[tuple[str, str]]) -> list[str]:
    """What the alert itself says."""
    expected = one.expected if one.peak_observed is None else one.peak_expected
    observed = one.observed if one.peak_observed is None else one.peak_observed
    score = "" if one.peak_score is None else f"; score {one.peak_score:.2f}"
    peak = score + (f" at {clock_text(one.peak_ms)}" if one.peak_ms is not None else "")
    told = [
        *fields,
        ("entity", one.entity),
        *_times(one.started_ms, one.ended_ms),
        ("at its worst", value_text(observed, expected, one.unit) + peak),
        ("confidence", _confidence_text(one.confidence, one.confidence_reasons)),
    ]
    sentence = one.annotations.get("explanation") or one.annotations.get("summary", one.signal)
    return [sentence, "", *fields_text(told), *_window_lines(one.windows, one.unit)]


def _incident_lines(case: IncidentCase) -> list[str]:
    one = case.incident
    shown = [*_member_table([member for member, _ in case.members])]
    if (more := one.member_count - len(case.members)) > 0:
        shown.append(f"and {more} more that the incident does not list")
    told = case.members[:MOST_MEMBERS]
    lines = [
        *(f"Incident {old} was merged into {new}." for old, new in zip(case.merged, case.merged[1:], strict=False)),
        f"Incident {one.id}: {one.title}, {one.priority}, {one.state}",
        "",
        *indented(fields_text(_incident_fields(one))),
        "",
        *indented(shown),
    ]
    for member, alert in told:
        lines += ["", f"Alert {member.alert_id}", "", *indented(_member_body(member, alert))]
    if (more := len(case.members) - len(told)) > 0:
        lines += ["", f"and {more} more alerts: metrics-ai explain ALERT explains each of them"]
    if case.timeline:
        entries = [[clock_text(entry.at_ms), _words(entry.kind), entry.text] for entry in case.timeline]
        lines += ["", "Timeline", *indented(columns_text(entries))]
    return lines


def _incident_fields(one: Incident) -> list[tuple[str, str]]:
    count = max(one.member_count, len(one.members))
    return [
        *_times(one.started_ms, one.ended_ms),
        ("resolved", "" if one.resolved_ms is None else clock_text(one.resolved_ms)),
        ("entities", _some(one.entities, one.entity_count)),
        ("signals", _some(one.signals, one.signal_count)),
        ("causes", ", ".join(dict.fromkeys(member.entity for member in one.members if member.role == "cause"))),
        ("alerts", f"{count}, {one.firing_count} firing"),
        ("confidence", f"{one.confidence:.0%}, that of its surest alert"),
        ("includes", ", ".join(one.aliases)),
    ]


def _some(names: Sequence[str], count: int) -> str:
    more = count - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _member_table(members: Sequence[IncidentMember]) -> list[str]:
    rows = [
        [
            one.priority,
            one.state,
            one.signal,
            one.entity,
            clock_text(one.started_ms),
            member_value(one),
            range_text(one.expected),
            score_text(one.peak_score),
            " ".join(one.windows) or tier_of(one.labels) or "-",
        ]
        for one in members
    ]
    head = ["priority", "state", "signal", "entity", "since", "observed", "expected", "peak", "windows"]
    return columns_text([head, *rows], right=[7])


def _member_body(member: IncidentMember, alert: AlertCase | None) -> list[str]:
    if alert is not None:
        return _alert_body(alert)
    return [member.summary, "", "It is no longer on its topic: this is what the incident says of it."]
