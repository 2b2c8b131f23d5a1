"""A score for every row of a recording, written as a CSV a series.

Strictly causal: what stands in a row is known from the rows up to it. Rows are judged as the live stage judges them,
in event time, whatever pieces the recording is read in.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from metrics_ai.config import Config
from metrics_ai.recordings import Piece, RecordingOptions, RecordingReader
from metrics_ai.replay import ReplayProgress, pieces_of
from models.base import Detector
from models.detect import DetectOperator
from models.registry import make_detector
from models.trace import SKIPPED, VERDICTS, make_trace
from schemas.errors import MachineError
from schemas.series import Series

HEAD: Final = ("timestamp", "value", "anomaly_score", "low", "high", "verdict")
DEFAULT_DETECTOR: Final = "records"
_UNSAFE: Final = re.compile(r"[^\w.=,+-]+")
_MAX_NAME_CHARS: Final = 180
_ANOMALOUS: Final = VERDICTS.index("anomalous")
_NORMAL: Final = VERDICTS.index("normal")


class ScoreSummary(NamedTuple):
    """What was scored."""

    series: int
    rows: int
    verdicts: dict[str, int]
    skipped: dict[str, int]
    rejected: dict[str, int]
    told: list[str]


@dataclass(slots=True)
class _Sheet:
    """A series' file, and the detector that scores it."""

    path: Path
    detector: Detector
    rows: int = 0

    def append(self, rows: Iterator[Sequence[object]]) -> None:
        with self.path.open("a" if self.rows else "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not self.rows:
                writer.writerow(HEAD)
            for row in rows:
                writer.writerow(row)
                self.rows += 1


@dataclass
class Scoring:
    """Scores recordings.

    Parameters
    ----------
    config
        The tenant, and how the windows judge: their expected range stands beside the score.
    options
        How recordings are read.
    folder
        Where the files go; made if it is not there.
    detector
        Which detector of the registry scores.
    detector_options
        Its settings.
    """

    config: Config
    options: RecordingOptions
    folder: Path
    detector: str = DEFAULT_DETECTOR
    detector_options: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._operator = DetectOperator(self.config.detect, partition=0, partitions=1)
        self._sheets: dict[int, _Sheet] = {}
        self._names: Counter[str] = Counter()
        self._verdicts: Counter[str] = Counter()

    def run(self, files: Sequence[Path], progress: Callable[[ReplayProgress], None] | None = None) -> ScoreSummary:
        """Score some files, in the order of their samples.

        Raises
        ------
        ConfigurationError, MachineError
            If a file is missing, is not what its format says, or a result cannot be written.
        """
        make_detector(self.detector, self.detector_options)
        reader = RecordingReader(
            self.options.model_copy(update={"every_row": True}),
            self.config.tenant,
            dict(self.config.ingest.identity.items()),
        )
        for piece in pieces_of(files, reader, lambda: self._rows, progress):
            self._score(piece)
        tally = reader.tally
        skipped = dict(sorted(tally.skipped.items()))
        rejected = dict(sorted(tally.rejected.items()))
        verdicts = {name: self._verdicts[name] for name in VERDICTS}
        return ScoreSummary(len(self._sheets), self._rows, verdicts, skipped, rejected, tally.told)

    @property
    def _rows(self) -> int:
        return sum(self._verdicts.values())

    def _score(self, piece: Piece) -> None:
        batch = piece.batch
        if batch is None or batch.is_histogram:
            return
        told = make_trace(len(batch))
        self._operator.step_batch(batch, told)
        stamps = _texts(batch.timestamp_ms) if piece.stamps is None else piece.stamps.to_pylist()
        order = np.argsort(batch.series, kind="stable")
        bounds = np.flatnonzero(np.diff(batch.series[order])) + 1
        try:
            for rows in np.split(order, bounds):
                series = batch.series_at(int(batch.series[rows[0]]))
                sheet = self._sheet(series)
                scores = _scores(sheet.detector, batch.timestamp_ms[rows], told[rows])
                verdicts = _verdicts(told["verdict"][rows], scores)
                self._verdicts.update(VERDICTS[code] for code in verdicts.tolist())
                sheet.append(
                    _cells([stamps[row] for row in rows.tolist()], batch.value[rows], scores, told[rows], verdicts)
                )
        except OSError as error:
            raise MachineError(
                f"{self.folder}: {error.strerror or error}", "Name a folder that can be written"
            ) from error

    def _sheet(self, series: Series) -> _Sheet:
        if (sheet := self._sheets.get(series.id)) is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            name = file_name(series)
            self._names[name.lower()] += 1
            if (count := self._names[name.lower()]) > 1:
                name = f"{name}-{count}"
            detector = make_detector(self.detector, self.detector_options)
            sheet = self._sheets[series.id] = _Sheet(self.folder / f"{name}.csv", detector)
        return sheet


def file_name(series: Series) -> str:
    """A file's name for a series, without its suffix.

    Examples
    --------
    >>> file_name(Series("t", "cpu/ratio", {"host": "h 1", "cpu": "0"}))
    'cpu_ratio,cpu=0,host=h_1'
    """
    labels = (f"{name}={value}" for name, value in sorted(series.labels.items()))
    return _UNSAFE.sub("_", ",".join([series.metric, *labels]))[:_MAX_NAME_CHARS]


def _scores(detector: Detector, times_ms: npt.NDArray[np.int64], told: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The detector's scores of what the stage took; 0 elsewhere."""
    taken = told["verdict"] != SKIPPED
    scores = np.zeros(len(told))
    scores[taken] = detector.run(times_ms[taken], told["value"][taken])
    return scores


def _verdicts(codes: npt.NDArray[np.uint8], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Anomalous is what scores above 1.0, as everywhere."""
    found = np.minimum(codes, _NORMAL)
    found[scores > 1.0] = _ANOMALOUS
    return found


def _cells(
    stamps: Sequence[object],
    values: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float64],
    told: npt.NDArray[Any],
    verdicts: npt.NDArray[np.uint8],
) -> Iterator[Sequence[object]]:
    columns = (values.tolist(), scores.tolist(), told["low"].tolist(), told["high"].tolist(), verdicts.tolist())
    for stamp, value, score, low, high, verdict in zip(stamps, *columns, strict=True):
        yield stamp, _number(value), round(score, 6), _number(low), _number(high), VERDICTS[verdict]


def _number(value: float) -> str:
    return f"{value:.15g}" if np.isfinite(value) else ""


def _texts(times_ms: npt.NDArray[np.int64]) -> list[str]:
    return [
        datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        for at_ms in times_ms.tolist()
    ]
