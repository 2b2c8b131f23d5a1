"""The weights of ``models.confidence``, as ``python -m benchmarks.confidence --ship`` wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VERSION: Final = 1
ORIGIN: Final = "planted lives of seed 86753090 (15267 states); NAB 1.1 (987 states); commit fd342cc-dirty; 2026-11-27"
"""The data, the commit that was measured, and the day."""
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {
        "one": -10.0604,
        "peak": 0.2945,
        "agreed": 6.4185,
        "speaking": 8.0807,
        "age": -0.1169,
        "samples": 1.2740,
        "lasted": -0.1353,
        "intervals": 0.3806,
        "alarms": -1.1920,
        "known": -1.3327,
        "shifted": 6.2663,
        "drifted": 2.0284,
    }
)
"""By feature, in log odds."""
PRECISION: Final[Mapping[str, float]] = MappingProxyType(
    {
        "drift": 0.64,
        "records": 0.34,
        "gaussian_scorer": 0.21,
    }
)
"""Of what other detectors tell, the share that is real: of drifts on planted changes, of chosen detectors on NAB."""
