"""The benchmark's series and labelled windows, read from a folder."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

FOLDS = 5
PROBATION_SHARE = 0.15
PROBATION_ROWS = 750
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recording:
    """One file.

    Parameters
    ----------
    name
        Folder and file, as in ``windows.json``.
    times_ms, values
        Shape ``[N]``; times count as UTC.
    windows
        First and last row of each labelled anomaly, both inside.
    fold
        Which of the folds it belongs to: its position among the sorted names, modulo their number.
    """

    name: str
    times_ms: npt.NDArray[np.int64]
    values: Floats
    windows: Sequence[tuple[int, int]]
    fold: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def probation(self) -> int:
        """Rows at its beginning that do not count."""
        return int(min(PROBATION_SHARE * len(self), PROBATION_ROWS))


def read_recordings(folder: Path) -> list[Recording]:
    """All files, by name.

    Raises
    ------
    FileNotFoundError
        If the folder does not hold the benchmark.
    """
    labels: dict[str, list[list[str]]] = json.loads((folder / "windows.json").read_text())
    return [_read(folder, name, labels[name], at % FOLDS) for at, name in enumerate(sorted(labels))]


def _read(folder: Path, name: str, labels: list[list[str]], fold: int) -> Recording:
    with (folder / name).open() as file:
        rows = [(_ms(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    times = np.array([at_ms for at_ms, _ in rows], np.int64)
    windows = [_rows_of(times, _ms(first), _ms(last)) for first, last in labels]
    return Recording(name, times, np.array([value for _, value in rows]), windows, fold)


def _rows_of(times_ms: npt.NDArray[np.int64], first_ms: int, last_ms: int) -> tuple[int, int]:
    inside = np.flatnonzero((times_ms >= first_ms) & (times_ms <= last_ms))
    return int(inside[0]), int(inside[-1])


def _ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def read_scores(path: Path) -> dict[str, Floats]:
    """A detector's published scores: a row of ``file,anomaly_score`` for each row of data, in file order."""
    found: dict[str, list[float]] = {}
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["file"], []).append(float(row["anomaly_score"]))
    return {name: np.array(scores) for name, scores in found.items()}
