"""How entities are: healthy, degraded or critical, made of what is anomalous now.

========  =====================================================================================================
critical  the safety list (an OOM kill, a disk full in less than 3 days), a rule of P0 or P1 of severity critical,
          a golden signal that is critically anomalous, or latency and errors that are anomalous at once
degraded  any other rule of P0 to P2 (host pressure, memory almost full), a golden signal that is anomalous as a
          warning, any series that is critically so, or signals that do not fit together, as a warning
healthy   all else: notices, drifts and slight anomalies do not count
========  =====================================================================================================
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import msgspec

from models.entities.bank import Name
from models.golden import SIGNALS, signal_of
from schemas.errors import CheckpointError
from schemas.events import Anomaly, EntityHealth, GoldenSignal, HealthReason, HealthState, SignalHealth
from schemas.ids import event_id

_KEY: Final = "health"
_MOST_REASONS: Final = 10
AGAIN_MS: Final = 86_400_000
"""What did not change is told again after so long, so that its topic keeps it."""
_RANK: Final[Mapping[HealthState, int]] = MappingProxyType({"healthy": 0, "degraded": 1, "critical": 2, "gone": 3})
_RULES: Final = frozenset({"limit", "trend"})
_FELT: Final = frozenset({"latency", "errors"})
"""Signals that users feel."""


def verdict_on(one: Anomaly, signal: GoldenSignal | None) -> HealthState:
    """What an open anomaly alone makes of its entity."""
    if one.kind in _RULES:
        urgent = one.priority in {"P0", "P1"}
        if one.safety or (urgent and one.severity == "critical"):
            return "critical"
        return "healthy" if one.priority == "P3" else "degraded"
    if one.kind == "drift" or one.severity == "info":
        return "healthy"
    if one.severity == "critical":
        return "degraded" if signal is None else "critical"
    return "degraded" if signal is not None or one.kind == "multivariate" else "healthy"


@dataclass(frozen=True, slots=True)
class _Open:
    """An episode that goes on, as its newest state tells it."""

    anomaly: Anomaly
    signal: GoldenSignal | None
    state: HealthState

    @property
    def order(self) -> tuple[int, float, str]:
        """The worst first."""
        return -_RANK[self.state], -self.anomaly.score, self.anomaly.id


@dataclass(slots=True)
class _Entity:
    """What is known of an entity: open episodes by id, its state, and what was last told of it."""

    since_ms: int | None = None
    state: HealthState = "healthy"
    told: tuple[Any, ...] = ()
    open: dict[str, _Open] = field(default_factory=dict)


def _opened(anomaly: Anomaly) -> _Open:
    # A safety counter that moved (OOM kills) is an error, whatever it counts.
    signal = None if anomaly.kind == "multivariate" else signal_of(anomaly.metric, anomaly.labels)
    return _Open(anomaly, signal, verdict_on(anomaly, signal))


class HealthBook:
    """The health of a partition's entities.

    Examples
    --------
    >>> book = HealthBook()
    >>> oom = Anomaly(
    ...     id="a", state="start", tenant="t", series_id="0", metric="node_oom_kills_total", entity="node:h1",
    ...     kind="limit", detector="oom_kill", severity="critical", priority="P0", safety=True, started_ms=1, at_ms=1,
    ...     score=2.0, peak_score=2.0, observed=1.0, confidence=1.0, explanation="A process was killed",
    ... )
    >>> health = book.absorb(oom, ["saturation"])
    >>> health.state, [(one.signal, one.state) for one in health.signals], health.reasons[0].text
    ('critical', [('errors', 'anomalous'), ('saturation', 'normal')], 'A process was killed')
    """

    def __init__(self) -> None:
        self._entities: dict[Name, _Entity] = {}
        self._new: dict[Name, None] = {}
        self._due: list[tuple[int, Name]] = []
        self._ticked_ms = 0
        self._dirty: set[Name] = set()

    def __len__(self) -> int:
        return len(self._entities)

    def watch(self, name: Name) -> None:
        """An entity is here; the next tick tells that it is healthy, if nothing was told by then."""
        if name not in self._entities:
            self._add(name, _Entity())
            self._new[name] = None
            self._dirty.add(name)

    def _add(self, name: Name, held: _Entity) -> None:
        self._entities[name] = held
        heapq.heappush(self._due, (_next_due(name, self._ticked_ms), name))

    def absorb(self, anomaly: Anomaly, signals: Sequence[GoldenSignal]) -> EntityHealth | None:
        """Take an anomaly's state in; what is to be told of its entity, if that changes anything.

        Parameters
        ----------
        anomaly
            One state of an episode.
        signals
            The golden signals that the entity has.
        """
        name = Name(anomaly.tenant, anomaly.entity)
        if anomaly.entity == "unknown" or anomaly.kind == "drift":
            return None
        self.watch(name)
        held = self._entities[name]
        if anomaly.state != "end":
            held.open[anomaly.id] = _opened(anomaly)
        elif held.open.pop(anomaly.id, None) is None:
            return None
        self._dirty.add(name)
        state = _state_of(held.open.values())
        if state != held.state:
            held.state, held.since_ms = state, anomaly.at_ms
        if held.told == _shape(held):
            return None
        return self._tell(name, held, anomaly.at_ms, signals)

    def on_tick(self, at_ms: int) -> Iterator[tuple[Name, int]]:
        """Entities of which something is to be told now though nothing happened: they are new, or long untold."""
        due = list(self._new)
        self._new.clear()
        while self._due and self._due[0][0] <= at_ms:
            _, name = heapq.heappop(self._due)
            if name in self._entities:
                # One that was due before the first tick, a restored one, waits for its time tomorrow.
                due += [name] if self._ticked_ms else []
                heapq.heappush(self._due, (_next_due(name, at_ms), name))
        self._ticked_ms = max(self._ticked_ms, at_ms)
        for name in dict.fromkeys(due):
            yield name, at_ms

    def tell(self, name: Name, at_ms: int, signals: Sequence[GoldenSignal]) -> EntityHealth:
        """How a known entity is."""
        return self._tell(name, self._entities[name], at_ms, signals)

    def forget(self, name: Name, at_ms: int) -> EntityHealth | None:
        """An entity's last series is gone."""
        self._new.pop(name, None)
        if self._entities.pop(name, None) is None:
            return None
        self._dirty.add(name)
        return EntityHealth(tenant=name.tenant, entity=name.entity, state="gone", since_ms=at_ms, at_ms=at_ms)

    def _tell(self, name: Name, held: _Entity, at_ms: int, signals: Sequence[GoldenSignal]) -> EntityHealth:
        if not held.told:
            self._dirty.add(name)
        held.told = _shape(held)
        self._new.pop(name, None)
        wrong = sorted((one for one in held.open.values() if one.state != "healthy"), key=lambda one: one.order)
        return EntityHealth(
            tenant=name.tenant,
            entity=name.entity,
            state=held.state,
            since_ms=held.since_ms,
            at_ms=at_ms,
            signals=_signals(held.open.values(), signals),
            reasons=[_reason(one) for one in wrong[:_MOST_REASONS]],
            reason_count=len(wrong),
        )

    def mark_all(self) -> None:
        """Call everything changed."""
        self._dirty.update(self._entities)

    def take_blocks(self) -> Iterator[tuple[str, bytes | None]]:
        """``health/ENTITY`` for each that changed; None where there is none any more."""
        for name in sorted(self._dirty):
            held = self._entities.get(name)
            yield f"{_KEY}/{event_id(*name)}", None if held is None else _packed(name, held)
        self._dirty.clear()

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        try:
            tenant, entity, since_ms, state, is_told, anomalies = msgspec.msgpack.decode(value)
        except (msgspec.MsgspecError, ValueError) as error:
            raise CheckpointError(f"not a record of an entity's health: {key}: {error}") from error
        opened = [_opened(Anomaly.from_bytes(one)) for one in anomalies]
        held = _Entity(since_ms, state, open={one.anomaly.id: one for one in opened})
        name = Name(tenant, entity)
        if is_told:
            held.told = _shape(held)
        else:
            self._new[name] = None
        self._add(name, held)


