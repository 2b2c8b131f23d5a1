"""The weights of ``models.confidence``, as ``python -m benchmarks.confidence --ship`` wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VERSION: Final = 1
ORIGIN: Final = (
    "planted lives of seed 31337 (23821 states)",
    "NAB 1.1 (987 states)",
    "commit 578b9f7-dirty",
    "2026-11-27",
)
"""The data, the commit that was measured, and the day."""
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "one": -14.5981,
        "peak": 0.2207,
        "agreed": 0.1865,
        "speaking": 9.2685,
        "age": -0.3599,
        "samples": 1.5526,
        "lasted": -0.1965,
        "intervals": 0.5301,
        "alarms": -1.0192,
        "known": -1.4056,
        "shifted": 8.7201,
        "drifted": 1.2903,
    }
)
"""By feature, in log odds."""
PRECISION: Final[Mapping[str, float]] = MappingProxyType(
    {
        "drift": 0.58,
        "records": 0.34,
        "gaussian_scorer": 0.21,
    }
)
"""Of what other detectors tell, the share that is real: of drifts on planted changes, of chosen detectors on NAB."""
