"""Detectors that a configuration chooses for some series, one object a series, a sample at a time.

They come on top of the five windows: a detector is one file of ``models/detectors``, and a choice names it, the series
that it is for, and its settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from models.base import Detector
from models.names import RESERVED_NAMES, STAGE_NAMES
from models.rules import Selector, selects
from schemas.errors import CheckpointError, ConfigurationError
from schemas.events import AnomalyState
from schemas.series import Series
from streams.layout import Array

_KEY: Final = "chosen"
Make = Callable[[str, Mapping[str, float]], Detector]


class DetectorChoice(BaseModel):
    """A detector for the series that it suits.

    Examples
    --------
    >>> choice = DetectorChoice(detector="gaussian_scorer", select='latency_ms{route="/pay"}')
    >>> choice.name, choice.matches(Series("t", "latency_ms", {"route": "/pay"}))
    ('gaussian_scorer', True)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    detector: Annotated[str, Field(description="A detector of the registry.")]
    select: Annotated[Selector, Field(description='Series: metric{label="x", label!="x", label=~"a|b", label!~"c.*"}.')]
    name: Annotated[str, Field(description="What its anomalies call it; the detector's name when left out.")] = ""
    options: dict[str, float] = Field(default_factory=dict, description="That detector's settings.")
    samples: Annotated[
        int | None,
        Field(
            ge=1,
            le=100,
            description="Anomalous samples in a row that make an anomaly; without it as many as the detector asks for.",
        ),
    ] = None
    clear_samples: Annotated[int, Field(ge=1, le=100, description="Other samples in a row that end it.")] = 3

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        return {**given, "name": given.get("name") or given.get("detector", "")} if isinstance(given, dict) else given

    @field_validator("name")
    @classmethod
    def _is_its_own(cls, name: str, info: ValidationInfo) -> str:
        own = {info.data.get("detector")} - STAGE_NAMES
        if name in RESERVED_NAMES - own:
            raise ValueError(f"{name} is taken, a choice needs a name of its own")
        return name

    def matches(self, series: Series) -> bool:
        """Whether it is for a series."""
        return selects(self.select, series)

    @property
    def made_with(self) -> str:
        """What its state depends on."""
        return msgspec.json.encode([self.detector, sorted(self.options.items())]).decode()


def check_choices(choices: Sequence[DetectorChoice], taken: Collection[str]) -> None:
    """Whether each names a detector that there is, with settings that it has, and a name of its own.

    Raises
    ------
    ValueError
        If one does not.
    """
    if not choices:
        return
    # The registry's five windows need the settings that this checks.
    from models.registry import make_detector  # noqa: PLC0415

    names = Counter([*(one.name for one in choices), *taken])
    if twice := sorted(one.name for one in choices if names[one.name] > 1):
        raise ValueError(f"detectors or rules of one name: {', '.join(twice)}")
    for one in choices:
        try:
            make_detector(one.detector, one.options)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error


class ChosenEvent(NamedTuple):
    """Something that a chosen detector has to say of a series."""

    choice: DetectorChoice
    state: AnomalyState
    started_ms: int
    at_ms: int
    ended_ms: int
    value: float
    score: float
    peak: float
    silent: bool = False


class Pace(NamedTuple):
    """Time that matters to all of them, in ms and in a series' own intervals."""

    every_ms: int
    freeze_ms: int
    stale_ms: int
    stale_intervals: float
    forget_ms: int


@dataclass(slots=True)
class _Watch:
    """One detector on one series, and its episode."""

    choice: DetectorChoice
    detector: Detector
    hits: int = 0
    clear: int = 0
    is_open: bool = False
    started_ms: int = 0
    told_ms: int = 0
    last_ms: int = 0
    interval_ms: float = 0.0
    value: float = 0.0
    peak: float = 0.0

    def state(self) -> list[Any]:
        """For a checkpoint."""
        kept = [getattr(self, name) for name in _KEPT]
        return [self.choice.name, self.choice.made_with, kept, self.detector.snapshot()]

    def load(self, kept: Sequence[Any], snapshot: bytes) -> None:
        """From a checkpoint."""
        for name, value in zip(_KEPT, kept, strict=True):
            setattr(self, name, value)
        self.detector.load(snapshot)

    def step(self, time_ms: int, value: float, pace: Pace) -> Iterator[ChosenEvent]:
        """Judge a value, then learn it.

        What is anomalous is not learned, unless it lasts longer than the freeze, or the detector wants it all.
        """
        yield from self.silence(time_ms, pace)
        if self.last_ms:
            gap_ms = time_ms - self.last_ms
            most_ms = 3.0 * self.interval_ms or gap_ms
            self.interval_ms += (0.1 if self.interval_ms else 1.0) * (min(gap_ms, most_ms) - self.interval_ms)
        score = self.detector.score_one(time_ms, value)
        self.last_ms, self.value = time_ms, value
        told = self._anomalous(time_ms, score, pace.every_ms) if score > 1.0 else self._calm()
        if told:
            yield ChosenEvent(self.choice, told, self.started_ms, time_ms, time_ms, value, score, self.peak)
        if self.detector.learns_anomalies or not self.hits or time_ms - self.started_ms > pace.freeze_ms:
            self.detector.learn_one(time_ms, value)

    def _anomalous(self, time_ms: int, score: float, every_ms: int) -> AnomalyState | None:
        if not self.hits:
            self.started_ms, self.peak = time_ms, 0.0
        self.hits += 1
        self.clear = 0
        self.peak = max(self.peak, score)
        if not self.is_open:
            if self.hits < (self.choice.samples or self.detector.samples):
                return None
            self.is_open, self.told_ms = True, time_ms
            return "start"
        if time_ms - self.told_ms < every_ms:
            return None
        self.told_ms = time_ms
        return "update"

    def _calm(self) -> AnomalyState | None:
        self.clear += 1
        if self.is_open and self.clear < self.choice.clear_samples:
            return None
        was_open, self.is_open, self.hits = self.is_open, False, 0
        return "end" if was_open else None

    def silence(self, now_ms: int, pace: Pace) -> Iterator[ChosenEvent]:
        """End what is open if the series has stopped by now, or is forgotten."""
        limit_ms = int(max(pace.stale_ms, pace.stale_intervals * self.interval_ms))
        if not self.hits or now_ms - self.last_ms <= min(limit_ms, pace.forget_ms):
            return
        at_ms = self.last_ms + limit_ms
        if self.is_open:
            yield ChosenEvent(
                self.choice, "end", self.started_ms, at_ms, self.last_ms, self.value, 0.0, self.peak, silent=True
            )
        self.is_open, self.hits, self.clear = False, 0, 0


