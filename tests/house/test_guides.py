"""What the guides show is what the commands print."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from incidents.decide import DecideOperator, DecideSettings
from metrics_ai.config import Config
from metrics_ai.explain.cases import Events, case_of, matches_of
from metrics_ai.explain.selecting import RecordedSamples
from metrics_ai.explain.selecting import run as run_detect
from metrics_ai.explain.story import story_of
from metrics_ai.health_listing import print_entity
from metrics_ai.recordings import RecordingOptions, RecordingReader
from metrics_ai.replay import replay
from models.calendar import CalendarSettings
from models.detect import DetectOperator, DetectSettings
from models.maintenance import MaintenanceWindow
from schemas.batch import encode_batch
from schemas.events import Anomaly, EntityHealth, Setting
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.topics import ALERTS, ANOMALIES, HEALTH, INCIDENTS, SAMPLES, SETTINGS, SLO_ALERTS, TIMELINE
from streams.operator import Output

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "guides"


def blocks(language: str, guide: str = "five-minutes.md") -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", (GUIDES / guide).read_text(), flags=re.DOTALL | re.MULTILINE)
    return [text for named, text in fenced if named == language]


def said(text: str) -> set[str]:
    """Lines, their spaces made one; how long the machine took for it is left out."""
    lines = (re.sub(r"; [\d.]+ s, [\d,]+ samples/s$", "", line.rstrip()) for line in text.splitlines())
    return {" ".join(line.split()) for line in lines if line.strip()}


def run(command: list[str], folder: Path) -> tuple[int, str]:
    env = {**os.environ, "COLUMNS": "160", "NO_COLOR": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def make_day(folder: Path) -> Path:
    script = next(block for block in blocks("python") if "checkout_latency_ms.csv" in block)
    (folder / "make_day.py").write_text(script)
    assert run([sys.executable, "make_day.py"], folder)[0] == 0
    return folder / "checkout_latency_ms.csv"


def test_the_recording_of_the_five_minute_guide_makes_the_incident_that_it_shows(tmp_path: Path) -> None:
    make_day(tmp_path)
    shown = next(block for block in blocks("") if "metrics-ai replay" in block)
    command = shown.splitlines()[0].removeprefix("$ .venv/bin/metrics-ai ").split()
    status, output = run([sys.executable, "-m", "metrics_ai", *command], tmp_path)
    assert status == 0, output
    assert said("\n".join(shown.splitlines()[1:])) == said(output), output


def test_the_readme_shows_what_the_five_minute_guide_shows() -> None:
    guide = (GUIDES / "five-minutes.md").read_text()
    shown = [block for block in blocks("", "../../README.md") if "metrics-ai replay" in block or "decode" in block]
    assert len(shown) == 2
    assert [block for block in shown if block not in guide] == []


def test_the_recordings_guide_says_how_a_recording_without_a_sample_ends(tmp_path: Path) -> None:
    shown = next(block for block in blocks("", "recordings.md") if "idle.csv" in block).splitlines()
    (tmp_path / "idle.csv").write_text("timestamp,value\n1790035200,\n")
    status, output = run([sys.executable, "-m", "metrics_ai", "replay", "idle.csv"], tmp_path)
    assert (status, shown[-1] in output.splitlines()) == (1, True)


def test_the_messages_of_the_five_minute_guide_become_what_it_shows(tmp_path: Path) -> None:
    shown = next(block for block in blocks("") if "metrics-ai decode" in block).splitlines()
    at = next(number for number, line in enumerate(shown) if "metrics-ai decode" in line)
    (tmp_path / "messages.jsonl").write_text("\n".join(shown[1:at]) + "\n")
    command = shown[at].removeprefix("$ .venv/bin/metrics-ai ").split()
    status, output = run([sys.executable, "-m", "metrics_ai", *command], tmp_path)
    assert status == 1
    assert said("\n".join(shown[at + 1 :])) <= said(output), output


def test_the_windows_of_the_maintenance_guide_spare_the_incidents_that_it_says(tmp_path: Path) -> None:
    (tmp_path / "make_nights.py").write_text(blocks("python", "maintenance.md")[0])
    (tmp_path / "maintenance.yaml").write_text(blocks("yaml", "maintenance.md")[0])
    assert run([sys.executable, "make_nights.py"], tmp_path)[0] == 0
    shown = blocks("", "maintenance.md")[0].splitlines()
    command = shown[0].removeprefix("$ .venv/bin/metrics-ai ").split()
    _, output = run([sys.executable, "-m", "metrics_ai", *command], tmp_path)
    assert said("\n".join(shown[1:])) == said(output), output


def test_the_setting_of_the_maintenance_guide_is_taken() -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    setting = Setting.from_bytes(blocks("json", "maintenance.md")[0].encode())
    operator.step(SETTINGS.name, setting.to_bytes())
    assert [entry["name"] for entry in setting.body["windows"]] == ["patch"]
    assert "patch" in dict(operator.take_blocks())["meta"].decode()


def test_each_window_of_the_maintenance_guides_table_is_one() -> None:
    rows = [row.split(" | ")[1] for row in (GUIDES / "maintenance.md").read_text().splitlines() if " | `" in row]
    assert len(rows) == 7
    for row in rows:
        given = {"name": "x", "start": "2026-01-01T02:00", "duration_s": 60}
        for part in re.findall(r"`([^`]+)`", row):
            given |= yaml.safe_load(part)
        window = MaintenanceWindow.model_validate(given).in_calendar(CalendarSettings(country="DE"))
        assert window.spans(1_767_225_600_000, 1_798_761_600_000), row


def test_what_inspect_knows_of_that_recording_stands_in_the_consumers_guide(tmp_path: Path) -> None:
    make_day(tmp_path)
    shown = next(block for block in blocks("", "consumers.md") if "metrics-ai inspect" in block).splitlines()
    command = shown[0].removeprefix("$ metrics-ai ").split()
    status, output = run([sys.executable, "-m", "metrics_ai", *command], tmp_path)
    assert status == 0, output
    assert said("\n".join(shown[1:])) <= said(output), output
    assert (tmp_path / "latency.png").exists()


def explained(recording: Path, options: RecordingOptions, wanted: str) -> set[str]:
    """What ``explain`` says of something that a recording made."""
    config = Config()
    samples = RecordedSamples([recording], options, config, lambda _: True)
    found = replay([recording], options, config)
    topics = ((ALERTS, found.alerts), (INCIDENTS, found.incidents), (TIMELINE, found.timeline))
    events = Events({topic.name: told for topic, told in topics} | {ANOMALIES.name: run_detect(samples, config)[1]})
    return said("\n".join(story_of(case_of(events, *matches_of(events, wanted)))))


def test_what_explain_says_of_that_recording_stands_in_the_consumers_guide(tmp_path: Path) -> None:
    shown = next(block for block in blocks("", "consumers.md") if "metrics-ai explain" in block).splitlines()
    options = RecordingOptions(labels={"host": "web-1"}, unit="ms")
    assert explained(make_day(tmp_path), options, shown[0].split()[3]) == said("\n".join(shown[1:]))


def test_what_explain_says_of_a_disk_that_fills_stands_in_the_detection_guide(tmp_path: Path) -> None:
    (tmp_path / "make_disk.py").write_text(blocks("python", "detection.md")[0])
    assert run([sys.executable, "make_disk.py"], tmp_path)[0] == 0
    shown = next(block for block in blocks("", "detection.md") if "metrics-ai explain" in block).splitlines()
    options = RecordingOptions(labels={"host": "h1", "mount": "/data"})
    told = explained(tmp_path / "node_disk_used_ratio.csv", options, shown[0].split()[3])
    assert said("\n".join(shown[1:])) == told


def test_the_rules_of_the_detection_guide_are_taken() -> None:
    read = [Config.model_validate(yaml.safe_load(block)).detect for block in blocks("yaml", "detection.md")]
    assert [rule.function for settings in read for rule in settings.rules] == ["eta"]


def _health_of(recording: Path) -> list[EntityHealth]:
    """What the detect stage says of the entities of a recording, in order."""
    operator, outputs = DetectOperator(DetectSettings(), 0, 1), list[Output]()
    for piece in RecordingReader(RecordingOptions(), "default").read([recording]):
        if piece.batch is not None:
            outputs += operator.step(SAMPLES.name, encode_batch(piece.batch))
    return [EntityHealth.from_bytes(one.value) for one in outputs if one.topic is HEALTH]


def test_the_node_of_the_health_guide_is_seen_as_it_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "make_node.py").write_text(blocks("python", "health.md")[0])
    assert run([sys.executable, "make_node.py"], tmp_path)[0] == 0
    replayed, told, healthy = (
        next(block for block in blocks("", "health.md") if f"metrics-ai {verb}" in block).splitlines()
        for verb in ("replay", "explain", "health h1")
    )
    _, output = run([sys.executable, "-m", "metrics_ai", "replay", "node.jsonl"], tmp_path)
    more = said(output) - said("\n".join(replayed[1:]))
    assert said("\n".join(replayed[1:])) < said(output), output
    assert all(line.startswith(("P3 ", "18,000 samples of 5 series")) for line in more), output
    assert explained(tmp_path / "node.jsonl", RecordingOptions(), told[0].split()[3]) == said("\n".join(told[1:]))
    worst = next(one for one in _health_of(tmp_path / "node.jsonl") if one.state == "degraded")
    print_entity(worst)
    assert said("\n".join(healthy[1:])) == said(capsys.readouterr().out)


def test_the_incident_of_the_consumers_guide_is_that_of_the_recording(tmp_path: Path) -> None:
    shown = json.loads(blocks("json", "consumers.md")[0])
    options = RecordingOptions(labels={"host": "web-1"}, unit="ms")
    (incident,) = replay([make_day(tmp_path)], options, Config()).incidents
    told = json.loads(incident.to_bytes())
    (member,), (whole,) = shown.pop("members"), told.pop("members")
    assert {name: whole[name] for name in member} == member
    assert {name: told[name] for name in shown} == shown


def test_the_alert_of_an_objective_of_the_consumers_guide_makes_the_incident_that_it_shows() -> None:
    block = next(one for one in blocks("json", "consumers.md") if '"slo"' in one)
    shown = [one for one in blocks("", "consumers.md") if "metrics-ai explain" in one][1].splitlines()
    anomaly, alert = block.splitlines()
    decide = DecideOperator(DecideSettings(), 0, 1)
    outputs = decide.step(ANOMALIES.name, anomaly.encode()) + decide.step(SLO_ALERTS.name, alert.encode())
    events = Events({ANOMALIES.name: [Anomaly.from_bytes(anomaly.encode())]})
    for topic, model in ((ALERTS, Alert), (INCIDENTS, Incident), (TIMELINE, TimelineEntry)):
        events[topic.name] = [model.from_bytes(one.value) for one in outputs if one.topic is topic]
    told = story_of(case_of(events, *matches_of(events, shown[0].split()[3])))
    assert said("\n".join(shown[1:])) == said("\n".join(told))
