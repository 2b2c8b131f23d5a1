"""What a sink is: it takes records, and says when they are safe."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from schemas.errors import MetricsAIError
from schemas.topics import Topic

Partition = tuple[str, int]
"""A topic's name in the catalogue, and which of its partitions."""


class Record(NamedTuple):
    """A record of a topic.

    Parameters
    ----------
    topic
        Its name in the catalogue, without a prefix.
    value
        None of a tombstone.
    time_ms
        The record's own time; 0 where it has none.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    time_ms: int


class SinkError(MetricsAIError):
    """What a sink took is not safe yet: a disk is full, a far end is down. It will be asked again."""

    blame = "outside"
    retry = True


class RebuildError(MetricsAIError):
    """The far end does not stand where it was left: it lost what it held, or another wrote to it.

    What was taken is dropped, and the sink is asked anew for its places.
    """

    blame = "outside"
    retry = True


class Sink(Protocol):
    """Keeps what topics say.

    All calls come from one thread. The order is ``assigned``, any number of ``take`` and ``flush``, ``revoked``. A
    record may be taken again after a crash or a rebalance, so taking it twice must come to the same as taking it once.
    """

    @property
    def name(self) -> str:
        """Of its consumer group, ``project-<name>``, and in metrics: a word, never changed."""

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What it is given."""

    @property
    def flush_s(self) -> float:
        """So long a record may wait for its flush."""

    def take(self, records: Sequence[Record]) -> None:
        """Take records, those of a partition in their order.

        It neither waits for anything nor raises: bytes that cannot be read are counted, and passed over.
        """

    def flush(self) -> None:
        """Make safe all that was taken; then its offsets are committed.

        May block for some seconds, not longer than a session timeout. If it raises, what was taken stays taken: nothing
        more is given until a later flush succeeds.

        Raises
        ------
        SinkError
            If it is not safe yet.
        """

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Say that records of these come here from now on."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Forget what is of these: what was flushed is another's, what was not will be given again."""


@runtime_checkable
class PlacedSink(Sink, Protocol):
    """A sink whose far end keeps, together with what it holds, how far that goes.

    It is fed from there and not from what its group has committed. So a record counts once whatever is read again,
    and a far end that comes back empty is filled from the beginning.
    """

    def places(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """The next offset of each partition that the far end holds something of; called before ``assigned``.

        From then on a flush makes sure that nobody else has moved these, and raises ``RebuildError`` where one has.

        Raises
        ------
        SinkError
            If the far end cannot be asked now.
        """

    def begin(self, partitions: Collection[Partition]) -> None:
        """Forget the places of these: the log is another one than they were of, or older than its group's memory.

        Raises
        ------
        SinkError
            If the far end cannot be told now.
        """

    def check(self) -> None:
        """See whether the far end stands where it was left, while nothing is to be flushed.

        Raises
        ------
        SinkError
            If it cannot be asked now.
        RebuildError
            If it does not.
        """
