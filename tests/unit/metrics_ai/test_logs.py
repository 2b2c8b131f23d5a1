"""Logs: JSON with keys, lines for people, files that roll over."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from metrics_ai.logs import LIBRDKAFKA, JsonFormatter, TextFormatter, set_up_logs


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def _record() -> logging.LogRecord:
    error = ValueError("broken")
    info = (ValueError, error, None)
    return logging.makeLogRecord({"msg": "it %s", "args": ("failed",), "levelname": "ERROR", "levelno": 40,
                                  "exc_info": info, "partition": 3})  # fmt: skip


def test_a_json_line_has_the_event_its_keys_and_the_error() -> None:
    body = json.loads(JsonFormatter({"role": "detect"}).format(_record()))
    assert {key: body[key] for key in ("event", "level", "role", "partition")} == {
        "event": "it failed",
        "level": "error",
        "role": "detect",
        "partition": 3,
    }
    assert "ValueError: broken" in body["error"]


def test_a_text_line_has_keys_and_the_traceback_below() -> None:
    first, *rest = TextFormatter().format(_record()).splitlines()
    assert first.endswith("error it failed partition=3")
    assert rest[-1] == "ValueError: broken"


def test_a_client_s_retries_are_no_news_and_its_failures_are(tmp_path: Path) -> None:
    path = tmp_path / "decide.log"
    set_up_logs("info", "json", file=path)
    client = logging.getLogger(LIBRDKAFKA)
    client.warning("GETPID: Failed to acquire transactional PID from broker k1/1: Broker: Not coordinator: retrying")
    client.warning("GETPID: Failed to acquire transactional PID from broker k1/1: Not authorized")
    assert [json.loads(line)["event"][-14:] for line in path.read_text().splitlines()] == ["Not authorized"]


def test_every_logger_writes_to_the_file_and_libraries_keep_quiet(tmp_path: Path) -> None:
    path = tmp_path / "role.log"
    set_up_logs("info", "json", {"role": "ingest"}, path)
    logging.getLogger("anything").info("seen", extra={"count": 2})
    logging.getLogger("faust.inner").info("hidden")
    logging.getLogger("faust.inner").warning("shown")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["seen", "shown"]
    assert (lines[0]["role"], lines[0]["count"]) == ("ingest", 2)
