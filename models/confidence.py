"""How likely an anomaly is a real one: a logistic model of what is known of it at its time, and why it is unsure.

The model's weights lie in ``models.confidence_fit``, with where they come from; ``python -m benchmarks.confidence``
fits them and says how well the probabilities hold on series that they were not fitted to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from models.confidence_fit import PRECISION, WEIGHTS

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
COLD_MS: Final = DAY_MS
"""A series that is younger is new: it has not seen a whole day."""
LATELY_MS: Final = DAY_MS
"""A drift, or a level that was accepted as the new one, is recent for so long."""
LOW_CONFIDENCE: Final = 0.5
"""Below it, an anomaly is rather none: it pages nobody by itself, unless it is on the safety list."""
_FEW_SAMPLES: Final = 60.0
_OFTEN: Final = 3.0
_HIGHEST_PEAK: Final = 20.0
_NEVER_MS: Final = 10**15
_UNMEASURED: Final = 0.5


class Evidence(NamedTuple):
    """What is known of a series' anomaly at one of its states.

    Parameters
    ----------
    peak
        Its highest score so far.
    agreed, speaking
        Windows that called it one, and windows that have a say.
    lasted_ms
        Since its first odd sample, up to the sample at hand or its end.
    age_ms, interval_ms
        Since the series' first sample; between its samples.
    shifted_ms, drifted_ms
        Since a level was last accepted as the new one, and since a drift was told; very long where never.
    alarms
        Episodes of the series that ended lately, each counting half after three days.
    known
        How far it went in the same direction in the week before, as a share of how far it was at the start: from 1.0
        on, it has been there before.
    """

    peak: float
    agreed: int
    speaking: int
    lasted_ms: int
    age_ms: int
    interval_ms: int
    shifted_ms: int
    drifted_ms: int
    alarms: float
    known: float

    @property
    def samples(self) -> float:
        """How many the series has had, about."""
        return self.age_ms / max(self.interval_ms, 1)

    @property
    def cold(self) -> bool:
        """Whether the series is new."""
        return self.age_ms < COLD_MS


def since(time_ms: int, event_ms: int, first_ms: int) -> int:
    """How long ago something was; very long where it never was in the series' life."""
    return time_ms - event_ms if event_ms > 0 and event_ms >= first_ms else _NEVER_MS


def _recent(ago_ms: int) -> float:
    """1 for what is now, a half for what is six hours ago, nearly 0 for what is days ago."""
    return 1.0 / (1.0 + ago_ms / (6 * HOUR_MS))


FEATURES: Final[Mapping[str, Callable[[Evidence], float]]] = MappingProxyType(
    {
        "one": lambda _: 1.0,
        "peak": lambda seen: math.log(min(max(seen.peak, 1.0), _HIGHEST_PEAK)),
        "agreed": lambda seen: math.log1p(seen.agreed),
        "dissent": lambda seen: math.log1p(max(seen.speaking - seen.agreed, 0)),
        "age": lambda seen: math.log(max(seen.age_ms, MINUTE_MS) / DAY_MS),
        "half_day": lambda seen: min(1.0, seen.age_ms / (DAY_MS / 2)),
        "two_days": lambda seen: min(1.0, seen.age_ms / (2 * DAY_MS)),
        "samples": lambda seen: min(0.0, math.log(max(seen.samples, 1.0) / _FEW_SAMPLES)),
        "lasted": lambda seen: math.log1p(seen.lasted_ms / MINUTE_MS),
        "intervals": lambda seen: math.log1p(seen.lasted_ms / max(seen.interval_ms, 1)),
        "alarms": lambda seen: math.log1p(seen.alarms),
        "known": lambda seen: min(seen.known, 1.5),
        "shifted": lambda seen: _recent(seen.shifted_ms),
        "drifted": lambda seen: _recent(seen.drifted_ms),
    }
)
"""What the model weighs, by name."""
SIGNS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("peak", "agreed", "age", "half_day", "two_days", "samples"), 1),
        **dict.fromkeys(("dissent", "alarms", "known", "shifted", "drifted"), -1),
    }
)
"""Which way a feature may move the probability, where that is known before any data: doubt makes nothing surer."""


def features(seen: Evidence) -> list[float]:
    """The model's inputs, in the order of ``FEATURES``."""
    return [make(seen) for make in FEATURES.values()]


def probability(seen: Evidence, weights: Mapping[str, float] = WEIGHTS) -> float:
    """How likely the anomaly is a real one.

    Examples
    --------
    >>> high = Evidence(8.0, 2, 3, 5_000, 3 * DAY_MS, 15_000, 10**15, 10**15, 0.0, 0.5)
    >>> probability(high) > probability(high._replace(alarms=9.0))
    True
    """
    z = sum(weights[name] * value for name, value in zip(FEATURES, features(seen), strict=True))
    # No anomaly is certain, and none is certainly nothing.
    return round(1.0 / (1.0 + math.exp(-max(-4.5, min(4.5, z)))), 4)


def precision_of(detector: str) -> tuple[float, str]:
    """How often a detector that has no model here is right, as measured, and why to be unsure.

    Examples
    --------
    >>> precision_of("one_of_your_own")
    (0.5, 'one detector; how often it is right was not measured')
    """
    if (measured := PRECISION.get(detector)) is None:
        return _UNMEASURED, "one detector; how often it is right was not measured"
    return measured, f"one detector; on labelled series it was right in {measured:.0%} of its anomalies"


def reasons(seen: Evidence) -> list[str]:
    """Why to be unsure, in plain words; empty where nothing speaks against it.

    Examples
    --------
    >>> young = Evidence(2.0, 1, 1, 5_000, 200_000, 15_000, 10**15, 10**15, 0.0, 0.5)
    >>> reasons(young)
    ['short history: 3 min', 'few samples: 13', 'one window speaks']
    """
    return [*_short_of(seen), *_windows_of(seen), *_lately_of(seen)]


def _short_of(seen: Evidence) -> Iterator[str]:
    """What is not known yet."""
    if seen.cold:
        yield f"short history: {_age(seen.age_ms)}"
    if seen.samples < _FEW_SAMPLES:
        yield f"few samples: {seen.samples:.0f}"


def _windows_of(seen: Evidence) -> Iterator[str]:
    """Who does not say so."""
    if seen.speaking < 2:
        yield "one window speaks"
    elif seen.agreed < seen.speaking:
        yield f"{seen.speaking - seen.agreed} of {seen.speaking} windows do not agree"


def _lately_of(seen: Evidence) -> Iterator[str]:
    """What makes the series itself doubtful."""
    if seen.drifted_ms < LATELY_MS:
        yield f"drift lately: {_age(seen.drifted_ms)} ago"
    if seen.shifted_ms < LATELY_MS:
        yield f"a new level lately: {_age(seen.shifted_ms)} ago"
    if seen.known >= 1.0:
        yield "it was as far off within the week before"
    if seen.alarms >= _OFTEN:
        yield f"often anomalous lately: about {seen.alarms:.0f} times in some days"


def _age(ms: int) -> str:
    return f"{ms // MINUTE_MS} min" if ms < 2 * HOUR_MS else f"{ms // HOUR_MS} h"
