"""What is usual for a series at an hour of the week: learned hour by hour, from means of five minutes.

A cell is an hour of the week. Until it has been seen twice, the same hour of other days speaks with it, working days
for working days and weekends for weekends: a daily cycle is known on the second day, a Monday morning in the second
week. A cell's range grows at once and shrinks slowly: an hour that was unusual once makes the next one uncertain, and
no alarm. Hours with an anomaly in them are left out, unless its level was accepted as the new one. On a day of the
month that is known (``streams.months``) what is usual moves, and its hours teach what is left without that.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.buckets import soil_ring
from streams.clocks import place_of
from streams.jit import kernel
from streams.layout import (
    BUCKETS,
    DAY_HOURS,
    LENGTHS,
    M2,
    MEAN,
    OFFSETS,
    SEASON_GROUP,
    SEASON_PATIENCE,
    WARM_DIRTY,
    WEEK_HOURS,
    WIDTHS_MS,
    Number,
    Row,
)
from streams.months import month_shift, note_today
from streams.ranks import median_of
from streams.rings import number_of
from streams.tails import TAIL_SCRATCH, note_beyond, refresh_tails

_FINE, _HOUR = 2, 3
_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_HOUR_MS: Final = WIDTHS_MS[_HOUR]
_A_FINE: Final = WIDTHS_MS[_HOUR] // WIDTHS_MS[_FINE]
LOWEST, USUAL, HIGHEST, OTHERS_LOWEST, OTHERS_HIGHEST = range(5)
"""Columns of a cell, the first three of what is usual at a time; the last two are the middles of other days."""
SEASON_SCRATCH: Final[list[tuple[str, str, tuple[int, ...]]]] = [
    ("cell", "f8", (5,)),
    ("shift", "f8", ()),  # by how much the day of the month moved what was looked up last
    *TAIL_SCRATCH,
]
"""What seasons need of a work record."""
# A cell follows what it sees by this share at the least, and forecasts' errors are those of so many hours.
_LEAST_SHARE: Final = 0.3
_ERROR_HOURS: Final = 72
# Once so many are known, an error counts no more than so many times their mean.
_SETTLED: Final = 48
_CLIP: Final = 4.0
# Forecasts that must have been held against what came before a cell's center counts.
TRUSTED: Final = 24
# So near to an hour's edge what is usual beyond it is usual, too.
_EDGE: Final = 1.0 / 6.0
# So many standard deviations the most of twelve lies above their mean.
_OF_TWELVE: Final = 1.63
# Codes of distances, an octave, and octaves below 1.
_CODES: Final = 80.0
_OCTAVES: Final = 400.0
# A mean of 5 minutes whose samples differ by so many times the usual variance holds a glitch, or the edge of something.
_GLITCHY: Final = 25.0
_FEW_SAMPLES: Final = 3
# Share of an hour's means that must be good.
_ENOUGH_GOOD: Final = 0.5
# By how many of its means' chances an hour's range may be wider than its line.
_ON_LINE: Final = 3.0
# Single precision holds no more.
_MOST: Final = 1e37


@kernel
def _code_of(distance: float) -> Number:
    """A distance as two bytes, never less than it is: 80 codes an octave, 0 for none."""
    if distance <= 0.0:
        return 0
    return min(max(1, np.int64(np.ceil((np.log2(distance) + _OCTAVES) * _CODES))), 65_535)


@kernel
def _distance_of(code: Number) -> Number:
    """What a code stands for."""
    return 2.0 ** (code / _CODES - _OCTAVES) if code > 0 else 0.0


@kernel
def _unpack(row: Row, at: int, cell: Any) -> None:
    """An hour's least, usual and most mean."""
    cell[USUAL] = row.season[at]
    cell[LOWEST] = cell[USUAL] - _distance_of(np.int64(row.season_range[at, 0]))
    cell[HIGHEST] = cell[USUAL] + _distance_of(np.int64(row.season_range[at, 1]))


