"""``doctor``: everything that may be wrong around us, each with what to do about it."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
import shutil
import socket
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from aiokafka import codec
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaException, Message, Producer, libversion
from confluent_kafka.admin import AdminClient, NewTopic

from integrations.kafka.admin import ANSWER_S, check_topics, has_transactions, is_embedded, list_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.check import Check, Level
from metrics_ai.config import Config
from metrics_ai.doctor_paging import check_paging, check_routes, stack_metrics
from metrics_ai.stack.memory import MIB, WARN_RATIO
from metrics_ai.stack.rejections import WAY_OUT, rejected_text
from schemas.errors import BrokerError, MetricsAIError
from schemas.topics import SAMPLES

ROOMS: Final = ("schemas", "streams", "models", "incidents", "integrations", "agents", "metrics_ai")
CODECS: Final = ("gzip", "snappy", "lz4", "zstd")
DISTRIBUTION: Final = "metrics-ai"
GIB: Final = 1024 * MIB
# Event times are compared with the gateway's clock: five minutes ahead is rejected.
SKEW_WARN_S: Final = 5.0
SKEW_FAIL_S: Final = 60.0
_LOCAL: Final = ("127.0.0.1", "localhost")
_LOCK_LINE: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")


def examine(config: Config, data_dir: Path) -> Iterator[Check]:
    """Every check, in order; those that need the broker come last and only where it answers."""
    yield check_python()
    yield check_packages(_lock_path())
    yield check_names()
    yield check_codecs()
    yield check_disk(data_dir)
    status = stack_status(config.http.host, config.http.port)
    yield check_port(config.http.host, config.http.port, ours=status is not None)
    if status is not None:
        yield from check_stack(status)
        yield from check_paging(stack_metrics(config.http.host, config.http.port))
    yield check_routes(config.routing)
    yield from check_stores(config)
    yield from check_broker(config)


def check_python() -> Check:
    """The interpreter's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info < (3, 14):
        return Check("python", "OK", found)
    return Check("python", "FAIL", found, "Use Python 3.11, 3.12 or 3.13")


def _lock_path() -> Path:
    return Path(__file__).resolve().parents[1] / "requirements" / "core.txt"


def check_packages(lock: Path) -> Check:
    """The installed packages against the lock."""
    if not lock.is_file():
        return Check("packages", "OK", f"{DISTRIBUTION} {importlib.metadata.version(DISTRIBUTION)} (no lock beside it)")
    # A package may stand there once for each Python.
    locked: dict[str, list[str]] = {}
    for line in lock.read_text().splitlines():
        if found := _LOCK_LINE.match(line):
            locked.setdefault(found[1], []).append(found[2])
    differing = []
    for name, versions in locked.items():
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            if (installed := importlib.metadata.version(name)) not in versions:
                differing.append(f"{name} {installed} (locked {' or '.join(versions)})")
    if differing:
        return Check("packages", "WARN", ", ".join(differing), "make clean setup installs what is locked")
    return Check("packages", "OK", f"{len(locked)} as locked")


def check_names() -> Check:
    """Whether another installed package has one of our top-level names."""
    owners = importlib.metadata.packages_distributions()
    others = {name: [one for one in owners.get(name, ()) if one != DISTRIBUTION] for name in ROOMS}
    taken = [f"{name} ({', '.join(found)})" for name, found in others.items() if found]
    if taken:
        return Check("names", "FAIL", f"shared with {', '.join(taken)}", "Use an environment of our own: make setup")
    return Check("names", "OK", "no other package has our top-level names")


def check_codecs() -> Check:
    """Whether both clients read every compression that a producer may use."""
    checks: dict[str, Callable[[], bool]] = {name: getattr(codec, f"has_{name}") for name in CODECS}
    missing = [f"aiokafka lacks {name}" for name, has in checks.items() if not has()]
    for name in CODECS:
        try:
            Producer({"bootstrap.servers": "127.0.0.1:1", "compression.type": name, "log_level": 0})
        except KafkaException:
            missing.append(f"librdkafka lacks {name}")
    if missing:
        return Check(
            "codecs", "FAIL", ", ".join(missing), "Install what is locked (cramjam has them): make clean setup"
        )
    return Check("codecs", "OK", f"{', '.join(CODECS)} by aiokafka and librdkafka {libversion()[0]}")


