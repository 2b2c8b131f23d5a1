"""Anomalies with what was known of them and whether they are real: of planted lives, and of NAB's labelled files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.confidence.hearing import Heard, heard
from benchmarks.confidence.lives import heard_lives, is_real
from benchmarks.nab.data import Recording, read_recordings
from benchmarks.planted.intervals import Estimate, wilson
from benchmarks.planted.signals import Floats
from models.confidence import Evidence, features
from models.settings import DetectSettings
from schemas.series import Series

NAB: Final = "nab"
PLANTED: Final = "planted"


@dataclass(frozen=True, slots=True)
class Word:
    """A state of an anomaly.

    Parameters
    ----------
    population
        ``planted`` or ``nab``.
    group
        What a model that judges it must not have been fitted to: its generator, or its fold of files.
    episode, state
        Which anomaly, and which of its states.
    seen, real
        What was known, and what is true.
    """

    population: str
    group: str
    episode: str
    state: str
    seen: Evidence
    real: bool


def _words(told: Iterable[Heard], real: Mapping[str, bool | None], where: tuple[str, str, str]) -> Iterator[Word]:
    """States of the anomalies of which somebody can say whether they are real."""
    for one in told:
        truth = real.get(one.anomaly.id)
        if one.seen is not None and truth is not None:
            yield Word(where[0], where[1], f"{where[2]} {one.anomaly.id}", one.anomaly.state, one.seen, truth)


def planted(seed: int, cases: int) -> Iterator[tuple[str, list[Word]]]:
    """Of every generator at every interval."""
    for signal, life, told, faults in heard_lives(seed, cases):
        of_case = [[fault for fault in faults if fault.case == case] for case in range(life.series)]
        starts = [one for one in told if one.anomaly.state == "start"]
        real = {one.anomaly.id: is_real(one.anomaly, of_case[one.case]) for one in starts}
        name = f"{signal.name} {life.interval_s:g} s"
        yield name, list(_words(told, real, (PLANTED, signal.name, name)))


def _heard_file(recording: Recording, settings: DetectSettings) -> list[Heard]:
    series = Series("nab", NAB, {"file": Path(recording.name).stem})
    return heard([series], [recording.times_ms], [recording.values], settings)


def _is_labelled(recording: Recording, at_ms: int) -> bool | None:
    """Whether a time lies within a labelled window; None where NAB does not count."""
    times = recording.times_ms
    if any(times[first] <= at_ms <= times[last] for first, last in recording.windows):
        return True
    return None if at_ms < times[recording.probation] else False


def labelled(folder: Path) -> Iterator[tuple[str, list[Word]]]:
    """Of every file."""
    for one in read_recordings(folder):
        told = _heard_file(one, DetectSettings())
        starts = [word for word in told if word.anomaly.state == "start"]
        real = {word.anomaly.id: _is_labelled(one, word.anomaly.at_ms) for word in starts}
        yield one.name, list(_words(told, real, (NAB, f"nab {one.fold}", one.name)))


def precision_of(detector: str, folder: Path) -> Estimate:
    """The share of a chosen detector's anomalies on NAB that lie within a labelled window."""
    settings = DetectSettings.model_validate({"detectors": [{"detector": detector, "select": NAB}]})
    found: list[bool] = []
    for one in read_recordings(folder):
        for word in _heard_file(one, settings):
            truth = _is_labelled(one, word.anomaly.at_ms)
            if word.anomaly.detector == detector and word.anomaly.state == "start" and truth is not None:
                found.append(truth)
    return wilson(sum(found), len(found))


def columns(words: Sequence[Word]) -> tuple[Floats, Floats, Floats]:
    """Features, truth, and how much each state counts: an episode's states count 1, both populations the same."""
    states: dict[str, int] = {}
    for one in words:
        states[one.episode] = states.get(one.episode, 0) + 1
    counts = np.array([1.0 / states[one.episode] for one in words])
    real_data = np.array([one.population == NAB for one in words])
    if real_data.any() and not real_data.all():
        counts[real_data] *= counts[~real_data].sum() / counts[real_data].sum()
    return np.array([features(one.seen) for one in words]), np.array([float(one.real) for one in words]), counts
