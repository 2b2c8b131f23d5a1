"""What the stack's page says: all roles' metrics as one, health, rates, lag, open incidents."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST, Metric

from incidents.lifecycle import LIVING
from integrations.health_http import HTML_TYPE, Response, Route
from integrations.kafka.connection import KafkaSettings
from metrics_ai.stack.merged import gauge, merge_expositions, samples_of
from metrics_ai.stack.page import status_page
from metrics_ai.stack.rejections import Rejected, rejected_in
from metrics_ai.stack.supervisor import Supervisor
from metrics_ai.topic_reader import Latest, TopicReader
from schemas.errors import BrokerError
from schemas.incident_events import Incident
from schemas.topics import INCIDENTS

_REFRESH_S: Final = 1.0
# Rates are over so many looks: a collector that reads every few seconds would seem to jump.
_LOOKS_KEPT: Final = 13


@dataclass(frozen=True, slots=True)
class _Counts:
    at_s: float
    samples: Mapping[str, float]


class Observer:
    """Asks the roles, and answers for them.

    Parameters
    ----------
    supervisor
        Who knows the roles.
    kafka
        Where incidents lie.
    broker_status
        What to say of the broker.
    stores_status
        What to say of the stores that are served from.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        kafka: KafkaSettings,
        broker_status: Callable[[], Mapping[str, Any]],
        stores_status: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._supervisor = supervisor
        self._broker_status = broker_status
        self._stores_status = stores_status
        self._seen: deque[_Counts] = deque(maxlen=_LOOKS_KEPT)
        self._per_s: dict[str, float] = {}
        self.rejected: Rejected = Counter()
        self._latest: Latest[Incident] = Latest()
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read_incidents, args=(kafka,), name="incidents", daemon=True)
        self._reader.start()

    def routes(self) -> dict[str, Route]:
        """What the port serves."""
        return {
            "/": lambda: Response(status_page(self.status()), HTML_TYPE),
            "/status": lambda: Response.of(self.status()),
            "/metrics": lambda: Response(self.metrics(), CONTENT_TYPE_LATEST),
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }

    def look(self) -> None:
        """Take note of the counters, for rates, and of what was rejected."""
        texts = self._scrape()
        self.rejected = rejected_in(texts)
        now = _Counts(time.monotonic(), _sums(texts, "metrics_ai_samples_total"))
        self._seen.append(now)
        before = self._seen[0]
        if now.at_s > before.at_s:
            # A role that was started again counts from 0.
            self._per_s = {
                stage: max(0.0, count - before.samples.get(stage, 0.0)) / (now.at_s - before.at_s)
                for stage, count in now.samples.items()
            }

    def _scrape(self) -> dict[str, str]:
        """The text of every role that answers."""
        found = {}
        for role in self._supervisor.roles:
            answer = role.child.ask("/metrics") if role.child else None
            if answer is not None and answer[0] == 200:
                found[role.name] = answer[1].decode()
        return found

    def metrics(self) -> bytes:
        """All roles' metrics and the supervisor's own, each with the label ``role``."""
        return merge_expositions(self._scrape(), self._own_metrics())

    def _own_metrics(self) -> Iterator[Metric]:
        roles = [role.describe() for role in self._supervisor.roles]
        broker = self._broker_status()
        up = [({"role": one["role"]}, float(one["state"] == "running")) for one in roles]
        restarts = [({"role": one["role"]}, float(one["restarts"])) for one in roles]
        yield gauge("metrics_ai_role_up", "Whether a role's process runs and consumes.", up)
        yield gauge("metrics_ai_role_restarts", "How often a role was started again.", restarts)
        if broker["kind"] == "embedded":
            for name, text in (
                ("memory", "Memory of the embedded broker."),
                ("ceiling", "Where `up` stops taking in."),
            ):
                yield gauge(
                    f"metrics_ai_embedded_broker_{name}_bytes", text, [({"role": "up"}, float(broker[f"{name}_bytes"]))]
                )

    def status(self) -> dict[str, Any]:
        """The whole state, for the page and for programs."""
        broker = dict(self._broker_status())
        return {
            "ready": self._supervisor.is_ready,
            "warnings": [broker["message"]] if broker["message"] else [],
            "broker": broker,
            "stores": dict(self._stores_status()),
            "roles": [role.describe() for role in self._supervisor.roles],
            "flow": self._flow(),
            "rejected": [
                {"topic": topic, "reason": reason, "count": count}
                for (topic, reason), count in self.rejected.most_common()
            ],
            "incidents": self._open_incidents(),
        }

    def _flow(self) -> list[dict[str, Any]]:
        texts = self._scrape()
        sums = {
            key: _sums(texts, f"metrics_ai_{name}")
            for key, name in (("lag", "lag_offsets"), ("rejected", "rejected_total"), ("series", "series"))
        }
        return [
            {
                "stage": role.name,
                "samples_per_s": self._per_s.get(role.name),
                **{key: by_stage.get(role.name, 0.0) for key, by_stage in sums.items()},
            }
            for role in self._supervisor.roles
        ]

    def _open_incidents(self) -> list[dict[str, Any]]:
        found = [one for one in self._latest.events() if one.state in LIVING]
        return [
            {
                "id": one.id,
                "priority": one.priority,
                "title": one.title,
                "started": datetime.fromtimestamp(one.started_ms / 1000, UTC).isoformat(timespec="seconds"),
                "members": one.member_count,
            }
            for one in sorted(found, key=lambda one: (one.priority, one.started_ms))
        ]

    def _read_incidents(self, kafka: KafkaSettings) -> None:
        """Until the end: a broker that goes away is asked again later."""
        while not self._stop.is_set():
            try:
                with TopicReader(kafka, INCIDENTS, Incident) as reader:
                    while not self._stop.is_set():
                        self._latest.take(reader.poll(_REFRESH_S))
            except BrokerError:
                self._stop.wait(_REFRESH_S)

    def _healthz(self) -> Response:
        roles = {role.name: role.state for role in self._supervisor.roles}
        broker = self._broker_status()
        alive = (
            all(state in ("queued", "starting", "running") for state in roles.values()) and broker["level"] != "full"
        )
        body = {"healthy": alive, "roles": roles, "broker": broker}
        return Response.of(body, 200 if alive else 503)

    def _readyz(self) -> Response:
        ready = self._supervisor.is_ready
        roles = {role.name: role.state for role in self._supervisor.roles}
        return Response.of({"ready": ready, "roles": roles}, 200 if ready else 503)

    def close(self) -> None:
        """Stop reading incidents."""
        self._stop.set()
        self._reader.join(5)


def _sums(texts: Mapping[str, str], name: str) -> dict[str, float]:
    """Sum of a metric's samples by stage."""
    totals: dict[str, float] = defaultdict(float)
    for text in texts.values():
        for labels, value in samples_of(text, name):
            totals[labels.get("stage", "")] += value
    return dict(totals)
