"""What incidents and alerts are called, in a line that people read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from models.explain import number, reaching, shown_labels
from schemas.events import Anomaly, EndReason

# The first row that shares a word with a metric's name says what the metric is about.
_SUBJECTS: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (frozenset({"iowait"}), "iowait"),
    (frozenset({"cpu"}), "CPU"),
    (frozenset({"swap"}), "swap"),
    (frozenset({"memory", "mem"}), "memory"),
    (frozenset({"disk", "diskio", "filesystem", "df"}), "disk"),
    (frozenset({"network", "net", "netdev", "interface"}), "network"),
    (frozenset({"load", "load1", "load5", "load15"}), "load"),
    (frozenset({"processes", "procs"}), "processes"),
    (frozenset({"latency"}), "latency"),
    (frozenset({"errors"}), "errors"),
)
_PLURALS: Final = {"node": "nodes", "service": "services", "pod": "pods", "cluster": "clusters"}
_MOST_NAMED: Final = 3


EXPIRED: Final = "expired: nothing more was heard of it"
EXPIRED_SILENT: Final = "expired: no sample came any more, so nobody knows how it ended"
CAME_BACK: Final = "ended: samples come again"
FELL_SILENT: Final = "sends nothing any more: that is no end, it stays as it was until samples come or it expires"
_ENDED: Final[Mapping[EndReason | None, str]] = {
    "recovered": "ended: it is back to normal",
    "level_shift": "ended: it stayed as it is, which is normal from now on",
    "silent": "ended: no sample comes any more",
    "maintenance": "ended: maintenance mutes it",
}


def ended(reason: EndReason | None) -> str:
    """How an alert ended."""
    return _ENDED.get(reason, "ended")


def subject_of(metric: str) -> str:
    """What a metric is about, for a title; the metric's own name where that is not known.

    Examples
    --------
    >>> subject_of("node_cpu_ratio"), subject_of("orders_placed")
    ('CPU', 'orders_placed')
    """
    words = set(re.split(r"[^a-z0-9]+", metric.lower()))
    return next((subject for known, subject in _SUBJECTS if known & words), metric)


def entity_name(entity: str) -> str:
    """An entity in words.

    Examples
    --------
    >>> entity_name("node:c1/h1")
    'node c1/h1'
    """
    return entity.replace(":", " ", 1)


def listed(names: Sequence[str]) -> str:
    """Names in a sentence, the first few of many.

    Examples
    --------
    >>> listed(["CPU"]), listed(["CPU", "memory"]), listed(["a", "b", "c", "d", "e"])
    ('CPU', 'CPU and memory', 'a, b, c and 2 more')
    """
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
    if len(names) > 1:
        return f"{', '.join(names[:-1])} and {names[-1]}"
    return names[0] if names else ""


def incident_title(rules: Sequence[str], metrics: Sequence[str], place: str) -> str:
    """What an incident is about.

    Parameters
    ----------
    rules
        Names of the rules that fired, most urgent first.
    metrics
        Metrics that are anomalous, most urgent first.
    place
        Where, as ``place_of`` says it.

    Examples
    --------
    >>> incident_title([], ["node_cpu_ratio", "node_memory_used_ratio"], "node h1")
    'CPU and memory of node h1 anomalous'
    >>> incident_title([], ["node_cpu_ratio"], "12 nodes")
    'node_cpu_ratio anomalous on 12 nodes'
    >>> incident_title([], ["disk_io", "node_cpu_ratio"], "2 entities")
    'Disk and CPU anomalous on 2 entities'
    >>> incident_title(["OutOfMemoryKill"], ["node_cpu_ratio"], "node h1")
    'OutOfMemoryKill on node h1, CPU anomalous'
    """
    if rules:
        also = f", {listed(_subjects(metrics))} anomalous" if metrics else ""
        return f"{listed(rules)}{f' on {place}' if place else ''}{also}"
    if place[:1].isdigit():
        what = metrics[0] if len(metrics) == 1 else _beginning(metrics)
        return f"{what} anomalous on {place}"
    return f"{_beginning(metrics)}{f' of {place}' if place else ''} anomalous"


def place_of(entities: Sequence[str]) -> str:
    """Where something is: one entity's name, or how many of which kind; empty where it is not known.

    Examples
    --------
    >>> place_of(["node:h1"]), place_of(["node:h1", "node:h2"]), place_of(["node:h1", "pod:p"]), place_of(["unknown"])
    ('node h1', '2 nodes', '2 entities', '')
    """
    if len(entities) == 1:
        return "" if entities[0] == "unknown" else entity_name(entities[0])
    kinds = {entity.split(":", 1)[0] for entity in entities}
    kind = kinds.pop() if len(kinds) == 1 else ""
    return f"{len(entities)} {_PLURALS.get(kind, 'entities')}"


def alert_summary(anomaly: Anomaly, rule: str | None) -> str:
    """One line of an alert: what, where, the observed value and what was expected.

    Parameters
    ----------
    anomaly
        The state that it is told from.
    rule
        The rule's name, if a rule fired.
    """
    place = place_of([anomaly.entity])
    unit = f" {anomaly.unit}" if anomaly.unit not in ("", "1") else ""
    where = f" of {place}" if place else ""
    if anomaly.kind == "trend":
        return f"{rule}: {anomaly.metric}{shown_labels(anomaly.labels)}{where}{_trend(anomaly, unit)}"
    what = f"{rule}: {anomaly.metric}{where}" if rule else f"{anomaly.metric}{where} {_wrong(anomaly)}"
    text = f"{what}: {anomaly.observed:.4g}{unit}"
    if anomaly.expected is not None:
        text += f", expected {anomaly.expected.low:.4g} to {anomaly.expected.high:.4g}{unit}"
    return text


def _wrong(anomaly: Anomaly) -> str:
    return "does not fit the other signals" if anomaly.kind == "multivariate" else "anomalous"


def _trend(anomaly: Anomaly, unit: str) -> str:
    """Where a series stands, and when it is at its limit, if that is known."""
    now = f"{number(anomaly.observed)}{unit}"
    left = anomaly.time_to_limit
    return f": {now}" if left is None else f" {reaching(left)}, now {now}"


def _beginning(metrics: Sequence[str]) -> str:
    """The metrics' subjects as a sentence begins; a metric's own name stays as it is written."""
    text = listed(_subjects(metrics))
    return text if text.startswith(metrics[0]) else text[:1].upper() + text[1:]


def _subjects(metrics: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(subject_of(metric) for metric in metrics))
