"""Where marks stand on the axes of a chart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from slo.report.model import Points
from slo.report.wording import moment

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_STEPS_MS: Final = (
    *(one * _MINUTE_MS for one in (1, 2, 5, 10, 15, 30)),
    *(one * _HOUR_MS for one in (1, 2, 3, 6, 12)),
    *(one * _DAY_MS for one in (1, 2, 5, 10, 20, 40, 80)),
)
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps a range of values to one of places.

    Examples
    --------
    >>> Scale((0.0, 10.0), (100.0, 0.0))(2.5)
    75.0
    """

    values: tuple[float, float]
    places: tuple[float, float]

    def __call__(self, value: float) -> float:
        """The place of a value; one beyond an end is at the end."""
        low, high = self.values
        part = (value - low) / (high - low) if high > low else 0.5
        begin, end = self.places
        return begin + min(1.0, max(0.0, part)) * (end - begin)


def time_ticks(from_ms: int, to_ms: int, most: int = 8) -> list[tuple[int, str]]:
    """Times at round places, with their names: a day where one begins, else the time of day.

    Examples
    --------
    >>> [name for _, name in time_ticks(1_790_035_200_000, 1_790_056_800_000, 4)]
    ['22 Sep', '02:00', '04:00', '06:00']
    """
    step = next((one for one in _STEPS_MS if (to_ms - from_ms) / one < most), _STEPS_MS[-1])
    first = -(-from_ms // step) * step
    return [(at, _name(at)) for at in range(first, to_ms + 1, step)]


def _name(at_ms: int) -> str:
    text = moment(at_ms)
    if at_ms % _DAY_MS:
        return text[11:16]
    return f"{int(text[8:10])} {_MONTHS[int(text[5:7]) - 1]}"


def value_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers between two.

    Examples
    --------
    >>> value_ticks(-0.4, 1.0), value_ticks(0.0, 36.0)
    ([0.0, 0.5, 1.0], [0.0, 10.0, 20.0, 30.0])
    """
    rough = (high - low) / most
    if not rough > 0:
        return [low]
    size = 10.0 ** math.floor(math.log10(rough))
    step = next((size * one for one in (1, 2, 2.5, 5, 10) if size * one >= rough * (1 - 1e-9)), size * 10)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(step * number, 12) + 0.0 for number in range(first, last + 1)]


def pieces(points: Points) -> list[list[tuple[int, float]]]:
    """A line without its gaps."""
    found: list[list[tuple[int, float]]] = [[]]
    for at_ms, value in points:
        if value is None:
            found.append([])
        else:
            found[-1].append((at_ms, value))
    return [one for one in found if one]
