"""From OpenSLO's metrics to indicators: which series count, and as what.

A ``metricSource`` of ``type: metrics-ai`` has this specification::

    metric: NAME                series of this metric; or a condition on __name__ in matchers
    match: {LABEL: VALUE}       whose labels have these values
    matchers: '{code=~"5.."}'   and fit these conditions, in PromQL's syntax
    quantile: 0.95              of a threshold: it is the slice's quantile that is compared, not each sample
    histogram: NAME, le: 0.3    of a ratio's good: events up to a bound; its total names the histogram alone
    source: node_health         what no series says (slo.definition.DerivedIndicator), instead of a metric
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from models.rules import matchers_of
from schemas.yaml_values import Value
from slo.definition import (
    BucketIndicator,
    DerivedIndicator,
    DerivedSource,
    Operator,
    RatioIndicator,
    Source,
    ThresholdIndicator,
)
from slo.objects import Described, Known, name_of

SOURCE_TYPE: Final = "metrics-ai"
Indicators = RatioIndicator | BucketIndicator | ThresholdIndicator | DerivedIndicator

_METRIC = re.compile(r"[A-Za-z_:][\w:.]*")
_LABEL = re.compile(r"[A-Za-z_][\w.]*")
_SELECTING: Final = ("match", "matchers")
_SUPPORTED: Final = (
    f"Supported is type: {SOURCE_TYPE} with spec: {{metric: NAME, match: {{LABEL: VALUE}}}}, "
    "{histogram: NAME, le: BOUND} or {source: node_health}"
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an objective compares a threshold metric to, and where that stands."""

    op: Operator | None
    value: float | None
    at: Value


def indicator_of(spec: Value, comparison: Comparison, known: Known) -> Indicators:
    """The indicator of an SLI's specification.

    Parameters
    ----------
    spec
        ``ratioMetric`` or ``thresholdMetric``.
    comparison
        The objective's ``op`` and ``value``.
    known
        All objects; a ``metricSourceRef`` names a DataSource of them.

    Raises
    ------
    DefinitionError
        If it cannot hold.
    """
    fields = spec.fields(("description", "thresholdMetric", "ratioMetric"))
    if ("thresholdMetric" in fields) == ("ratioMetric" in fields):
        raise spec.error("an indicator is either a thresholdMetric or a ratioMetric", "Keep one of them")
    if "thresholdMetric" in fields:
        return _threshold(fields["thresholdMetric"], comparison, known)
    if comparison.op is not None or comparison.value is not None:
        raise comparison.at.error("op and value are of a thresholdMetric, and this is a ratioMetric", "Remove them")
    return _ratio(fields["ratioMetric"], known)


def _threshold(metric: Value, comparison: Comparison, known: Known) -> Indicators:
    spec = _source_spec(metric, known)
    given = spec.mapping()
    if "histogram" in given:
        raise given["histogram"].error(
            "a histogram is of a ratioMetric", "Write good: {histogram: NAME, le: BOUND} and total: {histogram: NAME}"
        )
    if "source" in given:
        return _derived(spec, comparison)
    fields = spec.fields(("metric", *_SELECTING, "quantile"))
    if comparison.op is None or comparison.value is None:
        raise comparison.at.error(
            "a thresholdMetric is compared with something", "Add op: lt (or lte, gt, gte) and value"
        )
    quantile = fields["quantile"].number() if "quantile" in fields else None
    if quantile is not None and not 0 < quantile < 1:
        raise fields["quantile"].error(f"{quantile:g} is no quantile", "It lies between 0 and 1, as 0.95 does")
    return ThresholdIndicator(source=_series(spec, fields), op=comparison.op, value=comparison.value, quantile=quantile)


def _ratio(metric: Value, known: Known) -> Indicators:
    if "raw" in metric.mapping():
        raise metric.error(
            "a ratio that was computed before (raw) cannot be weighed by events", "Give good or bad, and total"
        )
    fields = metric.fields(("counter", "good", "bad", "total"), ("counter", "total"))
    if ("good" in fields) == ("bad" in fields):
        raise metric.error("a ratio has either good or bad, and total", "Keep one of them")
    counter = fields["counter"].boolean()
    side = "good" if "good" in fields else "bad"
    part = _source_spec(fields[side], known)
    total = _source_spec(fields["total"], known)
    kinds = ["source", "histogram"]
    special = next((key for key in kinds if key in part.mapping() or key in total.mapping()), None)
    if special is None:
        sources = [_series(one, one.fields(("metric", *_SELECTING))) for one in (part, total)]
        return RatioIndicator.model_validate({side: sources[0], "total": sources[1], "counter": counter})
    if side == "bad":
        raise fields["bad"].error(f"with a {special} the good events are named", "Write good instead of bad")
    return _derived_ratio(part, total) if special == "source" else _bucket(part, total, counter)


