"""Recorded messages in files."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path

import pytest

from integrations.formats import Recogniser, SeriesTable, decoder_for
from integrations.formats.capture import NO_TIME, Chunk, read_records, sample_dicts
from schemas.errors import ConfigurationError, SchemaError


def captured(value: bytes | None, time: int) -> str:
    text = None if value is None else base64.b64encode(value).decode()
    return json.dumps({"key": None, "timestamp_ms": time, "value_base64": text})


def test_a_capture_gives_bytes_and_times(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join([captured(b"\x00\xff", 5), "", captured(None, 6)]) + "\n")
    assert list(read_records(file)) == [Chunk([b"\x00\xff", b""], [5, 6], [1, 3])]


def test_a_compressed_capture_reads_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    file.write_bytes(gzip.compress(captured(b"x", 5).encode()))
    assert list(read_records(file)) == [Chunk([b"x"], [5], [1])]


def test_lines_and_raw_have_no_times_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes(b"one\r\n\ntwo\n")
    assert list(read_records(file, "lines")) == [Chunk([b"one", b"two"], [NO_TIME, NO_TIME], [1, 3])]
    assert list(read_records(file, "raw", record_ms=9)) == [Chunk([b"one\r\n\ntwo\n"], [9], [1])]


def test_long_files_come_in_chunks(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x\n" * 7)
    assert [len(chunk) for chunk in read_records(file, "lines", chunk_records=3)] == [3, 3, 1]


@pytest.mark.parametrize("line", ["{", "[]", '{"key": 1}', '{"value_base64": "§"}', '{"value_base64": "QQ"}'])
def test_a_line_that_is_no_captured_record_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(captured(b"x", 5) + "\n" + line)
    with pytest.raises(SchemaError, match=r"a\.jsonl:2: not a captured record"):
        list(read_records(file))


def test_a_missing_file_and_a_broken_archive_are_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="none: No such file or directory"):
        list(read_records(tmp_path / "none"))
    broken = tmp_path / "a.gz"
    broken.write_bytes(gzip.compress(b"x" * 100)[:-9])
    with pytest.raises(ConfigurationError, match=r"a\.gz: Compressed file ended"):
        list(read_records(broken, "raw"))


def test_samples_without_any_time_are_rejected_and_say_so() -> None:
    table = SeriesTable("default", Recogniser())
    for form, value in (("native", b'{"metric":"m","value":1}'), ("telegraf_influx", b"m a=1")):
        decoded = decoder_for(form).decode([value], [NO_TIME], table)
        assert [one.reason for one in decoded.rejections] == ["bad_timestamp"]
        assert "neither the message nor its record" in decoded.rejections[0].detail


def test_samples_are_plain_json_in_the_order_of_the_records() -> None:
    table = SeriesTable("default", Recogniser())
    summary = (
        b'{"name":"s","kind":"absolute","aggregated_summary":{"quantiles":[{"quantile":1,"value":null}],"count":0}}'
    )
    gauge = b'{"name":"g","kind":"absolute","gauge":{"value":1}}'
    decoded = decoder_for("vector").decode([summary, gauge], [5, 5], table)
    told = list(sample_dicts(decoded, table))
    assert [one["metric"] for one in told] == ["s", "g"]
    assert told[0]["quantile_values"] == [None]
    assert json.loads(json.dumps(told, allow_nan=False)) == told