def check_disk(data_dir: Path) -> Check:
    """Free space where data lie."""
    there = next(path for path in (data_dir, *data_dir.absolute().parents) if path.exists())
    usage = shutil.disk_usage(there)
    found = f"{usage.free / GIB:.1f} GiB free for {data_dir}"
    if usage.free < GIB:
        return Check("disk", "FAIL", found, "Free some, or choose another place with --data-dir")
    if usage.free < 5 * GIB:
        return Check("disk", "WARN", found, "Free some, or choose another place with --data-dir")
    return Check("disk", "OK", found)


def stack_status(host: str, port: int) -> dict[str, Any] | None:
    """What a running ``up`` says of itself at that address; None where there is none."""
    with (
        contextlib.suppress(OSError, ValueError),
        urllib.request.urlopen(f"http://{host}:{port}/status", timeout=3) as answer,
    ):
        body = json.load(answer)
        return body if isinstance(body, dict) and "roles" in body else None
    return None


def check_port(
    host: str,
    port: int,
    *,
    ours: bool,
    found: str = "a running stack serves its page there",
    way_out: str = "metrics-ai up --port PORT, or set http.port",
) -> Check:
    """Whether a port is free, or ours; by default the page's."""
    name = f"port {port}"
    if ours:
        return Check(name, "OK", found)
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((host, port)):
            return Check(name, "OK", "free")
    return Check(name, "WARN", "taken by another program", way_out)


def check_broker_port(kafka: KafkaSettings, *, answers: bool) -> Iterator[Check]:
    """Whether a broker can be, or is, on the port of this machine that is configured."""
    host, _, port = kafka.bootstrap.split(",")[0].strip().rpartition(":")
    if host in _LOCAL and port.isdigit():
        way_out = "metrics-ai up --broker-port PORT, or end what listens there"
        yield check_port(host, int(port), ours=answers, found="a broker answers there", way_out=way_out)


def check_stack(status: dict[str, Any]) -> Iterator[Check]:
    """A running stack: its roles, and its broker's memory."""
    bad = [f"{role['role']} {role['state']}" for role in status["roles"] if role["state"] != "running"]
    if bad:
        yield Check("roles", "WARN", ", ".join(bad), "See the logs under run/ in the data directory")
    else:
        yield Check("roles", "OK", f"{len(status['roles'])} running")
    if rejected := Counter({(one["topic"], one["reason"]): one["count"] for one in status.get("rejected", ())}):
        yield Check("rejected records", "WARN", rejected_text(rejected), WAY_OUT)
    if (stores := status.get("stores", {})).get("serving") == "embedded":
        found = f"embedded, {stores['memory_bytes'] / MIB:.0f} MiB" if stores["alive"] else "ended"
        yield Check("serving store", "OK" if stores["alive"] else "WARN", found, "`up` starts it again within seconds")
    broker = status["broker"]
    if broker["kind"] != "embedded":
        return
    used, ceiling = broker["memory_bytes"], broker["ceiling_bytes"]
    found = f"{used / MIB:.0f} of {ceiling / MIB:.0f} MiB"
    level: Level = "FAIL" if used >= ceiling else "WARN" if used >= WARN_RATIO * ceiling else "OK"
    yield Check("embedded broker's memory", level, found, broker["message"])


def check_stores(config: Config) -> Iterator[Check]:
    """The Redis and the database that are configured: whether they answer."""
    if config.serving.url is not None:
        from integrations.serving.store import ServingStore  # noqa: PLC0415  # the client of Redis

        name = "serving store"
        try:
            with ServingStore(config.serving) as serving:
                yield Check(name, "OK", f"{serving.place} answers in {serving.ping() * 1000:.0f} ms")
        except MetricsAIError as error:
            yield Check(name, "FAIL", error.what, "Start it, or see serving.url")
    if config.records.url is not None:
        from integrations.records.store import RecordsStore  # noqa: PLC0415  # SQLAlchemy takes half a second

        try:
            with RecordsStore(config.records) as records:
                records.ping()
                yield Check("records", "OK", f"{records.place} answers")
        except MetricsAIError as error:
            yield Check("records", "FAIL", error.what, "The role project makes its tables; or see records.url")


