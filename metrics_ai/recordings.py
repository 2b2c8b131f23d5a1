"""Recorded metrics, read as a stream of batches: CSV, JSON lines, Parquet, our Arrow batches, captures of Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from pydantic import BaseModel, ConfigDict, Field

from integrations.formats import Decoded, FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.formats.capture import looks_captured, read_records
from metrics_ai.recorded_rows import Naming, RowReader, batch_of, parse_series_name
from metrics_ai.tally import Tally
from schemas.batch import SampleBatch, decode_batch
from schemas.errors import ConfigurationError, MachineError, SchemaError

RecordingFormat = Literal["csv", "jsonl", "parquet", "arrow", "capture"]
SUFFIXES: Final[Mapping[str, RecordingFormat]] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
}
_CHUNK_BYTES: Final = 4 << 20
_MAX_ROW: Final = 80


class RecordingOptions(BaseModel):
    """How recordings are read.

    Examples
    --------
    >>> RecordingOptions(labels={"node": "h1"}).format_of(Path("cpu.csv"))
    'csv'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: RecordingFormat | None = Field(default=None, description="Of all files; else by each file's suffix.")
    source_format: str = Field(default="native", description="What a capture's records hold, or a line of jsonl.")
    metric: str | None = Field(default=None, description="Where rows name none; else the file's name says it.")
    labels: dict[str, str] = Field(default_factory=dict, description="Labels of every series of CSV and Parquet.")
    type: str = Field(default="gauge", description="Where rows name none: gauge, counter, delta.")
    unit: str = Field(default="", description="Where rows name none.")
    messages: FormatOptions = Field(default_factory=FormatOptions, description="What messages or rows do not say.")
    batch_rows: int = Field(default=262_144, ge=1, description="Rows read at once; the result does not depend on it.")
    every_row: bool = Field(default=False, description="Whether rows without a number come, too, as no number.")
    batch_records: int = Field(default=5_000, ge=1, description="Messages decoded at once; neither on this.")

    def format_of(self, path: Path) -> RecordingFormat:
        """The format of a file: as given, else by its suffix, and by its first line where that may be a capture's.

        Raises
        ------
        ConfigurationError
            If neither the options nor its suffix tell.
        """
        found = self.format or SUFFIXES.get(path.suffix.lower())
        if found == "jsonl" and self.format is None and looks_captured(path):
            return "capture"
        if found is None:
            raise ConfigurationError(
                f"{path}: its suffix names no format", "Say --format csv, jsonl, parquet, arrow or capture"
            )
        return found

    def naming(self, path: Path) -> Naming:
        """What a file of rows does not say of its series: the options, else its name (``metric{label="x"}.csv``)."""
        metric, labels = parse_series_name(self.metric or path.stem)
        return Naming(metric, {**labels, **self.labels}, self.type, self.unit, self.messages.time_unit)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of a recording.

    Parameters
    ----------
    batch
        Samples, or histogram points; None where there were none.
    done_bytes
        How much of the file was read so far, for a progress bar.
    stamps
        Each sample's time as the file writes it; None where it is written in messages.
    """

    batch: SampleBatch | None
    done_bytes: int
    stamps: pa.Array | None = None


class RecordingReader:
    """Reads recordings of one tenant, file by file, in bounded memory.

    Parameters
    ----------
    options
        How they are read.
    tenant
        Whose they are (our Arrow batches say it themselves).
    identity
        Labels that name a dimension, as ingest has it.

    Examples
    --------
    >>> reader = RecordingReader(RecordingOptions(), "default")
    >>> list(reader.read([])), reader.tally.rejected
    ([], Counter())
    """

    def __init__(
        self, options: RecordingOptions, tenant: str, identity: Mapping[Any, Sequence[str]] | None = None
    ) -> None:
        self._options = options
        self._table = SeriesTable(tenant, Recogniser(identity or {}))
        self._decoder = decoder_for(options.source_format, options.messages)
        self._readers: dict[RecordingFormat, Callable[[Path], Iterator[Piece]]] = {
            "csv": self._csv,
            "jsonl": self._lines,
            "capture": self._lines,
            "parquet": self._parquet,
            "arrow": self._arrow,
        }
        self.tally = Tally()

    def read(self, paths: Sequence[Path]) -> Iterator[Piece]:
        """The files' samples, in the order given and inside a file in its own.

        Raises
        ------
        ConfigurationError, MachineError
            If a file is missing, or is not what its format says.
        """
        for path in paths:
            reader = self._readers[self._options.format_of(path)]
            try:
                yield from reader(path)
            except (ConfigurationError, SchemaError) as error:
                way_out = error.way_out or self._way_out(path)
                raise ConfigurationError(_placed(path, error.what), way_out) from error
            except pa.ArrowException as error:
                raise ConfigurationError(_placed(path, str(error)), self._way_out(path)) from error
            except OSError as error:
                # Arrow says so, too, of bytes that are not what they should be; then no system call has failed.
                if error.errno is None:
                    raise ConfigurationError(_placed(path, str(error)), self._way_out(path)) from error
                raise MachineError(
                    _placed(path, error.strerror or str(error)), "Name a file that can be read"
                ) from error

    def _way_out(self, path: Path) -> str:
        if self._options.format:
            return f"Is it whole, and is it {self._options.format}?"
        return f"Its suffix says {self._options.format_of(path)}; name its format with --format if it is another"

    def _csv(self, path: Path) -> Iterator[Piece]:
        rows = self._rows_of(path)
        with path.open("rb") as file:
            if not file.read(1):
                return
            file.seek(0)
            with pyarrow.csv.open_csv(
                file,
                read_options=pyarrow.csv.ReadOptions(block_size=_CHUNK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=partial(self._bad_row, path)),
                convert_options=pyarrow.csv.ConvertOptions(
                    column_types=dict.fromkeys(_header(path), pa.utf8()), strings_can_be_null=False
                ),
            ) as reader:
                for block in reader:
                    for cut in self._cuts(block):
                        yield Piece(rows.read(cut), min(file.tell(), path.stat().st_size), rows.stamps)

    def _rows_of(self, path: Path) -> RowReader:
        options = self._options
        return RowReader(options.naming(path), self._table, self.tally, str(path), every_row=options.every_row)

    def _bad_row(self, path: Path, row: Any) -> str:
        detail = f"{row.actual_columns} cells where the header has {row.expected_columns}: {row.text[:_MAX_ROW]!r}"
        self.tally.reject("bad_row", str(path), detail)
        return "skip"

    def _parquet(self, path: Path) -> Iterator[Piece]:
        rows = self._rows_of(path)
        if not path.stat().st_size:
            return
        schema = pyarrow.parquet.read_schema(path)
        texts = [one.name for one in schema if one.name in ("metric", "labels") and pa.types.is_string(one.type)]
        with pyarrow.parquet.ParquetFile(path, read_dictionary=texts, memory_map=True) as file:
            size, total, done = path.stat().st_size, max(1, file.metadata.num_rows), 0
            for block in _merged(file.iter_batches(batch_size=self._options.batch_rows), self._options.batch_rows):
                done += len(block)
                yield Piece(rows.read(block), size * done // total, rows.stamps)

    def _arrow(self, path: Path) -> Iterator[Piece]:
        size = path.stat().st_size
        with pa.OSFile(str(path)) as file:
            while (start := file.tell()) < size:
                with pa.ipc.open_stream(file) as reader:
                    for _ in reader:
                        pass
                end = file.tell()
                file.seek(start)
                yield Piece(decode_batch(file.read(end - start)), end)

    def _lines(self, path: Path) -> Iterator[Piece]:
        captured = self._options.format_of(path) == "capture"
        size, done = path.stat().st_size, 0
        chunks = read_records(path, "capture" if captured else "lines", chunk_records=self._options.batch_records)
        for chunk in chunks:
            decoded = self._decoder.decode(chunk.values, chunk.times, self._table)
            self.tally.skipped.update(decoded.skipped)
            for one in decoded.rejections:
                self.tally.reject(one.reason, f"{path}:{chunk.places[one.record]}", one.detail)
            # Base64 makes four bytes of three; the rest of a line is not counted.
            done += sum(map(len, chunk.values)) * (4 if captured else 3) // 3
            yield Piece(batch_of(self._table, decoded.series, decoded.timestamp_ms, decoded.value), min(done, size))
            yield Piece(self._histograms(decoded), min(done, size))

    def _histograms(self, decoded: Decoded) -> SampleBatch | None:
        if not decoded.histograms:
            return None
        distinct, index = np.unique([one.series for one in decoded.histograms], return_inverse=True)
        return SampleBatch(
            tenant=self._table.tenant,
            series_ids=self._table.ids[distinct],
            series_text=[self._table.texts[at] for at in distinct.tolist()],
            series=index.astype(np.int32),
            timestamp_ms=np.array([one.timestamp_ms for one in decoded.histograms], np.int64),
            value=np.empty(0),
            points=[one.point for one in decoded.histograms],
        )

    def _cuts(self, block: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        for start in range(0, len(block), self._options.batch_rows):
            yield block.slice(start, self._options.batch_rows)


def _placed(path: Path, what: str) -> str:
    """What is wrong with a file, its name before it unless it stands there."""
    what = what.strip().rstrip(".")
    return what if what.startswith(f"{path}:") else f"{path}: {what}"


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig") as file:
        try:
            names = [name.strip().strip('"') for name in file.readline().split(",")]
        except UnicodeDecodeError as error:
            raise ConfigurationError("its first line is no text in UTF-8", "Name its format with --format") from error
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"its header names {twice[0]!r} twice", "Give each column a name of its own")
    if names and not {"timestamp", "value"} & set(names) and all(map(_is_number_or_time, names)):
        raise ConfigurationError("its first line is data, not names", "Put a line timestamp,value above it")
    return names


def _is_number_or_time(cell: str) -> bool:
    return bool(cell) and cell[0] in "+-.0123456789"


def _merged(blocks: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Small blocks (a Parquet file of many small row groups) as fewer large ones."""
    waiting: list[pa.RecordBatch] = []
    for block in blocks:
        if sum(map(len, waiting)) + len(block) > rows and waiting:
            yield _one(waiting)
            waiting = []
        waiting.append(block)
    if waiting:
        yield _one(waiting)


def _one(blocks: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    if len(blocks) == 1:
        return blocks[0]
    return pa.Table.from_batches(blocks).unify_dictionaries().combine_chunks().to_batches()[0]
