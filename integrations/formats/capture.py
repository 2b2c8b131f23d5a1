"""Recorded producers' messages in files, and what they become as plain dictionaries (``metrics-ai decode``).

Three layouts: ``capture`` (a JSON object a line with ``key``, ``timestamp_ms`` and ``value_base64``), ``lines`` (one
message a line), ``raw`` (the file is one message). Files that end in ``.gz`` are decompressed.
"""

from __future__ import annotations

import binascii
import gzip
import math
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Literal

import msgspec

from integrations.formats.base import Decoded, SeriesTable
from schemas.errors import ConfigurationError, SchemaError
from schemas.series import Series

Layout = Literal["capture", "lines", "raw"]
NO_TIME: Final = -1
_CHUNK_RECORDS: Final = 5000
CAPTURE_HINT: Final = "A capture holds a JSON object a line: key, timestamp_ms, value_base64"
_CAPTURES_OWN: Final = b'"value_base64"'
_FIRST_BYTES: Final = 1 << 20


class _Record(msgspec.Struct):
    value_base64: str | None
    timestamp_ms: int = NO_TIME


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some messages of a file.

    Parameters
    ----------
    values, times
        The arguments of ``Decoder.decode``: messages and their records' times.
    places
        Line of each message in the file, from 1.
    """

    values: list[bytes] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)


def read_records(
    path: Path, layout: Layout = "capture", *, record_ms: int = NO_TIME, chunk_records: int = _CHUNK_RECORDS
) -> Iterator[Chunk]:
    """The messages of a file, some thousands at a time.

    Parameters
    ----------
    path
        The file.
    layout
        How messages stand in it.
    record_ms
        Time of the records where the layout holds none; without it samples that carry no time are rejected.
    chunk_records
        How many messages come at once.

    Raises
    ------
    ConfigurationError
        If the file cannot be read.
    SchemaError
        If a line is not what ``capture`` promises; it names the line.
    """
    chunk = Chunk()
    try:
        with _opened(path) as file:
            for place, value, time in _messages(file, path, layout, record_ms):
                chunk.places.append(place)
                chunk.values.append(value)
                chunk.times.append(time)
                if len(chunk) == chunk_records:
                    yield chunk
                    chunk = Chunk()
    except (OSError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigurationError(f"{path}: {reason}", "Name a readable file") from error
    if chunk:
        yield chunk


def looks_captured(path: Path) -> bool:
    """Whether a file begins as a capture does; one that cannot be read is told of by whoever reads it next."""
    try:
        with _opened(path) as file:
            return _CAPTURES_OWN in file.readline(_FIRST_BYTES)
    except (OSError, EOFError):
        return False


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]


def _messages(file: IO[bytes], path: Path, layout: Layout, record_ms: int) -> Iterator[tuple[int, bytes, int]]:
    if layout == "raw":
        yield 1, file.read(), record_ms
        return
    for number, line in enumerate(file, 1):
        text = line.rstrip(b"\r\n")
        if not text:
            continue
        if layout == "lines":
            yield number, text, record_ms
        else:
            yield number, *_captured(text, f"{path}:{number}")


def _captured(line: bytes, where: str) -> tuple[bytes, int]:
    try:
        record = msgspec.json.decode(line, type=_Record)
        return b64decode(record.value_base64 or "", validate=True), record.timestamp_ms
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise SchemaError(f"{where}: not a captured record: {error}", CAPTURE_HINT) from error


def sample_dicts(decoded: Decoded, table: SeriesTable) -> Iterator[dict[str, Any]]:
    """Every sample as a dictionary that JSON can hold, in the order of the records.

    A number has ``metric``, ``labels``, ``value``, ``timestamp_ms``, ``type`` and ``unit``; a histogram or summary has
    its columns (``HistogramPoint``) in the place of ``value``.
    """
    known: dict[int, Series] = {}
    rows = [
        (record, 0, dense, at_ms, {"value": value})
        for record, dense, at_ms, value in zip(
            decoded.record.tolist(),
            decoded.series.tolist(),
            decoded.timestamp_ms.tolist(),
            decoded.value.tolist(),
            strict=True,
        )
    ]
    rows += [
        (one.record, 1, one.series, one.timestamp_ms, {name: _plain(held) for name, held in one.point.columns()})
        for one in decoded.histograms
    ]
    rows.sort(key=lambda row: row[:2])
    for _, _, dense, at_ms, columns in rows:
        series = known.get(dense) or known.setdefault(dense, table[dense])
        labels = dict(series.labels)
        about = {"timestamp_ms": at_ms, "type": series.type, "unit": series.unit}
        yield {"metric": series.metric, "labels": labels, **columns, **about}


def _plain(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return [_plain(one) for one in value] if isinstance(value, list) else value
