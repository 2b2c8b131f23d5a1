"""What days of a month bring: by how much hours of the 1st, or of the last day, differ from their hour of the week.

Days are counted from the month's start, the 1st to the 30th, and the last three from its end. When a day is over, the
stretch of it in which hours left all that their hour of the week had shown is its sighting: from which hour to which,
and by how much, or by which share of what is usual. Hours with an anomaly in them count, since what is not yet known is
called one. What two months in a row have shown alike is expected: of the hours that both had, the smaller of the two
shifts. That it does not come is expected, too, until a third has shown it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from streams.buckets import soil_ring
from streams.clocks import local_hour, month_day, weekday_of
from streams.jit import kernel
from streams.layout import DAY_HOURS, MONTH_DAYS, MONTH_ENDS, MONTH_PLACE, MONTH_SHARE, Number, Row

_STARTS: Final = MONTH_DAYS - MONTH_ENDS
KNOWN: Final = 2
"""So many months in a row make a day known ..."""
_SURE: Final = 3
"""... and so many odd if it does not come."""
# Codes of what is usual, and of distances from it, an octave, and octaves below 1.
_CODES: Final = 80.0
_OCTAVES: Final = 200.0
# The mean size of a normal deviation, to its standard deviation.
_MEAN_TO_SIGMA: Final = 1.2533
# An hour speaks for a stretch by its standard deviations beyond so many, either way by no more than as many again. A
# stretch needs as much as one hour may say, or several hours together.
_OUT: Final = 3.0
# Hours that a day's verdict needs, and those that must have been held against what was usual before.
_ENOUGH_HOURS: Final = 12
_FIRST_HOURS: Final = 72
# The error of hours is that of a month of them, and one counts no more than so many times their mean.
_ERROR_HOURS: Final = 720
_CLIP: Final = 2.0
# Differences below such a share of the level are none.
_LITTLE: Final = 1e-3
_LEAST: Final = 1e-30
# A share explains a stretch of so many hours better if it leaves less than so much of what a difference leaves.
_FEWEST: Final = 4
_BETTER: Final = 0.5
# Shifts are alike if none is more than so many times the other, and they share half of the longer one's hours.
_ALIKE: Final = 2.0
# What an odd day may teach the hours of its weekday at the most, as a share of how odd it was, and what is left of that
# a week later (``streams.seasons``).
_ECHO: Final = 0.6
_ECHO_FADES: Final = 0.7
# By how much a shift that is known may grow in a month; its hours, by one at either end.
_GROWTH: Final = 1.2


@kernel
def _code_of(value: float) -> Number:
    """A value as two bytes, never 0: sign, and 80 codes an octave."""
    code: Number = 1
    if abs(value) > 0.0:
        code = np.int64(np.round((np.log2(abs(value)) + _OCTAVES) * _CODES))
    code = min(max(1, code), 32_767)
    return code if value >= 0.0 else -code


@kernel
def _value_of(code: Number) -> Number:
    """What a code stands for; 0 for nothing."""
    if code == 0:
        return 0.0
    size = 2.0 ** (abs(np.int64(code)) / _CODES - _OCTAVES)
    return size if code > 0 else -size


@kernel
def _cells(day: int) -> tuple[Number, Number]:
    """Where a day since 1970 is known as one from the month's start, and as one from its end; -1 for nowhere."""
    from_start, from_end = month_day(day)
    return from_start - 1 if from_start <= _STARTS else -1, _STARTS + from_end - 1 if from_end <= MONTH_ENDS else -1


@kernel
def _size(row: Row, cell: int, center: float) -> Number:
    """By how much a day's hours are shifted where so much is usual."""
    size = _value_of(row.month_shift[cell])
    return size * center if row.month_hours[cell, 1] >= MONTH_SHARE else size


