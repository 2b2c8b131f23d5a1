"""A real Apache Kafka on this machine: KRaft, one node, durable in its data directory."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr

from integrations.kafka.connection import KafkaSettings, SaslMechanism, SecurityProtocol
from integrations.kafka.process import BrokerProcess, free_port, require_free
from schemas.errors import ConfigurationError, MachineError
from schemas.topics import MAX_MESSAGE_BYTES

KAFKA_VERSION: Final = "4.3.1"
COORDINATES: Final = (
    ("org.apache.kafka", "kafka_2.13", KAFKA_VERSION),
    ("org.slf4j", "slf4j-simple", "1.7.36"),
)
START_LIMIT_S: Final = 60.0
_MAVEN_LIMIT_S: Final = 300
_POM: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>metrics-ai</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>{}</dependencies></project>
"""


@dataclass(frozen=True, slots=True)
class SecureListener:
    """One more listener of the broker, beside the plain one.

    Parameters
    ----------
    name
        Letters only; it appears in the broker's properties.
    protocol
        What it speaks.
    keystore, truststore
        PEM files for TLS: certificate chain and key in one; the authorities of clients that must show a certificate.
    mechanisms
        SASL mechanisms that it takes.
    users
        Names and passwords for all mechanisms.
    port
        0 takes a free one.
    """

    name: str
    protocol: SecurityProtocol
    keystore: Path | None = None
    truststore: Path | None = None
    mechanisms: tuple[SaslMechanism, ...] = ()
    users: Mapping[str, SecretStr] = field(default_factory=dict)
    port: int = 0

    def properties(self) -> Iterator[tuple[str, str]]:
        """Its lines in the broker's properties."""
        prefix = f"listener.name.{self.name.lower()}"
        if self.keystore is not None:
            yield f"{prefix}.ssl.keystore.type", "PEM"
            yield f"{prefix}.ssl.keystore.location", str(self.keystore)
        if self.truststore is not None:
            yield f"{prefix}.ssl.truststore.type", "PEM"
            yield f"{prefix}.ssl.truststore.location", str(self.truststore)
            yield f"{prefix}.ssl.client.auth", "required"
        if self.mechanisms:
            yield f"{prefix}.sasl.enabled.mechanisms", ",".join(self.mechanisms)
        for mechanism in self.mechanisms:
            yield f"{prefix}.{mechanism.lower()}.sasl.jaas.config", self._jaas(mechanism)

    def _jaas(self, mechanism: SaslMechanism) -> str:
        if mechanism != "PLAIN":
            return "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        users = " ".join(f'user_{name}="{password.get_secret_value()}"' for name, password in self.users.items())
        return f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"

    def scram_users(self) -> Iterator[str]:
        """Arguments of the formatting tool that create its SCRAM users."""
        for mechanism in self.mechanisms:
            if mechanism.startswith("SCRAM"):
                for name, password in self.users.items():
                    yield f"{mechanism}=[name={name},password={password.get_secret_value()}]"


