"""``baseline rollback`` finds a series in the checkpoints and asks for its older level on every partition."""

from __future__ import annotations

from confluent_kafka import Consumer, Producer, TopicPartition
from typer.testing import CliRunner, Result

from agents.checkpoints import Manifest, records_of
from integrations.kafka.admin import create_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.cli import app
from schemas.topics import DETECT_CHECKPOINTS, SETTINGS
from tests.unit.models.rooms import HOUR, Room, noise, shifted

PARTITIONS = 2


def _checkpoint(kafka: KafkaSettings, room: Room) -> None:
    room.operator.mark_all()
    blocks = dict(room.operator.take_blocks())
    records, manifest = records_of(0, blocks, Manifest(number=1, offsets={}, blocks=len(blocks)), claim="")
    producer = Producer(kafka.librdkafka())
    for record in (*records, manifest):
        producer.produce(kafka.topic(DETECT_CHECKPOINTS), record.value, record.key, partition=0)
    assert producer.flush(20) == 0


def _settings(kafka: KafkaSettings) -> list[list[bytes]]:
    """The values of each partition of the topic ``settings``."""
    consumer = Consumer({**kafka.librdkafka(), "group.id": "test", "enable.auto.commit": False})
    found: list[list[bytes]] = []
    try:
        for partition in range(PARTITIONS):
            consumer.assign([TopicPartition(kafka.topic(SETTINGS), partition, 0)])
            found.append([one.value() for one in consumer.consume(10, 3.0) if one.error() is None])
    finally:
        consumer.close()
    return found


def _run(kafka: KafkaSettings, *arguments: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI__KAFKA__TOPIC_PREFIX": kafka.topic_prefix}
    return CliRunner().invoke(app, [*arguments, "--broker", kafka.bootstrap], env=env)


def test_a_rollback_reaches_every_partition_and_makes_the_older_level_normal(any_broker: KafkaSettings) -> None:
    kafka = any_broker.model_copy(update={"partitions": PARTITIONS, "topic_prefix": "rolled."})
    create_topics(kafka)
    young = Room()
    young.feed(noise(6 * HOUR, 20.0))
    _checkpoint(kafka, young)
    refused = _run(kafka, "baseline", "rollback", "room_temperature")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert 'no older level of room_temperature{room="a"} is kept' in refused.stderr
    room = shifted()
    _checkpoint(kafka, room)
    assert "version 1; 20 C was normal before, until" in _run(kafka, "inspect", "room_temperature").stdout
    done = _run(kafka, "baseline", "rollback", 'room_temperature{room="a"}')
    assert done.exit_code == 0, done.output
    assert 'room_temperature{room="a"}: about 20 is normal again from ' in done.stdout
    told = _settings(kafka)
    assert [len(one) for one in told] == [1] * PARTITIONS
    assert room.operator.step(SETTINGS.name, told[1][0]) == []
    (start,) = room.feed(noise(HOUR, 40.0, 9))
    assert (start.state, start.direction) == ("start", "up")
    assert _run(kafka, "baseline", "rollback", "absent").exit_code == 1
