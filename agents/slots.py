"""How many deliveries a worker has under way, and to whom: one slow far end never holds what another one is to be told.

=============  ======  =======================
slots          in all  without P0 and P1
=============  ======  =======================
of the worker  64      48
of a far end   8       6
=============  ======  =======================
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from schemas.notification_events import Notification

_Place = tuple[str, str]
AT_A_TIME: Final = 64
KEPT: Final = 16
"""Of these, for P0 and P1 alone."""
AT_A_PLACE: Final = 8
KEPT_AT_A_PLACE: Final = 2
"""Of these, for P0 and P1 alone."""
_URGENT: Final = frozenset({"P0", "P1"})


class Slots:
    """Those that are taken, by receiver and integration.

    Examples
    --------
    >>> slots = Slots()
    >>> slots.are_free
    True
    """

    def __init__(self) -> None:
        self._taken = 0
        self._at: Counter[_Place] = Counter()

    @property
    def are_free(self) -> bool:
        """Whether anybody may take one."""
        return self._taken < AT_A_TIME

    def take(self, one: Notification) -> bool:
        """Take a slot for a notification; whether there was one."""
        place, is_urgent = (one.receiver, one.integration), one.priority in _URGENT
        most, most_there = (AT_A_TIME, AT_A_PLACE) if is_urgent else (AT_A_TIME - KEPT, AT_A_PLACE - KEPT_AT_A_PLACE)
        if self._taken >= most or self._at[place] >= most_there:
            return False
        self._taken += 1
        self._at[place] += 1
        return True

    def give(self, one: Notification) -> None:
        """Give a notification's slot back."""
        place = one.receiver, one.integration
        self._taken -= 1
        self._at[place] -= 1
        if not self._at[place]:
            del self._at[place]
