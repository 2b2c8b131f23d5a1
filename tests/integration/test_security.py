"""TLS, SASL PLAIN and SCRAM against Apache Kafka, with every client: confluent-kafka, aiokafka, Faust."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import SecretStr

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import check_topics, create_topics, has_transactions, list_topics
from integrations.kafka.apache import ApacheKafka, SecureListener
from schemas.errors import BrokerError
from schemas.topics import REJECTED, SAMPLES
from tests.integration.gateways import Samples, await_until, ingest, producer, running, sample

pytestmark = pytest.mark.kafka
PASSWORD = "open-sesame"
TOPIC = "secured"
CONNECTIONS = ["tls", "mutual_tls", "sasl_plain", "scram_256", "scram_512", "scram_over_tls"]


@dataclass(frozen=True)
class Certificates:
    """An authority, the broker's certificate and a client's, as PEM files."""

    folder: Path

    def make(self) -> Certificates:
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority", out="ca")
        for name in ("broker", "client"):
            self._openssl(*f"req -newkey rsa:2048 -nodes -subj /CN={name}".split(), out=name, kind="csr")
            names = self.folder / f"{name}.ext"
            names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            signing = ["x509", "-req", "-days", "2", "-in", str(self.folder / f"{name}.csr"), "-CAcreateserial"]
            authority = ["-CA", str(self.of("ca")), "-CAkey", str(self.key("ca")), "-extfile", str(names)]
            self._run([*signing, *authority, "-out", str(self.of(name))])
        keystore = self.folder / "broker-keystore.pem"
        keystore.write_text(self.key("broker").read_text() + self.of("broker").read_text())
        return self

    def of(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def _openssl(self, *options: str, out: str, kind: str = "pem") -> None:
        self._run([*options, "-keyout", str(self.key(out)), "-out", str(self.folder / f"{out}.{kind}")])

    @staticmethod
    def _run(options: list[str]) -> None:
        program = shutil.which("openssl")
        if program is None:
            pytest.skip("openssl makes the certificates")
        subprocess.run([program, *options], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates")).make()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[ApacheKafka]:
    """A broker with a listener for each way to connect."""
    users = {"alice": SecretStr(PASSWORD)}
    keystore, authority = certificates.folder / "broker-keystore.pem", certificates.of("ca")
    listeners = [
        SecureListener("TLS", "SSL", keystore),
        SecureListener("MUTUAL", "SSL", keystore, authority),
        SecureListener("NAMED", "SASL_PLAINTEXT", mechanisms=("PLAIN",), users=users),
        SecureListener("SCRAM", "SASL_PLAINTEXT", mechanisms=("SCRAM-SHA-256", "SCRAM-SHA-512"), users=users),
        SecureListener("BOTH", "SASL_SSL", keystore, mechanisms=("SCRAM-SHA-512",), users=users),
    ]
    with ApacheKafka(tmp_path_factory.mktemp("secured"), listeners=listeners) as broker:
        create_topics(broker.settings, (SAMPLES, REJECTED), [TOPIC])
        yield broker


@pytest.fixture
def connect(secured: ApacheKafka, certificates: Certificates, tmp_path: Path) -> Callable[..., KafkaSettings]:
    """Settings for each way to connect; the password comes from a file where the name says so."""

    def settings(name: str, password: str = PASSWORD) -> KafkaSettings:
        tls: dict[str, Any] = {"ssl_ca_file": certificates.of("ca")}
        ours = {"ssl_cert_file": certificates.of("client"), "ssl_key_file": certificates.key("client")}
        (tmp_path / "password").write_text(f"{password}\n")
        from_file = {"sasl_username": "alice", "sasl_password_file": tmp_path / "password"}
        inline = {"sasl_username": "alice", "sasl_password": SecretStr(password)}
        listener, protocol, more = {
            "tls": ("TLS", "SSL", tls),
            "mutual_tls": ("MUTUAL", "SSL", tls | ours),
            "sasl_plain": ("NAMED", "SASL_PLAINTEXT", inline | {"sasl_mechanism": "PLAIN"}),
            "scram_256": ("SCRAM", "SASL_PLAINTEXT", from_file | {"sasl_mechanism": "SCRAM-SHA-256"}),
            "scram_512": ("SCRAM", "SASL_PLAINTEXT", inline | {"sasl_mechanism": "SCRAM-SHA-512"}),
            "scram_over_tls": ("BOTH", "SASL_SSL", tls | from_file | {"sasl_mechanism": "SCRAM-SHA-512"}),
        }[name]
        bootstrap = secured.listener_bootstrap(listener)
        return KafkaSettings.model_validate(
            {"bootstrap": bootstrap, "profile": "kafka", "security_protocol": protocol} | more
        )

    return settings


@pytest.mark.parametrize("name", CONNECTIONS)
def test_confluent_kafka_connects(connect: Callable[..., KafkaSettings], name: str) -> None:
    settings = connect(name).model_copy(update={"topic_prefix": f"{name}."})
    base_ms = int(time.time() * 1000) - 10_000
    create_topics(settings, (SAMPLES, REJECTED), [f"{name}.metrics"])
    assert check_topics(settings, (SAMPLES, REJECTED)) == []
    sender = producer(settings)
    sender.produce(f"{name}.metrics", sample("s", 1, base_ms))
    assert sender.flush(20) == 0
    samples = Samples(settings)
    with running(ingest(f"{name}.metrics"), settings):
        await_until(lambda: samples.values() == {"s": [1.0]}, "the sample")
    samples.close()


@pytest.mark.parametrize("name", CONNECTIONS)
def test_aiokafka_connects(connect: Callable[..., KafkaSettings], name: str) -> None:
    asyncio.run(send_and_read(connect(name)))


async def send_and_read(settings: KafkaSettings) -> None:
    async with AIOKafkaProducer(**settings.aiokafka()) as sender:
        sent = await sender.send_and_wait(TOPIC, b"hello", partition=0)
    reader = AIOKafkaConsumer(TOPIC, **settings.aiokafka(), auto_offset_reset="earliest")
    async with reader:
        async for message in reader:
            if (message.partition, message.offset) == (0, sent.offset):
                assert message.value == b"hello"
                return


FAUST = """
import sys
from pathlib import Path
import faust
from integrations.kafka import KafkaSettings

