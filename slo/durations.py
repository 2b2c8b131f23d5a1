"""OpenSLO's shorthand of durations: ``5m``, ``12h``, ``28d``, ``4w``, ``1M``, ``1Q``, ``1Y``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

MINUTE_S: Final = 60
DAY_S: Final = 86_400
UNITS_S: Final[Mapping[str, int]] = {
    "m": MINUTE_S,
    "h": 3600,
    "d": DAY_S,
    "w": 7 * DAY_S,
    "M": 30 * DAY_S,
    "Q": 90 * DAY_S,
    "Y": 365 * DAY_S,
}
"""Of a window that rolls: a month has 30 days then, a quarter 90 and a year 365."""

_SHORTHAND = re.compile(r"([1-9][0-9]{0,6})([mhdwMQY])")
_PROMETHEUS_UNITS: Final = (("d", DAY_S), ("h", 3600), ("m", 60), ("s", 1))


def count_and_unit(text: str) -> tuple[int, str]:
    """The number and the letter of a shorthand.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = _SHORTHAND.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration")
    return int(found[1]), found[2]


def seconds_of(text: str) -> int:
    """How long a shorthand is.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> seconds_of("28d"), seconds_of("1M") == seconds_of("30d")
    (2419200, True)
    """
    count, unit = count_and_unit(text)
    return count * UNITS_S[unit]


def shorthand(seconds: int) -> str:
    """A duration in OpenSLO's shorthand.

    Raises
    ------
    ValueError
        If it is no whole number of minutes, below which the shorthand has no unit.

    Examples
    --------
    >>> shorthand(2419200), shorthand(5400)
    ('28d', '90m')
    """
    if seconds % MINUTE_S:
        raise ValueError(f"{seconds} s are no whole minutes, and OpenSLO's durations have nothing shorter")
    return duration_text(seconds)


def duration_text(seconds: int) -> str:
    """A duration in the largest unit that divides it, as PromQL and people write it.

    Examples
    --------
    >>> [duration_text(seconds) for seconds in (45, 300, 259_200)]
    ['45s', '5m', '3d']
    """
    unit, size = next((unit, size) for unit, size in _PROMETHEUS_UNITS if seconds % size == 0)
    return f"{seconds // size}{unit}"
