"""The consumers guide's program: on the embedded broker it reads soon, leaves on Ctrl-C, and reads again as soon."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "consumers.md"
# Half of the session timeout that it sets, and room for a busy machine; with the client's own 45 s it takes 23 s.
SOON_S = 10.0


def program(kafka: KafkaSettings) -> str:
    shown = re.search(r"^```python\n(.*?)^```$", GUIDE.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert shown is not None
    assert "127.0.0.1:9092" in shown[1]
    return shown[1].replace("127.0.0.1:9092", kafka.bootstrap)


@pytest.mark.parametrize("turn", ["the first time", "started again"])
def test_the_guides_consumer_reads_soon_and_leaves_on_ctrl_c(embedded_broker: KafkaSettings, turn: str) -> None:
    create_topics(embedded_broker)
    producer = Producer(embedded_broker.librdkafka())
    producer.produce("incidents", json.dumps({"priority": "P2", "state": "open", "title": turn}), b"default/1")
    assert producer.flush(10) == 0
    command = [sys.executable, "-u", "-c", program(embedded_broker)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as consumer:
        began_s = time.monotonic()
        assert consumer.stdout is not None
        assert consumer.stdout.readline() == f"P2 open {turn}\n"
        assert time.monotonic() - began_s < SOON_S
        consumer.send_signal(signal.SIGINT)
        rest, said = consumer.communicate(timeout=20)
    assert (rest, said, consumer.returncode) == ("", "", 0)
