"""Disks that fill, and what is told of their trends."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import START_MS, Bench, stream

Values = npt.NDArray[np.float64]

STEP_MS = 300_000
DAY = 288
DISK = Series("t", "node_disk_used_ratio", {"mount": "/"}, {"node": "h1"}, "gauge", "1")
FREE = Series("t", "node_disk_free_bytes", {"mount": "/"}, {"node": "h1"}, "gauge", "By")
PERCENT = Series("t", "disk_used_percent", {"path": "/"}, {"node": "h1"}, "gauge", "%")
SETTINGS = {"drift": {"enabled": False}, "stale_s": 3600}
PAGES = {"disk_full_in_3_days", "disk_full_in_7_days"}


def days(count: float) -> Values:
    return np.arange(int(count * DAY)) / DAY


def told(values: Values, series: Series = DISK, start_ms: int = START_MS, **changed: object) -> list[Anomaly]:
    found = Bench(**{**SETTINGS, **changed}).feed(stream(series, values.tolist(), start_ms, STEP_MS))
    return [one for one in found if one.kind == "trend"]


def names(found: Sequence[Anomaly]) -> set[str]:
    return {one.detector for one in found}


def probe(**fields: object) -> dict[str, object]:
    rule = {"name": "probe", "select": "m", "function": "eta", "comparison": "<", "threshold": 1e9, "limit": 1.0}
    return {"rules": [{**rule, "every_s": 1, **fields}], "shipped_rules": False}
