"""A replay's result depends on the samples, not on their cut."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions
from metrics_ai.replay import ReplayProgress, ReplayResult, replay
from metrics_ai.replay_diff import diff
from metrics_ai.replay_send import native_records
from schemas.batch import SampleBatch, encode_batch
from schemas.errors import ConfigurationError, MachineError
from schemas.series import Series

CONFIG = Config()
BEGIN_MS = 1_700_000_000_000
NAB = Path(__file__).resolve().parents[3] / "../shared/data/nab"
WIRE = Path(__file__).resolve().parents[3] / "../shared/data/wire"

Row = tuple[int, float, str, str]


def recording(seconds: int = 900, fault: tuple[int, int] = (700, 780)) -> list[Row]:
    """CPU and memory of three nodes each second; on n1 both rise during the fault."""
    chance = np.random.default_rng(7)
    rows: list[Row] = []
    for second in range(seconds):
        for node in ("n1", "n2", "n3"):
            faulty = node == "n1" and fault[0] <= second < fault[1]
            for metric, level in (("node_cpu_ratio", 0.2), ("node_memory_used_ratio", 0.4)):
                value = (0.97 if faulty else level) + float(chance.normal(0, 0.01))
                rows.append((BEGIN_MS + second * 1000, value, metric, json.dumps({"node": node})))
    return rows


ROWS = recording()


def write_parquet(path: Path, rows: Sequence[Row]) -> Path:
    columns = [list(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(dict(zip(("timestamp", "value", "metric", "labels"), columns, strict=True))), path)
    return path


def write_jsonl(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w") as file:
        for timestamp, value, metric, labels in rows:
            sample = {"metric": metric, "value": value, "timestamp": timestamp, "labels": json.loads(labels)}
            file.write(json.dumps(sample) + "\n")
    return path


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w") as file:
        file.write("timestamp,value,metric,node\n")
        for timestamp, value, metric, labels in rows:
            file.write(f"{timestamp},{value!r},{metric},{json.loads(labels)['node']}\n")
    return path


def write_capture(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w") as file:
        for timestamp, value, metric, labels in rows:
            sample = {"metric": metric, "value": value, "timestamp": timestamp, "labels": json.loads(labels)}
            body = base64.b64encode(json.dumps(sample).encode()).decode()
            file.write(json.dumps({"key": None, "timestamp_ms": timestamp, "value_base64": body}) + "\n")
    return path


def write_arrow(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("wb") as file:
        for start in range(0, len(rows), 997):
            file.write(encode_batch(batch_of_rows(rows[start : start + 997])))
    return path


def batch_of_rows(rows: Sequence[Row]) -> SampleBatch:
    known: dict[tuple[str, str], int] = {}
    index = [known.setdefault(row[2:], len(known)) for row in rows]
    series = [Series("default", metric, json.loads(text), json.loads(text)) for metric, text in known]
    return SampleBatch(
        "default",
        np.array([one.id for one in series], np.uint64),
        [one.text for one in series],
        np.array(index, np.int32),
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows]),
    )


WRITERS: dict[str, Callable[[Path, Sequence[Row]], Path]] = {
    "parquet": write_parquet,
    "jsonl": write_jsonl,
    "csv": write_csv,
    "arrow": write_arrow,
    "capture": write_capture,
}


def said(result: ReplayResult) -> tuple[list[bytes], dict[str, object]]:
    return list(result.lines()), result.summary.of_the_recording


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> ReplayResult:
    path = write_parquet(tmp_path_factory.mktemp("whole") / "week.parquet", ROWS)
    return replay([path], RecordingOptions(), CONFIG)


def test_a_fault_of_two_signals_on_one_node_is_one_incident(whole: ReplayResult) -> None:
    assert [one.title for one in whole.incidents] == ["CPU and memory of node n1 anomalous"]
    incident = whole.incidents[0]
    assert incident.member_count == 2
    assert 0 <= incident.started_ms - (BEGIN_MS + 700_000) <= 10_000
    assert incident.state == "resolved"
    assert whole.summary.samples == len(ROWS)
    assert whole.summary.series == 6
    assert {one.incident_id for one in whole.alerts if one.priority != "P3"} == {incident.id}
    assert [one.kind for one in whole.timeline][:2] == ["alert_joined", "opened"]


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_tells_the_same(kind: str, whole: ReplayResult, tmp_path: Path) -> None:
    path = WRITERS[kind](tmp_path / f"week.{kind}", ROWS)
    options = RecordingOptions(format="capture" if kind == "capture" else None)
    assert said(replay([path], options, CONFIG)) == said(whole)


@given(data=st.data())
@settings(max_examples=6, deadline=None)
def test_cuts_into_batches_and_files_change_no_byte(
    data: st.DataObject, whole: ReplayResult, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kind = data.draw(st.sampled_from(["parquet", "jsonl", "csv"]))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(ROWS) - 1), max_size=3)))
    most = data.draw(st.sampled_from([7, 100, 1001, 5000]))
    folder = tmp_path_factory.mktemp("cut")
    bounds = [0, *cuts, len(ROWS)]
    files = [
        WRITERS[kind](folder / f"{number}.{kind}", ROWS[start:end])
        for number, (start, end) in enumerate(itertools.pairwise(bounds))
    ]
    assert said(replay(files, RecordingOptions(batch_rows=most, batch_records=most), CONFIG)) == said(whole)


def test_rows_grouped_by_series_tell_the_same_as_rows_by_time(whole: ReplayResult, tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "grouped.parquet", sorted(ROWS, key=lambda row: (row[2:], row[0])))
    assert said(replay([path], RecordingOptions(batch_rows=500), CONFIG)) == said(whole)


def test_what_cannot_be_read_is_counted_by_reason_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / 'cpu{node="h1"}.csv'
    path.write_text(
        "timestamp,value\n2014-02-14 14:30:00,0.1\n2014-02-14T14:31:00Z,0.1\n1392388320,0.1\n"
        "yesterday,0.1\n2014-02-14 14:33:00,much\n2014-02-14 14:34:00,\n2014-02-14 14:35:00,nan\nonly\n"
    )
    summary = replay([path], RecordingOptions(), CONFIG).summary
    assert summary.samples == 3
    assert summary.series == 1
    assert summary.rejected == {"bad_row": 1, "bad_timestamp": 1, "bad_value": 1}
    assert summary.skipped == {"not_finite": 1, "null": 1}
    assert summary.last_ms == 1392388320_000


def test_labels_come_from_columns_options_and_the_name(tmp_path: Path) -> None:
    path = tmp_path / 'up{job="a"}.csv'
    path.write_text("timestamp,value,node\n1700000000,1,h1\n1700000001,1,h2\n")
    options = RecordingOptions(labels={"zone": "z"})
    assert replay([path], options, CONFIG).summary.series == 2


def test_histograms_of_a_capture_are_read_too() -> None:
    path = WIRE / "otlp_proto.jsonl"
    if not path.exists():
        pytest.skip("the wire captures of ../shared are not here")
    summary = replay([path], RecordingOptions(format="capture", source_format="otlp"), CONFIG).summary
    assert summary.samples > 100
    assert not summary.rejected


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("missing.csv", None, MachineError),
        ("a.txt", "x", ConfigurationError),
        ("a.csv", "when,what\n1,2\n", ConfigurationError),
        ("a.parquet", "no parquet", ConfigurationError),
    ],
)
def test_a_file_that_cannot_be_read_is_a_clear_error(
    name: str, text: str | None, error: type[Exception], tmp_path: Path
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(error, match=path.stem):
        replay([path], RecordingOptions(), CONFIG)


def test_an_empty_recording_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "b.jsonl").write_text("\n")
    result = replay([tmp_path / "a.csv", tmp_path / "b.jsonl"], RecordingOptions(), CONFIG)
    assert result.summary.samples == 0
    assert list(result.lines()) == []


def test_progress_grows_to_the_end(tmp_path: Path) -> None:
    seen: list[ReplayProgress] = []
    files = [write_jsonl(tmp_path / "a.jsonl", ROWS[:500]), write_parquet(tmp_path / "b.parquet", ROWS[500:900])]
    replay(files, RecordingOptions(batch_rows=100, batch_records=100), CONFIG, seen.append)
    done = [one.done_bytes for one in seen]
    assert done == sorted(done)
    assert done[-1] == seen[-1].total_bytes == sum(path.stat().st_size for path in files)
    assert seen[-1].samples == 900


def test_a_diff_names_what_comes_goes_and_moves(whole: ReplayResult, tmp_path: Path) -> None:
    assert [one.change for one in diff(whole, whole)] == ["same"]
    nothing = replay([write_parquet(tmp_path / "calm.parquet", ROWS[:600])], RecordingOptions(), CONFIG)
    assert [one.change for one in diff(whole, nothing)] == ["went"]
    assert [one.change for one in diff(nothing, whole)] == ["came"]
    longer = write_parquet(tmp_path / "longer.parquet", recording(fault=(700, 800)))
    (moved,) = diff(whole, replay([longer], RecordingOptions(), CONFIG))
    assert (moved.change, moved.what) == ("moved", ("ends 20 s later",))


def test_native_records_say_what_the_batch_says() -> None:
    records = list(native_records(batch_of_rows(ROWS[:12])))
    assert len(records) == 12
    for (key, value, timestamp_ms), row in zip(records, ROWS, strict=False):
        body = json.loads(value)
        assert (body["metric"], body["value"], json.dumps(body["labels"])) == (row[2], row[1], row[3])
        assert body["timestamp"] == "2023-11-14T22:13:" + f"{20 + (timestamp_ms - BEGIN_MS) // 1000:02}.000Z"
        assert key == f"node:{body['labels']['node']}".encode()


def test_a_real_series_tells_the_same_however_it_is_cut(tmp_path: Path) -> None:
    path = NAB / "realKnownCause/cpu_utilization_asg_misconfiguration.csv"
    if not path.exists():
        pytest.skip("the NAB data of ../shared is not here")
    lines = path.read_text().splitlines(keepends=True)
    files = []
    for number, (start, end) in enumerate([(1, 5000), (5000, 5001), (5001, len(lines))]):
        files.append(tmp_path / f"{number}.csv")
        files[-1].write_text(lines[0] + "".join(lines[start:end]))
    first = replay([path], RecordingOptions(metric="cpu"), CONFIG)
    assert said(first) == said(replay(files, RecordingOptions(metric="cpu", batch_rows=333), CONFIG))
    assert first.summary.samples == 18_050
