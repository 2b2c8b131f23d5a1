"""Metric families: what counts as a real change for a CPU ratio, a byte rate, a latency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.bounds import MOST, MOST_TIMES

Watch = Literal["both", "up", "down", "none"]
MIB: Final = 1024.0 * 1024.0
GIB: Final = 1024.0 * MIB


class MetricFamily(BaseModel):
    """Floors for metrics that are alike.

    A deviation scores above 1.0 only if it exceeds ``min_effect``, ``relative`` times the level, and the window's
    own spreads: the quiet series are the ones that alarm for nothing.

    Examples
    --------
    >>> MetricFamily(name="queue", metric="queue_.*", min_effect=100).matches("queue_length", "", "gauge")
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str
    metric: Annotated[str, Field(description="Regular expression on the whole metric name; empty for any.")] = ""
    unit: Annotated[str, Field(description="Regular expression on the whole unit; empty for any.")] = ""
    type: Annotated[str, Field(description="gauge, counter or delta; empty for any.")] = ""
    min_effect: Annotated[
        float,
        Field(
            ge=0,
            le=MOST,
            description="Smallest deviation that matters, in the metric's unit (per second for counters).",
        ),
    ] = 0.0
    relative: Annotated[
        float, Field(ge=0, le=MOST_TIMES, description="Smallest deviation that matters, as a share of the level.")
    ] = 0.2
    scale: Annotated[
        float, Field(gt=0, le=MOST_TIMES, description="Multiplies every window's spreads: above 1 for heavy tails.")
    ] = 1.0
    watch: Annotated[Watch, Field(description="Directions that count; none is never judged.")] = "both"

    @field_validator("metric", "unit")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return pattern

    def matches(self, metric: str, unit: str, kind: str) -> bool:
        """Whether a metric of that name, unit and type is one of these."""
        return (
            (not self.metric or _full(self.metric).fullmatch(metric) is not None)
            and (not self.unit or _full(self.unit).fullmatch(unit) is not None)
            and (not self.type or self.type == kind)
        )


@lru_cache(maxsize=1024)
def _full(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def family_of(families: Sequence[MetricFamily], metric: str, unit: str, kind: str) -> int:
    """Position of the first family that a metric belongs to (the last one takes all)."""
    for position, family in enumerate(families):
        if family.matches(metric, unit, kind):
            return position
    return len(families) - 1


def _family(name: str, metric: str = "", **fields: object) -> MetricFamily:
    return MetricFamily.model_validate({"name": name, "metric": metric, **fields})


# How they were chosen: the smallest change that an operator would want to be told about on a machine that people
# also work on. Rates are per second. Latencies and byte rates have heavy tails, so their spreads count double.
NODE_FAMILIES: Final[tuple[MetricFamily, ...]] = (
    _family("clock", r".*(uptime|boot_time|time_seconds|_timestamp).*", watch="none"),
    _family("node_cpu", r"node_cpu(_\w+)?_ratio", min_effect=0.2, watch="up"),
    _family("node_pressure", r"node_pressure_.*", min_effect=0.3, watch="up"),
    _family("node_memory", r"node_(memory|swap)_used_ratio", min_effect=0.1, watch="up"),
    _family("node_disk_used", r"node_(disk|filesystem)_used_ratio", min_effect=0.05, watch="up"),
    _family("node_memory_free", r"node_memory_available_bytes", min_effect=GIB, relative=0.4, watch="down"),
    _family("node_disk_free", r"node_(disk|filesystem)_(free|avail)_bytes", min_effect=GIB, relative=0.3, watch="down"),
    _family("node_load_per_core", r"node_load\d+_per_core", min_effect=0.5, relative=1.0, watch="up"),
    _family("node_load", r"(node|system)_load\d+", min_effect=2.0, relative=1.0, watch="up"),
    _family("node_disk_bytes", r"node_disk_.*_bytes_total", min_effect=200 * MIB, relative=2.0, scale=2.0, watch="up"),
    _family("node_disk_operations", r"node_disk_.*_total", min_effect=10_000.0, relative=2.0, scale=2.0, watch="up"),
    _family("node_network_errors", r"node_network_(errors|.*errs|.*drop).*", min_effect=10.0, relative=1.0, watch="up"),
    _family("node_network_bytes", r"node_network_.*bytes.*", min_effect=50 * MIB, relative=2.0, scale=2.0, watch="up"),
    _family("node_network_packets", r"node_network_.*", min_effect=50_000.0, relative=2.0, scale=2.0, watch="up"),
    _family("node_processes", r"node_processes.*", min_effect=100.0, relative=0.5, watch="up"),
    _family(
        "percent", r".*(percent|_pct|usage_(user|system|idle|iowait|nice|irq|softirq|steal|guest)\w*)", min_effect=15
    ),
    _family("percent_unit", unit="%|percent", min_effect=15),
    _family("ratio", r".*(ratio|utili[sz]ation).*", min_effect=0.15),
    _family("latency_ms", r".*(latency|duration|response_time).*", unit="ms", min_effect=5.0, relative=0.5, scale=2.0),
    _family("latency", r".*(latency|duration|response_time|_seconds).*", min_effect=0.005, relative=0.5, scale=2.0),
    _family("byte_rate", r".*bytes.*", type="counter", min_effect=MIB, relative=1.0, scale=2.0),
    _family("bytes", r".*bytes.*", min_effect=16 * MIB, relative=0.3),
    _family("byte_unit", unit="By|B|bytes", min_effect=16 * MIB, relative=0.3),
    _family("rate", type="counter", min_effect=1.0, relative=0.5),
    _family("delta", type="delta", min_effect=1.0, relative=0.5),
)
