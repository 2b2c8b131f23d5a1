"""The role ``project`` killed while a storm runs: Redis and SQL then hold what a run that was never killed gives."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from integrations.kafka import KafkaSettings
from integrations.kafka.process import dying_with_parent
from integrations.records import RecordsSettings
from integrations.serving.settings import ServingSettings
from schemas.command_events import CommandResult
from tests.integration.gateways import await_until
from tests.integration.stores import all_rows, everything_in, held, stands
from tests.integration.storms import a_storm, projecting, send, sinks_of

KILLS = 4
ALERTS = 240

_PROGRAM = """
import sys, threading
from integrations.kafka import KafkaSettings
from integrations.project import Projector
from integrations.records import RecordsSettings
from integrations.serving.settings import ServingSettings
from integrations.telemetry import Telemetry
from tests.integration.storms import sinks_of
url, records_url, prefix, kafka = sys.argv[1:]
serving = ServingSettings(url=url, prefix=prefix)
records = RecordsSettings(url=records_url, flush_s=0.1)
kafka = KafkaSettings.model_validate_json(kafka)
Projector(sinks_of(serving, records), kafka, Telemetry("project")).run(threading.Event())
"""


@contextlib.contextmanager
def a_worker(serving: ServingSettings, records: RecordsSettings, kafka: KafkaSettings) -> Iterator[None]:
    """A process of the role, killed at the end of the block."""
    assert serving.url is not None
    assert records.url is not None
    urls = [serving.url.get_secret_value(), records.url.get_secret_value()]
    command = [sys.executable, "-c", _PROGRAM, *urls, serving.prefix, kafka.model_dump_json()]
    process = subprocess.Popen(command, preexec_fn=dying_with_parent())  # noqa: PLW1509
    try:
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


@pytest.mark.kafka
@pytest.mark.slow
def test_kills_leave_what_a_run_without_them_leaves(
    project_kafka: KafkaSettings, serving: ServingSettings, tmp_path: Path
) -> None:
    chance = random.Random(7)
    killed, calm = (serving.model_copy(update={"prefix": f"{name}:"}) for name in ("killed", "calm"))
    records, calm_records = (
        RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/{name}.db"), flush_s=0.1) for name in ("killed", "calm")
    )
    stop, sent = threading.Event(), [0]

    def storm() -> None:
        while sent[0] < ALERTS or not stop.is_set():
            send(project_kafka, a_storm(sent[0], 10))
            sent[0] += 10
            stop.wait(0.2)

    sender = threading.Thread(target=storm)
    sender.start()
    try:
        for _ in range(KILLS):
            before = held(killed)
            with a_worker(killed, records, project_kafka):
                await_until(lambda before=before: held(killed) > before, "more records")
                time.sleep(chance.random() * 0.5)
    finally:
        stop.set()
        sender.join()
    events = a_storm(0, sent[0])
    recorded = len([one for one in events if not isinstance(one, CommandResult)])
    for one, database in ((killed, records), (calm, calm_records)):
        with projecting(sinks_of(one, database), project_kafka):
            await_until(lambda one=one: held(one) == len(events), "all records")
            await_until(lambda database=database: stands(database) == recorded, "all in the database")
    expected = {key.replace("calm:", "killed:", 1): value for key, value in everything_in(calm).items()}
    assert everything_in(killed) == expected
    assert all_rows(records) == all_rows(calm_records)
    assert len(all_rows(records)["alerts"]) == sent[0]
