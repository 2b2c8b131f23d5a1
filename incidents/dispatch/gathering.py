"""What is told together: digests of what need not be told at once, and what throttles hold back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.teller import Teller
from incidents.dispatch.telling import Telling
from incidents.dispatch.threads import Thread
from incidents.routing.config import RoutingConfig
from models.explain import duration

_OVERFLOW_MS: Final = 60_000


class Gathering:
    """Tells what was gathered when its time has come.

    Parameters
    ----------
    book
        What is known.
    config
        Receivers, and how long each gathers.
    teller
        Tells.
    """

    def __init__(self, book: DispatchBook, config: RoutingConfig, teller: Teller) -> None:
        self._book = book
        self._config = config
        self._teller = teller

    def tell(self, before_ms: int, at_ms: int) -> None:
        """Let time pass: digests whose hour has come, and what throttles hold back for longer than a moment."""
        for name in sorted(self._book.digests):
            receiver = self._config.receivers.get(name.partition("/")[2])
            period_ms = receiver.digest_ms if receiver else 0
            # One that gathers no longer has its last digest at once.
            if not period_ms or at_ms // period_ms > before_ms // period_ms:
                self.tell_digest(name, at_ms, period_ms)
        if at_ms // _OVERFLOW_MS == before_ms // _OVERFLOW_MS:
            return
        held: dict[tuple[str, str], list[Thread]] = {}
        for _, thread in sorted(self._book.threads.items()):
            if not thread.is_open and thread.held_until_ms > at_ms and not thread.in_overflow:
                held.setdefault((thread.tenant, thread.receiver), []).append(thread)
        for threads in held.values():
            self.tell_overflow(threads, at_ms)

    def tell_digest(self, name: str, now_ms: int, period_ms: int) -> None:
        """Tell what a receiver's digest gathered, in one message."""
        threads = [self._book.threads[key] for key in self._book.digests.get(name, []) if key in self._book.threads]
        gathered = [thread for thread in threads if set(thread.members) - thread.told]
        self._book.set("digest", name, None)
        tenant, _, receiver_name = name.partition("/")
        receiver = self._config.receivers.get(receiver_name)
        subjects = {
            one.key: one for thread in gathered for one in self._book.members(thread) if one.key not in thread.told
        }
        if not subjects or receiver is None:
            return
        fresh = sorted(subjects.values(), key=lambda one: one.rank)
        digest = Thread(tenant, receiver_name, f"digest/{receiver_name}", {}, None, now_ms, sequence=now_ms - 1)
        reason = f"{len(gathered)} in the last {duration(period_ms / 1000)}"
        self._teller.tell(
            digest, receiver, Telling("digest", reason, f"digest-{receiver_name}-{now_ms}", fresh, now_ms)
        )
        for thread in gathered:
            thread.told |= {key for key in thread.members if key in subjects}
            self._book.touch_thread(thread)

    def tell_overflow(self, threads: Sequence[Thread], now_ms: int) -> None:
        """Name in one message what throttles hold back, so that nobody needs to wait to know of it."""
        receiver = self._config.receivers.get(threads[0].receiver)
        if receiver is None:
            return
        subjects = {one.key: one for thread in threads for one in self._book.members(thread) if one.fires}
        found = sorted(subjects.values(), key=lambda one: one.rank)
        if not found:
            return
        summary = Thread(threads[0].tenant, receiver.name, f"overflow/{receiver.name}", {}, None, now_ms)
        reason = f"{len(threads)} wait: more came than may be told one by one"
        self._teller.tell(
            summary, receiver, Telling("digest", reason, f"overflow-{receiver.name}-{now_ms}", found, now_ms)
        )
        for thread in threads:
            thread.in_overflow = True
            self._book.touch_thread(thread)
