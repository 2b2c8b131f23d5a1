"""What detect knows of a series: its windows, rules, drift detector and episode, out of the blocks of a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from metrics_ai.explain.series_models import (
    BaselineState,
    DriftState,
    EpisodeState,
    MonthDayState,
    RulePhase,
    RuleState,
    SeasonState,
    SeriesState,
    WindowState,
)
from metrics_ai.explain.words import duration_text
from models.drift import DriftBank
from models.episodes import OPEN
from models.families import MetricFamily
from models.judge import MAX_SCORE
from models.rule_book import Entry, RuleBook
from models.rules import ThresholdRule
from models.settings import WINDOW_NAMES, DetectSettings, DriftSettings, WindowSettings
from models.verdict import SEVERITIES, WINDOWS_DETECTOR, anomaly_id
from models.versions import LEVEL_WINDOWS
from schemas.errors import CheckpointError
from schemas.events import Range
from schemas.series import Series
from streams.bank import SeriesBank
from streams.baselines import source_window
from streams.layout import BLOCK, CENTER, DOWN, LENGTHS, OFFSETS, SPREAD, UP, WEEK_HOURS, WIDTHS_MS
from streams.months import known_days
from streams.rings import numbers_of
from streams.seasons import TRUSTED

_BANK: Final = frozenset({"hot", "warm", "ring", "season", "month", "names"})
_DRIFT: Final = frozenset({"drift", "river"})
# A range no wider than this, as a share of its center, only guards a division.
_NOTHING: Final = 1e-8


class DetectState:
    """The series of one partition that are wanted, out of its blocks.

    Parameters
    ----------
    blocks
        As ``DetectOperator.take_blocks`` gives them after ``mark_all``, and as checkpoints hold them.
    settings
        When a window speaks; all else stands in the blocks.
    wanted
        Whether a series is.

    Raises
    ------
    CheckpointError
        If the blocks are of another version.
    """

    def __init__(self, blocks: Mapping[str, bytes], settings: DetectSettings, wanted: Callable[[Series], bool]) -> None:
        meta = msgspec.json.decode(blocks["meta"]) if "meta" in blocks else None
        self._settings = settings
        self.bank = SeriesBank()
        self.slots: list[int] = []
        if meta is None:
            return
        self._families = [MetricFamily.model_validate(one) for one in meta["families"]]
        self._drift_settings = DriftSettings.model_validate(meta["drift"])
        self._rules = RuleBook([], settings.updates.every_s)
        self._rules.load(meta["rules"])
        names = SeriesBank()
        for key, value in _of_kind(blocks, frozenset({"names"})):
            names.load_block(key, value)
        self.slots = [slot for slot, one in names.live() if wanted(one.series)]
        self._load(blocks, {slot // BLOCK for slot in self.slots}, int(meta["used"]))

    def _load(self, blocks: Mapping[str, bytes], needed: set[int], used: int) -> None:
        """Put back the blocks of slots that are wanted, and no others."""
        self._drift = DriftBank(self._drift_settings)
        for key, value in _of_kind(blocks, _BANK):
            if _block_of(key) in needed:
                self.bank.load_block(key, value)
        self.bank.finish_load(used)
        self._drift.grow(self.bank.capacity)
        for key, value in _of_kind(blocks, _DRIFT):
            if _block_of(key) in needed:
                self._drift.load_block(key, value)
        self._drift.finish_load()

    def __len__(self) -> int:
        return len(self.slots)

    def states(self) -> Iterator[SeriesState]:
        """Every series that is wanted, by slot."""
        for slot in self.slots:
            yield self._state(slot)

    def _state(self, slot: int) -> SeriesState:
        identity = self.bank.identities[slot]
        if identity is None:
            raise CheckpointError(f"slot {slot} of a checkpoint has a name and no state")
        series, row = identity.series, self.bank.slots[slot]
        family = self._families[int(row["family"])]
        seen = bool(row["seen"] > 1)
        return SeriesState(
            tenant=series.tenant,
            series_id=f"{int(row['id']):016x}",
            metric=series.metric,
            labels=dict(series.labels),
            dims=dict(series.dims),
            entity=series.entity,
            type=series.type,
            unit=series.unit,
            family=family.name,
            first_ms=_time(row["first_ms"]),
            normal_since_ms=_time(row["since_ms"]),
            newest_ms=_time(row["newest_ms"]),
            interval_s=float(row["interval_ms"]) / 1000.0 or None,
            value=float(row["value"]) if seen else None,
            score=float(row["score"]) if seen else None,
            windows=[
                window_state(row, at, self._settings.windows[name], family) for at, name in enumerate(WINDOW_NAMES)
            ],
            baseline=_baseline_state(row),
            season=_season_state(row),
            drift=self._drift_state(slot),
            rules=[_rule_state(row, at, self._rules.entries) for at in range(int(row["rules"]))],
            episode=_episode_state(row),
        )

    def _drift_state(self, slot: int) -> DriftState | None:
        own = self._drift_settings
        if not own.enabled:
            return None
        return DriftState(detector=own.detector, reference=own.reference, told=self._drift.told(slot))


def _of_kind(blocks: Mapping[str, bytes], kinds: frozenset[str]) -> Iterator[tuple[str, bytes]]:
    return ((key, value) for key, value in blocks.items() if key.split("/", 1)[0] in kinds)


def _block_of(key: str) -> int:
    """The block of slots that a record belongs to; names come in smaller groups."""
    kind, number = key.split("/")[:2]
    return SeriesBank.block_of_names(int(number)) if kind == "names" else int(number)


def _time(ms: Any) -> int | None:
    return int(ms) or None


def window_state(row: Any, at: int, settings: WindowSettings, family: MetricFamily) -> WindowState:
    """One window of a series' record."""
    name = WINDOW_NAMES[at]
    buckets, left_out, _ = _held(row, at)
    held = {"window": name, "buckets": buckets, "of": LENGTHS[at], "left_out": left_out}
    if not settings.enabled or family.watch == "none":
        why = "switched off" if not settings.enabled else f"metrics of the family {family.name} are not judged"
        return WindowState(phase="off", why=why, **held)
    if not row["base_ready"][at]:
        ready_ms, why = _waits_for(row, at, settings)
        return WindowState(phase="warming up", why=why, ready_ms=ready_ms, **held)
    center, spread, up, down = (float(row["base"][at, column]) for column in (CENTER, SPREAD, UP, DOWN))
    return WindowState(
        phase="ready",
        score=_score(row, at, center, up, down),
        center=center,
        spread=spread,
        expected=expected_range(center, center - down, center + up, float(row["value"])),
        refreshed_ms=int(row["base_ms"][at]),
        **held,
    )


