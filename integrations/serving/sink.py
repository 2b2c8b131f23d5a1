"""The sink that keeps the latest state in Redis."""

from __future__ import annotations

import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from integrations.project.sink import Partition, RebuildError, Record, SinkError
from integrations.serving.connection import answering, connect, place_of
from integrations.serving.documents import Argument, Change, Layout, Step, change_of, topics
from integrations.serving.keys import LAYOUT, TenantKeys, applied_key, tenants_key
from integrations.serving.scripts import APPLY, TRIM
from integrations.serving.settings import ServingSettings
from integrations.stores import StoreError
from integrations.telemetry import Telemetry
from schemas.errors import NewerVersionError, SchemaError
from schemas.topics import COMMAND_RESULTS, HOUR_MS, Topic

_LOG: Final = logging.getLogger(__name__)
NAME: Final = "serving"
STAGE: Final = f"project-{NAME}"
MOST_A_SCRIPT: Final = 250
"""Records: while a script runs, the server answers nobody."""
_TRIM_EVERY_S: Final = 10.0
_TRIM_AT_ONCE: Final = 500
_DELETE_AT_ONCE: Final = 1000
# An entity's health is told once a day, changed or not.
_HEALTH_KEEP_MS: Final = 48 * HOUR_MS
_NOT_YET: Final = ""


@dataclass(slots=True)
class _Chunk:
    """What some records in a row change."""

    until: int = 0
    records: int = 0
    steps: dict[tuple[str, ...], tuple[Argument, ...]] = field(default_factory=dict)

    def add(self, step: Step) -> None:
        """Of steps that set the same the last counts, at its place in the order."""
        self.steps.pop(step.of, None)
        self.steps[step.of] = step.arguments

    def words(self) -> list[Argument]:
        """All steps as the script takes them."""
        return [word for step in self.steps.values() for word in (len(step), *step)]


@dataclass(slots=True)
class _Part:
    """A partition: how far the store holds it, and what is not there yet."""

    held: int | None = None
    next: int = 0
    chunks: deque[_Chunk] = field(default_factory=deque)


