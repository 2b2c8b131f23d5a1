"""What `up` serves from: a Valkey of its own, and a database in its data directory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from integrations.serving.embedded import EmbeddedValkey
from metrics_ai.config import ENVIRONMENT_PREFIX, Config
from metrics_ai.stack.supervisor import Say
from schemas.errors import MachineError

_AGAIN_S: Final = 5.0


class Stores:
    """Starts and keeps what is not configured; who wants a Redis or a database of their own names its address.

    Parameters
    ----------
    config
        Names the stores that are not ours.
    data_dir
        Where the database lies, and the Valkey's files.
    say
        Where to tell what happens.
    clock
        Monotonic seconds.
    """

    def __init__(self, config: Config, data_dir: Path, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._say = say
        self._clock = clock
        self._records = records_file(data_dir)
        is_ours = config.serving.url is None
        self._valkey = EmbeddedValkey(data_dir / "run", config.embedded.serving_memory_bytes) if is_ours else None
        self._again_at_s = 0.0

    def start(self) -> None:
        """Start what is ours. Without it nothing is served, and everything else works."""
        if self._valkey is None:
            return
        try:
            self._valkey.start()
        except MachineError as error:
            self._say(f"valkey: {error}; alerts and incidents are not served meanwhile")
            self._valkey = None

    def look(self) -> None:
        """Start it again where it ended: it is then filled from the topics."""
        if self._valkey is None or self._valkey.is_alive or self._clock() < self._again_at_s:
            return
        self._say("valkey: ended, and what it held is lost; starting it again, it is filled from the topics")
        self._again_at_s = self._clock() + _AGAIN_S
        try:
            self._valkey.start()
        except MachineError as error:
            self._say(f"valkey: {error}; again in {_AGAIN_S:g} s")

    def environment(self) -> dict[str, str]:
        """What the roles must know to find what is ours."""
        found = {}
        if self._valkey is not None:
            found[f"{ENVIRONMENT_PREFIX}SERVING__URL"] = self._valkey.url.get_secret_value()
        if self._config.records.url is None:
            found[f"{ENVIRONMENT_PREFIX}RECORDS__URL"] = f"sqlite:///{self._records}"
        return found

    def status(self) -> dict[str, Any]:
        """For the page and for programs."""
        records = "own file" if self._config.records.url is None else "given"
        if self._valkey is None:
            kind = "none" if self._config.serving.url is None else "given"
            return {"serving": kind, "alive": None, "memory_bytes": 0, "records": records}
        memory = {"alive": self._valkey.is_alive, "memory_bytes": self._valkey.rss_bytes}
        return {"serving": "embedded", **memory, "records": records}

    def stop(self) -> None:
        """End it; what it held is gone, and made again at the next start."""
        if self._valkey is not None:
            self._valkey.stop()


def records_file(data_dir: Path) -> Path:
    """Where ``up`` keeps records, unless the configuration says otherwise.

    Examples
    --------
    >>> records_file(Path("/data/metrics-ai")).as_posix()
    '/data/metrics-ai/records.db'
    """
    return data_dir.absolute() / "records.db"
