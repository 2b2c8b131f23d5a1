"""Write SLOs for other tools: as OpenSLO v1, and (``slo.prometheus``) as rules of Prometheus."""

from __future__ import annotations

from typing import Any, Final

import yaml

from schemas.errors import ConfigurationError
from slo.definition import (
    AlertPolicy,
    BucketIndicator,
    BurnTier,
    CalendarWindow,
    DerivedIndicator,
    RatioIndicator,
    RollingWindow,
    Slo,
    Source,
    ThresholdIndicator,
)
from slo.durations import MINUTE_S, shorthand
from slo.objectives import SLA
from slo.objects import API_VERSION, PREFIX
from slo.openslo import load
from slo.prometheus import to_prometheus_rules
from slo.sources import SOURCE_TYPE
from slo.time_windows import CALENDAR_UNITS

_WIDE: Final = 10_000
_DEFAULTS: Final = AlertPolicy()


def to_openslo(slo: Slo) -> str:
    """An SLO as OpenSLO v1 YAML, which reads back as the same SLO.

    Its tenant does not stand in it: that is the folder's in which the file lies.

    Raises
    ------
    ConfigurationError
        If OpenSLO has no words for it, such as a window of seconds.

    Examples
    --------
    >>> slo = Slo(name="checkout", service="shop", method="Occurrences", target=0.999,
    ...           indicator=BucketIndicator(histogram=Source(metric="latency_seconds"), le=0.3),
    ...           window=RollingWindow(duration_s=2_592_000))
    >>> load(to_openslo(slo), "export")[0] == slo
    True
    """
    try:
        objects = [_slo(slo), *(_policy(slo, tier) for tier in slo.alerts.tiers)]
        text = yaml.safe_dump_all(objects, sort_keys=False, width=_WIDE, allow_unicode=True)
        if load(text, slo.name, slo.tenant) == [slo]:
            return text
        reason = "it would read back as another one"
    except (ValueError, ConfigurationError) as error:
        reason = str(error)
    raise ConfigurationError(f"{slo.key} cannot be written as OpenSLO: {reason}")


def _slo(slo: Slo) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": slo.name}
    if slo.title:
        metadata["displayName"] = slo.title
    if slo.labels:
        metadata["labels"] = {key: _label(text) for key, text in slo.labels.items()}
    if annotations := _annotations(slo):
        metadata["annotations"] = {f"{PREFIX}{key}": value for key, value in annotations.items()}
    spec: dict[str, Any] = {"description": slo.description} if slo.description else {}
    spec |= {
        "service": slo.service,
        "indicator": {"metadata": {"name": slo.name}, "spec": _indicator(slo.indicator)},
        "timeWindow": [_window(slo.window)],
        "budgetingMethod": slo.method,
        "objectives": _objectives(slo),
    }
    if slo.alerts.tiers:
        spec["alertPolicies"] = [_policy_name(slo, tier) for tier in slo.alerts.tiers]
    return {"apiVersion": API_VERSION, "kind": "SLO", "metadata": metadata, "spec": spec}


def _label(text: str) -> str | list[str]:
    """A label's value; what was joined by commas is a list."""
    parts = text.split(",")
    return parts if len(parts) > 1 and all(part.strip() for part in parts) else text


def _annotations(slo: Slo) -> dict[str, str]:
    """What differs from what holds where nothing is said."""
    alerts = slo.alerts
    found = {
        "unknown": slo.unknown if slo.unknown != "ignore" else "",
        "alert-profile": alerts.profile if alerts.profile != "google" and not alerts.tiers else "",
        "tiers": "_".join(alerts.only),
        "min-events": str(alerts.min_events) if alerts.min_events != _DEFAULTS.min_events else "",
        "min-bad": str(alerts.min_bad) if alerts.min_bad != _DEFAULTS.min_bad else "",
        "remaining": _remaining(alerts.remaining) if alerts.remaining != _DEFAULTS.remaining else "",
        "sla-target": repr(slo.sla) if slo.sla is not None and _compares(slo) else "",
    }
    return {key: text for key, text in found.items() if text}


def _remaining(shares: tuple[float, ...]) -> str:
    return "_".join(map(repr, shares)) or "none"