class ServingSink:
    """Keeps the latest state of alerts, incidents, silences and so on in Redis, a tenant apart from the other.

    Each partition moves on together with what its records change, in one script: so a record counts once, two writers
    cannot undo each other, and a store that was lost or replaced is noticed, and filled from the beginning.

    Parameters
    ----------
    settings
        Where it is, and what is kept.
    telemetry
        Counts what cannot be read, and documents that are written.
    now_s
        Seconds since the epoch: nothing is forgotten by a time that has not come.
    clock
        Monotonic seconds.
    """

    def __init__(
        self,
        settings: ServingSettings,
        telemetry: Telemetry,
        now_s: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._now_s = now_s
        self._clock = clock
        self._place = place_of(settings)
        self._layout = Layout(settings.prefix, settings.timeline_entries)
        self._redis = connect(settings)
        self._apply = self._redis.register_script(APPLY)
        self._trim_script = self._redis.register_script(TRIM)
        self._parts: dict[Partition, _Part] = defaultdict(_Part)
        self._newest_ms: dict[str, int] = {}
        self._trim_at_s = 0.0

    @property
    def name(self) -> str:
        """Of its group."""
        return NAME

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What is served of."""
        return topics()

    @property
    def flush_s(self) -> float:
        """As it is set."""
        return self._settings.flush_s

    # -- places ------------------------------------------------------------------------------------------------

    def places(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """How far the store holds each.

        Raises
        ------
        SinkError
            If it does not answer.
        """
        held = self._held(list(partitions))
        for one in partitions:
            self._parts[one] = _Part(held.get(one), held.get(one, 0))
        return held

    def check(self) -> None:
        """See whether the store stands where it was left.

        Raises
        ------
        SinkError
            If it does not answer.
        RebuildError
            If it was emptied, replaced, or written by another.
        """
        held = self._held(list(self._parts))
        for source, part in self._parts.items():
            if part.held != held.get(source):
                raise self._moved(source, part, held.get(source))

    def _held(self, sources: Sequence[Partition]) -> dict[Partition, int]:
        if not sources:
            return {}
        try:
            with answering(self._place):
                texts = self._redis.hmget(applied_key(self._settings.prefix), [_field(one) for one in sources])
        except StoreError as error:
            raise SinkError(error.what, error.way_out) from error
        return {one: int(text) for one, text in zip(sources, texts, strict=True) if text is not None}

    def _moved(self, source: Partition, part: _Part, stands: int | str | None) -> RebuildError:
        what = f"the serving store at {self._place} was left at {part.held or 'nothing'} of {_field(source)}"
        return RebuildError(f"{what} and stands at {stands or 'nothing'}", "It is read from there")

    def begin(self, partitions: Collection[Partition]) -> None:
        """Delete everything: what the store holds is of another log, and would stay there for ever.

        Raises
        ------
        SinkError
            If it does not answer.
        """
        prefix = self._settings.prefix
        _LOG.warning("the serving store at %s is made anew", self._place, extra={"partitions": len(partitions)})
        try:
            with answering(self._place):
                self._redis.delete(applied_key(prefix), tenants_key(prefix))
                found: list[str] = []
                for key in self._redis.scan_iter(match=f"{_escaped(prefix)}{LAYOUT}:t:*", count=_DELETE_AT_ONCE):
                    found.append(key)
                    if len(found) == _DELETE_AT_ONCE:
                        self._redis.unlink(*found)
                        found.clear()
                if found:
                    self._redis.unlink(*found)
        except StoreError as error:
            raise SinkError(error.what, error.way_out) from error

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Begin where the store stands."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Drop what is not written: it comes again."""
        self._parts.clear()

    # -- records -----------------------------------------------------------------------------------------------

    def take(self, records: Sequence[Record]) -> None:
        """Note what they change until the next flush."""
        for record in records:
            part = self._parts[record.topic, record.partition]
            if record.offset < part.next:
                continue
            part.next = record.offset + 1
            if not part.chunks or part.chunks[-1].records >= MOST_A_SCRIPT:
                part.chunks.append(_Chunk())
            chunk = part.chunks[-1]
            chunk.until, chunk.records = part.next, chunk.records + 1
            change = self._change(record)
            if change is not None:
                self._note(chunk, record.topic, change)

    def _change(self, record: Record) -> Change | None:
        try:
            return change_of(record, self._layout)
        except (SchemaError, NewerVersionError) as error:
            self._telemetry.rejected.labels(STAGE, record.topic, "unreadable").inc()
            _LOG.debug("%s", error, extra={"partition": record.partition, "offset": record.offset})
            return None

    def _note(self, chunk: _Chunk, topic: str, change: Change) -> None:
        for step in change.steps:
            chunk.add(step)
        tenants = tenants_key(self._settings.prefix)
        chunk.add(Step((tenants, change.tenant), ("SADD", tenants, change.tenant)))
        if change.subject:
            stream = TenantKeys(self._settings.prefix, change.tenant).of("updates")
            most = ("MAXLEN", "~", self._settings.updates)
            told = ("XADD", stream, *most, "*", "kind", topic, "subject", change.subject)
            chunk.add(Step((stream, topic, change.subject), told))
        if topic != COMMAND_RESULTS.name:
            self._newest_ms[change.tenant] = max(self._newest_ms.get(change.tenant, 0), change.at_ms)

    def flush(self) -> None:
        """Write everything that was noted, then forget what ended long ago.

        Raises
        ------
        SinkError
            If the store does not answer; what was not written stays here.
        RebuildError
            If it does not stand where it was left.
        """
        try:
            with answering(self._place):
                for source, part in self._parts.items():
                    while part.chunks:
                        self._write(source, part, part.chunks[0])
                        part.chunks.popleft()
                self._trim()
        except StoreError as error:
            raise SinkError(error.what, "Nothing is lost meanwhile") from error

    def _write(self, source: Partition, part: _Part, chunk: _Chunk) -> None:
        held = _NOT_YET if part.held is None else part.held
        words = [_field(source), held, chunk.until, *chunk.words()]
        said = self._apply(keys=[applied_key(self._settings.prefix)], args=words)
        if said != "applied":
            raise self._moved(source, part, said.removeprefix("at:"))
        part.held = chunk.until
        self._telemetry.outputs.labels(STAGE, source[0]).inc(chunk.records)

    # -- what ended long ago -----------------------------------------------------------------------------------

    def _trim(self) -> None:
        now_s = self._clock()
        if now_s < self._trim_at_s:
            return
        self._trim_at_s = now_s + _TRIM_EVERY_S
        keep_ms, now_ms = self._settings.keep_s * 1000, int(self._now_s() * 1000)
        for tenant, newest_ms in self._newest_ms.items():
            keys, at_ms = TenantKeys(self._settings.prefix, tenant), min(newest_ms, now_ms)
            for index, hashes, sets, documents in _ENDINGS:
                keep = max(keep_ms, _HEALTH_KEEP_MS) if index == "health.at" else keep_ms
                words = [at_ms - keep, _TRIM_AT_ONCE, keys.root, ",".join(hashes), ",".join(sets), documents]
                while self._trim_script(keys=[keys.of(index)], args=words) == _TRIM_AT_ONCE:
                    pass


# Which sorted set says when something ended, from which hashes and sets it is then taken, and where its document is
# that names what goes with it.
_ENDINGS: Final[tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...]] = (
    ("alerts.ended", ("alerts", "statuses", "feedback"), ("alerts.started", "alerts.ended"), "alerts"),
    ("incidents.ended", ("incidents",), ("incidents.updated", "incidents.ended"), "incidents"),
    ("silences.ends", ("silences",), ("silences.ends",), ""),
    ("notifications.at", ("notifications", "outcomes"), ("notifications.at",), ""),
    ("health.at", ("health",), ("health.at",), ""),
)


def _field(source: Partition) -> str:
    return f"{source[0]}/{source[1]}"


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "*?[]\\" else sign for sign in text)