settings, done = KafkaSettings.model_validate_json(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
app = faust.App(f"faust-{done.name}", **settings.faust(), store="memory://", topic_allow_declare=False,
                topic_disable_leader=True, web_enabled=False, datadir=str(done.parent / "faust"),
                consumer_auto_offset_reset="earliest")

@app.agent(app.topic("secured", value_serializer="raw"))
async def read(stream):
    async for value in stream:
        done.write_bytes(value)

app.Worker(loglevel="WARN").execute_from_commandline()
"""


@pytest.mark.parametrize("name", ["tls", "sasl_plain", "scram_256", "scram_over_tls"])
def test_faust_connects(connect: Callable[..., KafkaSettings], name: str, tmp_path: Path) -> None:
    settings = connect(name)
    sender = producer(settings)
    sender.produce(TOPIC, b"to faust", partition=1)
    assert sender.flush(20) == 0
    config, done, log = tmp_path / "kafka.json", tmp_path / name, tmp_path / "log"
    config.write_text(settings.model_dump_json().replace("**********", PASSWORD))
    with log.open("wb") as output:
        command = [sys.executable, "-c", FAUST, str(config), str(done)]
        worker = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        await_until(lambda: done.exists() or worker.poll() is not None, "a record in Faust")
        assert done.exists(), log.read_text()
        assert PASSWORD not in log.read_text()
    finally:
        worker.kill()
        worker.wait()


# aiokafka leaves the transport of a refused connection to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", ["sasl_plain", "scram_over_tls"])
def test_a_wrong_password_is_refused_and_not_repeated(
    connect: Callable[..., KafkaSettings], name: str, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    settings = connect(name, "wrong-password")
    with caplog.at_level(logging.DEBUG), pytest.raises(BrokerError) as caught:
        list_topics(settings, timeout_s=3)
    with caplog.at_level(logging.DEBUG), pytest.raises(KafkaError) as also:
        asyncio.run(connect_only(settings))
    printed = capfd.readouterr()
    for text in (str(caught.value), str(also.value), caplog.text, printed.out, printed.err):
        assert "wrong-password" not in text
    del caught, also  # whose frames hold that transport; so do the log's records
    caplog.clear()
    gc.collect()


async def connect_only(settings: KafkaSettings) -> None:
    sender = AIOKafkaProducer(**settings.aiokafka())
    try:
        await sender.start()
    finally:
        with contextlib.suppress(KafkaError):
            await sender.stop()


def test_an_unknown_authority_is_refused(connect: Callable[..., KafkaSettings], certificates: Certificates) -> None:
    settings = connect("tls").model_copy(update={"ssl_ca_file": certificates.of("client")})
    with pytest.raises(BrokerError):
        list_topics(settings, timeout_s=3)


def test_a_client_without_a_certificate_is_refused_where_one_is_asked_for(
    connect: Callable[..., KafkaSettings],
) -> None:
    settings = connect("mutual_tls").model_copy(update={"ssl_cert_file": None, "ssl_key_file": None})
    with pytest.raises(BrokerError):
        list_topics(settings, timeout_s=3)


def test_transactions_are_seen_through_a_secured_listener(connect: Callable[..., KafkaSettings]) -> None:
    assert has_transactions(connect("scram_over_tls"))
