"""Rows of every shape become samples, or are counted by reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from integrations.formats import Recogniser, SeriesTable
from metrics_ai.recorded_rows import Naming, RowReader, Tally, parse_labels, parse_series_name
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


@pytest.mark.parametrize("text", ["", "{}", "cpu{", "cpu{node=h1}", 'cpu{"node": }'])
def test_a_name_that_names_no_series_is_an_error(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse_series_name(text)


def test_escapes_in_labels_are_undone() -> None:
    assert parse_labels(r'path="C:\\x", say="\"hi\""') == {"path": "C:\\x", "say": '"hi"'}