def _next_due(name: Name, after_ms: int) -> int:
    """The next time that an entity is told again, once a day: at a time of its own, so that no tick tells them all."""
    own_ms = int(event_id(*name)[:12], 16) % AGAIN_MS
    return after_ms + 1 + (own_ms - after_ms - 1) % AGAIN_MS


def _packed(name: Name, held: _Entity) -> bytes:
    anomalies = [held.open[key].anomaly.to_bytes() for key in sorted(held.open)]
    return msgspec.msgpack.encode([*name, held.since_ms, held.state, bool(held.told), anomalies])


def _state_of(episodes: Any) -> HealthState:
    """The worst of them; what users feel twice is critical."""
    worst: HealthState = max((one.state for one in episodes), key=_RANK.__getitem__, default="healthy")
    felt = {one.signal for one in episodes if one.state != "healthy"}
    return "critical" if felt >= _FELT else worst


def _shape(held: _Entity) -> tuple[Any, ...]:
    """What a change of is told: the state, and which episodes make it."""
    return held.state, tuple(sorted((key, one.state) for key, one in held.open.items() if one.state != "healthy"))


def _signals(episodes: Any, known: Sequence[GoldenSignal]) -> list[SignalHealth]:
    worst: dict[GoldenSignal, _Open] = {}
    for one in sorted(episodes, key=lambda one: one.order):
        if one.signal is not None and one.state != "healthy":
            worst.setdefault(one.signal, one)
    return [
        _anomalous(signal, worst[signal].anomaly) if signal in worst else SignalHealth(signal=signal, state="normal")
        for signal in SIGNALS
        if signal in worst or signal in known
    ]


def _anomalous(signal: GoldenSignal, one: Anomaly) -> SignalHealth:
    return SignalHealth(
        signal=signal,
        state="anomalous",
        metric=one.metric,
        labels=one.labels,
        unit=one.unit,
        value=one.observed,
        expected=one.expected,
        score=one.score,
    )


def _reason(one: _Open) -> HealthReason:
    told = one.anomaly
    return HealthReason(state=one.state, since_ms=told.started_ms, anomaly_id=told.id, text=told.explanation)