@kernel
def _pack(row: Row, at: int, cell: Any) -> None:
    """Keep an hour's least, usual and most mean."""
    row.season[at] = cell[USUAL]
    center = float(row.season[at])
    row.season_range[at, 0] = np.uint16(_code_of(center - cell[LOWEST]))
    row.season_range[at, 1] = np.uint16(_code_of(cell[HIGHEST] - center))
    soil_ring(row, BUCKETS + at // SEASON_GROUP)


@kernel
def _cell(row: Row, hour: int, params: Row, work: Row) -> Number:
    """What is known of an hour since 1970, into ``work.cell``.

    Returns how often it was seen; below 0, on how many days like it instead; 0 where nothing is known.
    """
    at = place_of(hour, params)
    cell = work.cell
    weeks = np.int64(row.season_weeks[at])
    seen: Number = weeks
    low = least = np.inf
    high = most = -np.inf
    if weeks < 2:
        count = 0
        total = 0.0
        for other in range(at % DAY_HOURS, WEEK_HOURS, DAY_HOURS):
            if row.season_weeks[other] > 0 and params.free[other // DAY_HOURS] == params.free[at // DAY_HOURS]:
                _unpack(row, other, cell)
                low, high = min(low, cell[LOWEST]), max(high, cell[HIGHEST])
                least, most = min(least, cell[USUAL]), max(most, cell[USUAL])
                total += cell[USUAL]
                count += 1
        seen = -count
        if count == 0:
            return 0
        cell[LOWEST], cell[USUAL], cell[HIGHEST] = low, total / count, high
    if weeks > 0:
        _unpack(row, at, cell)
    cell[OTHERS_LOWEST], cell[OTHERS_HIGHEST] = least, most
    return seen


@kernel
def _edge(row: Row, hour: int, near: bool, own: Any, params: Row, work: Row) -> Number:
    """The level between an hour and its neighbour, as far as the hour reached; of a near one all is usual, too."""
    cell, usual = work.cell, row.usual
    if _cell(row, hour, params, work) == 0:
        return own[USUAL]
    if near:
        usual[LOWEST], usual[HIGHEST] = min(usual[LOWEST], cell[LOWEST]), max(usual[HIGHEST], cell[HIGHEST])
    return min(max(0.5 * (cell[USUAL] + own[USUAL]), own[LOWEST]), own[HIGHEST])


@kernel
def _of_week(row: Row, time_ms: int, params: Row, work: Row) -> Number:
    """What is usual at a time of the week, into ``row.usual``; whether anything is known of it.

    Between the middles of hours it moves in straight lines, as far as the hour's own range goes along.
    """
    hour = time_ms // _HOUR_MS
    share = (time_ms % _HOUR_MS) / _HOUR_MS
    cell, usual = work.cell, row.usual
    usual[:] = np.nan
    row.usual_month = 0
    work.shift = 0.0
    row.dirty |= WARM_DIRTY
    seen = _cell(row, hour, params, work)
    row.usual_of[0], row.usual_of[1] = place_of(hour, params), seen
    if seen == 0:
        return False
    own = (cell[LOWEST], cell[USUAL], cell[HIGHEST])
    low, center, high = own
    usual[LOWEST], usual[HIGHEST] = cell[OTHERS_LOWEST], cell[OTHERS_HIGHEST]
    start = _edge(row, hour - 1, share < _EDGE, own, params, work)
    end = _edge(row, hour + 1, share > 1.0 - _EDGE, own, params, work)
    line = start + (center - start) * 2.0 * share if share < 0.5 else center + (end - center) * (2.0 * share - 1.0)
    chance = _OF_TWELVE * np.sqrt(row.inside * min(row.interval_ms / _WIDTHS[_FINE], 1.0))
    if high - low > abs(end - start) + _ON_LINE * chance:
        # Something begins or ends within the hour; when, may differ by minutes.
        usual[LOWEST], usual[HIGHEST] = min(usual[LOWEST], low, line), max(usual[HIGHEST], high, line)
    else:
        usual[LOWEST] = min(usual[LOWEST], line - max(0.0, min(start, center, end) - low))
        usual[HIGHEST] = max(usual[HIGHEST], line + max(0.0, high - max(start, center, end)))
    usual[USUAL] = line
    # A range of means holds their chance, too, which whoever asks allows for anyway.
    usual[LOWEST] = min(line, usual[LOWEST] + chance)
    usual[HIGHEST] = max(line, usual[HIGHEST] - chance)
    return True


@kernel
def _move(row: Row, hour: int, params: Row, work: Row) -> None:
    """Move what is usual as the day of the month does, where that is known."""
    if row.month_known > 0:
        usual = row.usual
        shift, least, most = month_shift(row, hour, usual[USUAL], params)
        work.shift = shift
        usual[LOWEST] += least
        usual[USUAL] += shift
        usual[HIGHEST] += most


@kernel
def look_up(row: Row, time_ms: int, params: Row, work: Row) -> Number:
    """What is usual at a time, into ``row.usual``; whether anything is known of it."""
    known = _of_week(row, time_ms, params, work)
    if known:
        _move(row, time_ms // _HOUR_MS, params, work)
    return known


@kernel
def _of_hour(row: Row, hour: int, good: bool, work: Row) -> Number:
    """Means of 5 minutes within a closed hour, sorted into ``work.means``; how many.

    Good ones hold no anomaly, and no glitch as far as their samples' variance tells.
    """
    found = 0
    for at in range(_OFFSETS[_FINE], _OFFSETS[_FINE] + _LENGTHS[_FINE]):
        count = row.ring_count[at]
        if number_of(row, _FINE, at) // _A_FINE != hour or count == 0 or not abs(row.ring[at, MEAN]) < _MOST:
            continue
        odd = count >= _FEW_SAMPLES and row.ring[at, M2] > _GLITCHY * row.inside * (count - 1) > 0.0
        if good and (count < 0 or odd):
            continue
        work.means[found] = row.ring[at, MEAN]
        found += 1
    if found > 0:
        median_of(work.means, found)
    return found


@kernel
def _score_forecast(row: Row, mean: float) -> None:
    """How far what was usual is from what came."""
    away = abs(mean - row.usual[USUAL])
    if row.season_hours >= _SETTLED:
        away = min(away, _CLIP * row.season_error)
    row.season_hours += 1
    row.season_error += (away - row.season_error) / min(np.int64(row.season_hours), _ERROR_HOURS)


@kernel
def _learn(row: Row, at: int, hour: Any, work: Row) -> None:
    """Move a cell towards an hour's least, usual and most mean: its range grows at once, and shrinks slowly."""
    cell = work.cell
    weeks = np.int64(row.season_weeks[at])
    if weeks == 0:
        cell[LOWEST], cell[USUAL], cell[HIGHEST] = hour[LOWEST], hour[USUAL], hour[HIGHEST]
    else:
        share = max(1.0 / (weeks + 1.0), _LEAST_SHARE)
        _unpack(row, at, cell)
        cell[LOWEST] = min(float(hour[LOWEST]), cell[LOWEST] + share * (hour[LOWEST] - cell[LOWEST]))
        cell[USUAL] += share * (hour[USUAL] - cell[USUAL])
        cell[HIGHEST] = max(float(hour[HIGHEST]), cell[HIGHEST] + share * (hour[HIGHEST] - cell[HIGHEST]))
    row.season_weeks[at] = min(weeks + 1, 255)
    _pack(row, at, cell)


@kernel
def _hold_against(row: Row, hour: int, count: int, params: Row, work: Row) -> None:
    """Hold an hour's means, all that there are, against what was usual at it: on such a day, and on any."""
    usual = (row.usual[LOWEST], row.usual[USUAL], row.usual[HIGHEST])
    _move(row, hour, params, work)
    note_beyond(row, hour, row.usual[LOWEST] - work.means[0], work.means[count - 1] - row.usual[HIGHEST])
    note_today(row, hour, median_of(work.means, count), usual, params)


@kernel
def _came(row: Row, mean: float, work: Row) -> Number:
    """The shift that an hour is to be taught without: all of it, where the hour is nearer to it than to none."""
    away = mean - row.usual[USUAL]
    return work.shift if abs(away) <= abs(away + work.shift) else 0.0


@kernel
def _note_hour(row: Row, hour: int, params: Row, work: Row) -> None:
    """A closed hour: by how much it went beyond what was usual, and what it may teach later."""
    place = hour % SEASON_PATIENCE
    row.pending[:, place] = np.nan
    at = _OFFSETS[_HOUR] + hour % _LENGTHS[_HOUR]
    if number_of(row, _HOUR, at) != hour or row.ring_count[at] == 0:
        return
    known = _of_week(row, hour * _HOUR_MS + _HOUR_MS // 2, params, work)
    all_of_it = _of_hour(row, hour, False, work)
    if all_of_it == 0:
        return
    if known:
        _hold_against(row, hour, all_of_it, params, work)
    count = _of_hour(row, hour, True, work)
    if count < _ENOUGH_GOOD * all_of_it or row.ring_count[at] < 0:
        return
    # Where a mean is a single sample, the most extreme one may be a glitch.
    spare = 1 if count >= _A_FINE // 2 and row.interval_ms * _FEW_SAMPLES > _WIDTHS[_FINE] else 0
    middle = median_of(work.means, count)
    shift = _came(row, middle, work) if known else 0.0
    row.pending[0, place] = work.means[spare] - shift
    row.pending[1, place] = middle - shift
    row.pending[2, place] = work.means[count - 1 - spare] - shift
    if known:
        _score_forecast(row, float(row.pending[1, place]) + shift)


@kernel
def _learn_hour(row: Row, hour: int, params: Row, work: Row) -> None:
    """Let an hour teach its cell, unless it turned out to be anomalous."""
    at = _OFFSETS[_HOUR] + hour % _LENGTHS[_HOUR]
    place = hour % SEASON_PATIENCE
    if number_of(row, _HOUR, at) == hour and row.ring_count[at] > 0 and not np.isnan(row.pending[1, place]):
        _learn(row, place_of(hour, params), row.pending[:, place], work)


@kernel
def note_hours(row: Row, params: Row, work: Row) -> None:
    """Every hour that closed since the last one noted, a day of them at the most."""
    last = row.open_number[_HOUR] - 1
    if row.season_hour == last:
        return
    if row.season_hour < last - DAY_HOURS:
        row.pending[:] = np.nan
    for hour in range(max(row.season_hour + 1, last - DAY_HOURS + 1), last + 1):
        # A place is taken by the hour that comes SEASON_PATIENCE later.
        _learn_hour(row, hour - SEASON_PATIENCE, params, work)
        _note_hour(row, hour, params, work)
    row.season_hour = last
    refresh_tails(row, work)
    row.dirty |= WARM_DIRTY
