"""PromQL for an indicator: how many events were bad, and how many there were, over a stretch of time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from models.rules import Matcher, matchers_of
from schemas.errors import ConfigurationError
from slo.definition import (
    BucketIndicator,
    DerivedIndicator,
    Operator,
    RatioIndicator,
    Source,
    ThresholdIndicator,
)

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_NOT: Final[Mapping[Operator, str]] = {"lt": ">=", "lte": ">", "gt": "<=", "gte": "<"}
Counted = RatioIndicator | BucketIndicator


def selector_of(source: Source, suffix: str = "", extra: str = "") -> str:
    """A source's series as a selector of PromQL's.

    Raises
    ------
    ConfigurationError
        If a name in it is none in Prometheus.

    Examples
    --------
    >>> selector_of(Source(metric="http_requests_total", selector='{code=~"5.."}'))
    'http_requests_total{code=~"5.."}'
    """
    if source.metric and _NAME.fullmatch(source.metric) is None:
        raise ConfigurationError(f"Prometheus has no metric of the name {source.metric}", "Rename it where it is made")
    conditions = [_condition(matcher) for matcher in matchers_of(source.selector)] + ([extra] if extra else [])
    name = f"{source.metric}{suffix}"
    return f"{name}{{{','.join(conditions)}}}" if conditions or not name else name


def _condition(matcher: Matcher) -> str:
    if _LABEL.fullmatch(matcher.label) is None:
        raise ConfigurationError(f"Prometheus has no label of the name {matcher.label}", "Rename it where it is made")
    operator = ("!" if matcher.negative else "=") + ("~" if matcher.pattern else "" if not matcher.negative else "=")
    text = matcher.text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{matcher.label}{operator}"{text}"'


def bound_condition(le: float) -> str:
    r"""The label of a bucket's bound: clients write 1 and 1.0 alike.

    Examples
    --------
    >>> bound_condition(0.3), bound_condition(1.0)
    ('le="0.3"', 'le=~"1|1\\\\.0"')
    """
    if le == int(le):
        return f'le=~"{int(le)}|{int(le)}\\\\.0"'
    return f'le="{le!r}"'


def counts_of(indicator: Counted, window: str) -> tuple[str, str]:
    """The bad events, and all, of counted events over a window.

    A side that has no series yet is zero as soon as the total has one.

    Examples
    --------
    >>> total = Source(metric="requests_total")
    >>> counts_of(RatioIndicator(bad=Source(metric="errors_total"), total=total), "5m")
    ('(sum(increase(errors_total[5m])) or 0 * sum(increase(requests_total[5m])))', 'sum(increase(requests_total[5m]))')
    """
    if isinstance(indicator, BucketIndicator):
        total = _sum("increase", selector_of(indicator.histogram, "_count"), window)
        good = _sum("increase", selector_of(indicator.histogram, "_bucket", bound_condition(indicator.le)), window)
        return f"({total} - ({good} or 0 * {total}))", total
    function = "increase" if indicator.counter else "sum_over_time"
    total = _sum(function, selector_of(indicator.total), window)
    if indicator.bad is not None:
        return f"({_sum(function, selector_of(indicator.bad), window)} or 0 * {total})", total
    assert indicator.good is not None
    return f"({total} - ({_sum(function, selector_of(indicator.good), window)} or 0 * {total}))", total


def _sum(function: str, selector: str, window: str) -> str:
    return f"sum({function}({selector}[{window}]))"


def samples_of(indicator: ThresholdIndicator) -> tuple[str, str]:
    """The samples that are bad, and all, as they are when a rule is evaluated."""
    series = selector_of(indicator.source)
    total = f"count({series})"
    return f"(count({series} {_NOT[indicator.op]} {indicator.value!r}) or 0 * {total})", total


def check_expressible(indicator: Counted | ThresholdIndicator | DerivedIndicator) -> Counted | ThresholdIndicator:
    """The indicator, if PromQL has an exact expression for it.

    Raises
    ------
    ConfigurationError
        If it has none; says why.
    """
    if isinstance(indicator, DerivedIndicator):
        raise ConfigurationError(f"no series holds {indicator.source}", "metrics-ai evaluates it itself")
    if isinstance(indicator, ThresholdIndicator) and indicator.quantile is not None:
        raise ConfigurationError(
            "PromQL has a quantile over one series' samples or over many series' newest ones, not over both",
            "metrics-ai evaluates it itself",
        )
    return indicator
