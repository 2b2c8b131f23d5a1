"""Settings chosen on four folds and scored on the fifth: its worth on series that it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.nab.data import FOLDS, Floats, Recording
from benchmarks.nab.scoring import Profile, alarms, best, total_at
from models.detectors.records import Records, RecordsSettings

ALARM = 1.0
CLEAN = "artificialNoAnomaly"
NEVER = 1e12
"""A margin that leaves a component out."""
FAMILIES: Mapping[str, Sequence[float]] = {
    "value_margin": (0.005, 0.01, 0.02),
    "lasting_margin": (0.15, 0.3, NEVER),
    "season_margin": (0.25, 0.5, NEVER),
    "memory": (800.0, 1200.0, 1800.0),
    "memory_share": (0.5, 1.0, 2.0),
    "seasonal_share": (0.25, 0.5, 1.0),
    "learn": (1.0, 12.0, 24.0, 48.0),
    "rest_share": (0.03, 0.05, 0.1, 0.2),
    "rest_days": (0.5, 1.0, 2.0, 4.0),
    "louder": (2.0, 3.0, 4.0, 6.0),
}
"""Coarse levels of each setting that a fold may choose from."""
CORNER: Mapping[str, float] = {
    "value_margin": 0.02,
    "lasting_margin": NEVER,
    "season_margin": NEVER,
    "memory": 800.0,
    "memory_share": 0.5,
    "seasonal_share": 1.0,
    "learn": 1.0,
    "rest_share": 0.03,
    "rest_days": 4.0,
    "louder": 2.0,
}
"""A start for the choice that is far from what ships."""

Choice = tuple[tuple[str, float], ...]
Run = Callable[[Recording, Mapping[str, float]], Floats]


@dataclass(frozen=True, slots=True)
class Figures:
    """What held-out folds scored.

    Parameters
    ----------
    score
        The total with the threshold that the other folds chose, too.
    at_one
        The same settings at the threshold 1.0.
    clean_alarms
        Alarms on the series without an anomaly, at the chosen thresholds.
    chosen
        Each fold's settings and threshold.
    """

    score: float
    at_one: float
    clean_alarms: int
    chosen: list[dict[str, Any]]


@dataclass
class Crossfit:
    """The benchmark's recordings, and their scores with every choice of settings that was tried.

    Parameters
    ----------
    recordings
        All of them.
    run
        Scores of a recording with some settings changed from what ships.
    """

    recordings: Sequence[Recording]
    run: Run
    _known: dict[Choice, list[Floats]] = field(default_factory=dict)

    def scores(self, changed: Mapping[str, float]) -> list[Floats]:
        """Of all recordings."""
        key = tuple(sorted(changed.items()))
        if key not in self._known:
            self._known[key] = [self.run(one, changed) for one in self.recordings]
        return self._known[key]

    def _part(self, changed: Mapping[str, float], held: int, inside: bool) -> tuple[list[Recording], list[Floats]]:
        """One fold, or all others."""
        at = [place for place, one in enumerate(self.recordings) if (one.fold == held) is inside]
        scores = self.scores(changed)
        return [self.recordings[place] for place in at], [scores[place] for place in at]

    def _fit(self, start: Mapping[str, float], held: int, profile: Profile) -> dict[str, float]:
        """One setting after the other, until none gains on the folds that are not held out."""
        chosen, top = dict(start), total_at(*self._part(start, held, False), ALARM, profile)
        while True:
            before = dict(chosen)
            for name, levels in FAMILIES.items():
                for level in levels:
                    other = {**chosen, name: level}
                    gained = total_at(*self._part(other, held, False), ALARM, profile)
                    if gained > top + 1e-9:
                        chosen, top = other, gained
            if chosen == before:
                return chosen

    def figures(self, start: Mapping[str, float], profile: Profile) -> Figures:
        """Choose on four folds, score the fifth, five times."""
        windows = sum(len(one.windows) for one in self.recordings)
        score = at_one = 0.0
        clean, chosen = 0, []
        for held in range(FOLDS):
            settings = self._fit(start, held, profile)
            threshold = best(*self._part(settings, held, False), profile).threshold
            part, scores = self._part(settings, held, True)
            share = sum(len(one.windows) for one in part) / windows
            score += share * total_at(part, scores, threshold, profile)
            at_one += share * total_at(part, scores, ALARM, profile)
            clean += clean_alarms(part, scores, threshold)
            chosen.append({"fold": held, "threshold": round(threshold, 4), **settings})
        return Figures(score, at_one, clean, chosen)


def scores_of(recording: Recording, changed: Mapping[str, float]) -> Floats:
    """The shipped detector's scores, with some settings changed."""
    return Records(RecordsSettings.model_validate(changed)).run(recording.times_ms, recording.values)


def clean_alarms(recordings: Sequence[Recording], scores: Sequence[Floats], threshold: float) -> int:
    """Alarms on the series without an anomaly, every one of them false."""
    clean = [place for place, one in enumerate(recordings) if one.name.startswith(CLEAN)]
    return alarms([recordings[place] for place in clean], [scores[place] for place in clean], threshold)
