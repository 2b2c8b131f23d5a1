"""Settings as the records that compiled code reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from models.calendar import week_of
from models.chosen import Pace
from models.episodes import PARAMS, WORK
from models.families import MetricFamily
from models.limits import RULE
from models.priors import PriorBook
from models.rules import COMPARISONS, FUNCTIONS, ThresholdRule
from models.settings import WINDOW_NAMES, DetectSettings
from streams.baselines import FAMILY
from streams.layout import LENGTHS, WIDTHS_MS, WINDOWS, Array

FOREVER_MS: Final = 2**62
_NEVER_MS: Final = 2**60
# What a trend says changes slowly; a time that moves is told at once.
_ETA_EVERY_S: Final = 3600.0


def params_record(settings: DetectSettings) -> Array:
    """``PARAMS [1]``; a window that is off never warms up."""
    windows = [settings.windows[name] for name in WINDOW_NAMES]
    confirm, updates = settings.confirm, settings.updates
    fields = {
        "late_ms": settings.late_s * 1000,
        "stale_ms": settings.stale_s * 1000,
        "stale_intervals": settings.stale_intervals,
        "forget_ms": int(settings.forget_after_s * 1000),
        "spreads": [one.spreads for one in windows],
        "patience": [one.patience for one in windows],
        "warmup_ms": [int(one.warmup_s * 1000) if one.enabled else _NEVER_MS for one in windows],
        "min_samples": [one.min_samples for one in windows],
        "samples": confirm.samples,
        "evidence": confirm.evidence,
        "score_cap": confirm.score_cap,
        "sample_cap_s": confirm.sample_cap_s,
        "clear_level": confirm.clear_level,
        "clear_samples": confirm.clear_samples,
        "clear_ms": confirm.clear_s * 1000,
        "max_freeze_ms": confirm.max_freeze_s * 1000,
        "every_ms": updates.every_s * 1000,
        "growth": updates.growth,
        "warning": updates.warning,
        "critical": updates.critical,
        "clip": settings.drift.clip,
        "reference": WINDOW_NAMES.index(settings.drift.reference),
        "flatline": settings.vitals.flatline,
        "variance": settings.vitals.variance,
        "missing": settings.vitals.missing,
        "known_ms": int(settings.vitals.known_s * 1000),
        "still_ms": int(settings.vitals.still_s * 1000),
        **week_of(settings.calendar),
    }
    record = np.zeros(1, PARAMS)
    for name, value in fields.items():
        record[name][0] = value
    return record


def pace_of(settings: DetectSettings) -> Pace:
    """What chosen detectors need to know of time."""
    return Pace(
        int(settings.updates.every_s * 1000),
        int(settings.confirm.max_freeze_s * 1000),
        int(settings.stale_s * 1000),
        settings.stale_intervals,
        int(settings.forget_after_s * 1000),
    )


def family_records(families: Sequence[MetricFamily], priors: PriorBook | None = None) -> Array:
    """``FAMILY [families]``."""
    columns = (priors or PriorBook(None)).columns([one.name for one in families])
    rows = [
        (one.min_effect, one.relative, one.scale, one.watch in {"both", "up"}, one.watch in {"both", "down"}, *prior)
        for one, prior in zip(families, columns, strict=True)
    ]
    return np.array(rows, FAMILY)


def _window_of(window_ms: int) -> int:
    """The finest window that reaches back so far."""
    for window in range(WINDOWS):
        if WIDTHS_MS[window] * LENGTHS[window] >= window_ms:
            return window
    return WINDOWS - 1


def _pace_s(rule: ThresholdRule, every_s: float) -> float:
    """How often a rule that goes on firing says so again."""
    if rule.every_s is not None:
        return rule.every_s
    return _ETA_EVERY_S if rule.function == "eta" else every_s


def rule_record(rule: ThresholdRule, from_ms: int, until_ms: int, every_s: float) -> tuple[float, ...]:
    """A row of ``RULE``."""
    window_ms = int(rule.window_s * 1000)
    return (
        FUNCTIONS.index(rule.function),
        COMPARISONS.index(rule.comparison),
        _window_of(window_ms),
        window_ms,
        rule.threshold,
        int(rule.for_s * 1000),
        int(rule.keep_firing_for_s * 1000),
        0.0 if rule.limit is None else rule.limit,
        1 if rule.towards == "up" else -1,
        rule.latest_s,
        from_ms,
        until_ms,
        int(_pace_s(rule, every_s) * 1000),
        rule.safety,
    )


def rule_records(rows: Sequence[tuple[float, ...]]) -> Array:
    """``RULE [rules]``."""
    return np.array(list(rows), RULE)


def no_maintenance() -> Array:
    """``[1, 2]``: the table of ``MaintenanceBook`` where no series is ever in maintenance."""
    return np.zeros((1, 2), np.int64)


def make_work() -> Array:
    """``WORK [1]``: room for what a batch may bring; the walk pauses when it is full."""
    return np.zeros(1, WORK)
