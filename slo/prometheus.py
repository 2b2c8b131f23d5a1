"""An SLO as rules of Prometheus, under the names that Sloth made customary.

Of each window there are ``slo:sli_bad:count1h``, ``slo:sli_total:count1h`` and their ratio,
``slo:sli_error:ratio_rate1h``. The ratio of the whole period is the sum of what was bad over the sum of all, never a
mean of ratios, which would weigh a quiet night like a busy day: counters are taken once every shortest window, so that
every event counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import yaml

from schemas.errors import ConfigurationError
from slo.definition import BurnTier, Priority, RollingWindow, Slo, ThresholdIndicator
from slo.durations import DAY_S, duration_text
from slo.profiles import outage_s, tiers_of
from slo.promql import Counted, check_expressible, counts_of, samples_of
from slo.sloth import SEVERITIES, info_labels, sloth_labels
from slo.words import ALERT_NAMES

_BASE_S: Final = 300
_NO_DATA_FLOOR_S: Final = 120
_FILL: Final = {"ignore": "", "good": " or vector(0)", "bad": " or vector(1)"}
_WIDE: Final = 10_000
Rule = dict[str, Any]


def to_prometheus_rules(slo: Slo) -> str:
    """The recording rules and alerts of an SLO, as a rule file.

    Raises
    ------
    ConfigurationError
        If PromQL has no exact expression for it; says why.
    """
    try:
        rules = _Rules(slo)
        groups = rules.groups()
    except ConfigurationError as error:
        what = f"{slo.key} cannot be written as rules of Prometheus: {error.what}"
        raise ConfigurationError(what, error.way_out) from error
    note = f"# {slo.key}, written by metrics-ai slo export.\n"
    if rules.base_s < _BASE_S:
        note += f"# The shortest window is {duration_text(rules.base_s)}: scrape at least four times in it.\n"
    if isinstance(slo.indicator, ThresholdIndicator):
        note += "# A sample counts once an evaluation: evaluate the rules as often as the series are scraped.\n"
    return note + yaml.safe_dump({"groups": groups}, sort_keys=False, width=_WIDE, allow_unicode=True)


class _Rules:
    def __init__(self, slo: Slo) -> None:
        self.slo = slo
        self.indicator = check_expressible(slo.indicator)
        if not isinstance(slo.window, RollingWindow):
            raise ConfigurationError("a range of PromQL's has a fixed length, and a calendar's window has not")
        if slo.method == "Occurrences" and slo.unknown != "ignore":
            raise ConfigurationError(f"a slice without data has no number of events that could be {slo.unknown}")
        self.period_s = slo.window.duration_s
        self.tiers = tiers_of(slo.alerts, self.period_s)
        self.base_s = min([_BASE_S, *(tier.short_s for tier in self.tiers)])
        if slo.method != "Occurrences" and self.base_s < slo.slice_s:
            if any(tier.short_s < slo.slice_s for tier in self.tiers):
                raise ConfigurationError(
                    "a short window is shorter than a slice", "Choose longer windows, or shorter slices"
                )
            self.base_s = slo.slice_s
        ours = {"tenant": slo.tenant, "service": slo.service, "slo": slo.name}
        self.selected = "{" + ",".join(f'{key}="{_quoted(value)}"' for key, value in ours.items()) + "}"
        self.labels = ours | sloth_labels(slo.tenant, slo.service, slo.name)

    def groups(self) -> list[dict[str, Any]]:
        """One group, whose rules are evaluated in their order at one moment.

        Only samples that slices are made of have a group of their own, since they come more often than slices close.
        """
        name = f"metrics-ai-slo-{self.slo.tenant}-{self.slo.name}"
        samples = self._samples(self.indicator) if isinstance(self.indicator, ThresholdIndicator) else []
        slices = self._slices()
        rules = [*slices, *self._windows(), *self._period(), *self._meta()]
        rules += [*map(self._alert, self.tiers), self._no_data()]
        if not slices:
            return [{"name": name, "rules": [*samples, *rules]}]
        before = [{"name": f"{name}-samples", "rules": samples}] if samples else []
        return [*before, {"name": name, "interval": duration_text(self.slo.slice_s), "rules": rules}]

    def _record(self, name: str, expr: str, more: Mapping[str, str] | None = None) -> Rule:
        return {"record": name, "expr": expr, "labels": self.labels | dict(more or {})}

    def _error_ratio(self, window: str, bad: str, total: str) -> Rule:
        return self._record(f"slo:sli_error:ratio_rate{window}", f"{bad} / ({total} > 0)", {"sloth_window": window})

    def _ref(self, name: str) -> str:
        return f"{name}{self.selected}"

    def _samples(self, indicator: ThresholdIndicator) -> list[Rule]:
        """What is bad at this moment, and all."""
        bad, total = samples_of(indicator)
        return [self._record("slo:sli_bad:samples", bad), self._record("slo:sli_total:samples", total)]

    def _counts(self, window_s: int) -> tuple[str, str]:
        """Bad events and all over a window, before slices are judged."""
        window = duration_text(window_s)
        if isinstance(self.indicator, ThresholdIndicator):
            return (
                f"sum_over_time({self._ref('slo:sli_bad:samples')}[{window}])",
                f"sum_over_time({self._ref('slo:sli_total:samples')}[{window}])",
            )
        counted: Counted = self.indicator
        return counts_of(counted, window)

    def _slices(self) -> list[Rule]:
        """Slices, one an evaluation: how bad each was."""
        if self.slo.method == "Occurrences":
            return []
        bad, total = self._counts(self.slo.slice_s)
        ratio = f"{bad} / ({total} > 0)"
        if self.slo.method == "Timeslices":
            target = 1.0 if self.slo.slice_target is None else self.slo.slice_target
            ratio = f"(({total} - {bad}) / ({total} > 0)) < bool {target!r}"
        return [self._record("slo:sli_slice:error_ratio", f"({ratio}){_FILL[self.slo.unknown]}")]

    def _window_counts(self, window_s: int) -> tuple[str, str]:
        if self.slo.method == "Occurrences":
            return self._counts(window_s)
        slices = f"{self._ref('slo:sli_slice:error_ratio')}[{duration_text(window_s)}]"
        return f"sum_over_time({slices})", f"count_over_time({slices})"

    def _windows(self) -> Iterable[Rule]:
        sizes = sorted({self.base_s, *(size for tier in self.tiers for size in (tier.long_s, tier.short_s))})
        for size in sizes:
            bad, total = self._window_counts(size)
            window = duration_text(size)
            yield self._record(f"slo:sli_bad:count{window}", bad)
            yield self._record(f"slo:sli_total:count{window}", total)
            counts = (self._ref(f"slo:sli_{side}:count{window}") for side in ("bad", "total"))
            yield self._error_ratio(window, *counts)

    def _period(self) -> list[Rule]:
        """The ratio of the whole period, of sums; none where it is a tier's window already."""
        if any(self.period_s == size for tier in self.tiers for size in (tier.long_s, tier.short_s)):
            return []
        period = duration_text(self.period_s)
        if self.slo.method != "Occurrences" or isinstance(self.indicator, ThresholdIndicator):
            bad, total = self._window_counts(self.period_s)
        else:
            base = duration_text(self.base_s)
            bad, total = (
                f"sum_over_time({self._ref(f'slo:sli_{side}:count{base}')}[{period}:{base}])"
                for side in ("bad", "total")
            )
        return [self._error_ratio(period, bad, total)]

    def _meta(self) -> list[Rule]:
        budget = self._ref("slo:error_budget:ratio")
        base, period = (self._ref(f"slo:sli_error:ratio_rate{duration_text(s)}") for s in (self.base_s, self.period_s))
        return [
            self._record("slo:objective:ratio", f"vector({self.slo.target!r})"),
            self._record("slo:error_budget:ratio", f"vector(1 - {self.slo.target!r})"),
            self._record("slo:time_period:days", f"vector({self.period_s / DAY_S:g})"),
            self._record("slo:current_burn_rate:ratio", f"{base} / ignoring (sloth_window) {budget}"),
            self._record("slo:period_burn_rate:ratio", f"{period} / ignoring (sloth_window) {budget}"),
            self._record("slo:period_error_budget_remaining:ratio", f"1 - {self._ref('slo:period_burn_rate:ratio')}"),
            self._record("sloth_slo_info", "vector(1)", info_labels(self.slo.target)),
        ]

    def _alert(self, tier: BurnTier) -> Rule:
        long, short = duration_text(tier.long_s), duration_text(tier.short_s)
        limit = f"{tier.factor!r} * (1 - {self.slo.target!r})"
        ratios = (self._ref(f"slo:sli_error:ratio_rate{window}") for window in (long, short))
        parts = [f"max without (sloth_window) ({ratio} > {limit})" for ratio in ratios]
        if self.slo.method == "Occurrences":
            guards = (("total", self.slo.alerts.min_events), ("bad", self.slo.alerts.min_bad))
            parts += [f"({self._ref(f'slo:sli_{side}:count{long}')} >= {least})" for side, least in guards if least]
        return {
            "alert": ALERT_NAMES["burn"],
            "expr": " and ".join(parts),
            "labels": {
                **self.labels,
                **_urgency(tier.priority),
                "tier": tier.name,
            },
            "annotations": {
                "summary": f"{self.slo.title or self.slo.name} burns its error budget",
                "description": f"{{{{ $value | humanizePercentage }}}} were bad over {long}; over it and over {short} "
                f"that is more than {tier.factor:g} times what the target of {self.slo.target * 100:g} % allows.",
            },
        }

    def _no_data(self) -> Rule:
        """What is absent is said as late as an outage of everything would be."""
        waits = [seconds for tier in self.tiers if (seconds := outage_s(tier, self.slo.target)) is not None]
        return {
            "alert": ALERT_NAMES["no_data"],
            "expr": f"absent({self._ref(f'slo:sli_total:count{duration_text(self.base_s)}')})",
            "for": duration_text(max(_NO_DATA_FLOOR_S, *(round(seconds) for seconds in waits[:1] or [0]))),
            "labels": {**self.labels, **_urgency("P2")},
            "annotations": {"summary": f"{self.slo.title or self.slo.name} cannot be measured: there is no data"},
        }


def _urgency(priority: Priority) -> dict[str, str]:
    severity = SEVERITIES[priority]
    return {"severity": severity, "sloth_severity": severity, "priority": priority}


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
