"""Workers as processes that are killed, frozen and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from integrations.kafka.connection import KafkaSettings
from integrations.kafka.process import dying_with_parent

ROOT = Path(__file__).resolve().parents[3]
_NUMBERS = count(1)


@dataclass
class WorkerSpec:
    """How to start a worker of a role."""

    role: str
    kafka: KafkaSettings
    folder: Path
    interval_s: float = 0.5
    operators: str = "sums"
    writer: str = "sound"
    ticks: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


class WorkerProcess:
    """One worker."""

    def __init__(self, spec: WorkerSpec) -> None:
        self.spec = spec
        name = f"{spec.role}-{next(_NUMBERS)}"
        self.log = spec.folder / f"{name}.log"
        self._status = spec.folder / f"{name}.status"
        config = spec.folder / f"{name}.json"
        body = {
            "role": spec.role,
            "kafka": json.loads(spec.kafka.model_dump_json()),
            "checkpoint": {"interval_s": spec.interval_s, "max_cost_ratio": 1.0},
            "operators": spec.operators,
            "writer": spec.writer,
            "ticks": spec.ticks,
            "status": str(self._status),
            "log": str(self.log),
            **spec.extra,
        }
        config.write_text(json.dumps(body))
        with self.log.with_suffix(".err").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.harness.worker_main", str(config)],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # made for that
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def status(self) -> dict[str, Any]:
        """Where it stood a moment ago."""
        try:
            told: dict[str, Any] = json.loads(self._status.read_text())
        except (OSError, ValueError):
            return {"at": 0.0, "ready": False, "partitions": {}}
        return told

    def positions(self, topic: str, kind: str = "positions") -> dict[int, int]:
        return {int(number): part[kind][topic] for number, part in self.status()["partitions"].items()}

    def wait_ready(self, limit_s: float = 90.0) -> WorkerProcess:
        deadline = time.monotonic() + limit_s
        while not self.status()["ready"]:
            if not self.is_alive or time.monotonic() > deadline:
                raise AssertionError(f"{self.spec.role} is not ready:\n{self.said()[-4000:]}")
            time.sleep(0.02)
        return self

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self, limit_s: float = 20.0) -> int:
        """SIGTERM; its exit status."""
        self._process.terminate()
        try:
            return self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)  # where its threads stand is then in what it said
            self._process.wait()
            raise AssertionError(f"{self.spec.role} does not stop:\n{self.said()[-8000:]}") from None

    def end(self) -> None:
        if self.is_alive:
            self.kill()

    def said(self) -> str:
        texts = [path.read_text(errors="replace") for path in (self.log, self.log.with_suffix(".err")) if path.exists()]
        return "\n".join(texts)
