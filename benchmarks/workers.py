"""Our own workers in a run: the processes that ``metrics-ai worker`` starts, and what they say of themselves."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import yaml
from prometheus_client.parser import text_string_to_metric_families

from integrations.kafka.admin import create_topics
from integrations.kafka.apache import ApacheKafka
from integrations.kafka.connection import KafkaSettings
from integrations.kafka.embedded import EmbeddedBroker
from metrics_ai.stack.child import Child, ChildSpec

READY_LIMIT_S = 90.0
PARTITIONS = 4
# Telemetry is told four times a second; asking more often only costs the worker.
_POLL_S = 0.2


class Workers:
    """Roles against a broker, each a process of its own.

    Parameters
    ----------
    broker
        Where they work.
    folder
        For their logs and configuration.
    sources
        The producers' topics and formats.
    settings
        Further settings, by section.
    """

    def __init__(
        self,
        broker: ApacheKafka | EmbeddedBroker,
        folder: Path,
        sources: Mapping[str, str],
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self.kafka: KafkaSettings = broker.settings.model_copy(update={"partitions": PARTITIONS})
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "config.yaml"
        config = {
            "kafka": {"bootstrap": self.kafka.bootstrap, "profile": self.kafka.profile, "partitions": PARTITIONS},
            **({"ingest": {"sources": _sources(sources)}} if sources else {}),
            # The same on every broker, so that numbers compare.
            "checkpoint": {"interval_s": 5},
            **(settings or {}),
        }
        self._config.write_text(yaml.safe_dump(config))
        create_topics(self.kafka, sources=list(sources))
        self.children: dict[str, Child] = {}

    def start(self, role: str) -> Child:
        """Start a role; it need not be ready yet."""
        arguments = ("--config", str(self._config), "--log-level", "warning")
        self.children[role] = Child(ChildSpec(role, self.folder / "run", arguments, {**os.environ, **_ONE_THREAD}))
        return self.children[role]

    def await_ready(self) -> None:
        """Wait until every role consumes."""
        self.await_(lambda: all(self.is_ready(role) for role in self.children), READY_LIMIT_S, "ready workers")

    def is_ready(self, role: str) -> bool:
        """Whether a role consumes."""
        status = self.children[role].status()
        return bool(status and status.get("ready"))

    def await_(self, what: Callable[[], bool], limit_s: float, name: str) -> None:
        """Wait for something; a worker that ends meanwhile is an error."""
        deadline = time.monotonic() + limit_s
        while not what():
            for role, child in self.children.items():
                if not child.is_alive:
                    raise RuntimeError(f"{role} ended ({child.exit_text}): {child.last_words()}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"no {name} after {limit_s:g} s")
            time.sleep(_POLL_S)

    def total(self, role: str, metric: str) -> float:
        """The sum of a metric of a role over its labels; 0 while it does not answer."""
        answer = self.children[role].ask("/metrics")
        if answer is None:
            return 0.0
        families = text_string_to_metric_families(answer[1].decode())
        return sum(one.value for family in families for one in family.samples if one.name == metric)

    def end(self, role: str) -> None:
        """End one: it drains and leaves."""
        child = self.children.pop(role)
        child.terminate()
        child.finish(30)

    def stop(self) -> None:
        """End them in order: they drain and checkpoint."""
        for child in self.children.values():
            child.terminate()
        for child in self.children.values():
            child.finish(30)


def _sources(sources: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"topic": topic, "format": form} for topic, form in sources.items()]


# Kernels are ours; a pool of threads in numpy would only steal cores from the neighbours.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@contextlib.contextmanager
def working(workers: Workers, roles: Sequence[str]) -> Iterator[Workers]:
    """Roles that consume, ended afterwards."""
    try:
        for role in roles:
            workers.start(role)
        workers.await_ready()
        yield workers
    finally:
        workers.stop()
