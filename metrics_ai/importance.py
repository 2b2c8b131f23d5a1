"""Which windows and detectors matter over many anomalies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from schemas.events import Anomaly


def importance_of(anomalies: Iterable[Anomaly]) -> dict[str, float]:
    """Shares of windows and detectors, the largest first; they add up to 1.

    Each episode counts once, by the contributions to its highest score: one that is told again and again, or scores far
    above all others, says no more than a short one.

    Examples
    --------
    >>> importance_of([])
    {}
    """
    worst: dict[str, Anomaly] = {}
    for one in anomalies:
        if one.id not in worst or one.score > worst[one.id].score:
            worst[one.id] = one
    found: dict[str, float] = defaultdict(float)
    for one in worst.values():
        total = sum(share.value for share in one.contributions)
        for share in one.contributions:
            found[share.of] += share.value / total / len(worst)
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
