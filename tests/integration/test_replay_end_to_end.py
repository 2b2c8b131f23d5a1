"""A recording that goes through a broker makes the anomalies that it makes without one, each as it is to the byte."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from integrations.kafka.admin import create_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions
from metrics_ai.replay import anomalies_of
from metrics_ai.replay_send import send
from schemas.events import Tick
from schemas.topics import ANOMALIES, DETECT_CHECKPOINTS, DETECT_TICKS, SAMPLES
from tests.integration.gateways import await_until
from tests.integration.harness.log import BrokerLog

NAB = Path(__file__).resolve().parents[2] / "../shared/data/nab"
PATIENCE_S = 180.0
SOURCE = "metrics"


def recordings(folder: str) -> list[Path]:
    files = sorted((NAB / folder).glob("*.csv"))
    if not files:
        pytest.skip("the NAB data of ../shared is not here")
    return files


def prepared(kafka: KafkaSettings) -> Config:
    """Topics of the test's own; time passes once a second, so that many a tick falls into the recording."""
    own = kafka.model_copy(update={"partitions": 2, "topic_prefix": "replayed."})
    config = Config.model_validate(
        {"ticks": {"detect_interval_s": 1}, "checkpoint": {"interval_s": 1.0, "max_cost_ratio": 1.0}}
    )
    source = config.ingest.sources[0].model_copy(update={"topic": f"replayed.{SOURCE}"})
    ingest = config.ingest.model_copy(update={"sources": [source]})
    create_topics(own, sources=[source.topic])
    if own.profile == "kafka":
        keep_forever(own, [source.topic, own.topic(SAMPLES), own.topic(ANOMALIES), own.topic(DETECT_TICKS)])
    return config.model_copy(update={"kafka": own, "ingest": ingest})


def keep_forever(kafka: KafkaSettings, names: Sequence[str]) -> None:
    """Retention goes by a record's time, which is its sample's: years ago."""
    admin = AdminClient(kafka.librdkafka())
    forever = [ConfigEntry("retention.ms", "-1", incremental_operation=AlterConfigOpType.SET)]
    wanted = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=forever) for name in names]
    for future in admin.incremental_alter_configs(wanted).values():
        future.result(20)


@contextmanager
def working(config: Config, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Ingest and detect in a process of their own, as ``metrics-ai worker`` runs them."""
    path, log = folder / "config.yaml", folder / "worker.log"
    path.write_text(config.model_dump_json())  # JSON is YAML
    options = ["--config", str(path), "--port", "0", "--log-file", str(log)]
    command = [sys.executable, "-m", "metrics_ai", "worker", "ingest", "detect", *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield process
        assert process.poll() is None, log.read_text()[-4000:]
        process.terminate()
        assert process.wait(30) == 0, log.read_text()[-4000:]
    finally:
        process.kill()
        process.wait()


def ingested(config: Config) -> bool:
    """Whether all that was sent has become samples."""
    kafka, topic = config.kafka, config.ingest.sources[0].topic
    consumer = Consumer(kafka.librdkafka(group_id=kafka.group("ingest")))
    try:
        numbers = consumer.list_topics(topic, 10.0).topics[topic].partitions
        places = consumer.committed([TopicPartition(topic, number) for number in numbers], 10.0)
        return all(max(0, one.offset) >= consumer.get_watermark_offsets(one, 10.0)[1] for one in places)
    except KafkaException:  # a young broker has no coordinator yet
        return False
    finally:
        consumer.close()


def halves(path: Path, folder: Path) -> Iterator[Path]:
    """A file in two, each of them with the name that says what its series is."""
    head, *rows = path.read_text().splitlines(keepends=True)
    for name, part in (("first", rows[: len(rows) // 2]), ("second", rows[len(rows) // 2 :])):
        (folder / name).mkdir(exist_ok=True)
        half = folder / name / path.name
        half.write_text(head + "".join(part))
        yield half


def await_tick(log: BrokerLog) -> None:
    """Until a tick says that detect has applied every sample, so that time has passed in the middle of a recording."""
    ends = log.ends(SAMPLES)

    def passed() -> bool:
        ticks = [Tick.from_bytes(one.value) for records in log.records(DETECT_TICKS).values() for one in records]
        return all(
            any(one.partition == at and one.after[SAMPLES.name] >= end for one in ticks) for at, end in ends.items()
        )

    await_until(passed, "detect has seen a tick", PATIENCE_S)


def through_a_broker(config: Config, sendings: Sequence[Sequence[Path]], folder: Path) -> list[bytes]:
    """The anomalies that lie on the topic once everything is applied, and time has passed after each sending."""
    log = BrokerLog(config.kafka)
    with working(config, folder):
        for files in sendings:
            assert send(files, RecordingOptions(), config).rejected == {}
            await_until(lambda: ingested(config), "ingest has read all", PATIENCE_S)
            await_tick(log)
        ends = log.ends(DETECT_TICKS)
        await_until(lambda: _saved(log, ends), "detect has applied all", PATIENCE_S)
    return [record.value or b"" for records in log.records(ANOMALIES).values() for record in records]


def _saved(log: BrokerLog, ends: Mapping[int, int]) -> bool:
    saved = log.saved(DETECT_CHECKPOINTS, DETECT_TICKS)
    return all(saved[number] >= end for number, end in ends.items())


def by_series(events: Sequence[bytes]) -> dict[str, list[str]]:
    """What each detector says of each series, in its order; but reminders of silence are the clock's word."""
    found: dict[str, list[str]] = defaultdict(list)
    for one in events:
        about = json.loads(one)
        if (about["kind"], about["state"]) != ("missing", "update"):
            found[f"{about['metric']} {about['detector']}"].append(one.decode())
    return dict(found)


def differences(found: Mapping[str, list[str]], expected: Mapping[str, list[str]]) -> list[str]:
    """What only one of them says, and series that say the same in another order."""
    told = []
    for name in sorted(found.keys() | expected.keys()):
        ours, theirs = found.get(name, []), expected.get(name, [])
        told += [f"invented: {one}" for one in ours if one not in theirs]
        told += [f"lost: {one}" for one in theirs if one not in ours]
        if sorted(ours) == sorted(theirs) and ours != theirs:
            told.append(f"{name}: in another order")
    return told


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_nab_through_a_broker_is_the_offline_replay(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    """File after file, as they are named: many are about a time long before that of the file before them."""
    cloud, known = recordings("realAWSCloudwatch"), recordings("realKnownCause")
    config = prepared(apache_kafka)
    expected = [one.to_bytes() for one in anomalies_of([*cloud, *known], RecordingOptions(), config)]
    cut = [[half] for path in known for half in halves(path, tmp_path)]
    found = through_a_broker(config, [cloud, *cut], tmp_path)
    assert len(expected) > 200
    assert differences(by_series(found), by_series(expected)) == []