def _held(row: Any, at: int) -> tuple[int, int, int]:
    """Closed buckets that a window learns from, those it leaves out, and samples in the former."""
    ring = slice(OFFSETS[at], OFFSETS[at] + LENGTHS[at])
    number, count = numbers_of(row, at), row["ring_count"][ring].astype(np.int64)
    oldest = max(int(row["open_number"][at]) - LENGTHS[at], int(row["since_ms"]) // WIDTHS_MS[at])
    recent = number >= oldest
    good = recent & (count > 0)
    return int(good.sum()), int((recent & (count < 0)).sum()), int(count[good].sum())


def _waits_for(row: Any, at: int, settings: WindowSettings) -> tuple[int | None, str]:
    """When a window may speak, where time alone decides; and why it does not yet."""
    begun_ms = max(int(row["first_ms"]), int(row["since_ms"]))
    ready_ms = begun_ms + int(settings.warmup_s * 1000)
    if begun_ms == 0 or int(row["newest_ms"]) < ready_ms:
        since = "the last level shift" if row["since_ms"] else "the first sample"
        return (
            ready_ms if begun_ms else None
        ), f"it has to see {duration_text(settings.warmup_s * 1000)} from {since} on"
    _, _, samples = _held(row, source_window(float(row["interval_ms"]), at))
    if samples < settings.min_samples:
        return None, f"it has {samples} of the {settings.min_samples} samples that it needs"
    if WINDOW_NAMES[at] == "7d" and row["season_hours"] >= TRUSTED:
        return None, "nothing is known of this hour of the week"
    return None, "it speaks when its next bucket closes"


def _baseline_state(row: Any) -> BaselineState:
    known = [at for at in LEVEL_WINDOWS if row["old_ready"][at]] if row["shifted_ms"] else []
    limits = {
        WINDOW_NAMES[1 + at]: (float(low), float(high))
        for at, (low, high) in enumerate(row["tail"].tolist())
        if math.isfinite(low) and math.isfinite(high) and (low, high) != (0.0, 0.0)
    }
    return BaselineState(
        version=int(row["version"]),
        before=float(row["old_base"][known[0], CENTER]) if known else None,
        until_ms=_time(row["shifted_ms"]) if known else None,
        limits=limits,
    )


def _season_state(row: Any) -> SeasonState:
    forecasts = int(row["season_hours"])
    return SeasonState(
        hours=int((row["season_weeks"] > 0).sum()),
        of=WEEK_HOURS,
        forecasts=forecasts,
        error=float(row["season_error"]) if forecasts else None,
        month_days=[MonthDayState.model_validate(one._asdict()) for one in known_days(row)],
    )


def _score(row: Any, at: int, center: float, up: float, down: float) -> float:
    """As ``models.judge`` scores: 5m the value, the others their level, no further than the newest samples lie."""
    witness = float(row["value"] if at < 2 else row["fast"])
    level = witness if at == 0 else float(row["level"][at - 1])
    away, seen = level - center, witness - center
    away = max(0.0, min(away, seen)) if away > 0 else min(0.0, max(away, seen))
    return max(-MAX_SCORE, min(MAX_SCORE, away / (up if away > 0 else down)))


def expected_range(center: float, low: float, high: float, value: float) -> Range:
    """A window's range: a side that is not watched mirrors the other; nothing below 0 that never was.

    Examples
    --------
    >>> expected_range(0.1, -math.inf, 0.3, 0.2)
    Range(low=0.0, center=0.1, high=0.3)
    """
    if not math.isfinite(low):
        low = center - (high - center) if math.isfinite(high) else center
    if not math.isfinite(high):
        high = center + (center - low)
    if high - low <= _NOTHING * max(1.0, abs(center)):
        return Range(low=center, center=center, high=center)
    if center >= 0 and value >= 0:
        low = max(low, 0.0)
    return Range(low=low, center=center, high=high)


def _measure_of(rule: ThresholdRule) -> str:
    """What a rule compares."""
    if rule.limit is not None:
        return f"seconds until {rule.limit:g}"
    return "value" if rule.function == "last" else f"{rule.function} over {rule.window_s:g} s"


def _rule_state(row: Any, at: int, entries: Sequence[Entry]) -> RuleState:
    rule, _, until_ms = entries[int(row["rule"][at])]
    measure = _measure_of(rule)
    held = f" for {rule.for_s:g} s" if rule.for_s else ""
    since_ms, firing = int(row["rule_ms"][at, 0]), bool(row["rule_firing"][at])
    phase: RulePhase = "firing" if firing else "pending" if since_ms else "quiet"
    return RuleState(
        name=rule.name,
        condition=f"{measure} {rule.comparison} {rule.threshold:g}{held}",
        phase="ended" if phase == "quiet" and until_ms <= row["newest_ms"] else phase,
        since_ms=since_ms or None,
        peak_score=float(row["rule_peak"][at]) if since_ms else None,
    )


def _episode_state(row: Any) -> EpisodeState | None:
    is_open = bool(row["state"] == OPEN)
    if not is_open and row["evidence"] <= 0.0:
        return None
    started_ms = int(row["started_ms"])
    return EpisodeState(
        id=anomaly_id(int(row["id"]), WINDOWS_DETECTOR, started_ms) if is_open else None,
        is_open=is_open,
        started_ms=started_ms,
        direction="up" if row["direction"] > 0 else "down",
        severity=SEVERITIES[int(row["severity"])],
        peak_score=float(row["peak"]),
        evidence=float(row["evidence"]),
        agreed=[name for at, name in enumerate(WINDOW_NAMES) if int(row["agreed"]) >> at & 1],
    )
