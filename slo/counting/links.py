"""How much of a network link's speed is used: a sample wherever both directions were told at one time; compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from slo.counting.adding import add_value
from slo.counting.layout import CONTEXT, LINK, RECEIVED
from slo.counting.rings import find, place, rate
from streams.jit import kernel
from streams.layout import Number


@kernel
def _speed_at(watch: Any, time_ms: int, rings: Any) -> Number:
    """A link's speed at a time: the last that was told, or the first; NaN where there is none."""
    if watch.count == 0:
        return np.nan
    position = find(watch, time_ms + 1, rings[0]) - 1
    speed = rings[1][place(watch, max(position, 0))]
    return speed if speed > 0.0 else np.nan


@kernel
def _add_use(received: Any, position: Number, sign: float, rings: Any, books: Any) -> None:
    """What one sample of a link's use adds, where both directions were told at one time."""
    watches, entries = books[0], books[1]
    if received.sent < 0 or (received.evicted and position < CONTEXT):
        return
    time_ms = rings[0][place(received, position)]
    sent = watches[received.sent]
    other = find(sent, time_ms, rings[0])
    if other >= sent.count or rings[0][place(sent, other)] != time_ms or (sent.evicted and other < CONTEXT):
        return
    used = max(rate(received, position, rings), rate(sent, other, rings))
    if np.isnan(used):
        return
    speed = np.nan
    if received.speed >= 0:
        speed = _speed_at(watches[received.speed], time_ms, rings)
    for at in range(received.entries, received.entries + received.entry_count):
        if entries[at].op == LINK:
            add_value(entries[at], books[2][entries[at].slo], (time_ms, used / speed), sign, books[3])


@kernel
def add_use_at(watch: Any, position: Number, sign: float, rings: Any, books: Any) -> None:
    """The same, of a sample of either direction."""
    if watch.link == RECEIVED:
        _add_use(watch, position, sign, rings, books)
    elif watch.received >= 0:
        received = books[0][watch.received]
        time_ms = rings[0][place(watch, position)]
        other = find(received, time_ms, rings[0])
        if other < received.count and rings[0][place(received, other)] == time_ms:
            _add_use(received, other, sign, rings, books)


@kernel
def add_uses(speed: Any, position: Number, time_ms: int, sign: float, rings: Any, books: Any) -> None:
    """The same, of all samples that a told speed governs: from its time to that of the next."""
    if speed.received < 0:
        return
    received = books[0][speed.received]
    first: Number = 0 if position == 0 else find(received, time_ms, rings[0])
    last: Number = np.int64(received.count)
    following = position if sign < 0.0 else position + 1
    if following < speed.count:
        last = find(received, rings[0][place(speed, following)], rings[0])
    for at in range(first, last):
        _add_use(received, at, sign, rings, books)
