"""Settings as the columns that compiled code reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.episodes import FLOATS, INTS, EpisodeParams, Report
from models.families import MetricFamily
from models.limits import RuleParams
from models.rules import COMPARISONS, FUNCTIONS, ThresholdRule
from models.settings import WINDOW_NAMES, ConfirmSettings, DetectSettings, UpdateSettings
from models.walk import EVENTS_A_SAMPLE, Params
from streams.baselines import BaseParams
from streams.intake import COUNT_NAMES, IntakeParams
from streams.layout import BUCKET, LENGTHS, WIDTHS_MS, WINDOWS

EVENT_ROOM: Final = 512
FOREVER_MS: Final = 2**62
_NEVER_MS: Final = 2**60


def base_params(settings: DetectSettings, families: Sequence[MetricFamily]) -> BaseParams:
    """Windows and families; a window that is off never warms up."""
    windows = [settings.windows[name] for name in WINDOW_NAMES]
    return BaseParams(
        spreads=np.array([one.spreads for one in windows], np.float64),
        warmup_ms=np.array([int(one.warmup_s * 1000) if one.enabled else _NEVER_MS for one in windows], np.int64),
        min_samples=np.array([one.min_samples for one in windows], np.int64),
        min_effect=np.array([one.min_effect for one in families], np.float64),
        relative=np.array([one.relative for one in families], np.float64),
        scale=np.array([one.scale for one in families], np.float64),
        up=np.array([one.watch in {"both", "up"} for one in families], np.uint8),
        down=np.array([one.watch in {"both", "down"} for one in families], np.uint8),
    )


def episode_params(confirm: ConfirmSettings, updates: UpdateSettings) -> EpisodeParams:
    """When to believe, when to speak."""
    return EpisodeParams(
        samples=confirm.samples,
        evidence=confirm.evidence,
        score_cap=confirm.score_cap,
        sample_cap_s=confirm.sample_cap_s,
        clear_level=confirm.clear_level,
        clear_samples=confirm.clear_samples,
        clear_ms=int(confirm.clear_s * 1000),
        max_freeze_ms=int(confirm.max_freeze_s * 1000),
        every_ms=int(updates.every_s * 1000),
        growth=updates.growth,
        warning=updates.warning,
        critical=updates.critical,
    )


def _window_of(window_ms: int) -> int:
    """The finest window that reaches back so far."""
    for window in range(WINDOWS):
        if WIDTHS_MS[window] * LENGTHS[window] >= window_ms:
            return window
    return WINDOWS - 1


def rule_params(
    rules: Sequence[ThresholdRule], from_ms: Sequence[int], until_ms: Sequence[int], every_s: float
) -> RuleParams:
    """Threshold rules as columns; there is always at least one row, so that types are known."""
    rows = list(rules) or [ThresholdRule(name="none", select="none", threshold=0)]
    return RuleParams(
        function=np.array([FUNCTIONS.index(one.function) for one in rows], np.int64),
        comparison=np.array([COMPARISONS.index(one.comparison) for one in rows], np.int64),
        window=np.array([_window_of(int(one.window_s * 1000)) for one in rows], np.int64),
        window_ms=np.array([int(one.window_s * 1000) for one in rows], np.int64),
        threshold=np.array([one.threshold for one in rows], np.float64),
        for_ms=np.array([int(one.for_s * 1000) for one in rows], np.int64),
        from_ms=np.array(list(from_ms) or [0], np.int64),
        until_ms=np.array(list(until_ms) or [0], np.int64),
        every_ms=np.full(len(rows), int(every_s * 1000), np.int64),
    )


def make_params(settings: DetectSettings, families: Sequence[MetricFamily], rules: RuleParams) -> Params:
    """All of it."""
    return Params(
        intake=IntakeParams(int(settings.late_s * 1000), settings.stale_s * 1000.0, settings.stale_intervals),
        base=base_params(settings, families),
        episode=episode_params(settings.confirm, settings.updates),
        rules=rules,
        clip=settings.drift.clip,
    )


def make_report(rows: int) -> Report:
    """Room for what a batch of so many rows may bring; the walk pauses when the events' room is full."""
    return Report(
        ints=np.zeros((EVENT_ROOM + EVENTS_A_SAMPLE, INTS), np.int64),
        floats=np.zeros((EVENT_ROOM + EVENTS_A_SAMPLE, FLOATS), np.float64),
        cursor=np.zeros(4, np.int64),
        closed=np.zeros((rows, 3), np.int64),
        closed_z=np.zeros((rows, 4), np.float64),
        scores=np.zeros(WINDOWS, np.float64),
        counts=np.zeros(len(COUNT_NAMES), np.int64),
        scratch=np.zeros(1, BUCKET),
    )
