"""What another configuration would have said of the same recording: incidents that come, go or move."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from metrics_ai.replay import ReplayResult
from schemas.incident_events import Incident

Change = Literal["came", "went", "moved", "same"]


@dataclass(frozen=True, slots=True)
class IncidentChange:
    """One incident in both runs.

    Parameters
    ----------
    change
        ``came`` (only after), ``went`` (only before), ``moved`` (in both, and different), ``same``.
    before, after
        The incident in each run.
    what
        What moved, in words: ``starts 12 s later``, ``priority P2 to P1``.
    """

    change: Change
    before: Incident | None
    after: Incident | None
    what: tuple[str, ...] = ()


def diff(before: ReplayResult, after: ReplayResult) -> list[IncidentChange]:
    """Match the incidents of two runs, and say what changed, in the order of their starts.

    Two incidents match if they share series and overlap in time (until its last end, or the recording's); of
    several the pair that shares the most series, then the longest time, goes first.
    """
    pairs = _matched(before, after)
    matched = {id(one) for pair in pairs for one in pair}
    changes = [_compared(one, other) for one, other in pairs]
    changes += [IncidentChange("went", one, None) for one in before.incidents if id(one) not in matched]
    changes += [IncidentChange("came", None, one) for one in after.incidents if id(one) not in matched]
    return sorted(changes, key=_order)


def _order(change: IncidentChange) -> tuple[int, str, str]:
    incident = change.before or change.after
    assert incident is not None
    return incident.started_ms, incident.id, change.change


def _matched(before: ReplayResult, after: ReplayResult) -> list[tuple[Incident, Incident]]:
    until_ms = max(before.summary.last_ms or 0, after.summary.last_ms or 0)
    found: list[tuple[int, int, int, int]] = []
    series_before = [_series(one) for one in before.incidents]
    series_after = [_series(one) for one in after.incidents]
    for at, other, overlap_ms in _overlapping(before.incidents, after.incidents, until_ms):
        shared = len(series_before[at] & series_after[other])
        if shared:
            found.append((-shared, -overlap_ms, at, other))
    taken_before: set[int] = set()
    taken_after: set[int] = set()
    pairs = []
    for _, _, at, other in sorted(found):
        if at not in taken_before and other not in taken_after:
            taken_before.add(at)
            taken_after.add(other)
            pairs.append((before.incidents[at], after.incidents[other]))
    return pairs


def _overlapping(
    before: Sequence[Incident], after: Sequence[Incident], until_ms: int
) -> Iterator[tuple[int, int, int]]:
    """Positions of incidents that overlap, and for how long; both lists are sorted by start."""
    going: list[int] = []
    coming = 0
    for at, one in enumerate(before):
        end_ms = _end_ms(one, until_ms)
        while coming < len(after) and after[coming].started_ms <= end_ms:
            going.append(coming)
            coming += 1
        # Starts only grow, so what ended before this one is over for all that follow.
        going = [other for other in going if _end_ms(after[other], until_ms) >= one.started_ms]
        for other in going:
            if after[other].started_ms <= end_ms:
                start_ms = max(one.started_ms, after[other].started_ms)
                yield at, other, min(end_ms, _end_ms(after[other], until_ms)) - start_ms


def _end_ms(incident: Incident, until_ms: int) -> int:
    return until_ms if incident.ended_ms is None else incident.ended_ms


def _series(incident: Incident) -> set[tuple[str, str]]:
    """Fingerprints stand for series and rule; entities and signals for members that are not listed."""
    listed = {("alert", one.alert_id.rsplit("-", 1)[0]) for one in incident.members}
    return listed | {("both", f"{one.entity}/{one.signal}") for one in incident.members}


def _compared(one: Incident, other: Incident) -> IncidentChange:
    what = [
        *_moved("starts", one.started_ms, other.started_ms),
        *_moved("ends", one.ended_ms, other.ended_ms),
        *_changed("priority", one.priority, other.priority),
        *_changed("severity", one.severity, other.severity),
        *_changed("alerts", one.member_count, other.member_count),
        *_changed("title", one.title, other.title),
    ]
    return IncidentChange("moved" if what else "same", one, other, tuple(what))


def _moved(verb: str, one_ms: int | None, other_ms: int | None) -> Iterator[str]:
    if one_ms == other_ms:
        return
    if one_ms is None or other_ms is None:
        yield f"{verb} within the recording" if one_ms is None else f"{verb} no more within the recording"
        return
    yield f"{verb} {abs(other_ms - one_ms) / 1000:g} s {'later' if other_ms > one_ms else 'earlier'}"


def _changed(name: str, one: object, other: object) -> Iterator[str]:
    if one != other:
        yield f"{name} {one} to {other}"
