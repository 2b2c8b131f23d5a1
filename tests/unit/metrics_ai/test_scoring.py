"""What ``metrics-ai score`` writes."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from metrics_ai.cli import app
from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions
from metrics_ai.scoring import HEAD, Scoring
from schemas.series import Series
from tests.unit.models.streams import Bench, stream

_START = datetime(2026, 11, 1, tzinfo=UTC)
CALM = np.random.default_rng(5).normal(50.0, 2.0, 900).round(2).tolist()


def written(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def recording(folder: Path, values: list[object], stamps: list[str] | None = None) -> Path:
    times = stamps or [f"{_START + timedelta(minutes=5 * at):%Y-%m-%dT%H:%M:%SZ}" for at in range(len(values))]
    path = folder / "queue_length.csv"
    rows = "".join(f"{at},{value}\n" for at, value in zip(times, values, strict=True))
    path.write_text("timestamp,value\n" + rows)
    return path


def score(files: list[Path], out: Path, **options: object) -> list[dict[str, str]]:
    Scoring(Config(), RecordingOptions.model_validate(options), out).run(files)
    return written(out / "queue_length.csv")


def test_a_row_comes_out_for_every_row_with_its_time_as_written(tmp_path: Path) -> None:
    values = [*CALM[:600], "", "NaN", *CALM[600:]]
    path = recording(tmp_path, values)
    rows = score([path], tmp_path / "out")
    assert list(rows[0]) == list(HEAD)
    assert [row["timestamp"] for row in rows] == [row["timestamp"] for row in written(path)]
    assert [(row["value"], row["verdict"]) for row in rows[600:602]] == [("", "skipped")] * 2
    assert rows[0]["verdict"] == "learning"
    assert rows[-1]["verdict"] == "normal"
    assert float(rows[-1]["low"]) < 50 < float(rows[-1]["high"])


def test_repeated_and_backward_times_have_rows_too(tmp_path: Path) -> None:
    stamps = [f"2026-11-01 {at // 12:02}:{at % 12 * 5:02}:00" for at in range(200)]
    stamps[150:] = stamps[144:194]
    rows = score([recording(tmp_path, CALM[:200], stamps)], tmp_path / "out")
    assert [row["timestamp"] for row in rows] == stamps
    assert [row["verdict"] for row in rows[150:156]] == ["skipped"] * 6


def test_a_score_knows_only_the_rows_before_it_and_a_jump_is_anomalous_once(tmp_path: Path) -> None:
    short = score([recording(tmp_path, CALM)], tmp_path / "short")
    long = score([recording(tmp_path, [*CALM, *[90.0] * 20])], tmp_path / "long")
    assert long[: len(short)] == short
    anomalous = [at for at, row in enumerate(long) if row["verdict"] == "anomalous"]
    assert [at for at in anomalous if at >= 900] == [900]
    assert len(anomalous) < 9
    assert float(long[900]["anomaly_score"]) > 1.0


def test_the_stage_tells_the_very_rows_when_it_is_the_chosen_detector(tmp_path: Path) -> None:
    """As a series of NAB: five minutes, days that resemble each other, spikes of one sample, a new level."""
    rng = np.random.default_rng(8)
    values = 50 + 10 * np.sin(np.arange(3000) * 2 * np.pi / 288) + rng.normal(0, 1, 3000)
    values[[900, 1500, 2200, 2203]] += [60, 90, -80, -300]
    values[2600:] += 500
    series = Series("t", "queue_length")
    rows = score([recording(tmp_path, values.round(3).tolist())], tmp_path / "out")
    anomalous = [at for at, row in enumerate(rows) if row["verdict"] == "anomalous"]
    assert {900, 1500, 2200, 2600} <= set(anomalous)
    bench = Bench(detectors=[{"detector": "records", "select": "queue_length"}])
    start_ms, step_ms = int(_START.timestamp() * 1000), 300_000
    found = bench.feed(stream(series, values.round(3).tolist(), start_ms, step_ms))
    told = [one for one in found if one.detector == "records" and one.state != "end"]
    assert [(one.at_ms - start_ms) // step_ms for one in told] == anomalous
    assert [round(one.score, 6) for one in told] == [float(rows[at]["anomaly_score"]) for at in anomalous]


@pytest.mark.parametrize("rows", [1, 7, 100_000])
def test_pieces_do_not_show(tmp_path: Path, rows: int) -> None:
    path = recording(tmp_path, [*CALM[:300], *[90.0] * 20])
    assert score([path], tmp_path / "a", batch_rows=rows) == score([path], tmp_path / "b")


def test_a_file_a_series_named_after_it(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("timestamp,value,host\n1,1,a b\n2,1,a/b\n3,1,c\n")
    Scoring(Config(), RecordingOptions(), tmp_path / "out").run([path])
    names = sorted(one.name for one in (tmp_path / "out").iterdir())
    assert names == ["m,host=a_b-2.csv", "m,host=a_b.csv", "m,host=c.csv"]


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_the_command_says_what_it_did(tmp_path: Path) -> None:
    path = recording(tmp_path, [*CALM[:300], 90.0])
    status, text, _ = run("score", str(path), "--out", str(tmp_path / "o"))
    assert status == 0
    assert text.startswith("1 series, 301 rows (learning ")
    status, text, _ = run("score", str(path), "--out", str(tmp_path / "o"), "--json", "--detector", "five_windows")
    assert status == 0
    assert sum(json.loads(text)["summary"]["verdicts"].values()) == 301


def test_what_cannot_be_is_one_clear_line(tmp_path: Path) -> None:
    path = recording(tmp_path, CALM[:10])
    assert run("score", str(path), "--out", str(path))[0] == 2
    status, _, said = run("score", str(path), "--out", str(tmp_path / "o"), "--detector", "nobody")
    assert (status, "no detector 'nobody'" in said) == (2, True)
    empty = tmp_path / "empty.csv"
    empty.write_text("timestamp,value\n")
    assert run("score", str(empty), "--out", str(tmp_path / "o"))[0] == 1
