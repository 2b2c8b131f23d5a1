"""Two kinds of records that belong together, in whichever order they come; and what was seen before."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
LeftT = TypeVar("LeftT")


class Newest(Generic[KeyT, LeftT]):
    """The newest of each key; of very many the ones that were put last.

    Parameters
    ----------
    most
        So many are kept.

    Examples
    --------
    >>> newest: Newest[str, int] = Newest(most=2)
    >>> newest.put("a", 1), newest.put("b", 2), newest.put("c", 3)
    (None, None, None)
    >>> newest.get("a"), newest.get("c")
    (None, 3)
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: OrderedDict[KeyT, LeftT] = OrderedDict()

    def put(self, key: KeyT, value: LeftT) -> None:
        """Keep one, in place of the last of its key."""
        self._found[key] = value
        self._found.move_to_end(key)
        if len(self._found) > self._most:
            self._found.popitem(last=False)

    def get(self, key: KeyT) -> LeftT | None:
        """That of a key."""
        return self._found.get(key)

    def pop(self, key: KeyT) -> LeftT | None:
        """That of a key, which is then forgotten."""
        return self._found.pop(key, None)

    def keys(self) -> list[KeyT]:
        """All of them, the one that was put longest ago first."""
        return list(self._found)


class Waiting(Generic[KeyT, LeftT]):
    """What waits for the other part of its key; of very many keys those that waited last.

    Parameters
    ----------
    most
        So many keys are kept.

    Examples
    --------
    >>> waiting: Waiting[str, int] = Waiting(most=10)
    >>> waiting.put("a", 1), waiting.put("b", 2), waiting.pop("a")
    (None, None, [1])
    >>> waiting.overdue(), waiting.overdue(), waiting.overdue()
    ([], [2], [])
    """

    def __init__(self, most: int) -> None:
        self._found: Newest[KeyT, list[tuple[int, LeftT]]] = Newest(most)
        self._round = 0

    def put(self, key: KeyT, value: LeftT) -> None:
        """Let something wait."""
        self._found.put(key, [*(self._found.get(key) or ()), (self._round, value)])

    def pop(self, key: KeyT) -> list[LeftT]:
        """What waited for a key, which waits no longer."""
        return [value for _, value in self._found.pop(key) or ()]

    def overdue(self) -> list[LeftT]:
        """What waits since before the last call, which waits no longer."""
        late = []
        for key in self._found.keys():  # noqa: SIM118  # not a mapping
            waited = self._found.get(key) or []
            if waited and waited[0][0] < self._round:
                late += [value for _, value in waited]
                self._found.pop(key)
        self._round += 1
        return late


class Seen:
    """Ids that came before; of very many the last.

    Parameters
    ----------
    most
        So many are kept.

    Examples
    --------
    >>> seen = Seen(most=2)
    >>> seen.is_new("a"), seen.is_new("a"), seen.is_new("b"), seen.is_new("c"), seen.is_new("a")
    (True, False, True, True, True)
    """

    def __init__(self, most: int) -> None:
        self._ids: Newest[Hashable, bool] = Newest(most)

    def is_new(self, key: Hashable) -> bool:
        """Whether it came for the first time."""
        if self._ids.get(key) is not None:
            return False
        self._ids.put(key, True)
        return True
