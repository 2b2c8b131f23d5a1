"""Rows of every shape become samples, or are counted by reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.formats import Recogniser, SeriesTable
from metrics_ai.recorded_rows import Naming, RowReader, Tally, parse_labels, parse_series_name
from metrics_ai.recordings import RecordingOptions, RecordingReader
from schemas.errors import ConfigurationError

MS = 1_700_000_000_000


def read(**columns: Any) -> tuple[list[tuple[str, dict[str, str], int, float]], Tally]:
    table, tally = SeriesTable("t", Recogniser({})), Tally()
    rows = pa.record_batch(
        {name: column if isinstance(column, pa.Array) else pa.array(column) for name, column in columns.items()}
    )
    batch = RowReader(Naming("cpu", {"job": "a"}), table, tally).read(rows)
    if batch is None:
        return [], tally
    found = []
    for at, ms, value in zip(batch.series.tolist(), batch.timestamp_ms.tolist(), batch.value.tolist(), strict=True):
        series = batch.series_at(at)
        found.append((series.metric, dict(series.labels), ms, value))
    return found, tally


@pytest.mark.parametrize(
    ("what", "times"),
    [
        ("seconds", [1_700_000_000]),
        ("milliseconds", [MS]),
        ("floats", [1_700_000_000.0]),
        ("naive text", ["2023-11-14 22:13:20"]),
        ("text with an offset", ["2023-11-14T23:13:20+01:00"]),
        ("numbers in text", ["1700000000"]),
        ("nanosecond stamps", pa.array([MS * 1_000_000], pa.timestamp("ns"))),
        ("stamps with a zone", pa.array([MS * 1000], pa.timestamp("us", "Europe/Berlin"))),
    ],
)
def test_times_are_read_in_every_form(what: str, times: Any) -> None:
    assert read(timestamp=times, value=[1.0])[0] == [("cpu", {"job": "a"}, MS, 1.0)], what


@pytest.mark.parametrize(
    ("what", "labels"),
    [
        ("JSON", pa.array(['{"node": "h1"}'])),
        ("Prometheus' text", pa.array(['node="h1"'])),
        ("a dictionary of texts", pa.array(['{node="h1"}']).dictionary_encode()),
        ("a map", pa.array([[("node", "h1")]], pa.map_(pa.utf8(), pa.utf8()))),
        ("a struct", pa.array([{"node": "h1"}])),
    ],
)
def test_labels_are_read_in_every_form(what: str, labels: pa.Array) -> None:
    found, _ = read(timestamp=[MS], value=[1], metric=["up"], labels=labels)
    assert found == [("up", {"job": "a", "node": "h1"}, MS, 1.0)], what


def test_rows_keep_their_order_and_their_series() -> None:
    found, _ = read(
        timestamp=[MS, MS, MS + 1, MS + 1],
        value=np.array([1, 2, 3, 4], np.int32),
        metric=["b", None, "b", "a"],
        zone=["z", None, "", "z"],
        ignored=[1, 2, 3, 4],
    )
    assert found == [
        ("b", {"job": "a", "zone": "z"}, MS, 1.0),
        ("cpu", {"job": "a"}, MS, 2.0),
        ("b", {"job": "a"}, MS + 1, 3.0),
        ("a", {"job": "a", "zone": "z"}, MS + 1, 4.0),
    ]


def test_a_row_that_cannot_be_read_is_counted_once() -> None:
    found, tally = read(
        timestamp=[None, MS, MS, MS, MS],
        value=["1", "x", None, "inf", "5"],
        labels=["{}", "{}", "{}", "{}", "nonsense"],
    )
    assert found == []
    assert tally.rejected == {"bad_timestamp": 1, "bad_value": 1, "bad_labels": 1}
    assert tally.skipped == {"null": 1, "not_finite": 1}


def test_times_that_are_no_numbers_are_rejected() -> None:
    assert read(timestamp=[float("nan"), -5.0], value=[1.0, 1.0])[1].rejected == {"bad_timestamp": 2}


def test_many_distinct_cells_are_told_apart() -> None:
    count = 400
    names = [f"n{at % 397}" for at in range(count)]
    found, _ = read(timestamp=[MS] * count, value=[float(at) for at in range(count)], node=names, pod=names, host=names)
    assert [(one[1]["node"], one[3]) for one in found] == [(name, float(at)) for at, name in enumerate(names)]


TIMES = [
    *("2026-01-01", "2026-01-01 10:00", "2026-01-01T10:00:00.5", "2026-01-01T10:00:00.123456", "2026-01-01T10:00Z"),
    *("2026-01-01T10:00:00Z", "2026-01-01T10:00:00+01:00", "2026-01-01t10:00:00z", "2026-01-01T10:00:00+0100"),
    *("1700000000", "1700000000.25", "1969-12-31", "2026-01-01T23:59:60", "2026-13-01", "yesterday", "", None),
]
VALUES = ["1", "1.5", "1_0", " 2", "nan", "nan(1)", "-inf", "1e400", "0x10", "x", "", None]


@given(
    rows=st.lists(st.tuples(st.sampled_from(TIMES), st.sampled_from(VALUES)), min_size=1, max_size=30),
    cuts=st.sets(st.integers(1, 29)),
)
@settings(max_examples=200, deadline=None)
def test_dirty_rows_are_read_alike_however_they_are_cut(
    rows: list[tuple[str | None, str | None]], cuts: set[int]
) -> None:
    def of(part: list[tuple[str | None, str | None]]) -> tuple[Any, Tally]:
        times, values = zip(*part, strict=True)
        return read(timestamp=pa.array(times, pa.utf8()), value=pa.array(values, pa.utf8()))

    whole, tally = of(rows)
    ends = sorted(one for one in cuts if one < len(rows))
    parts = [of(rows[start:end]) for start, end in zip([0, *ends], [*ends, len(rows)], strict=True)]
    assert [one for found, _ in parts for one in found] == whole
    assert sum((one.rejected for _, one in parts), Counter()) == tally.rejected
    assert sum((one.skipped for _, one in parts), Counter()) == tally.skipped


def test_one_row_without_a_time_does_not_cost_the_others_theirs() -> None:
    found, tally = read(timestamp=["2026-01-01 10:00"] * 600 + ["garbage"], value=[1.0] * 601)
    assert len(found) == 600
    assert tally.rejected == {"bad_timestamp": 1}


@pytest.mark.parametrize("text", ["", "{}", "cpu{", "cpu{node=h1}", 'cpu{"node": }'])
def test_a_name_that_names_no_series_is_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_series_name(text)


def test_escapes_in_labels_are_undone() -> None:
    assert parse_labels(r'path="C:\\x", say="\"hi\""') == {"path": "C:\\x", "say": '"hi"'}


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"metric": ["cpu", "cpu"]},
        {"metric": ["cpu", "cpu"], "labels": [{"host": "h1"}, {"host": "h1"}]},
        {"labels": ['{"host": "h1"}', '{"host": "h1"}']},
    ],
    ids=lambda columns: "+".join(columns) or "bare",
)
def test_parquet_needs_no_more_columns_than_csv(columns: dict[str, list[Any]], tmp_path: Path) -> None:
    path = tmp_path / "cpu.parquet"
    pyarrow.parquet.write_table(
        pa.table({"timestamp": [1_790_000_000, 1_790_000_060], "value": [1.0, 2.0], **columns}), path
    )
    batches = [piece.batch for piece in RecordingReader(RecordingOptions(), "default").read([path]) if piece.batch]
    (batch,) = batches
    (text,) = batch.series_text
    assert list(batch.value) == [1.0, 2.0]
    assert '"cpu"' in str(text)
    assert ("h1" in str(text)) == ("labels" in columns)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"timestamp,value,host,value\n1,2,h,3\n", "names 'value' twice"),
        (bytes(range(128, 256)) * 40, "no text in UTF-8"),
    ],
)
def test_a_csv_whose_header_cannot_hold_is_a_clear_error(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        list(RecordingReader(RecordingOptions(), "default").read([path]))


def test_the_first_rows_that_cannot_be_read_are_named() -> None:
    _, tally = read(timestamp=["1700000000", "soon", "1700000002"], value=["1", "2", "three"])
    assert tally.told == [
        ", row 2: rejected, bad_timestamp: timestamp 'soon'",
        ", row 3: rejected, bad_value: value 'three'",
    ]
    _, tally = read(timestamp=["never"] * 9, value=["1"] * 9)
    assert (len(tally.told), tally.rejected) == (5, {"bad_timestamp": 9})


def test_a_csv_without_a_header_says_so(tmp_path: Path) -> None:
    file = tmp_path / "cpu.csv"
    file.write_text("2026-11-23T15:00:00Z,0.5\n2026-11-23T15:00:10Z,0.6\n")
    with pytest.raises(ConfigurationError, match="its first line is data, not names"):
        list(RecordingReader(RecordingOptions(), "default").read([file]))