def check_broker(config: Config) -> Iterator[Check]:
    """The broker: whether it answers, what it can, its topics, its clock."""
    kafka = config.kafka
    name = f"broker {kafka.bootstrap}"
    try:
        topics = list_topics(kafka, ANSWER_S)
    except MetricsAIError as error:
        yield from check_broker_port(kafka, answers=False)
        yield Check(name, "FAIL", error.what, "metrics-ai up starts one; or set kafka.bootstrap, or give --broker")
        return
    yield from check_broker_port(kafka, answers=True)
    try:
        transactions = has_transactions(kafka, ANSWER_S)
        kafka = as_laid_out(config)
    except MetricsAIError as error:
        yield Check(name, "FAIL", error.what, error.way_out)
        return
    kind = "Apache Kafka, or one with its transactions" if transactions else "without transactions (embedded)"
    yield Check(name, "OK", f"{_brokers(kafka)} brokers, {len(topics)} topics, {kind}")
    if kafka.profile == "kafka" and not transactions:
        yield Check("profile", "FAIL", "kafka.profile is kafka, the broker does not fence", "Set kafka.profile to auto")
    yield _check_topics(kafka, [source.topic for source in config.ingest.sources])
    yield check_clock(kafka) if transactions else Check("clock", "OK", "the embedded broker runs on this machine")


def _brokers(kafka: KafkaSettings) -> int:
    return len(AdminClient(kafka.librdkafka(log_level=0)).list_topics(timeout=ANSWER_S).brokers)


def _check_topics(kafka: KafkaSettings, sources: list[str]) -> Check:
    try:
        differences = check_topics(kafka, sources=sources)
    except BrokerError as error:
        return Check("topics", "FAIL", error.what, error.way_out)
    if not differences:
        return Check("topics", "OK", "as the catalogue says")
    more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
    return Check("topics", "WARN", "; ".join(differences[:3]) + more, "metrics-ai topics create; topics check for all")


def as_laid_out(config: Config) -> KafkaSettings:
    """The broker's settings, on a broker of `up` with the number of partitions that `up` makes there."""
    kafka, partitions = config.kafka, config.embedded.partitions
    if not is_embedded(kafka, ANSWER_S):
        return kafka
    samples = list_topics(kafka, ANSWER_S).get(kafka.topic(SAMPLES))
    is_ups = samples is not None and samples.partitions == partitions
    return kafka.model_copy(update={"partitions": partitions}) if is_ups else kafka


def check_clock(kafka: KafkaSettings) -> Check:
    """Our clock against the broker's, by a record that the broker stamps, on a topic that is deleted again."""
    topic = f"{kafka.topic_prefix}metrics-ai-doctor-{uuid4().hex[:8]}"
    admin = AdminClient(kafka.librdkafka(log_level=0))
    try:
        made = NewTopic(topic, 1, config={"message.timestamp.type": "LogAppendTime"})
        admin.create_topics([made])[topic].result(ANSWER_S)
    except KafkaException as error:
        return Check("clock", "WARN", f"not compared: {error.args[0].str()}", "Grant the right to create a topic")
    try:
        return _compared(kafka, topic)
    finally:
        with contextlib.suppress(KafkaException):
            admin.delete_topics([topic])[topic].result(ANSWER_S)


def _compared(kafka: KafkaSettings, topic: str) -> Check:
    stamps: list[tuple[int, int]] = []

    def delivered(error: object, message: Message) -> None:
        if error is None:
            stamps.append(message.timestamp())

    producer = Producer(kafka.librdkafka(log_level=0))
    before_s = time.time()
    producer.produce(topic, b"", on_delivery=delivered)
    producer.flush(ANSWER_S)
    after_s = time.time()
    if not stamps or stamps[0][0] != TIMESTAMP_LOG_APPEND_TIME:
        return Check("clock", "WARN", "not compared: the broker stamps no records", "Compare the clocks by hand")
    broker_s = stamps[0][1] / 1000
    skew_s = max(0.0, before_s - broker_s, broker_s - after_s)
    level: Level = "FAIL" if skew_s > SKEW_FAIL_S else "WARN" if skew_s > SKEW_WARN_S else "OK"
    return Check("clock", level, f"{skew_s:.1f} s from the broker's", "" if level == "OK" else "Set both by NTP")
