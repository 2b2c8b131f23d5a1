"""A worker as a process of its own: ``python -m tests.integration.harness.worker_main CONFIG.json``.

It says where it stands in a file, so that whoever kills it knows what was in flight.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import logging
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from agents.checkpoints import CheckpointSettings
from agents.host import StageHost, host
from agents.restore import ShellSettings
from integrations.kafka.connection import KafkaSettings
from integrations.kafka.process import end_within
from integrations.telemetry import Telemetry
from metrics_ai.worker import LAST_RESORT_S
from tests.integration.harness.stages import TORN, WRITERS, sum_stage, talkative_stage

LOG = logging.getLogger(__name__)
_STATUS_EVERY_S = 0.003


class _JsonLines(logging.Formatter):
    """Everything that was said, with its keys."""

    _PLAIN = frozenset(vars(logging.makeLogRecord({})))

    def format(self, record: logging.LogRecord) -> str:
        extra = {key: value for key, value in vars(record).items() if key not in self._PLAIN}
        text = f"{self.formatTime(record)} {record.levelname} {record.name} {record.getMessage()} {extra or ''}"
        return text + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


def _tell(hosts: list[StageHost], telemetry: Telemetry, path: Path) -> None:
    part = path.with_suffix(".part")
    while True:
        at = time.monotonic()  # before the positions are read: they are not older than this
        partitions = {
            str(number): {"positions": dict(state.positions), "saved": dict(state.saved)}
            for one in hosts
            for number, state in list(one.shell.partitions.items())
        }
        lag = sum(sample.value for metric in telemetry.lag_offsets.collect() for sample in metric.samples)
        told = {"at": at, "ready": telemetry.is_ready, "partitions": partitions, "torn": sorted(TORN), "lag": lag}
        part.write_text(json.dumps(told))
        part.replace(path)
        time.sleep(_STATUS_EVERY_S)


def _stages(config: dict[str, Any], kafka: KafkaSettings) -> Any:
    if config["operators"] == "paging":
        from tests.integration.harness.paging import paging_stages

        return paging_stages(kafka, config["pager"]).stage
    if config["operators"] != "real":
        return {"sums": sum_stage, "talkative": talkative_stage}[config["operators"]]
    from tests.integration.harness.real import stage_settings

    return stage_settings(kafka).stage


async def _run(config: dict[str, Any]) -> None:
    kafka = KafkaSettings(**config["kafka"])
    transactions = kafka.profile == "kafka"
    settings = ShellSettings(kafka, CheckpointSettings(**config["checkpoint"]), transactions, WRITERS[config["writer"]])
    telemetry = Telemetry(config["role"])
    stage = _stages(config, kafka)(config["role"])
    back_s = config["clock_back_s"]
    hosts = [StageHost(stage, settings, telemetry, config["ticks"], clock=lambda: time.time() - back_s)]
    threading.Thread(target=_tell, args=(hosts, telemetry, Path(config["status"])), daemon=True).start()
    stop = threading.Event()

    def told_to_stop() -> None:
        end_within(LAST_RESORT_S)
        stop.set()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told_to_stop)
    failure = await host(hosts, stop)
    if failure is not None:
        raise failure


def main() -> None:
    faulthandler.enable()
    config = json.loads(Path(sys.argv[1]).read_text())
    handler = logging.FileHandler(config["log"])
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for name in ("faust", "mode", "aiokafka"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        if config["role"] == "ingest":
            from tests.integration.harness.real import run_gateway

            stop = threading.Event()
            signal.signal(signal.SIGTERM, lambda *_: stop.set())
            run_gateway(config, stop)
        else:
            asyncio.run(_run(config))
    except Exception:
        LOG.exception("the worker failed")
        sys.exit(1)


if __name__ == "__main__":
    main()
