"""Alerts of whole clusters: one signal that is anomalous on many nodes within a short time.

What is found is a function of an incident's members and of how many nodes are known: so no order of arrival matters.
Only its id is given once, when it is first found.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from incidents import wording
from incidents.alerts import AlertRecord
from incidents.finding import PRIORITY_RANK, SEVERITY_RANK
from incidents.settings import DecideSettings
from schemas.ids import alert_fingerprint
from schemas.incident_events import Alert

NAME: Final = "ClusterPattern"
Crowd = tuple[str, str]
"""A cluster (empty: nodes that name none) and a signal."""


class Pattern(NamedTuple):
    """A pattern as it was told.

    Parameters
    ----------
    id
        The alert's, from when it was first found.
    digest
        Of the last published content.
    fires
        Whether it was told as going on.
    """

    id: str
    digest: str = ""
    fires: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """A pattern, as the members of an incident make it.

    Parameters
    ----------
    started_ms
        When so many nodes had begun within the window.
    ended_ms
        When fewer remained; None while as many fire.
    nodes
        On how many nodes it was seen.
    """

    started_ms: int
    ended_ms: int | None
    nodes: int


def least_nodes(known: int, settings: DecideSettings) -> int:
    """How many nodes make a pattern in a cluster of so many.

    Examples
    --------
    >>> least_nodes(10, DecideSettings()), least_nodes(101, DecideSettings())
    (3, 21)
    """
    return max(settings.pattern_nodes, math.ceil(settings.pattern_share * known))


def find(records: Collection[AlertRecord], least: int, window_ms: int) -> Found | None:
    """The pattern that alerts of one signal make, if they make one.

    Parameters
    ----------
    records
        Alerts of a signal on nodes of a cluster.
    least
        How many nodes are enough.
    window_ms
        Within which they must begin.
    """
    if len(records) < least:
        return None
    started_ms = _begun(records, least, window_ms)
    if started_ms is None:
        return None
    last_ms: dict[str, float] = {}
    for one in records:
        ended_ms = math.inf if one.ended_ms is None else one.ended_ms
        last_ms[one.identity.entity] = max(last_ms.get(one.identity.entity, 0), ended_ms)
    fewer_ms = sorted(last_ms.values(), reverse=True)[least - 1]
    return Found(started_ms, None if math.isinf(fewer_ms) else max(started_ms, int(fewer_ms)), len(last_ms))


def _begun(records: Collection[AlertRecord], least: int, window_ms: int) -> int | None:
    """When so many nodes had first begun within the window."""
    ordered = sorted(records, key=lambda one: (one.started_ms, one.key))
    within: Counter[str] = Counter()
    oldest = 0
    for one in ordered:
        within[one.identity.entity] += 1
        while ordered[oldest].started_ms < one.started_ms - window_ms:
            entity = ordered[oldest].identity.entity
            within[entity] -= 1
            if not within[entity]:
                del within[entity]
            oldest += 1
        if len(within) >= least:
            return one.started_ms
    return None


def labels_of(crowd: Crowd) -> dict[str, str]:
    """The labels of a pattern's alert."""
    cluster, signal = crowd
    return {"alertname": NAME, "metric": signal, **({"cluster": cluster} if cluster else {})}


def id_of(crowd: Crowd, found: Found) -> str:
    """The id of a pattern that is first found."""
    return f"{alert_fingerprint(labels_of(crowd))}-{found.started_ms}"


def pattern_alert(
    crowd: Crowd, name: str, found: Found, records: Collection[AlertRecord], known: int, incident: tuple[str, str]
) -> Alert:
    """What is published of a pattern.

    Parameters
    ----------
    crowd, name, found
        Where and what, its id, and how it stands.
    records
        The alerts that make it.
    known
        How many nodes the cluster has.
    incident
        Its id, and the dedup key that it pages under.
    """
    cluster, signal = crowd
    first = min(records, key=lambda one: (one.started_ms, one.key))
    labels = labels_of(crowd)
    names = sorted({one.identity.entity for one in records})
    where = f"of cluster {cluster}" if cluster else "of all nodes"
    return Alert(
        id=name,
        tenant=first.tenant,
        fingerprint=alert_fingerprint(labels),
        labels=labels,
        annotations={
            "summary": f"{signal} anomalous on {found.nodes} of {max(known, found.nodes)} nodes {where}".replace(
                "nodes of all nodes", "nodes"
            ),
            "nodes": wording.listed(list(map(wording.entity_name, names))),
        },
        state="firing" if found.ended_ms is None else "resolved",
        priority=min((one.priority for one in records), key=PRIORITY_RANK.__getitem__),
        severity=max((one.severity for one in records), key=SEVERITY_RANK.__getitem__),
        entity=f"cluster:{cluster}" if cluster else "unknown",
        signal=signal,
        started_ms=found.started_ms,
        updated_ms=max(one.latest.told_ms for one in records),
        ended_ms=found.ended_ms,
        confidence=max(one.latest.confidence for one in records),
        incident_id=incident[0],
        page_key=incident[1],
        source="anomaly",
    )
