"""Recordings as an objective's indicator sees them: the series of each role, their samples in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from metrics_ai.config import Config
from metrics_ai.recordings import Piece, RecordingOptions, RecordingReader
from metrics_ai.replay import ReplayProgress, pieces_of
from metrics_ai.tally import Tally
from models.rules import labels_of
from schemas.errors import ConfigurationError
from schemas.series import Series
from slo.definition import Slo
from slo.picks import Pick, Role, picks_of
from slo.recorded import Recording
from slo.recorded import Series as Samples
from slo.words import indicator_text
from streams.intake import MAX_VALUE

Part = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
Found = defaultdict[Role, dict[int, list[Part]]]


def recorded(
    slos: Sequence[Slo],
    files: Sequence[Path],
    reading: tuple[RecordingOptions, Config],
    progress: Callable[[ReplayProgress], None] | None = None,
) -> tuple[list[Recording], Tally]:
    """The samples that each objective is measured by, read once for all, and what of the files became none.

    Of two samples of one time the first counts. A row without a number is a value that is known to be missing.

    Raises
    ------
    ConfigurationError, MachineError
        If a file is missing or is not what its format says, or no recording can hold what the indicator asks for.
    """
    options, config = reading
    sought = [(_picks(slo), Found(lambda: defaultdict(list))) for slo in slos]
    reader = RecordingReader(
        options.model_copy(update={"every_row": True}), config.tenant, dict(config.ingest.identity.items())
    )
    taken = Counter[str]()
    for piece in pieces_of(files, reader, lambda: taken["samples"], progress):
        taken["samples"] += _take(piece, sought)
    return [_recording(found) for _, found in sought], reader.tally


def _take(piece: Piece, sought: Sequence[tuple[list[Pick], Found]]) -> int:
    batch = piece.batch
    if batch is None or batch.is_histogram:
        return 0
    for at, text in enumerate(batch.series_text):
        series = Series.from_text(batch.tenant, text)
        labels = labels_of(series)
        wanted = [found[pick.role] for picks, found in sought for pick in picks if pick.takes(labels)]
        if not wanted:
            continue
        rows = np.flatnonzero(batch.series == at)
        for parts in wanted:
            parts[int(batch.series_ids[at])].append((batch.timestamp_ms[rows], batch.value[rows]))
    return len(batch.value)


def _recording(found: Found) -> Recording:
    return {role: [_joined(parts) for _, parts in sorted(series.items())] for role, series in found.items()}


def _joined(parts: Sequence[Part]) -> Samples:
    times_ms = np.concatenate([times for times, _ in parts])
    values = np.concatenate([values for _, values in parts])
    times_ms, first = np.unique(times_ms, return_index=True)
    return Samples(times_ms, np.where(np.abs(values[first]) <= MAX_VALUE, values[first], np.nan))


def _picks(slo: Slo) -> list[Pick]:
    """Which series are of which role."""
    found = picks_of(slo)
    if not found or found[0].role == "received":
        raise ConfigurationError(
            f"{slo.key} is measured by {indicator_text(slo)}, which no recording of series holds",
            "Evaluate an SLO of a ratio, a histogram or a threshold",
        )
    return found
