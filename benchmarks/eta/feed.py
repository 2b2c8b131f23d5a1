"""Paths through the detect operator, and what it says of them."""

from __future__ import annotations

from typing import Final

import numpy as np

from benchmarks.eta.fills import A_DAY, STEP_S, Values
from models.detect import DetectOperator, DetectSettings, ThresholdRule
from schemas.batch import SampleBatch
from schemas.events import Anomaly
from schemas.series import Series

START_MS: Final = 1_700_006_400_000
PROBE: Final = "probe"
SHIPPED: Final = DetectSettings.model_validate({"drift": {"enabled": False}, "stale_s": 3600})
"""The shipped rules; what costs time here and says nothing of trends is off."""
PROBED: Final = SHIPPED.model_copy(
    update={
        "rules": [
            ThresholdRule(
                name=PROBE,
                select="node_disk_used_ratio",
                function="eta",
                comparison="<",
                threshold=1e9,
                limit=1.0,
                every_s=1.0,
            )
        ]
    }
)
"""And a rule that says every estimate that is sure."""


def told(paths: list[Values], settings: DetectSettings) -> list[list[Anomaly]]:
    """What the operator says of each path's trend, a day of all of them at a time."""
    operator = DetectOperator(settings, 0, 1)
    disks = [Series("t", "node_disk_used_ratio", {"mount": f"/{at}"}, {"node": "h1"}) for at in range(len(paths))]
    ids, texts = np.array([one.id for one in disks], np.uint64), [one.text for one in disks]
    said: dict[str, list[Anomaly]] = {f"{one.id:016x}": [] for one in disks}
    for begin in range(0, max(map(len, paths)), A_DAY):
        parts = [path[begin : begin + A_DAY] for path in paths]
        series = np.concatenate([np.full(len(part), at, np.int32) for at, part in enumerate(parts)])
        ticks = np.concatenate([np.arange(begin, begin + len(part)) for part in parts])
        times = START_MS + ticks * STEP_S * 1000
        for one in operator.step_batch(SampleBatch("t", ids, texts, series, times, np.concatenate(parts))):
            if one.kind == "trend":
                said[one.series_id].append(one)
    return list(said.values())