@kernel
def _cell_at(row: Row, hour: int, params: Row) -> Number:
    """The known day whose shift holds at an hour since 1970; -1 for none.

    Of two, the one that came more often in a row; if that says nothing, the one that is counted from the month's end.
    """
    local = local_hour(hour, params)
    start, cell = _cells(local // DAY_HOURS)
    if cell < 0 or (start >= 0 and row.month_times[start] > row.month_times[cell]):
        cell = start
    if cell < 0 or row.month_times[cell] < KNOWN:
        return -1
    of_day = local % DAY_HOURS
    return cell if row.month_hours[cell, 0] <= of_day < row.month_hours[cell, 1] % MONTH_SHARE else -1


@kernel
def _shift_at(row: Row, hour: int, center: float, params: Row) -> Number:
    """The shift of an hour since 1970; 0 for none."""
    cell = _cell_at(row, hour, params)
    return _size(row, cell, center) if cell >= 0 else 0.0


@kernel
def month_shift(row: Row, hour: int, center: float, params: Row) -> tuple[Number, Number, Number]:
    """By how much an hour's usual mean moves, its least and its most; notes which day of the month says so.

    A stretch may begin or end an hour sooner or later.
    """
    cell = _cell_at(row, hour, params)
    row.usual_month = cell + 1
    own = _size(row, cell, center) if cell >= 0 else 0.0
    before, after = _shift_at(row, hour - 1, center, params), _shift_at(row, hour + 1, center, params)
    least, most = min(own, before, after), max(own, before, after)
    if cell >= 0 and row.month_times[cell] < _SURE:
        least, most = min(least, 0.0), max(most, 0.0)
    return own, least, most


@kernel
def _clarity(row: Row, hour: int, sign: float, echo: float) -> Number:
    """How clearly an hour lies to one side of what is usual, in standard deviations beyond those that are chance."""
    away = _value_of(row.today[1, hour])
    if away * echo < 0.0 and abs(away) <= abs(echo):
        return -_OUT
    scale = max(_MEAN_TO_SIGMA * row.month_error, _LITTLE * abs(_value_of(row.today[0, hour])), _LEAST)
    return min(max(sign * away / scale - _OUT, -_OUT), _OUT)


@kernel
def _stretch(row: Row, sign: float, echo: float) -> tuple[Number, Number, Number]:
    """The stretch of a day that lies most clearly to one side of what is usual (Kadane): how clearly, and where."""
    best = run = 0.0
    begin = first = last = 0
    for hour in range(DAY_HOURS):
        if row.today[1, hour] == 0:
            continue
        run += _clarity(row, hour, sign, echo)
        if run <= 0.0:
            run = 0.0
            begin = hour + 1
        elif run > best:
            best, first, last = run, begin, hour + 1
    return best, first, last


@kernel
def _fit(row: Row, first: int, last: int) -> tuple[Number, Number, Number]:
    """A stretch's shift by least squares, whether that is a share of what is usual, and what is usual on average."""
    count = 0
    total = squares = usuals = usual_squares = products = 0.0
    for hour in range(first, last):
        if row.today[1, hour] == 0:
            continue
        usual, away = _value_of(row.today[0, hour]), _value_of(row.today[1, hour])
        count += 1
        total += away
        squares += away * away
        usuals += usual
        usual_squares += usual * usual
        products += usual * away
    left = squares - total * total / count
    if count >= _FEWEST and usual_squares > 0.0 and squares - products * products / usual_squares < _BETTER * left:
        return products / usual_squares, 1, usuals / count
    return total / count, 0, usuals / count


@kernel
def _keep(row: Row, cell: int, fit: tuple[Number, Number, Number], first: Number, last: Number) -> None:
    """Take a day's sighting; one that is like the last one's makes the day known, any other begins anew."""
    size, share, center = fit
    times: Number = np.int64(row.month_times[cell])
    from_hour: Number = np.int64(row.month_hours[cell, 0])
    to_hour: Number = np.int64(row.month_hours[cell, 1]) % MONTH_SHARE
    before, now = _size(row, cell, center), size * center if share else size
    near = before * now > 0.0 and max(abs(before), abs(now)) <= _ALIKE * min(abs(before), abs(now))
    both = min(last, to_hour) - max(first, from_hour)
    if times > 0 and near and 2 * both >= max(last - first, to_hour - from_hour):
        grown, more = (_GROWTH, 1) if times >= KNOWN else (1.0, 0)
        size *= min(1.0, grown * abs(before) / abs(now))
        first, last = max(first, from_hour - more), min(last, to_hour + more)
        times = min(times + 1, 255)
    else:
        times = 1
    row.month_shift[cell] = _code_of(size)
    row.month_hours[cell, 0], row.month_hours[cell, 1] = first, last + share * MONTH_SHARE
    row.month_times[cell] = times


@kernel
def _forget(row: Row, cell: int) -> None:
    """A day on which nothing came."""
    row.month_shift[cell] = 0
    row.month_hours[cell] = 0
    row.month_times[cell] = 0


@kernel
def _note_echo(row: Row, weekday: int, size: float) -> None:
    """What the hours of a weekday may show a week later, the other way round, of what they were taught today."""
    echo = _ECHO_FADES * _value_of(row.echo[weekday])
    if abs(_ECHO * size) > abs(echo):
        echo = _ECHO * size
    row.echo[weekday] = _code_of(echo)


@kernel
def _sight(row: Row, weekday: int) -> None:
    """What a day that is over has shown."""
    echo = _value_of(row.echo[weekday])
    best, first, last = _stretch(row, 1.0, echo)
    below, first_below, last_below = _stretch(row, -1.0, echo)
    if below > best:
        best, first, last = below, first_below, last_below
    taught = 0.0
    fit = (0.0, 0, 0.0)
    if best >= _OUT:
        fit = _fit(row, first, last)
        taught = fit[0] * fit[2] if fit[1] else fit[0]
    for cell in _cells(row.today_number):
        if cell < 0:
            continue
        if row.month_times[cell] >= KNOWN:
            taught = 0.0
        if best >= _OUT:
            _keep(row, cell, fit, first, last)
        else:
            _forget(row, cell)
    _note_echo(row, weekday, taught)
    known = 0
    for cell in range(MONTH_DAYS):
        known += row.month_times[cell] >= KNOWN
    row.month_known = known
    soil_ring(row, MONTH_PLACE)


@kernel
def _begin_day(row: Row, day: int, params: Row) -> None:
    """Another day begins; the one before it is over."""
    known = 0
    for hour in range(DAY_HOURS):
        known += row.today[1, hour] != 0
    if known >= _ENOUGH_HOURS and row.error_hours >= _FIRST_HOURS:
        _sight(row, weekday_of(row.today_number, params))
    row.today[:] = 0
    row.today_number = day


@kernel
def note_today(row: Row, hour: int, mean: float, usual: tuple[Number, Number, Number], params: Row) -> None:
    """A closed hour's mean against the least, usual and most of its hour of the week alone."""
    local = local_hour(hour, params)
    if row.today_number != local // DAY_HOURS:
        _begin_day(row, local // DAY_HOURS, params)
    low, center, high = usual
    away = mean - center
    row.today[0, local % DAY_HOURS] = _code_of(center)
    # What the hour of the week has shown before is no day of the month's doing.
    row.today[1, local % DAY_HOURS] = _code_of(away if mean < low or mean > high else 0.0)
    size = abs(away)
    if row.error_hours >= _FIRST_HOURS:
        size = min(size, max(_CLIP * row.month_error, _LITTLE * abs(center)))
    row.error_hours = min(np.int64(row.error_hours) + 1, _ERROR_HOURS)
    row.month_error += (size - row.month_error) / row.error_hours


class MonthDay(NamedTuple):
    """A day of the month that is known.

    Parameters
    ----------
    day
        From 1 on counted from the month's start; from -1 on, its last day, from its end.
    from_hour, to_hour
        Of the day, where the calendar is; the latter is no more part of it.
    shift
        By how much these hours differ from their hour of the week, in the series' unit, or as a share of that.
    is_share
        Whether it is a share.
    months
        How often in a row it came.
    """

    day: int
    from_hour: int
    to_hour: int
    shift: float
    is_share: bool
    months: int


def day_of(cell: int) -> int:
    """Which day of the month a cell is of: from 1 on counted from the month's start, from -1 on from its end.

    Examples
    --------
    >>> [day_of(cell) for cell in (0, 29, 30, 32)]
    [1, 30, -1, -3]
    """
    return cell + 1 if cell < _STARTS else _STARTS - cell - 1


def known_days(row: Any) -> list[MonthDay]:
    """Days of the month that a series' record knows."""
    found = []
    for cell in np.flatnonzero(row["month_times"] >= KNOWN).tolist():
        code = int(row["month_shift"][cell])
        size = 2.0 ** (abs(code) / _CODES - _OCTAVES)
        first, last = row["month_hours"][cell].tolist()
        months, is_share = int(row["month_times"][cell]), last >= MONTH_SHARE
        last %= MONTH_SHARE
        found.append(MonthDay(day_of(cell), first, last, size if code > 0 else -size, is_share, months))
    return found
