"""The metrics of all roles as one exposition: each sample with the label ``role``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

ROLE: Final = "role"


@dataclass(frozen=True, eq=False)
class _Fixed(Collector):
    """Families that are there already, as a collector of the registry."""

    families: tuple[Metric, ...]

    def collect(self) -> Iterable[Metric]:
        """The families."""
        return self.families


def merge_expositions(by_role: Mapping[str, str], extra: Iterable[Metric] = ()) -> bytes:
    r"""One exposition out of one a role.

    Parameters
    ----------
    by_role
        Role to its ``/metrics`` text.
    extra
        Families of the supervisor's own.

    Examples
    --------
    >>> text = "# HELP up_total Starts.\n# TYPE up_total counter\nup_total 1.0\n"
    >>> print(merge_expositions({"a": text, "b": text}).decode().rstrip())
    # HELP up_total Starts.
    # TYPE up_total counter
    up_total{role="a"} 1.0
    up_total{role="b"} 1.0
    """
    merged: dict[str, Metric] = {}
    for role, text in by_role.items():
        for family in text_string_to_metric_families(text):
            into = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type, family.unit))
            for sample in family.samples:
                into.add_sample(sample.name, {ROLE: role, **sample.labels}, sample.value, sample.timestamp)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Fixed((*merged.values(), *extra)))
    return generate_latest(registry)


def samples_of(text: str, name: str) -> Iterator[tuple[Mapping[str, str], float]]:
    r"""Labels and values of the samples of one name.

    Examples
    --------
    >>> list(samples_of('# TYPE lag gauge\nlag{stage="detect"} 3\n', "lag"))
    [({'stage': 'detect'}, 3)]
    """
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == name:
                yield sample.labels, sample.value


def gauge(name: str, text: str, values: Iterable[tuple[Mapping[str, str], float]]) -> Metric:
    """A gauge of the supervisor's own."""
    rows = list(values)
    family = GaugeMetricFamily(name, text, labels=list(rows[0][0]) if rows else ())
    for labels, value in rows:
        family.add_metric(list(labels.values()), value)
    return family
