"""A partition's state on its checkpoint topic: what is written, and what of it counts when it is read back.

A checkpoint is a set of blocks and, last, a manifest with the offsets that made them. It counts as a whole or not at
all. On Apache Kafka one transaction makes it whole, and the broker refuses the transaction of a writer that another
has replaced. A broker without transactions leaves both to the reader: a writer first claims the partition, and blocks
count once a manifest of the same attempt, written under the claim that holds there, has been read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.log_reader import LogReader
from schemas.errors import CheckpointError

MANIFEST_BLOCK: Final = "m"
CLAIM_BLOCK: Final = "c"
_CLAIM_HEADER: Final = "claim"
_NUMBER_HEADER: Final = "number"
# Blocks of our own operators have longer names, so that these two are free.
_RESERVED: Final = frozenset({MANIFEST_BLOCK, CLAIM_BLOCK})

Codec = Literal["none", "lz4", "zstd", "snappy", "gzip"]


class CheckpointSettings(BaseModel):
    """How often state goes out, and what that may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    interval_s: Annotated[
        float | None,
        Field(gt=0, le=3600, description="Between two checkpoints; 5 s, on the embedded broker 60 s, where absent."),
    ] = None
    outputs_interval_s: Annotated[
        float,
        Field(
            gt=0, le=60, description="Longest wait of a decision for its transaction (stages with precious outputs)."
        ),
    ] = 0.25
    max_cost_ratio: Annotated[
        float, Field(gt=0, le=1, description="Share of the time that checkpoints may take; they come less often then.")
    ] = 0.1
    transaction_timeout_s: Annotated[
        float,
        Field(ge=1, le=900, description="After which the broker aborts the transaction of a writer that is gone."),
    ] = 45.0
    write_limit_s: Annotated[
        float, Field(ge=1, le=900, description="For one checkpoint, a broker's restart included; then the worker ends.")
    ] = 30.0
    compression: Annotated[Codec, Field(description="Of the blocks.")] = "lz4"

    @model_validator(mode="after")
    def _a_writer_gives_up_before_the_broker_does(self) -> Self:
        if self.transaction_timeout_s <= self.write_limit_s:
            raise ValueError("transaction_timeout_s must be longer than write_limit_s")
        return self

    def interval(self, transactions: bool) -> float:
        """Seconds between two checkpoints on a broker with or without transactions."""
        if self.interval_s is not None:
            return self.interval_s
        return 5.0 if transactions else 60.0

    def due_after_s(self, interval_s: float, cost_s: float) -> float:
        """Seconds from one checkpoint to the next, given what the last one took.

        Examples
        --------
        >>> CheckpointSettings().due_after_s(5.0, 0.02)
        5.0
        >>> CheckpointSettings().due_after_s(5.0, 2.0)
        20.0
        """
        return max(interval_s, cost_s / self.max_cost_ratio)


class FencedError(CheckpointError):
    """A newer owner of the partition exists: this one must fall silent."""


class LostError(CheckpointError):
    """Nobody here knows whether a checkpoint counts: the broker must be asked, by whoever restores next."""


