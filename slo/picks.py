"""Which series an objective is measured by, and as what."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from models.rules import Matcher, matchers_of, may_select
from slo.definition import BucketIndicator, DerivedIndicator, RatioIndicator, Slo, Source, ThresholdIndicator

Role = Literal["good", "bad", "total", "value", "received", "sent", "speed"]
_BOUND: Final = "le"
_CHOICE: Final = re.compile(r"\(([^()]*)\)")
_NAME: Final = re.compile(r"[A-Za-z_:][\w:]*")
_LINK: Final[dict[Role, str]] = {
    "received": "node_network_receive_bytes_total",
    "sent": "node_network_transmit_bytes_total",
    "speed": "node_network_speed_bytes",
}
"""What the use of a link is made of."""


@dataclass(frozen=True)
class Pick:
    """Series of one role.

    Parameters
    ----------
    role
        What they are to the indicator.
    source
        Which they are.
    le
        Of a histogram's buckets: the bound; others have none.
    """

    role: Role
    source: Source
    le: float | None = None

    @cached_property
    def matchers(self) -> tuple[Matcher, ...]:
        """The conditions, the metric's name among them."""
        return matchers_of(self.source.select)

    def takes(self, labels: Mapping[str, str]) -> bool:
        """Whether it is about a series of these labels, from ``models.rules.labels_of``."""
        return all(one.holds(labels) for one in self.matchers) and (
            self.le is None or _number(labels.get(_BOUND)) == self.le
        )


def picks_of(slo: Slo) -> list[Pick]:
    """The series of each role; none of an indicator that no series measures.

    Examples
    --------
    >>> from slo.definition import RollingWindow
    >>> ratio = RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))
    >>> fields = {"method": "Occurrences", "target": 0.999, "window": RollingWindow(duration_s=86_400)}
    >>> [(one.role, one.source.metric) for one in picks_of(Slo(name="x", service="s", indicator=ratio, **fields))]
    [('bad', 'errors'), ('total', 'requests')]
    """
    match slo.indicator:
        case RatioIndicator(good=good, bad=bad, total=total):
            part = Pick("good", good) if good is not None else None
            part = Pick("bad", bad) if bad is not None else part
            assert part is not None
            return [part, Pick("total", total)]
        case ThresholdIndicator(source=source):
            return [Pick("value", source)]
        case BucketIndicator(histogram=histogram, le=le):
            buckets = Source(metric=f"{histogram.metric}_bucket", selector=histogram.selector)
            return [Pick("good", buckets, le), Pick("total", buckets, math.inf)]
        case DerivedIndicator(source="network_utilisation", selector=selector):
            return [Pick(role, Source(metric=metric, selector=selector)) for role, metric in _LINK.items()]
        case _:
            return []


def names_in(pattern: str) -> list[str]:
    """The names that a regular expression of choices stands for; none where it is more than that.

    Examples
    --------
    >>> names_in("node_(disk|filesystem)_used_ratio"), names_in("a|b"), names_in("node_.*"), names_in("x(a|b)|y")
    (['node_disk_used_ratio', 'node_filesystem_used_ratio'], ['a', 'b'], [], [])
    """
    pieces = [part.split("|") for part in _CHOICE.split(pattern)]
    if len(pieces) > 1 and any(len(outside) > 1 for outside in pieces[::2]):
        return []
    names = ["".join(chosen) for chosen in itertools.product(*pieces)]
    return names if all(_NAME.fullmatch(name) for name in names) else []


class PickIndex:
    """Finds the picks that a series could be of among very many.

    By the metric's name, then by one label that must have one value; the few that have no such condition are looked
    at for every series.

    Parameters
    ----------
    picks
        Each with what is to be found.
    """

    def __init__(self, picks: Iterable[tuple[Pick, int]]) -> None:
        self._count = 0
        self._by_label: dict[tuple[str, str, str], list[tuple[Pick, int]]] = {}
        self._by_name: dict[str, list[tuple[Pick, int]]] = {}
        self._labels: dict[str, set[str]] = {}
        self._others: list[tuple[Pick, int]] = []
        for one in picks:
            self._enter(one)

    def __len__(self) -> int:
        return self._count

    def may_find(self, name: str) -> bool:
        """Whether a series of this metric could be of any of them."""
        if name in self._by_name or name in self._labels:
            return True
        return any(may_select(pick.source.select, name) for pick, _ in self._others)

    def find(self, labels: Mapping[str, str]) -> list[tuple[Pick, int]]:
        """The picks that are of a series with these labels, in the order of what they are of."""
        name = labels["__name__"]
        candidates = [*self._by_name.get(name, ()), *self._others]
        for label in self._labels.get(name, ()):
            if (value := labels.get(label)) is not None:
                candidates += self._by_label.get((name, label, value), ())
        return sorted((one for one in candidates if one[0].takes(labels)), key=lambda one: one[1])

    def _enter(self, one: tuple[Pick, int]) -> None:
        self._count += 1
        names = [name for each in one[0].matchers if each.label == "__name__" for name in _names_of(each)]
        label = next((each for each in one[0].matchers if each.label != "__name__" and _is_equal(each)), None)
        if not names:
            self._others.append(one)
        for name in names:
            if label is None:
                self._by_name.setdefault(name, []).append(one)
            else:
                self._labels.setdefault(name, set()).add(label.label)
                self._by_label.setdefault((name, label.label, label.text), []).append(one)


def _is_equal(matcher: Matcher) -> bool:
    return matcher.pattern is None and not matcher.negative and bool(matcher.text)


def _names_of(matcher: Matcher) -> list[str]:
    """The only names that a condition lets through; none where they cannot be told."""
    if _is_equal(matcher):
        return [matcher.text]
    return names_in(matcher.text) if matcher.pattern is not None and not matcher.negative else []


def roles_of(slo: Slo) -> list[Role]:
    """The roles of the series that an indicator is measured by."""
    return [one.role for one in picks_of(slo)]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan
