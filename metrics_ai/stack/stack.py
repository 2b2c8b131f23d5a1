"""The stack as one object: broker, topics, roles, page; started, looked after, ended."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, Self, TextIO

from console.exposure import require_tokens
from integrations.health_http import HealthServer
from integrations.kafka.admin import create_topics, list_topics
from integrations.kafka.apache import ApacheKafka
from integrations.kafka.connection import KafkaSettings
from integrations.kafka.embedded import EmbeddedBroker
from integrations.kafka.process import require_free
from metrics_ai.config import ENVIRONMENT_PREFIX, Config
from metrics_ai.stack.child import ChildSpec
from metrics_ai.stack.console import CONSOLE, console_beyond, link_secret_file
from metrics_ai.stack.memory import MemoryGuard
from metrics_ai.stack.observer import Observer
from metrics_ai.stack.rejections import RejectionNews
from metrics_ai.stack.stores import Stores
from metrics_ai.stack.supervisor import Say, Supervisor
from schemas.errors import MachineError
from schemas.topics import CATALOGUE

STAGES: Final = ("ingest", "detect", "burn", "decide", "project")
# One process decides, routes and notifies: each takes little, and an interpreter takes much.
TOGETHER: Final = {"decide": ("route", "notify")}
COLLECTOR: Final = "collector"
INTAKE: Final = ("ingest", COLLECTOR)
# Where a broker of ours listens.
BROKER_HOST: Final = "127.0.0.1"
_LOOK_EVERY_S: Final = 5.0
_REVIVAL_STOP_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class StackOptions:
    """What ``up`` was asked for.

    Parameters
    ----------
    data_dir
        Logs, reports of the roles, and the data of an Apache Kafka.
    broker
        Use this one instead of starting one.
    kafka_home
        Start the Apache Kafka of this installation.
    broker_port, port
        Of the broker and of the page; 0 takes a free one.
    collector
        Whether this machine's own metrics are collected.
    config_path
        The file that the roles read, too.
    changes
        Environment variables of settings that differ from the file's, for the roles.
    """

    data_dir: Path
    broker: str | None = None
    kafka_home: Path | None = None
    broker_port: int = 9092
    port: int = 8080
    collector: bool = True
    config_path: Path | None = None
    changes: Mapping[str, str] = field(default_factory=dict)


class OwnBroker(Protocol):
    """A broker that we start and end."""

    @property
    def bootstrap(self) -> str:
        """Its address."""

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""

    @property
    def rss_bytes(self) -> int:
        """Memory it holds."""

    def start(self) -> object:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """End it."""


class Stack:
    """Everything that ``up`` runs.

    Parameters
    ----------
    config
        The configuration; the broker's address in it is replaced when the stack starts its own.
    options
        What was asked for.
    say
        Where to tell what happens.
    """

    def __init__(self, config: Config, options: StackOptions, say: Say) -> None:
        self.config = config
        self.options = options
        self._say = say
        self._lock: TextIO | None = None
        self._broker = _own_broker(options)
        self.stores = Stores(config, options.data_dir, say)
        self.guard = MemoryGuard(config.embedded.memory_ceiling_bytes)
        self.kafka = config.kafka
        self.supervisor: Supervisor | None = None
        self.observer: Observer | None = None
        self._rejection_news = RejectionNews()
        self.http: HealthServer | None = None
        self._looked_s = 0.0
        self._broker_ended_s: float | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether the broker keeps everything in memory."""
        return isinstance(self._broker, EmbeddedBroker)

    @property
    def is_ready(self) -> bool:
        """Whether every role consumes."""
        return self.supervisor is not None and self.supervisor.is_ready

    def unready_roles(self) -> list[str]:
        """Roles that do not consume yet."""
        roles = self.supervisor.roles if self.supervisor else []
        return [role.name for role in roles if role.state not in ("running", "held")]

    def addresses(self) -> dict[str, Any]:
        """What the ready file holds."""
        assert self.http is not None
        return {"broker": self.kafka.bootstrap, "http": self.http.url, "pid": os.getpid()}

    def start(self) -> None:
        """Start everything; the roles are then on their way, not yet ready.

        Raises
        ------
        MetricsAIError
            If a port is taken, the data directory is in use, or the broker does not start.
        """
        require_tokens(self.config.http.host, self.config.console)
        self._claim()
        self._start_broker()
        self.stores.start()
        specs = [self._spec(role) for role in self._roles()]
        self.supervisor = Supervisor(specs, self._say, last=(COLLECTOR,))
        self.observer = Observer(self.supervisor, self.kafka, self.broker_status, self.stores.status)
        beyond = console_beyond(self.supervisor, self.config.console.max_body_bytes)
        self.http = HealthServer(self.observer.routes(), self.config.http.host, self.options.port, beyond)
        self.supervisor.start()

    def _roles(self) -> list[str]:
        """Those to start; the API needs a store to read from."""
        console = [] if self.stores.status()["serving"] == "none" else [CONSOLE]
        return [*STAGES, *console, *([COLLECTOR] if self.options.collector else [])]

    def _claim(self) -> None:
        """Take the data directory and see that the ports are free; everything that is not ours is named at once."""
        refused: list[MachineError] = []
        try:
            self._lock = _locked(self.options.data_dir)
        except MachineError as error:
            refused.append(error)
        ports = [(self.options.port, self.config.http.host)]
        if self._broker is not None:
            ports.append((self.options.broker_port, BROKER_HOST))
        for port, host in ports:
            try:
                if port:
                    require_free(port, host)
            except MachineError as error:
                refused.append(error)
        if refused:
            others = " and other ports" if self._lock is None and len(refused) > 1 else ""
            raise MachineError("; ".join(one.what for one in refused), refused[0].way_out + others) from refused[0]

    def _start_broker(self) -> None:
        if self._broker is not None:
            self._broker.start()
        self.kafka = self._kafka()
        # A broker that was given is not ours to alter.
        is_ours = self._broker is not None
        if is_ours or self.config.ingest.create_topics:
            sources = [source.topic for source in self.config.ingest.sources]
            create_topics(self.kafka, CATALOGUE, sources, mend=is_ours)

    def _kafka(self) -> KafkaSettings:
        if self._broker is None:
            address = {"bootstrap": self.options.broker} if self.options.broker else {}
            settings = self.config.kafka.model_copy(update=address)
            list_topics(settings)
            return settings
        partitions = self.config.embedded.partitions if self.is_embedded else self.config.kafka.partitions
        return KafkaSettings(
            bootstrap=self._broker.bootstrap,
            profile="embedded" if self.is_embedded else "kafka",
            topic_prefix=self.config.kafka.topic_prefix,
            partitions=partitions,
        )

    def _spec(self, role: str) -> ChildSpec:
        arguments = ["--log-format", self.config.log.format, "--log-level", self.config.log.level]
        if self.options.config_path:
            arguments += ["--config", str(self.options.config_path.absolute())]
        also = TOGETHER.get(role, ())
        return ChildSpec(role, self.options.data_dir / "run", arguments, self._environment(), also)

    def _environment(self) -> dict[str, str]:
        """Ours, with what ``up`` decided about the broker."""
        section = f"{ENVIRONMENT_PREFIX}KAFKA"
        if self._broker is None:
            own = {f"{section}__BOOTSTRAP": self.kafka.bootstrap}
            inherited = dict(os.environ)
        else:
            # The whole section: a TLS setting meant for another broker must not reach ours.
            own = {section: json.dumps(self.kafka.model_dump(mode="json", exclude_defaults=True))}
            inherited = {name: value for name, value in os.environ.items() if not name.startswith(f"{section}__")}
        # The supervisor asks its roles here, whatever address its own page has.
        own |= {f"{ENVIRONMENT_PREFIX}HTTP__HOST": "127.0.0.1"}
        if self.config.history.folder is None:
            own |= {f"{ENVIRONMENT_PREFIX}HISTORY__FOLDER": str(history_folder(self.options.data_dir))}
        if self.config.console.link_secret is None and self.config.console.link_secret_file is None:
            own |= {f"{ENVIRONMENT_PREFIX}CONSOLE__LINK_SECRET_FILE": str(link_secret_file(self.options.data_dir))}
        own |= self.stores.environment()
        return {**(self._sparing() if self.is_embedded else {}), **inherited, **own, **self.options.changes}

    def _sparing(self) -> dict[str, str]:
        """What keeps the embedded broker small."""
        embedded = self.config.embedded
        return {
            f"{ENVIRONMENT_PREFIX}TICKS__DECIDE_INTERVAL_S": str(embedded.decide_interval_s),
            f"{ENVIRONMENT_PREFIX}TICKS__ROUTE_INTERVAL_S": str(embedded.route_interval_s),
            f"{ENVIRONMENT_PREFIX}TICKS__BURN_INTERVAL_S": str(embedded.burn_interval_s),
            f"{ENVIRONMENT_PREFIX}SLO__STATUS_EVERY_S": str(embedded.slo_status_every_s),
            f"{ENVIRONMENT_PREFIX}TICKS__DETECT_INTERVAL_S": str(embedded.detect_interval_s),
            f"{ENVIRONMENT_PREFIX}CHECKPOINT__INTERVAL_S": str(embedded.checkpoint_interval_s),
            f"{ENVIRONMENT_PREFIX}INGEST__COMPRESSION": "zstd",
        }

    def poll(self) -> None:
        """Look after everything once; to be called about twice a second."""
        assert self.supervisor is not None
        assert self.observer is not None
        if self._broker is not None and not self._broker.is_alive:
            self._revive_broker()
        self.stores.look()
        self.supervisor.poll()
        if self._broker_ended_s is not None and self.is_ready:
            self._say(f"broker: back, and every role consumes, after {time.monotonic() - self._broker_ended_s:.0f} s")
            self._broker_ended_s = None
        if time.monotonic() - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            self._watch_memory()
            self.observer.look()
            if news := self._rejection_news.news(self.observer.rejected):
                self._say(news)

    def _revive_broker(self) -> None:
        assert self.supervisor is not None
        lost = " and what it held is lost" if self.is_embedded else ""
        self._say(f"broker: ended{lost}; starting it and every role again")
        self._broker_ended_s = time.monotonic()
        # Without a broker nothing can be drained.
        self.supervisor.stop(limit_s=_REVIVAL_STOP_S)
        self.guard = MemoryGuard(self.guard.ceiling_bytes)
        self._start_broker()
        self.supervisor.start()

    def _watch_memory(self) -> None:
        if not isinstance(self._broker, EmbeddedBroker):
            return
        before = self.guard.level
        level = self.guard.see(time.monotonic(), self._broker.rss_bytes)
        if level == before:
            return
        self._say(self.guard.message())
        if level == "full" and self.supervisor is not None:
            self.supervisor.hold(INTAKE)

    def broker_status(self) -> dict[str, Any]:
        """The broker, for the page and the metrics."""
        kind = "embedded" if self.is_embedded else "own Apache Kafka" if self._broker else "given"
        return {
            "address": self.kafka.bootstrap,
            "kind": kind,
            "memory_bytes": self._broker.rss_bytes if self._broker else 0,
            "ceiling_bytes": self.guard.ceiling_bytes,
            "level": self.guard.level,
            "message": self.guard.message() if self.guard.level != "fine" else "",
            "week_bytes": self.guard.week_bytes,
        }

    def stop(self) -> None:
        """End everything, in the order of the flow's end to its start; the broker last."""
        with contextlib.ExitStack() as ends:
            if self._lock:
                ends.callback(self._lock.close)
            if self._broker:
                ends.callback(self._broker.stop)
            ends.callback(self.stores.stop)
            if self.supervisor:
                ends.callback(self.supervisor.stop)
            if self.observer:
                ends.callback(self.observer.close)
            if self.http:
                ends.callback(self.http.close)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def default_data_dir(environ: Mapping[str, str] | None = None) -> Path:
    """Where the stack keeps its files: the XDG data directory.

    Examples
    --------
    >>> default_data_dir({"XDG_DATA_HOME": "/data"}).as_posix()
    '/data/metrics-ai'
    """
    root = (os.environ if environ is None else environ).get("XDG_DATA_HOME")
    return (Path(root) if root else Path.home() / ".local" / "share") / "metrics-ai"


def history_folder(data_dir: Path) -> Path:
    """Where ``up`` keeps history, unless the configuration says otherwise.

    Examples
    --------
    >>> history_folder(Path("/data/metrics-ai")).as_posix()
    '/data/metrics-ai/history'
    """
    return data_dir.absolute() / "history"


def _own_broker(options: StackOptions) -> OwnBroker | None:
    if options.broker:
        return None
    if options.kafka_home:
        return ApacheKafka(options.data_dir / "kafka", home=options.kafka_home, port=options.broker_port)
    return EmbeddedBroker(options.broker_port, options.data_dir / "run" / "broker.log")


def _locked(data_dir: Path) -> TextIO:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = (data_dir / "up.lock").open("a+", encoding="ascii")
    except OSError as error:
        raise MachineError(
            f"cannot write to {data_dir} ({error.strerror})", "Choose another directory with --data-dir"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise MachineError(
            f"{data_dir} is in use by another `up` (process {owner})", "End that one, or give --data-dir"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock
