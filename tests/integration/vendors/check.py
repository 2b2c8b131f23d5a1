"""The check that every adapter passes: whatever goes wrong with an attempt, the next ones deliver, and open once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.delivery import Adapter, Outcome
from schemas.notification_events import Notification
from tests.integration.vendors.notifications import story
from tests.integration.vendors.standin import Fault, StandIn

TIMEOUT_S = 0.4
FAULTS: Mapping[str, Fault] = {
    "429": Fault("status", 429, {"Retry-After": "7"}),
    "429 without a time": Fault("status", 429),
    "500": Fault("status", 500),
    "503": Fault("status", 503, {"Retry-After": "Sun, 01 Mar 2026 00:00:30 GMT"}),
    "401": Fault("status", 401),
    "400": Fault("status", 400),
    "redirect": Fault("status", 302, {"Location": "http://127.0.0.1:9/"}),
    "reset": Fault("reset"),
    "silent": Fault("silent"),
    "slow": Fault("slow", seconds=2.0),
    "cut": Fault("cut"),
    "duplicate": Fault("duplicate"),
}
"""Every fault by its name; ``refused`` is a far end that is away."""
EXPECTED: Mapping[str, tuple[str, float | None]] = {
    "429": ("retry", 7.0),
    "429 without a time": ("retry", None),
    "500": ("retry", None),
    "503": ("retry", 30.0),
    "401": ("retry", None),
    "400": ("refused", None),
    "redirect": ("refused", None),
    "reset": ("retry", None),
    "silent": ("retry", None),
    "slow": ("retry", None),
    "cut": ("retry", None),
    "duplicate": ("delivered", None),
    "refused": ("retry", None),
}
"""The outcome of the attempt that a fault befalls, and the wait that is asked for."""


@dataclass(frozen=True)
class Subject:
    """An adapter under check.

    Parameters
    ----------
    standin
        Its far end, started.
    make
        Builds the adapter anew, as a process does that starts.
    opens
        How often a dedup key woke somebody, or made a ticket.
    is_told
        Whether a notification is there.
    faulty
        Method and end of the path of the call that opens; faults befall that one.
    twice
        Faults after which what opened stands there twice, since it was taken and is told again: where the far end
        knows no keys there is nothing to know it by. Such a far end wakes nobody.
    """

    standin: StandIn
    make: Callable[[], Adapter]
    opens: Callable[[Notification], int]
    is_told: Callable[[Notification], bool]
    faulty: tuple[str, str] = ("", "")
    twice: frozenset[str] = frozenset()


async def check_adapter(subject: Subject, fault: str) -> None:
    """Let a fault befall what opens, then deliver all of a key's story, and judge."""
    told = story(dedup_key=f"key-{fault.replace(' ', '-')}")
    outcome = await first_attempt(subject, told[0], fault)
    expected, wait_s = EXPECTED[fault]
    assert outcome.outcome == expected, outcome
    if wait_s is not None and outcome.outcome == "retry":
        assert outcome.retry_after_s == wait_s
    # A kill before the outcome was written: all is told anew, by another process that knows nothing of it.
    memory: Mapping[str, Any] = {}
    for notification in told:
        memory = await deliver(subject, notification, memory)
        assert subject.is_told(notification), f"{notification.action} is not there"
    opened = 2 if fault in subject.twice else 1
    assert subject.opens(told[0]) == opened
    # A kill once more: what resolved is told again, and changes nothing.
    await deliver(subject, told[2], memory)
    assert subject.opens(told[0]) == opened


async def first_attempt(subject: Subject, notification: Notification, fault: str) -> Outcome:
    """One attempt that something befalls."""
    if fault == "refused":
        subject.standin.stop()
        outcome = await subject.make().deliver(notification, {})
        subject.standin.start()
        return outcome
    method, path = subject.faulty
    subject.standin.fail_next(FAULTS[fault], method=method, path=path)
    outcome = await subject.make().deliver(notification, {})
    assert subject.standin.faults_left == 0
    return outcome


async def deliver(subject: Subject, notification: Notification, memory: Mapping[str, Any]) -> Mapping[str, Any]:
    """Deliver something now, by an adapter that knows nothing but the memory."""
    outcome = await subject.make().deliver(notification, memory)
    assert outcome.outcome == "delivered", outcome
    return outcome.reference or memory
