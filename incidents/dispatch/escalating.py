"""Who is told next while nobody looks after what a receiver was told."""

from __future__ import annotations

from collections.abc import Sequence

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.subjects import Subject
from incidents.dispatch.threads import Thread
from incidents.routing.config import RoutingConfig
from incidents.routing.receivers import Receiver
from models.explain import duration


class Escalating:
    """Takes the steps of chains.

    Parameters
    ----------
    book
        What is known.
    config
        Chains.
    """

    def __init__(self, book: DispatchBook, config: RoutingConfig) -> None:
        self._book = book
        self._config = config
        self._steps: list[Thread] = []

    def take_steps(self) -> list[Thread]:
        """Threads of the steps that were taken since the last call; they are to be flushed."""
        steps, self._steps = self._steps, []
        return steps

    def due_ms(self, thread: Thread, ready: Sequence[Subject], now_ms: int) -> int | None:
        """Take the next step if it is due; gives the time of one that is not, None where there is none."""
        is_configured = thread.receiver in self._config.receivers
        if thread.escalation or thread.opened_ms is None or not ready or not is_configured:
            return None
        lasts_ms = min(one.alert.started_ms for one in ready) + round(self._config.fatigue.persist_s * 1000)
        for step, (after_ms, receiver) in enumerate(self._config.escalates_to(thread.receiver), 1):
            if step <= thread.escalated:
                continue
            due_ms = max(thread.opened_ms + after_ms, lasts_ms)
            if now_ms < due_ms:
                return due_ms
            thread.escalated = step
            self._book.touch_thread(thread)
            self._take(thread, receiver, step, now_ms)
        return None

    def _take(self, thread: Thread, receiver: Receiver, step: int, now_ms: int) -> None:
        """Tell a receiver of all that the thread is about; the step's thread may be there from an earlier time."""
        other = self._book.beside(thread, receiver.name, step, created_ms=0)
        other.created_ms = 0  # it waits for nobody, one from an earlier time neither
        waited = duration((now_ms - (thread.opened_ms or now_ms)) / 1000)
        for one in self._book.members(other):
            text = f"nobody acknowledged within {waited}: {receiver.name} is told"
            one.decide(now_ms, "escalation", "escalated", text, f"step {step}")
        self._steps.append(other)
