"""Pages of sorted sets, from the highest score down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from integrations.stores import MOST_A_PAGE, Mark, Page

T = TypeVar("T")
_LEAST_AT_ONCE: Final = 50
_MOST_AT_ONCE: Final = 1000


def listed(
    redis: Any,
    indexes: Sequence[str],
    read: Callable[[Sequence[str]], list[tuple[str, T]]],
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """A page of what indexes list, the latest first.

    Parameters
    ----------
    redis
        The client.
    indexes
        Sorted sets of ids by time; several of them are few enough to be read at once.
    read
        Documents of ids, in their order; those that are not wanted are left out.
    limit
        So many a page.
    cursor
        Of the page before.

    Raises
    ------
    CursorError
        If no page ended with the cursor.
    """
    limit = max(1, min(limit, MOST_A_PAGE))
    after = Mark.read(cursor) if cursor else None
    runs = _runs(redis, indexes[0], after, limit + 1) if len(indexes) == 1 else _united(redis, indexes, after)
    items: list[tuple[Mark, T]] = []
    for marks in runs:
        times = {mark.id: mark for mark in marks}
        items += [(times[identity], item) for identity, item in read(list(times))]
        # One more than is wanted tells that another page follows.
        if len(items) > limit:
            return Page([item for _, item in items[:limit]], items[limit - 1][0].text())
    return Page([item for _, item in items])


def _united(redis: Any, indexes: Sequence[str], after: Mark | None) -> Iterator[list[Mark]]:
    """What comes after a mark in any of the sets, so many at once."""
    found = [Mark(int(score), identity) for identity, score in redis.zunion(list(indexes), withscores=True)]
    marks = sorted((one for one in found if after is None or _order(one) < _order(after)), key=_order, reverse=True)
    for first in range(0, len(marks), _MOST_AT_ONCE):
        yield marks[first : first + _MOST_AT_ONCE]


def _runs(redis: Any, index: str, after: Mark | None, wanted: int) -> Iterator[list[Mark]]:
    """What comes after a mark, ever more at once; what is added meanwhile may be missed, nothing is told twice."""
    count = max(_LEAST_AT_ONCE, min(wanted, _MOST_AT_ONCE))
    while True:
        found = _older(redis, index, after, count)
        if not found:
            return
        yield found
        after = found[-1]
        count = min(2 * count, _MOST_AT_ONCE)


def _older(redis: Any, index: str, after: Mark | None, count: int) -> list[Mark]:
    highest: float | str = after.at_ms if after else "+inf"
    start = 0
    while True:
        rows = redis.zrevrangebyscore(index, highest, "-inf", start=start, num=count, withscores=True)
        marks = [Mark(int(score), identity) for identity, score in rows]
        # Ids of one time are in the order of their bytes.
        found = [one for one in marks if after is None or _order(one) < _order(after)]
        if found or len(rows) < count:
            return found
        start += len(rows)


def _order(mark: Mark) -> tuple[int, bytes]:
    return mark.at_ms, mark.id.encode()
