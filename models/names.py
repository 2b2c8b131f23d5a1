"""Names that anomalies go by before anybody chooses one: an episode's id is made of its series, its name and its start.

Neither a rule nor a chosen detector may take one of them, or it would share an episode, or an alert, with another.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from models import detectors
from schemas.events import ANOMALY_ALERT, NOTICES, AnomalyKind
from streams.layout import VITALS

WINDOWS: Final = "windows"
ENTITIES: Final = "entities"
DRIFTS: Final = ("adwin", "page_hinkley")
"""Detectors that closed minutes of every series go to, one of them at a time."""
_SIGNS: Final[tuple[AnomalyKind, ...]] = ("flatline", "variance", "missing")
VITAL_NAMES: Final[Mapping[int, AnomalyKind]] = MappingProxyType(dict(zip(range(VITALS), _SIGNS, strict=True)))
"""By vital sign, in the order of a series' record."""

STAGE_NAMES: Final = frozenset({WINDOWS, ENTITIES, *DRIFTS, *_SIGNS, ANOMALY_ALERT, *NOTICES.values()})
"""What speaks of every series, and the alerts that are made of it."""
RESERVED_NAMES: Final = STAGE_NAMES | {one.name for one in pkgutil.iter_modules(detectors.__path__)}
"""These, and every detector: one a file."""
