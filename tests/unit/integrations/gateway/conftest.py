"""What unit tests of the gateway share: messages that never saw a broker."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass
class FakeMessage:
    """Answers as a consumed message of confluent-kafka does."""

    raw: bytes | None
    at: int = 0
    of_topic: str = "metrics"
    of_partition: int = 0
    time_ms: int = 1_700_000_000_000
    with_headers: list[tuple[str, bytes]] | None = field(default=None)

    def __len__(self) -> int:
        return len(self.raw or b"")

    def __bool__(self) -> bool:
        return True

    def value(self) -> bytes | None:
        return self.raw

    def offset(self) -> int:
        return self.at

    def topic(self) -> str:
        return self.of_topic

    def partition(self) -> int:
        return self.of_partition

    def timestamp(self) -> tuple[int, int]:
        return (1, self.time_ms) if self.time_ms else (0, -1)

    def headers(self) -> list[tuple[str, bytes]] | None:
        return self.with_headers

    def error(self) -> None:
        return None


@pytest.fixture
def message() -> type[FakeMessage]:
    return FakeMessage