class ApacheKafka:
    """Apache Kafka as a child process.

    Parameters
    ----------
    data_dir
        Its logs, properties and output; a restart on the same directory keeps the data.
    home
        An installation (a folder with ``libs``); where None, the jars come by Maven and are cached.
    port
        Of the plain listener; 0 takes a free one.
    listeners
        Further listeners, with TLS or SASL.
    properties
        Added to the broker's, and stronger than ours.
    heap_mb
        The JVM's limit.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        home: Path | None = None,
        port: int = 0,
        listeners: Sequence[SecureListener] = (),
        properties: Mapping[str, str] | None = None,
        heap_mb: int = 1024,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port or free_port()
        self._controller_port = free_port()
        self._home = home
        self._listeners = {one.name: (one, one.port or free_port()) for one in listeners}
        self._properties = dict(properties or {})
        self._heap_mb = heap_mb
        self._process = BrokerProcess("Apache Kafka", self.data_dir / "kafka.log")

    @property
    def bootstrap(self) -> str:
        """The plain listener's address."""
        return f"127.0.0.1:{self.port}"

    @property
    def settings(self) -> KafkaSettings:
        """A plain connection to it."""
        return KafkaSettings(bootstrap=self.bootstrap, profile="kafka")

    def listener_bootstrap(self, name: str) -> str:
        """The address of one of the further listeners."""
        return f"localhost:{self._listeners[name][1]}"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive

    @property
    def rss_bytes(self) -> int:
        """Memory it holds now."""
        return self._process.rss_bytes

    def start(self) -> Self:
        """Start it and wait until it answers; the first start formats the data directory.

        Raises
        ------
        MachineError
            If Java or the jars are missing, a port is taken, or it does not answer.
        ConfigurationError
            If ``home`` is not an installation.
        """
        java, jars = _java(), installation_jars(self._home) if self._home else resolve_jars()
        for port in (self.port, self._controller_port, *(port for _, port in self._listeners.values())):
            require_free(port)
        config = self._write_properties()
        classpath = f"{jars}/*"
        if not (self.data_dir / "logs" / "meta.properties").exists():
            self._format(java, classpath, config)
        options = [f"-Xmx{self._heap_mb}m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        self._process.start([java, *options, "-cp", classpath, "kafka.Kafka", str(config)])
        try:
            self._process.await_answer(self.settings, START_LIMIT_S)
        except MachineError:
            self._process.kill()
            raise
        return self

    def stop(self) -> None:
        """End it in order; the data stay."""
        self._process.stop()

    def kill(self) -> None:
        """End it as a power cut would; the data stay."""
        self._process.kill()

    def restart(self) -> None:
        """End it in order and start it again, on the same ports and data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _write_properties(self) -> Path:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        path = self.data_dir / "server.properties"
        path.touch(mode=0o600)  # JAAS lines carry passwords
        path.write_text("".join(f"{key}={value}\n" for key, value in self._all_properties().items()))
        return path

    def _all_properties(self) -> dict[str, str]:
        listeners = {"PLAIN": self.bootstrap, "CONTROLLER": f"127.0.0.1:{self._controller_port}"}
        protocols = {"PLAIN": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        properties: dict[str, str] = {}
        for name, (listener, _) in self._listeners.items():
            listeners[name] = self.listener_bootstrap(name)
            protocols[name] = listener.protocol
            properties |= dict(listener.properties())
        advertised = {name: address for name, address in listeners.items() if name != "CONTROLLER"}
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listeners": ",".join(f"{name}://{address}" for name, address in listeners.items()),
            "advertised.listeners": ",".join(f"{name}://{address}" for name, address in advertised.items()),
            "listener.security.protocol.map": ",".join(f"{name}:{kind}" for name, kind in protocols.items()),
            "log.dirs": str(self.data_dir / "logs"),
            **_ONE_NODE,
            **properties,
            **self._properties,
        }

    def _format(self, java: str, classpath: str, config: Path) -> None:
        users = [part for listener, _ in self._listeners.values() for user in listener.scram_users() for part in
                 ("--add-scram", user)]  # fmt: skip
        tool = [java, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", classpath, "kafka.tools.StorageTool"]
        done = subprocess.run(  # noqa: S603  # our own command line, no shell
            [*tool, "format", "-t", _cluster_id(), "-c", str(config), *users],
            capture_output=True,
            text=True,
            timeout=START_LIMIT_S,
            check=False,
        )
        if done.returncode:
            raise MachineError(
                f"Apache Kafka cannot format {self.data_dir}: {_last_line(done.stderr or done.stdout)}",
                "Java 17 or later is needed",
            )


_ONE_NODE: Final = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "auto.create.topics.enable": "false",
    "message.max.bytes": str(MAX_MESSAGE_BYTES),
    "replica.fetch.max.bytes": str(MAX_MESSAGE_BYTES),
}


def installation_jars(home: Path) -> Path:
    """The jars of an installation of Apache Kafka.

    Raises
    ------
    ConfigurationError
        If it is none.
    """
    libs = home / "libs"
    if not any(libs.glob("kafka_*.jar")):
        raise ConfigurationError(
            f"{home} is no installation of Apache Kafka: it has no libs/kafka_*.jar",
            "Give the folder that the release's archive unpacks to",
        )
    return libs


def default_cache_dir() -> Path:
    """Where jars are kept between runs."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "metrics-ai"


def resolve_jars(cache_dir: Path | None = None) -> Path:
    """The jars of Apache Kafka, from the cache or, once, by Maven.

    Raises
    ------
    MachineError
        If Maven is missing or fails.
    """
    cache = cache_dir or default_cache_dir()
    libs = cache / f"kafka-{KAFKA_VERSION}"
    if libs.is_dir():
        return libs
    maven = shutil.which("mvn")
    if maven is None:
        raise MachineError("Maven is missing (no mvn on the PATH)", "Install it, or give --kafka-home DIR")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="kafka-") as folder:
        fetched = Path(folder) / "libs"
        _fetch(maven, Path(folder), fetched)
        try:
            fetched.rename(libs)
        except OSError:  # another process was quicker
            if not libs.is_dir():
                raise
    return libs


def _fetch(maven: str, folder: Path, libs: Path) -> None:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version></dependency>"
        for group, name, version in COORDINATES
    )
    (folder / "pom.xml").write_text(_POM.format(dependencies))
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={libs}", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(  # noqa: S603  # our own command line, no shell
            [maven, "-q", "-B", *goal],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_MAVEN_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MachineError(f"Maven took longer than {_MAVEN_LIMIT_S} s", "Give --kafka-home DIR") from error
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise MachineError(
            f"Maven cannot fetch Apache Kafka {KAFKA_VERSION}: {(errors or ['no output'])[0][:300]}",
            "Check the network and Maven's settings, or give --kafka-home DIR",
        )


def _java() -> str:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(str(Path(home) / "bin" / "java")) if home else None
    java = java or shutil.which("java")
    if java is None:
        raise MachineError("Java is missing (no java on the PATH, no JAVA_HOME)", "Install Java 17 or later")
    return java


def _cluster_id() -> str:
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()).startswith("-"):
        pass  # Kafka's tools would take it for an option
    return text


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "no output"
