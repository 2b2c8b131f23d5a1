"""Records for ``metrics.rejected``: the original bytes; the reason and where they came from in headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from confluent_kafka import Message

from integrations.gateway.records import record_time_ms
from schemas.topics import MAX_MESSAGE_BYTES

# Key, headers and framing need room beside the value.
MAX_VALUE_BYTES: Final = MAX_MESSAGE_BYTES - 64 * 1024
_MAX_DETAIL_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """What cannot be read, with its reason and origin.

    Parameters
    ----------
    value
        The original bytes, shortened only where they would not fit a message (the header ``truncated_from`` says so).
    headers
        ``reason``, ``source_topic``, ``source_partition``, ``source_offset``, ``source_timestamp``, ``detail``.
    """

    value: bytes | None
    headers: list[tuple[str, bytes]]


def rejected_record(message: Message, reason: str, detail: str) -> RejectedRecord:
    """A consumed message that was refused."""
    value = message.value()
    headers = [
        ("reason", reason.encode()),
        ("source_topic", message.topic().encode()),
        ("source_partition", str(message.partition()).encode()),
        ("source_offset", str(message.offset()).encode()),
        ("source_timestamp", str(record_time_ms(message)).encode()),
        ("detail", detail[:_MAX_DETAIL_CHARS].encode("utf-8", "backslashreplace")),
    ]
    if value is not None and len(value) > MAX_VALUE_BYTES:
        headers.append(("truncated_from", str(len(value)).encode()))
        value = value[:MAX_VALUE_BYTES]
    return RejectedRecord(value, headers)
