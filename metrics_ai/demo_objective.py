"""The objective of the demonstration: its file, what is told of it while the fault burns it, the report at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from integrations.history.reader import Span
from integrations.kafka.connection import KafkaSettings
from metrics_ai.config import ENVIRONMENT_PREFIX, Config
from metrics_ai.slo_files import files_of
from metrics_ai.slo_reports import stored_histories, write
from metrics_ai.topic_reader import Latest, TopicReader
from schemas.slo_events import SloAlert, SloStatus
from schemas.topics import SLO_ALERTS, SLO_STATUS
from slo.definition import Slo
from slo.library import Library, reload

FOLDER: Final = Path(__file__).with_name("demo_slos")
FILE: Final = FOLDER / "cpu-headroom.yaml"


def demo_slo(tenant: str) -> Slo:
    """The objective, as its file defines it."""
    (slo,) = reload(Library(), files_of([FILE], tenant)).slos.values()
    return slo


def objective_changes(history: Path) -> dict[str, str]:
    """Environment variables with which the roles count the objective, and keep its history."""
    return {
        f"{ENVIRONMENT_PREFIX}SLO__FOLDER": str(FOLDER),
        # As shipped; `up` looks and tells less often on its own broker, which would keep all of it for a week.
        f"{ENVIRONMENT_PREFIX}TICKS__BURN_INTERVAL_S": "1",
        f"{ENVIRONMENT_PREFIX}SLO__STATUS_EVERY_S": "5",
        f"{ENVIRONMENT_PREFIX}HISTORY__STATUS_EVERY_S": "5",
        f"{ENVIRONMENT_PREFIX}HISTORY__FOLDER": str(history),
    }


@dataclass(frozen=True, slots=True)
class ObjectiveNews:
    """What has just been told of the objective.

    Parameters
    ----------
    status
        Where its budget stands, if that was told.
    alerts
        Turns of its alerts.
    """

    status: SloStatus | None = None
    alerts: Sequence[SloAlert] = ()


@dataclass
class ObjectiveWatch:
    """Follows one objective on a broker.

    Parameters
    ----------
    kafka
        Where.
    slo
        Which.
    """

    kafka: KafkaSettings
    slo: Slo
    _ends: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        self._statuses = self._ends.enter_context(TopicReader(self.kafka, SLO_STATUS, SloStatus))
        self._alerts = self._ends.enter_context(TopicReader(self.kafka, SLO_ALERTS, SloAlert))
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def poll(self) -> ObjectiveNews:
        """What has come since the last time."""
        latest: Latest[SloStatus] = Latest()
        latest.take([record for record in self._statuses.poll(0) if record[0] == self.slo.key])
        alerts = [one for _, one in self._alerts.poll(0) if one is not None and one.slo == self.slo.name]
        return ObjectiveNews(next(iter(latest.events()), None), alerts)


def write_report(config: Config, slo: Slo, history: Path, out: Path | None) -> Path:
    """Write the report of the objective as a page; where.

    Raises
    ------
    MetricsAIError
        If history knows nothing of it, or the page cannot be written.
    """
    ours = config.model_copy(update={"slo": config.slo.model_copy(update={"folder": FOLDER})})
    span = Span(None, None)
    found = stored_histories(ours, history, slo.key, span)
    page = out or Path(tempfile.mkdtemp(prefix="metrics-ai-report-")) / f"{slo.name}.html"
    write(found, span, "html", page)
    return page
