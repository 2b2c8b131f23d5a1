"""The weights of ``models.confidence``, as ``python -m benchmarks.confidence --ship`` wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VERSION: Final = 1
ORIGIN: Final = (
    "planted lives of seed 31337 (35439 states)",
    "NAB 1.1 (1131 states)",
    "commit 98b01f5",
    "2026-11-28",
)
"""The data, the commit that was measured, and the day."""
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "one": 0.0867,
        "peak": 0.0197,
        "agreed": 0.0000,
        "dissent": -0.5049,
        "age": 0.0000,
        "half_day": 0.1091,
        "two_days": 2.9025,
        "samples": 0.0000,
        "lasted": -0.4956,
        "intervals": 0.5868,
        "alarms": -0.8995,
        "known": -1.3068,
        "shifted": 0.0000,
        "drifted": 0.0000,
    }
)
"""By feature, in log odds."""
PRECISION: Final[Mapping[str, float]] = MappingProxyType(
    {
        "drift": 0.57,
        "records": 0.43,
        "gaussian_scorer": 0.21,
    }
)
"""Of what other detectors tell, the share that is real: of drifts on planted changes, of chosen detectors on NAB."""
