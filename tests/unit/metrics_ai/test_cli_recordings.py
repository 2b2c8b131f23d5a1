"""Recordings on the command line: one end for what holds no sample, captures that are known, topics that fit."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app
from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions, RecordingReader
from metrics_ai.replay_send import send
from schemas.errors import ConfigurationError, MachineError

SAMPLE = {"metric": "up", "value": 1, "timestamp": 1_795_446_000, "labels": {"host": "h"}}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "METRICS_AI_CONFIG": None})


def capture(path: Path, *messages: object) -> Path:
    values = (base64.b64encode(json.dumps(one).encode()).decode() for one in messages)
    path.write_text("".join(json.dumps({"key": None, "timestamp_ms": 1, "value_base64": one}) + "\n" for one in values))
    return path


def write_empty_parquet(path: Path) -> None:
    pq.write_table(pa.table({"timestamp": pa.array([], pa.int64()), "value": pa.array([], pa.float64())}), path)


EMPTY = {
    "no bytes.csv": b"",
    "a header alone.csv": b"timestamp,value\n",
    "no bytes.jsonl": b"",
    "no bytes.arrow": b"",
    "no bytes.parquet": b"",
    "no rows.parquet": None,
}
UNUSABLE = {"no number.csv": b"timestamp,value\n1795446000,\n1795446060,inf\n"}


def written(folder: Path, name: str) -> str:
    path = folder / name
    content = (EMPTY | UNUSABLE)[name]
    write_empty_parquet(path) if content is None else path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("name", EMPTY)
def test_a_recording_that_is_empty_is_no_quiet_one(name: str, tmp_path: Path) -> None:
    recording = written(tmp_path, name)
    commands = (["replay"], ["replay", "--json"], ["score", "--out", str(tmp_path)], ["inspect", "cpu", "--from"])
    for command in commands:
        result = run(*command, recording)
        assert result.exit_code == 1, result.output
        assert result.stderr == "metrics-ai: there is no sample in it: it is empty\n"


@pytest.mark.parametrize("command", [["replay"], ["score", "--out", "OUT"]])
def test_a_recording_without_a_usable_value_is_no_quiet_one(command: Sequence[str], tmp_path: Path) -> None:
    result = run(*(one.replace("OUT", str(tmp_path)) for one in command), written(tmp_path, "no number.csv"))
    assert result.exit_code == 1
    assert result.stderr == (
        "metrics-ai: there is no usable sample in it: every value was skipped (not_finite 1, null 1)\n"
    )


def test_a_difference_of_nothing_is_no_difference_but_an_error(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("tenant: other\n")
    result = run("replay", written(tmp_path, "no bytes.csv"), "--diff", str(tmp_path / "other.yaml"))
    assert (result.exit_code, "it is empty" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "there is no sample in it: it is empty"),
        ('{"name":"cpu","fields":{"note":"x"},"timestamp":1795446000}\n', "every value was skipped (string_field 1)"),
    ],
)
def test_decode_of_what_holds_no_sample_ends_with_1(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "messages.jsonl"
    path.write_text(text)
    result = run("decode", str(path), "--source-format", "telegraf_json", "--format", "lines")
    assert result.exit_code == 1
    assert said in result.stderr.splitlines()[-1]


def test_decode_of_what_is_no_capture_is_an_error_of_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text("no capture\n")
    result = run("decode", str(path), "--source-format", "native", "--format", "capture")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"metrics-ai: {path}:1: not a captured record")


def test_replay_knows_a_capture_by_its_first_line_as_decode_does(tmp_path: Path) -> None:
    path = capture(tmp_path / "captured.jsonl", SAMPLE, SAMPLE | {"timestamp": 1_795_446_060})
    summary = json.loads(run("replay", str(path), "--json").stdout.splitlines()[-1])["summary"]
    assert (summary["samples"], summary["rejected"]) == (2, {})


def test_a_summary_counts_one_of_each_in_the_singular(tmp_path: Path) -> None:
    path = tmp_path / "up.jsonl"
    path.write_text(json.dumps(SAMPLE) + "\n")
    assert "1 sample of 1 series" in run("replay", str(path)).stdout
    assert "1 message; 1 sample; 1 series" in run("decode", str(path), "--source-format", "native").stderr


@pytest.mark.parametrize(
    ("is_capture", "source_format", "topic", "said"),
    [
        (
            False,
            "telegraf_json",
            "telegraf",
            "takes telegraf_json, and .* would be sent as native JSON.* goes to metrics",
        ),
        (
            True,
            "collectd",
            "telegraf",
            "takes telegraf_json, and .* is said to hold collectd.*--source-format telegraf",
        ),
    ],
)
def test_a_topic_whose_source_takes_another_format_is_refused(
    is_capture: bool, source_format: str, topic: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "messages.jsonl"
    if is_capture:
        capture(path, SAMPLE)
    else:
        path.write_text(json.dumps({"name": "cpu", "fields": {"idle": 1}, "timestamp": 1}) + "\n")
    with pytest.raises(ConfigurationError, match=said):
        send([path], RecordingOptions(source_format=source_format), Config(), topic)


@pytest.mark.parametrize(
    ("name", "content", "given", "said"),
    [
        ("a.parquet", b"no parquet at all", None, r"not a parquet file\. Its suffix says parquet; name its format"),
        ("a.parquet", b"no parquet at all", "parquet", r"not a parquet file\. Is it whole, and is it parquet\?"),
        ("a.arrow", b"\x80" * 64, None, r"a\.arrow: .*[^.]\. Its suffix says arrow"),
        ("a.dat", b"no capture", "capture", r"^\S+/a\.dat:1: not a captured record: .*A capture holds a JSON object"),
    ],
)
def test_a_file_that_is_not_what_its_format_says_names_itself_once_and_a_way_out(
    name: str, content: bytes, given: str | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=said) as error:
        list(RecordingReader(RecordingOptions.model_validate({"format": given}), "default").read([path]))
    assert str(error.value).count(str(path)) == 1
    assert ".." not in str(error.value).replace(str(path), "")


def test_a_folder_is_no_file_that_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    with pytest.raises(MachineError, match=r"Is a directory\. Name a file that can be read"):
        list(RecordingReader(RecordingOptions(), "default").read([tmp_path / "a.csv"]))


def test_one_time_in_the_far_future_that_hides_the_rest_is_said(tmp_path: Path) -> None:
    path = tmp_path / "cpu.csv"
    rows = [f"{1_790_035_200 + 60 * at},0.5" for at in range(100)]
    path.write_text("\n".join(["timestamp,value", *rows[:50], "9999999999,0.5", *rows[50:]]) + "\n")
    done = CliRunner().invoke(app, ["replay", str(path)])
    assert done.exit_code == 0
    assert "50 samples came after much later ones and do not count; the latest is of 2286-11-20" in done.stderr