class Manifest(BaseModel):
    """The end of a checkpoint: what it is the state of.

    Parameters
    ----------
    number
        Counts the partition's checkpoints.
    offsets
        The next offset of each input, by its catalogue name: all before them is in the state, nothing after.
    blocks
        How many blocks this checkpoint wrote.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    v: Literal[1] = 1
    number: int
    offsets: dict[str, int]
    blocks: int


@dataclass(frozen=True, slots=True)
class KeyedRecord:
    """A record on its way out, without its place."""

    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def records_of(
    partition: int, blocks: Mapping[str, bytes | None], manifest: Manifest, claim: str
) -> tuple[list[KeyedRecord], KeyedRecord]:
    """The blocks of a checkpoint, and its manifest, which must be written last.

    A block that is None is gone: a tombstone on the topic.
    ``claim`` is empty where transactions make a checkpoint whole.
    """
    headers: tuple[tuple[str, bytes], ...] = ()
    if claim:
        headers = ((_CLAIM_HEADER, claim.encode()), (_NUMBER_HEADER, b"%d" % manifest.number))
    if not _RESERVED.isdisjoint(blocks):
        raise CheckpointError(f"a block may not be named {sorted(_RESERVED & set(blocks))}")
    records = [KeyedRecord(_key(partition, name), value, headers) for name, value in blocks.items()]
    return records, KeyedRecord(_key(partition, MANIFEST_BLOCK), manifest.model_dump_json().encode(), headers)


def claim_of(partition: int, claim: str) -> KeyedRecord:
    """What a writer puts first where no broker fences the earlier one."""
    return KeyedRecord(_key(partition, CLAIM_BLOCK), claim.encode())


def _key(partition: int, block: str) -> bytes:
    return f"{partition}/{block}".encode()


@dataclass
class Restored:
    """What a partition's checkpoint records add up to; fed in the order of the log.

    Examples
    --------
    >>> restored, done = Restored(0), Manifest(number=1, offsets={"metrics.samples": 7}, blocks=1)
    >>> blocks, manifest = records_of(0, {"bank/0": b"state"}, done, claim="")
    >>> for record in (*blocks, manifest, *blocks):
    ...     restored.feed(record.key, record.value, record.headers)
    >>> restored.blocks, restored.manifest.offsets, restored.unfinished
    ({'bank/0': b'state'}, {'metrics.samples': 7}, 1)
    """

    partition: int
    blocks: dict[str, bytes] = field(default_factory=dict)
    manifest: Manifest | None = None
    size_bytes: int = 0
    dropped: int = 0
    _claim: str = ""
    _pending: dict[tuple[str, str], dict[str, bytes | None]] = field(default_factory=dict)

    @property
    def unfinished(self) -> int:
        """Blocks that were read, and count for nothing: of checkpoints without a manifest, or of a replaced writer."""
        return self.dropped + sum(len(blocks) for blocks in self._pending.values())

    def feed(self, key: bytes | None, value: bytes | None, headers: Iterable[tuple[str, bytes]] | None = None) -> None:
        """Take one record.

        Raises
        ------
        CheckpointError
            If it is not a checkpoint's.
        """
        partition, _, block = (key or b"").decode(errors="replace").partition("/")
        if partition != str(self.partition) or not block:
            raise CheckpointError(f"a record with key {key!r} among the checkpoints of partition {self.partition}")
        named = dict(headers or ())
        attempt = (named.get(_CLAIM_HEADER, b"").decode(), named.get(_NUMBER_HEADER, b"").decode())
        self.size_bytes += len(value or b"")
        if block == CLAIM_BLOCK:
            self._claim = (value or b"").decode()
            self._forget_pending()
        elif attempt[0] != self._claim:
            self.dropped += 1
        elif block == MANIFEST_BLOCK:
            self._finish(attempt, value)
        else:
            self._pending.setdefault(attempt, {})[block] = value

    def _finish(self, attempt: tuple[str, str], value: bytes | None) -> None:
        try:
            self.manifest = Manifest.model_validate_json(value or b"")
        except ValidationError as error:
            raise CheckpointError(
                f"a manifest of partition {self.partition} that cannot be read: {error.errors()[0]['msg']}",
                "Upgrade the workers, or remove the checkpoint topic to start from the oldest input",
            ) from error
        for name, block in self._pending.pop(attempt, {}).items():
            if block is None:
                self.blocks.pop(name, None)
            else:
                self.blocks[name] = block
        self._forget_pending()

    def _forget_pending(self) -> None:
        self.dropped += sum(len(blocks) for blocks in self._pending.values())
        self._pending.clear()


def read_states(
    reader: LogReader, topic: str, partitions: Iterable[int], still_wanted: Callable[[], bool]
) -> dict[int, Restored]:
    """The restored state of partitions, as blocks; half of it when it is no longer wanted.

    Raises
    ------
    BrokerError
        If the topic cannot be read.
    CheckpointError
        If it holds what this version does not understand.
    """
    states = {partition: Restored(partition) for partition in partitions}
    for record in reader.to_end(topic, states, still_wanted):
        states[record.partition].feed(record.key, record.value, record.headers)
    return states
