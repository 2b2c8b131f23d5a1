"""Whether this process may still act for its partitions: not after it stood still for as long as its session lasts.

A worker that is frozen (a suspended machine, a stopped process) is thrown out of its group, and another one tells
people in its place. When it wakes, it must not go on with what it was about to send.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

_LOOK_S: Final = 0.1


def counting_sleep(source: Any) -> Callable[[], float]:  # the module time, or its like
    """A monotonic clock that goes on while the machine is suspended, where there is one.

    Linux's ``CLOCK_MONOTONIC`` stands still then; its ``CLOCK_BOOTTIME`` does not.

    Parameters
    ----------
    source
        The module ``time``.

    Examples
    --------
    >>> clock = counting_sleep(time)
    >>> clock() <= clock()
    True

    References
    ----------
    https://man7.org/linux/man-pages/man2/clock_gettime.2.html
    """
    which = getattr(source, "CLOCK_BOOTTIME", None)
    if which is None:
        return lambda: float(source.monotonic())
    return lambda: float(source.clock_gettime(which))


_SINCE_BOOT: Final = counting_sleep(time)


class Lease:
    """Notices that the process stood still.

    Parameters
    ----------
    limit_s
        Standing still for longer breaks the lease; well below the group's session timeout.
    broken
        Called at once when it breaks, before whatever waits in the event loop goes on.
    clock
        Monotonic seconds, those of a suspended machine included.

    Examples
    --------
    >>> now = [0.0]
    >>> lease = Lease(limit_s=1.0, broken=lambda: print("broken"), clock=lambda: now[0])
    >>> lease.look(); now[0] = 0.9; lease.look(); lease.holds
    True
    >>> now[0] = 2.0; lease.look(); lease.holds
    broken
    False
    >>> lease.renew(); lease.holds
    True
    """

    def __init__(self, limit_s: float, broken: Callable[[], None], clock: Callable[[], float] = _SINCE_BOOT) -> None:
        self._limit_s = limit_s
        self._broken = broken
        self._clock = clock
        self._seen_s = clock()
        self._is_broken = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def holds(self) -> bool:
        """Whether it may act; asked immediately before it does."""
        self.look()
        return not self._is_broken

    def look(self) -> None:
        """Take note that the process runs, and whether it stood still before."""
        now_s = self._clock()
        stood_s, self._seen_s = now_s - self._seen_s, now_s
        if stood_s > self._limit_s and not self._is_broken:
            self._is_broken = True
            self._broken()

    def renew(self) -> None:
        """Act again: the broker has confirmed that the partitions are ours."""
        self._seen_s = self._clock()
        self._is_broken = False

    def start(self) -> None:
        """Look all the time; as a timer, which comes before any task that waits for the network goes on."""
        loop = asyncio.get_running_loop()

        def again() -> None:
            self.look()
            self._timer = loop.call_later(_LOOK_S, again)

        again()

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