def _compares(slo: Slo) -> bool:
    """Whether it is a threshold metric's, of which OpenSLO has one objective only."""
    indicator = slo.indicator
    return isinstance(indicator, ThresholdIndicator | DerivedIndicator) and indicator.op is not None


def _objectives(slo: Slo) -> list[dict[str, Any]]:
    indicator = slo.indicator
    objective: dict[str, Any] = {}
    if isinstance(indicator, ThresholdIndicator | DerivedIndicator) and indicator.op is not None:
        objective |= {"op": indicator.op, "value": indicator.value}
    objective["target"] = slo.target
    if slo.method != "Occurrences":
        # A number is one of minutes; the shorthand knows nothing shorter.
        whole = slo.slice_s % MINUTE_S == 0
        objective["timeSliceWindow"] = shorthand(slo.slice_s) if whole else slo.slice_s / MINUTE_S
    if slo.slice_target is not None:
        objective["timeSliceTarget"] = slo.slice_target
    if slo.sla is None or _compares(slo):
        return [objective]
    return [objective, {"displayName": SLA, **objective, "target": slo.sla}]


def _window(window: RollingWindow | CalendarWindow) -> dict[str, Any]:
    if isinstance(window, RollingWindow):
        return {"duration": shorthand(window.duration_s), "isRolling": True}
    letter = next(letter for letter, unit in CALENDAR_UNITS.items() if unit == window.unit)
    calendar = {"startTime": window.start, "timeZone": window.time_zone}
    return {"duration": f"{window.count}{letter}", "isRolling": False, "calendar": calendar}


def _indicator(
    indicator: RatioIndicator | BucketIndicator | ThresholdIndicator | DerivedIndicator,
) -> dict[str, Any]:
    match indicator:
        case RatioIndicator(good=good, bad=bad, total=total, counter=counter):
            side = {"good": _metric(_series(good))} if good is not None else {}
            other = {"bad": _metric(_series(bad))} if bad is not None else {}
            return {"ratioMetric": {"counter": counter, **side, **other, "total": _metric(_series(total))}}
        case BucketIndicator(histogram=histogram, le=le):
            of_all = _series(histogram, "histogram")
            good_of = {"histogram": histogram.metric, "le": le, **of_all}
            return {"ratioMetric": {"counter": True, "good": _metric(good_of), "total": _metric(of_all)}}
        case ThresholdIndicator(source=source, quantile=quantile):
            spec = _series(source) | ({"quantile": quantile} if quantile is not None else {})
            return {"thresholdMetric": _metric(spec)}
        case DerivedIndicator(source=derived, selector=selector, op=op):
            spec = {"source": derived, **_matchers(selector)}
            if op is not None:
                return {"thresholdMetric": _metric(spec)}
            return {"ratioMetric": {"counter": False, "good": _metric(spec), "total": _metric(dict(spec))}}


def _metric(spec: dict[str, Any]) -> dict[str, Any]:
    return {"metricSource": {"type": SOURCE_TYPE, "spec": spec}}


def _series(source: Source, key: str = "metric") -> dict[str, Any]:
    return ({key: source.metric} if source.metric else {}) | _matchers(source.selector)


def _matchers(selector: str) -> dict[str, str]:
    return {"matchers": selector} if selector != "{}" else {}


def _policy_name(slo: Slo, tier: BurnTier) -> str:
    return f"{slo.name}-{tier.name}"


def _policy(slo: Slo, tier: BurnTier) -> dict[str, Any]:
    condition = {
        "kind": "AlertCondition",
        "metadata": {"name": tier.name},
        "spec": {
            "severity": tier.priority,
            "condition": {
                "kind": "burnrate",
                "op": "gt",
                "threshold": tier.factor,
                "lookbackWindow": shorthand(tier.long_s),
                "alertAfter": shorthand(tier.short_s),
            },
        },
    }
    spec = {
        "alertWhenBreaching": True,
        "alertWhenNoData": True,
        "alertWhenResolved": True,
        "conditions": [condition],
        "notificationTargets": [{"targetRef": SOURCE_TYPE}],
    }
    return {
        "apiVersion": API_VERSION,
        "kind": "AlertPolicy",
        "metadata": {"name": _policy_name(slo, tier)},
        "spec": spec,
    }


__all__ = ["to_openslo", "to_prometheus_rules"]
