"""NAB's scoring rules: what the first detection in a window earns, what the others cost.

References
----------
Lavin, Ahmad (2015), https://arxiv.org/abs/1510.03336; https://github.com/numenta/NAB
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.nab.data import Floats, Recording


@dataclass(frozen=True, slots=True)
class Profile:
    """What a false detection and a missed window cost, where a perfect detection earns 1."""

    name: str
    false_positive: float
    false_negative: float


PROFILES = (Profile("standard", 0.11, 1.0), Profile("low_fp", 0.22, 1.0), Profile("low_fn", 0.11, 2.0))
STANDARD = PROFILES[0]
NEVER = np.inf
"""A threshold that nothing reaches."""


def sigmoid(distance: Floats | float) -> Floats:
    """From 1 well before a window's end to -1 well behind it; 0 at its end.

    Examples
    --------
    >>> [round(float(sigmoid(at)), 3) for at in (-1.0, 0.0, 1.0)]
    [0.987, 0.0, -0.987]
    """
    at = np.asarray(distance, np.float64)
    return np.where(at > 3.0, -1.0, 2.0 / (1.0 + np.exp(5.0 * np.minimum(at, 3.0))) - 1.0)


@dataclass(frozen=True, slots=True)
class Worth:
    """What a detection at each row of a recording is worth.

    Parameters
    ----------
    window
        The window that a row lies in, else -1; shape ``[N]``.
    worth
        Inside a window at most 1; outside at most 0, before a false positive's weight; shape ``[N]``.
    counts
        Whether a row counts at all: those of the probation do not.
    """

    window: np.ndarray
    worth: Floats
    counts: np.ndarray

    @classmethod
    def of(cls, recording: Recording) -> Worth:
        """By the rules, from a recording's windows."""
        rows = np.arange(len(recording))
        window = np.full(len(rows), -1)
        worth = np.full(len(rows), -1.0)
        for at, (first, last) in enumerate(recording.windows):
            width = last - first + 1
            behind = rows > last
            worth[behind] = sigmoid((rows[behind] - last) / max(1, width - 1))
            inside = (rows >= first) & (rows <= last)
            window[inside] = at
            worth[inside] = sigmoid((rows[inside] - last - 1) / width) / float(sigmoid(-1.0))
        return cls(window, worth, rows >= recording.probation)


@dataclass(frozen=True, slots=True)
class Point:
    """The total at one threshold.

    Parameters
    ----------
    threshold
        A row whose score reaches it is a detection.
    score
        0 for no detection at all, 100 for a perfect detector.
    """

    threshold: float
    score: float


def _steps(recording: Recording, scores: Floats, profile: Profile) -> tuple[Floats, Floats]:
    """Thresholds of one recording, falling, and what passing each of them adds to the total."""
    worth = Worth.of(recording)
    counted = worth.counts & np.isfinite(scores)
    outside = counted & (worth.window < 0)
    at, gain = [scores[outside]], [profile.false_positive * worth.worth[outside]]
    for window in range(len(recording.windows)):
        rows = np.flatnonzero(counted & (worth.window == window))
        # From the window's end: a lower threshold only matters where it reaches an earlier row.
        reached = scores[rows]
        record = np.maximum.accumulate(reached)
        first = np.flatnonzero(np.append(True, record[1:] > record[:-1])) if len(rows) else rows
        earned = worth.worth[rows[first]]
        later = np.append(earned[1:], -profile.false_negative)
        at.append(reached[first])
        gain.append(earned - later)
    return np.concatenate(at), np.concatenate(gain)


def sweep(recordings: Sequence[Recording], scores: Iterable[Floats], profile: Profile) -> tuple[Floats, Floats]:
    """All thresholds that make a difference, falling, and the scaled total at each.

    Examples
    --------
    >>> one = Recording("a", np.arange(100), np.zeros(100), [(50, 59)], 0)
    >>> at, total = sweep([one], [np.eye(100)[50]], STANDARD)
    >>> at.tolist(), total.round(1).tolist()
    ([inf, 1.0, 0.0], [0.0, 100.0, -301.4])
    """
    steps = [_steps(one, given, profile) for one, given in zip(recordings, scores, strict=True)]
    at = np.concatenate([thresholds for thresholds, _ in steps])
    gain = np.concatenate([gains for _, gains in steps])
    order = np.argsort(-at, kind="stable")
    at, gained = at[order], np.cumsum(gain[order])
    last = np.append(at[1:] != at[:-1], True)
    windows = sum(len(one.windows) for one in recordings)
    scale = 100.0 / max(1.0, windows * (1.0 + profile.false_negative))
    return np.append(NEVER, at[last]), np.append(0.0, scale * gained[last])


def best(recordings: Sequence[Recording], scores: Iterable[Floats], profile: Profile = STANDARD) -> Point:
    """The threshold with the highest total."""
    at, total = sweep(recordings, scores, profile)
    top = int(np.argmax(total))
    return Point(float(at[top]), float(total[top]))


def total_at(
    recordings: Sequence[Recording], scores: Iterable[Floats], threshold: float, profile: Profile = STANDARD
) -> float:
    """The total at a threshold that was chosen elsewhere."""
    at, total = sweep(recordings, scores, profile)
    return float(total[np.flatnonzero(at >= threshold)[-1]])


def alarms(recordings: Sequence[Recording], scores: Iterable[Floats], threshold: float) -> int:
    """Rows beyond the probation that reach a threshold."""
    return sum(int((given[one.probation :] >= threshold).sum()) for one, given in zip(recordings, scores, strict=True))