_KEPT: Final = tuple(field.name for field in fields(_Watch) if field.name not in ("choice", "detector"))


class ChosenBank:
    """The chosen detectors by slot.

    Parameters
    ----------
    choices
        Which detectors for which series.
    make
        Makes a detector from its name and options.
    pace
        Times.
    """

    def __init__(self, choices: Sequence[DetectorChoice], make: Make, pace: Pace) -> None:
        self.choices = choices
        self._make = make
        self._pace = pace
        self._by_slot: dict[int, list[_Watch]] = {}
        self._loaded: dict[int, list[Any]] = {}
        self._dirty: set[int] = set()

    def __contains__(self, slot: int) -> bool:
        return slot in self._by_slot

    def __len__(self) -> int:
        return len(self._by_slot)

    def watch(self, slot: int, series: Series) -> None:
        """Put the detectors on a slot that suit its series."""
        if found := [self._begin(one) for one in self.choices if one.matches(series)]:
            self._by_slot[slot] = found
            self._dirty.add(slot)

    def _begin(self, choice: DetectorChoice) -> _Watch:
        return _Watch(choice, self._make(choice.detector, choice.options))

    def start_anew(self, slot: int, time_ms: int) -> Iterator[ChosenEvent]:
        """A slot's series begins anew, as if it had been forgotten meanwhile: what is open ends."""
        self._dirty.add(slot)
        held = self._by_slot[slot]
        self._by_slot[slot] = [self._begin(one.choice) for one in held]
        for one in held:
            yield from one.silence(time_ms, self._pace)

    def step(self, slot: int, time_ms: int, value: float) -> Iterator[ChosenEvent]:
        """A judged value of a slot's series."""
        self._dirty.add(slot)
        for one in self._by_slot[slot]:
            yield from one.step(time_ms, value, self._pace)

    def silence(self, times_ms: Array) -> Iterator[tuple[int, ChosenEvent]]:
        """End what is open of series that have stopped; with their slots, for each of which it may be another time."""
        for slot, held in sorted(self._by_slot.items()):
            for one in held:
                for event in one.silence(int(times_ms[slot]), self._pace):
                    self._dirty.add(slot)
                    yield slot, event

    def forget(self, slot: int) -> None:
        """Free a slot."""
        if self._by_slot.pop(slot, None):
            self._dirty.add(slot)

    def mark_all(self) -> None:
        """Call everything changed."""
        self._dirty.update(self._by_slot)

    def take_blocks(self) -> Iterator[tuple[str, bytes | None]]:
        """``chosen/SLOT`` for each slot that changed; None where there is none any more."""
        for slot in sorted(self._dirty):
            held = self._by_slot.get(slot)
            yield f"{_KEY}/{slot}", msgspec.msgpack.encode([one.state() for one in held]) if held else None
        self._dirty.clear()

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        try:
            self._loaded[int(key.split("/")[1])] = msgspec.msgpack.decode(value)
        except (msgspec.MsgspecError, ValueError, IndexError) as error:
            raise CheckpointError(f"not a record of chosen detectors: {key}: {error}") from error

    def finish_load(self, series: Iterable[tuple[int, Series]]) -> None:
        """Detectors as they were; those that are new, or made with other settings, begin anew."""
        if not self.choices and not self._loaded:
            return
        for slot, one in series:
            self.watch(slot, one)
        for slot, states in self._loaded.items():
            known = {(name, made_with): (kept, snapshot) for name, made_with, kept, snapshot in states}
            for watch in self._by_slot.get(slot, ()):
                if (held := known.get((watch.choice.name, watch.choice.made_with))) is not None:
                    watch.load(*held)
        self._dirty = {slot for slot in self._by_slot.keys() | self._loaded.keys() if self._changed(slot)}
        self._loaded = {}

    def _changed(self, slot: int) -> bool:
        """Whether a slot's record is no longer what was read."""
        read = [state[:2] for state in self._loaded.get(slot, ())]
        return read != [[one.choice.name, one.choice.made_with] for one in self._by_slot.get(slot, ())]
