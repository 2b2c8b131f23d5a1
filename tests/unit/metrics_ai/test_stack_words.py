"""What the stack's terminal says: why a role ended, and what was rejected."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from integrations.telemetry import Telemetry
from metrics_ai.event_listing import Line
from metrics_ai.stack.child import Child, ChildSpec
from metrics_ai.stack.rejections import RejectionNews, rejected_in


class Ended(ChildSpec):
    """A role that is over before it has said anything."""

    def command(self) -> list[str]:
        return [sys.executable, "-c", ""]


def ended(folder: Path, *log: dict[str, str]) -> Child:
    child = Child(Ended("detect", folder))
    child.spec.log_path.write_text("".join(json.dumps(line) + "\n" for line in log))
    child.finish(10)
    return child


def test_a_role_that_died_without_an_error_quotes_nothing(tmp_path: Path) -> None:
    assert ended(tmp_path, {"level": "info", "event": "partition restored"}).last_words() == ""


def test_a_role_s_last_error_is_quoted_with_its_cause(tmp_path: Path) -> None:
    child = ended(
        tmp_path,
        {"level": "error", "event": "older"},
        {"level": "error", "event": "crashed", "error": "Traceback ...\nOSError: disk full\n"},
        {"level": "info", "event": "partition given up"},
    )
    assert child.last_words() == "crashed: OSError: disk full"


def test_words_outside_the_log_come_first(tmp_path: Path) -> None:
    child = ended(tmp_path, {"level": "error", "event": "older"})
    child.spec.output_path.write_text("Fatal Python error: Aborted\n")
    assert child.last_words() == "Fatal Python error: Aborted"


def test_rejections_are_read_from_what_a_role_really_exposes() -> None:
    telemetry = Telemetry("ingest")
    telemetry.rejected.labels("ingest", "telegraf", "not_json").inc(3)
    assert rejected_in({"ingest": generate_latest(telemetry.registry).decode()}) == {("telegraf", "not_json"): 3}


def test_rejections_are_told_once_a_minute_and_only_new_ones() -> None:
    now = [0.0]
    news = RejectionNews(lambda: now[0])
    telegraf, vector = ("telegraf", "not_json"), ("vector", "missing_name")
    assert news.news(Counter()) is None
    assert "rejected: 3 of telegraf (not_json)." in (news.news(Counter({telegraf: 3})) or "")
    assert news.news(Counter({telegraf: 9})) is None
    now[0] = 61.0
    assert "rejected: 6 of telegraf (not_json), 1 of vector (missing_name)." in (
        news.news(Counter({telegraf: 9, vector: 1})) or ""
    )
    now[0] = 200.0
    assert news.news(Counter({telegraf: 9, vector: 1})) is None
    assert news.news(Counter({telegraf: 1})) is None, "a role that was started again counts from 0"
    assert "rejected: 1 of telegraf" in (news.news(Counter({telegraf: 2})) or "")


def test_a_broker_that_goes_away_and_comes_back_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    answers = [True]
    line = Line(lambda: answers[0], "k1:9092")
    begin = line._heard_s
    line.heard(False, begin + 1.0)
    line.heard(False, begin + 10.0)
    assert capsys.readouterr().err == ""
    answers[0] = False
    line.heard(False, begin + 20.0)
    line.heard(False, begin + 30.0)
    assert capsys.readouterr().err == "metrics-ai: the broker at k1:9092 does not answer; waiting for it\n"
    line.heard(True, begin + 31.0)
    line.heard(True, begin + 32.0)
    assert capsys.readouterr().err == "metrics-ai: the broker at k1:9092 answers again\n"
