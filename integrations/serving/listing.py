"""Pages of a sorted set, from the highest score down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from integrations.stores import MOST_A_PAGE, Mark, Page

T = TypeVar("T")
_AT_ONCE: Final = 500


def listed(
    redis: Any, index: str, read: Callable[[Sequence[str]], list[tuple[str, T]]], limit: int, cursor: str | None
) -> Page[T]:
    """A page of what an index lists, the latest first.

    Parameters
    ----------
    redis
        The client.
    index
        A sorted set of ids by time.
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
    items: list[tuple[Mark, T]] = []
    for marks in _marks(redis, index, after):
        times = {mark.id: mark for mark in marks}
        items += [(times[identity], item) for identity, item in read(list(times))]
        # One more than is wanted tells that another page follows.
        if len(items) > limit:
            return Page([item for _, item in items[:limit]], items[limit - 1][0].text())
    return Page([item for _, item in items])


def _marks(redis: Any, index: str, after: Mark | None) -> Iterator[list[Mark]]:
    """What comes after a mark, so many at once; what is added meanwhile may be missed, nothing is told twice."""
    while True:
        found = _older(redis, index, after)
        if not found:
            return
        yield found
        after = found[-1]


def _older(redis: Any, index: str, after: Mark | None) -> list[Mark]:
    highest: float | str = after.at_ms if after else "+inf"
    start = 0
    while True:
        rows = redis.zrevrangebyscore(index, highest, "-inf", start=start, num=_AT_ONCE, withscores=True)
        marks = [Mark(int(score), identity) for identity, score in rows]
        # Ids of one time are in the order of their bytes.
        found = [one for one in marks if after is None or _order(one) < _order(after)]
        if found or len(rows) < _AT_ONCE:
            return found
        start += len(rows)


def _order(mark: Mark) -> tuple[int, bytes]:
    return mark.at_ms, mark.id.encode()
