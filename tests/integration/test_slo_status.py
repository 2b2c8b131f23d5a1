"""``metrics-ai slo status`` against a broker: what the guide shows is what it prints."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from integrations.kafka.admin import create_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.cli import app
from schemas.slo_events import SloAlert, SloSlice, SloStatus
from schemas.topics import SLO_ALERTS, SLO_STATUS
from slo.announced import announce
from slo.burning import BurnOperator
from slo.engine import EngineSettings
from slo.openslo import read_slos
from streams.operator import Output
from tests.house.test_guides import blocks, said

GUIDE = "slo.md"
START_MS = 1_790_035_200_000
SLICES = 6 * 720
# The outage of the guide's recording, and thirty minutes of a day before the end.
BAD_ROWS = range(1440, 1560)


def told(until: int = SLICES) -> list[Output]:
    """What burn says of the guide's shop."""
    (slo,) = read_slos(blocks("yaml", GUIDE)[0], "checkout.yaml").slos
    burn = BurnOperator(EngineSettings(), 0, 1)
    burn.on_setting(announce(slo.key, slo, 0))
    outputs = []
    for row in range(until):
        bad = 100.0 if row in BAD_ROWS else 0.0
        record = SloSlice(
            partition=0,
            slice_ms=START_MS + row * 5000,
            slice_s=5,
            slos=[slo.key],
            good=[500.0 - bad],
            bad=[bad],
            spenders={slo.key: [{"entity": "service:payment", "bad": bad}]} if bad else {},
        )
        outputs += burn.on_slice(record)
    return [*outputs, *burn.on_tick(1_000), *burn.on_tick(4_000)]


@pytest.fixture(scope="module")
def outputs() -> list[Output]:
    return told()


@pytest.fixture(scope="module")
def broker(embedded_broker: KafkaSettings, outputs: list[Output]) -> KafkaSettings:
    create_topics(embedded_broker)
    send(embedded_broker, [one for one in outputs if one.topic is SLO_STATUS][-3:])
    return embedded_broker


def send(kafka: KafkaSettings, outputs: list[Output]) -> None:
    producer = Producer(kafka.librdkafka())
    for one in outputs:
        producer.produce(one.topic.name, one.value, one.key, 0)
    assert producer.flush(10) == 0


def run(kafka: KafkaSettings, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["slo", "status", *arguments, "--broker", kafka.bootstrap], env={"COLUMNS": "200"})


def shown(command: str) -> set[str]:
    found = [text for text in blocks("", GUIDE) if text.startswith(f"$ .venv/bin/metrics-ai {command}\n")]
    return said(found[-1].partition("\n")[2])


def test_the_guide_shows_where_objectives_stand(broker: KafkaSettings) -> None:
    result = run(broker)
    assert (result.exit_code, said(result.stdout)) == (0, shown("slo status")), result.stdout


def test_the_guide_shows_where_one_stands(broker: KafkaSettings) -> None:
    result = run(broker, "checkout")
    assert (result.exit_code, said(result.stdout)) == (0, shown("slo status checkout")), result.stdout


def test_json_has_one_object_a_line(broker: KafkaSettings) -> None:
    (line,) = run(broker, "--json", "--tenant", "default").stdout.splitlines()
    assert SloStatus.model_validate_json(line).budget("own").bad == 12_000
    assert run(broker, "--json", "--tenant", "acme").stdout == ""


def test_a_name_that_there_is_not_ends_with_1(broker: KafkaSettings) -> None:
    result = run(broker, "payments")
    assert result.exit_code == 1
    assert "nothing is known of an SLO 'payments'" in result.stderr


def test_what_comes_is_followed_and_what_is_removed_is_listed_no_more(
    broker: KafkaSettings, outputs: list[Output], tmp_path: Path
) -> None:
    last = SloStatus.from_bytes([one for one in outputs if one.topic is SLO_STATUS][-1].value)
    later = last.model_copy(update={"at_ms": last.at_ms + 5000, "no_data": True})
    command = [sys.executable, "-m", "metrics_ai", "slo", "status", "--follow", "--json", "--broker", broker.bootstrap]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert json.loads(following.stdout.readline())["at_ms"] == last.at_ms
        producer = Producer(broker.librdkafka())
        producer.produce(SLO_STATUS.name, later.to_bytes(), later.key, 0)
        producer.flush(10)
        assert select.select([following.stdout], [], [], 20)[0]
        assert json.loads(following.stdout.readline()) == json.loads(later.to_bytes())
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 0
    assert " no data " in run(broker).stdout
    producer.produce(SLO_STATUS.name, None, later.key, 0)
    producer.flush(10)
    assert "no status yet" in run(broker).stdout
    producer.produce(SLO_STATUS.name, last.to_bytes(), last.key, 0)
    producer.flush(10)


def test_the_guide_shows_what_an_alert_says(outputs: list[Output]) -> None:
    alerts = [SloAlert.from_bytes(one.value) for one in outputs if one.topic is SLO_ALERTS]
    text = (Path(__file__).resolve().parents[2] / "docs" / "guides" / GUIDE).read_text()
    start = next(one for one in alerts if one.alert == "page-quick" and one.state == "start")
    assert f"> {start.summary}" in text
