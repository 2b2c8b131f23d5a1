"""The weights of ``models.confidence``, as ``python -m benchmarks.confidence --ship`` wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VERSION: Final = 1
ORIGIN: Final = (
    "planted lives of seed 5 (12874 states)",
    "NAB 1.1 (1131 states)",
    "commit 1b3028e-dirty",
    "2026-11-28",
)
"""The data, the commit that was measured, and the day."""
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "one": 0.2972,
        "peak": 0.0389,
        "agreed": 0.0000,
        "dissent": -0.4986,
        "age": 0.0000,
        "half_day": 0.3938,
        "two_days": 2.2577,
        "samples": 0.0000,
        "lasted": -0.4406,
        "intervals": 0.5426,
        "alarms": -0.7413,
        "known": -1.3735,
        "shifted": 0.0000,
        "drifted": 0.0000,
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
