"""Records for ``metrics.rejected``: the original bytes; the reason and where they came from in headers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from confluent_kafka import Message

from integrations.gateway.batcher import FRAMING_BYTES
from integrations.gateway.records import record_time_ms
from schemas.batch import SourceRange
from schemas.topics import MAX_MESSAGE_BYTES

# Key, headers and framing need room beside the value.
MAX_VALUE_BYTES: Final = MAX_MESSAGE_BYTES - FRAMING_BYTES
_MAX_DETAIL_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """What cannot be read, with its reason and origin.

    Parameters
    ----------
    value
        The original bytes, shortened only where they would not fit a message (the header ``truncated_from`` says so);
        empty where they cannot be had.
    headers
        ``reason``, ``source_topic``, ``source_partition``, ``source_offset``, ``source_timestamp``, ``detail``;
        ``source_ranges`` where it is not known which record it was.
    """

    value: bytes | None
    headers: list[tuple[str, bytes]]


def lost_record(ranges: Sequence[SourceRange], reason: str, detail: str) -> RejectedRecord:
    """What was lost without its bytes: an empty value, and between which offsets of its sources it lay.

    Parameters
    ----------
    ranges
        Topic, partition, first and last offset; where there is one only, ``source_topic``, ``source_partition``,
        ``source_offset`` and ``source_last_offset`` say it, too.

    Examples
    --------
    >>> dict(lost_record((("metrics", 0, 5, 9),), "unreadable", "").headers)["source_ranges"]
    b'[["metrics",0,5,9]]'
    """
    headers = [
        ("reason", reason.encode()),
        ("source_ranges", msgspec.json.encode(ranges)),
        ("detail", _cut(detail)),
    ]
    if len(ranges) == 1:
        names = ("source_topic", "source_partition", "source_offset", "source_last_offset")
        headers += [(name, str(one).encode()) for name, one in zip(names, ranges[0], strict=True)]
    return RejectedRecord(b"", headers)


def _cut(detail: str) -> bytes:
    return detail[:_MAX_DETAIL_CHARS].encode("utf-8", "backslashreplace")


def rejected_record(message: Message, reason: str, detail: str, max_bytes: int = MAX_VALUE_BYTES) -> RejectedRecord:
    """A consumed message that was refused; of its value no more than ``max_bytes``."""
    value = message.value()
    headers = [
        ("reason", reason.encode()),
        ("source_topic", message.topic().encode()),
        ("source_partition", str(message.partition()).encode()),
        ("source_offset", str(message.offset()).encode()),
        ("source_timestamp", str(record_time_ms(message)).encode()),
        ("detail", _cut(detail)),
    ]
    if value is not None and len(value) > max_bytes:
        headers.append(("truncated_from", str(len(value)).encode()))
        value = value[:max_bytes]
    return RejectedRecord(value, headers)
