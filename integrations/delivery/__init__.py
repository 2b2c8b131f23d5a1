"""Delivery: a notification on its way to a pager, a ticket, a chat, a mailbox or a webhook of one's own.

An adapter tells one integration of a receiver, and whatever the far end does comes back as an outcome: delivered, to
be tried again, or refused. No adapter knows another, none keeps state between calls but rates, and
none decides who is told or when: the same notification delivered twice opens nothing twice. Secrets are read from
settings or files at each delivery, and stand in no outcome.

Adapters are built by ``integrations.delivery.building``, with what ``integrations.delivery.calling`` gives them; both
bring clients and templates along, which only who delivers needs.
"""

from integrations.delivery.adapter import Adapter, Memory, Outcome, SecretUnreadableError
from integrations.delivery.rates import Limiter, Rate
from integrations.delivery.retry import (
    DEFAULT_POLICY,
    RetryPolicy,
    asked_wait_s,
    backoff_s,
    is_given_up,
    next_attempt_ms,
    verdict,
)

__all__ = [
    "DEFAULT_POLICY",
    "Adapter",
    "Limiter",
    "Memory",
    "Outcome",
    "Rate",
    "RetryPolicy",
    "SecretUnreadableError",
    "asked_wait_s",
    "backoff_s",
    "is_given_up",
    "next_attempt_ms",
    "verdict",
]
