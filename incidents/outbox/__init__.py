"""The outbox: what is to be told, a queue a dedup key, one delivery at a time, in order, until the far end has it.

Nothing here sends anything. The outcome of a delivery comes back as a record, so that it is durable before the next
thing of the same key is sent: whoever is killed in between repeats at most the one delivery that was under way, under
the key that lets the far end drop it.
"""

from incidents.outbox.operator import Delivery, NotifyOperator, OutboxSettings

__all__ = ["Delivery", "NotifyOperator", "OutboxSettings"]