def _bucket(good: Value, total: Value, counter: bool) -> BucketIndicator:
    fields = good.fields(("histogram", "le", *_SELECTING), ("histogram", "le"))
    of_all = total.fields(("histogram", *_SELECTING), ("histogram",))
    histogram = _series(good, fields, "histogram")
    if _series(total, of_all, "histogram") != histogram:
        raise total.error("good and total are not of the same histogram", "Name the same histogram and labels in both")
    if not counter:
        raise good.error("a histogram's buckets are counters", "Write counter: true")
    return BucketIndicator(histogram=histogram, le=fields["le"].number())


def _derived_ratio(good: Value, total: Value) -> DerivedIndicator:
    nothing = Comparison(None, None, good)
    found = _derived(good, nothing)
    if _derived(total, nothing) != found:
        raise total.error("good and total are not of the same source", "Name the same source and labels in both")
    return found


def _derived(spec: Value, comparison: Comparison) -> DerivedIndicator:
    fields = spec.fields(("source", *_SELECTING), ("source",))
    source = fields["source"].choice(typing.get_args(DerivedSource))
    compared = (comparison.op, comparison.value)
    wanted = source == "network_utilisation"
    if wanted and None in compared:
        raise comparison.at.error(f"{source} is a thresholdMetric", "Add op: lt (or lte, gt, gte) and value")
    if not wanted and compared != (None, None):
        raise fields["source"].error(f"{source} is a ratioMetric", "Name it as good and as total, without op and value")
    return DerivedIndicator(source=source, selector=_selector(fields), op=comparison.op, value=comparison.value)


def _source_spec(metric: Value, known: Known) -> Value:
    """The specification of a metric's source, which must be one of ours."""
    source = metric.fields(("metricSource",), ("metricSource",))["metricSource"]
    fields = source.fields(("metricSourceRef", "type", "spec"), ("spec",))
    if "type" in fields:
        at, kind = fields["type"], fields["type"].text()
    elif "metricSourceRef" in fields:
        at = fields["metricSourceRef"]
        name = name_of(at)
        if ("DataSource", name) not in known:
            raise at.error(f"there is no DataSource {name}", f"Define it, or write type: {SOURCE_TYPE}")
        kind = source_type(known["DataSource", name])
    else:
        raise source.error("neither type nor metricSourceRef is given", f"Write type: {SOURCE_TYPE}")
    if kind != SOURCE_TYPE:
        raise at.error(f"a source of type {kind[:60]} cannot be read", _SUPPORTED)
    return fields["spec"]


def source_type(one: Described) -> str:
    """The type of a DataSource.

    Raises
    ------
    DefinitionError
        If it has none.
    """
    return one.spec.fields(("description", "type", "connectionDetails"), ("type",))["type"].text()


def _series(spec: Value, fields: Mapping[str, Value], key: str = "metric") -> Source:
    selector = _selector(fields)
    if key in fields:
        name = fields[key].text()
        if _METRIC.fullmatch(name) is None:
            raise fields[key].error(
                f"{name[:80]!r} is no metric's name", "Give conditions on labels under match or matchers"
            )
        return Source(metric=name, selector=selector)
    named = any(matcher.label == "__name__" for matcher in matchers_of(selector))
    if key != "metric" or not named:
        raise spec.error(f"{key} is missing", f"Add {key}: NAME")
    return Source(metric="", selector=selector)


def _selector(fields: Mapping[str, Value]) -> str:
    """Conditions on labels as one selector: those of ``match`` first, then those of ``matchers`` as they stand."""
    conditions = []
    if "match" in fields:
        conditions = [
            f'{key}="{_escaped(_matched(key, one))}"' for key, one in sorted(fields["match"].mapping().items())
        ]
    if "matchers" not in fields:
        return "{" + ",".join(conditions) + "}"
    text = fields["matchers"].text().strip()
    if not (text.startswith("{") and text.endswith("}")):
        raise fields["matchers"].error("conditions stand in braces", 'Write them like {code=~"5..",job="api"}')
    _checked(fields["matchers"], lambda: matchers_of(text))
    inner = text[1:-1].strip()
    return "{" + ",".join([*conditions, inner] if inner else conditions) + "}"


def _matched(key: str, value: Value) -> str:
    if _LABEL.fullmatch(key) is None:
        raise value.error(f"{key[:80]!r} is no label's name", "Use letters, digits, _ and .")
    if value.is_list or value.is_mapping:
        return value.text()
    return str(value.node.value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _checked(value: Value, read: Callable[[], object]) -> None:
    try:
        read()
    except (ValueError, OverflowError, RecursionError) as error:
        raise value.error(str(error) or "this cannot be read", 'Write it like {code=~"5..",job="api"}') from error


def read_by(value: Value, read: Callable[[str], int]) -> int:
    """A text as a function reads it.

    Raises
    ------
    DefinitionError
        If the function cannot.
    """
    text = value.text()
    try:
        return read(text)
    except ValueError as error:
        raise value.error(str(error), "Write it like 5m, 12h, 28d or 1M") from error
