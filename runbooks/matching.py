"""Which runbooks fit an alert: the most specific first, the same ones for the same labels, whatever the order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from models.rules import matchers_of
from runbooks.spec import Runbook
from schemas.incident_events import Alert

MOST_SHOWN = 3


def specificity(runbook: Runbook, labels: Mapping[str, str]) -> int | None:
    """How many conditions the labels satisfy, of the matcher with the most that holds; None if the runbook fits not.

    Examples
    --------
    >>> from runbooks.reading import read_runbooks
    >>> text = '''{id: a, title: A, mends: M., matchers: ['{node!=""}', '{alertname="hot",node!=""}'],
    ...   steps: [{do: Cool it, risk: low, undo: Warm it}], escalate: [{when: it stays hot, to: hardware}]}'''
    >>> (runbook,) = read_runbooks(text, "a.yaml").runbooks
    >>> [specificity(runbook, labels) for labels in ({"alertname": "hot", "node": "h1"}, {"node": "h1"}, {})]
    [2, 1, None]
    """
    if any(_holds(matcher, labels) for matcher in runbook.unless):
        return None
    return max((len(matchers_of(one)) for one in runbook.matchers if _holds(one, labels)), default=None)


def fitting(runbooks: Iterable[Runbook], labels: Mapping[str, str], limit: int = MOST_SHOWN) -> list[Runbook]:
    """The runbooks that fit, those with the most conditions first, of equals by id.

    Parameters
    ----------
    runbooks
        Those that hold, in any order; ids are unique.
    labels
        An alert's; one that is absent is empty, as in PromQL.
    limit
        How many at the most.
    """
    ranked = [(-rank, one.id, one) for one in runbooks if (rank := specificity(one, labels)) is not None]
    return [one for _, _, one in sorted(ranked, key=lambda row: row[:2])[: max(0, limit)]]


def alert_facts(alert: Alert) -> dict[str, str]:
    """An alert's labels, and what else a matcher may ask of it: signal, kind, severity, priority, direction, change.

    ``change`` is the kind of the last one before it began. A label that the alert has itself stays.
    """
    facts = {
        "signal": alert.signal,
        "kind": alert.kind or "",
        "severity": alert.severity,
        "priority": alert.priority,
        "direction": alert.direction,
        "change": alert.change.kind if alert.change else "",
    }
    return {**{name: value for name, value in facts.items() if value}, **alert.labels}


def _holds(selector: str, labels: Mapping[str, str]) -> bool:
    return all(one.holds(labels) for one in matchers_of(selector))
