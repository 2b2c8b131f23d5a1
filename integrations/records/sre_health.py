"""How well it goes: repair times, accuracy of alerts, shifts; from rows to figures, exactly."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from schemas.topics import DAY_MS, HOUR_MS

Z_95: Final = 1.959963984540054
"""A normal variable lies within so many deviations in 95 of 100 cases."""

_TAIL: Final = 0.025


class IncidentDurations(NamedTuple):
    """How long one incident took, in seconds; what has not happened, or is not known, is None."""

    to_detect_s: float | None
    to_acknowledge_s: float | None
    to_mitigate_s: float | None
    to_resolve_s: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Durations of several incidents, in seconds; None of none.

    Parameters
    ----------
    n
        Of so many it is known.
    mean_s, median_s, p90_s
        Their mean, and what half and nine tenths of them did not exceed, between neighbours in proportion.
    median_low_s, median_high_s
        The median's 95 % interval, whatever their distribution; None of fewer than six.
    """

    n: int
    mean_s: float | None = None
    median_s: float | None = None
    p90_s: float | None = None
    median_low_s: float | None = None
    median_high_s: float | None = None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        """Of what is known.

        Examples
        --------
        >>> Spread.of([60.0, None, 120.0, 600.0])
        Spread(n=3, mean_s=260.0, median_s=120.0, p90_s=504.0, median_low_s=None, median_high_s=None)
        """
        known = sorted(value for value in values if value is not None)
        if not known:
            return cls(0)
        low_s, high_s = median_interval(known)
        mean_s = math.fsum(known) / len(known)
        return cls(len(known), mean_s, statistics.median(known), quantile(known, 0.9), low_s, high_s)


@dataclass(frozen=True, slots=True)
class RepairTimes:
    """How long incidents of a group took.

    Parameters
    ----------
    group
        Team, rule, receiver, service or cause; empty where there is none.
    incidents
        So many, merged ones not counted.
    detect, mitigate, acknowledge, resolve
        From the start to detection, from there to acknowledgement and to mitigation, from the start to the end.
    """

    group: str
    incidents: int
    detect: Spread
    acknowledge: Spread
    mitigate: Spread
    resolve: Spread


@dataclass(frozen=True, slots=True)
class Ratio:
    """A share with its 95 % interval.

    Parameters
    ----------
    count, of
        So many of so many.
    share
        None where it is of none.
    low, high
        Wilson's interval; everything is possible where it is of none.
    """

    count: int
    of: int
    share: float | None
    low: float
    high: float

    @classmethod
    def wilson(cls, count: int, of: int) -> Ratio:
        """The share, and between what it lies in truth.

        Examples
        --------
        >>> ratio = Ratio.wilson(8, 10)
        >>> ratio.share, round(ratio.low, 4), round(ratio.high, 4)
        (0.8, 0.4902, 0.9433)

        References
        ----------
        E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927,
        https://doi.org/10.1080/01621459.1927.10502953.
        """
        if not of:
            return cls(count, of, None, 0.0, 1.0)
        share, z2 = count / of, Z_95 * Z_95
        middle = (share + z2 / (2 * of)) / (1 + z2 / of)
        reach = Z_95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of)) / (1 + z2 / of)
        # At the ends it is exact; sums of floats are not.
        low = 0.0 if count == 0 else max(0.0, middle - reach)
        return cls(count, of, share, low, 1.0 if count == of else min(1.0, middle + reach))


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What people said of a group's alerts.

    Parameters
    ----------
    group
        The rule or the team; empty where there is none.
    alerts, labelled
        So many in all, and with feedback.
    actioned, false, duplicate
        So many of the labelled needed action, did not, or had been said before; each with its interval.
    """

    group: str
    alerts: int
    labelled: int
    actioned: Ratio
    false: Ratio
    duplicate: Ratio


def quantile(ordered: Sequence[float], share: float) -> float:
    """What a share of ordered values does not exceed, between neighbours in proportion.

    Examples
    --------
    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_interval(ordered: Sequence[float]) -> tuple[float, float] | tuple[None, None]:
    """Between which two of ordered values the median of all lies in 95 of 100 cases or more.

    How many of n lie below the true median is a matter of n tosses of a coin, whatever their distribution.

    Examples
    --------
    >>> median_interval([1.0, 2.0, 3.0, 4.0, 5.0]), median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    ((None, None), (1.0, 6.0))
    >>> median_interval([float(value) for value in range(1, 101)])
    (40.0, 61.0)

    References
    ----------
    W. J. Conover, "Practical Nonparametric Statistics", 1999, section 3.2: confidence intervals for a quantile.
    """
    n, below, rank = len(ordered), 0.0, 0
    while rank < n // 2:
        below += math.comb(n, rank) / 2**n
        if below > _TAIL:
            break
        rank += 1
    return (ordered[rank - 1], ordered[n - rank]) if rank else (None, None)


def groups_of(ids: Iterable[str], groups: Mapping[str, set[str]]) -> list[str]:
    """The groups of an incident that has these ids; the empty one where it has none.

    Examples
    --------
    >>> groups_of(["a", "b"], {"b": {"disk", "cpu"}, "c": {"net"}})
    ['cpu', 'disk']
    >>> groups_of(["d"], {})
    ['']
    """
    found = set().union(*(groups.get(one, ()) for one in ids))
    return sorted(found) or [""]


def repair_times(incidents: Iterable[tuple[Iterable[str], IncidentDurations]]) -> list[RepairTimes]:
    """Durations by group, in the groups' order.

    Parameters
    ----------
    incidents
        The groups of each incident, and how long it took.
    """
    grouped: dict[str, list[IncidentDurations]] = defaultdict(list)
    for groups, took in incidents:
        for group in groups:
            grouped[group].append(took)
    found = []
    for group, all_took in sorted(grouped.items()):
        columns = [Spread.of(column) for column in zip(*all_took, strict=True)]
        found.append(RepairTimes(group, len(all_took), *columns))
    return found


def accuracies(counts: Iterable[tuple[str, str | None, int]]) -> list[Accuracy]:
    """Accuracy by group, in the groups' order.

    Parameters
    ----------
    counts
        Group, verdict (None of what nobody labelled), and how many alerts.

    Examples
    --------
    >>> (one,) = accuracies([("disk", "actioned", 3), ("disk", "false", 1), ("disk", None, 6)])
    >>> one.alerts, one.labelled, one.actioned.share, one.false.share
    (10, 4, 0.75, 0.25)
    """
    grouped: dict[str, dict[str | None, int]] = defaultdict(lambda: defaultdict(int))
    for group, verdict, count in counts:
        grouped[group][verdict] += count
    found = []
    for group, verdicts in sorted(grouped.items()):
        alerts = sum(verdicts.values())
        labelled = alerts - verdicts.get(None, 0)
        ratios = [Ratio.wilson(verdicts.get(name, 0), labelled) for name in ("actioned", "false", "duplicate")]
        found.append(Accuracy(group, alerts, labelled, *ratios))
    return found


def shift_of(at_ms: int, starts_h: Sequence[int]) -> int:
    """When the shift of a time began, by hours of the day (UTC) at which shifts begin.

    Examples
    --------
    >>> shift_of(5 * HOUR_MS, (6, 14, 22)) // HOUR_MS  # the night before
    -2
    >>> shift_of(30 * HOUR_MS, (6, 14, 22)) // HOUR_MS
    30
    """
    midnight_ms = at_ms - at_ms % DAY_MS
    begun = [midnight_ms + hour * HOUR_MS for hour in starts_h]
    return max((start for start in begun if start <= at_ms), default=begun[-1] - DAY_MS)
