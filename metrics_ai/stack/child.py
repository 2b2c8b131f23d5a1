"""One role as a child process: its command, where it reports, and an end that is certain."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from integrations.kafka.process import dying_with_parent

_ASK_TIMEOUT_S: Final = 2.0
_MAX_WORDS: Final = 300


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a role is started.

    Parameters
    ----------
    role
        Its name, as ``metrics-ai worker`` takes it.
    run_dir
        Where it reports its port and logs.
    arguments
        Further options of the command line.
    environment
        The whole environment of the process.
    also
        Roles that the same process plays.
    """

    role: str
    run_dir: Path
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    also: Sequence[str] = ()

    @property
    def report_path(self) -> Path:
        """Where the child writes its port."""
        return self.run_dir / f"{self.role}.json"

    @property
    def output_path(self) -> Path:
        """What it says outside its log: a crash of the interpreter, a library's own words."""
        return self.run_dir / f"{self.role}.out"

    @property
    def log_path(self) -> Path:
        """Its log."""
        return self.run_dir / f"{self.role}.log"

    def command(self) -> list[str]:
        """The command line."""
        files = ["--ready-file", str(self.report_path), "--log-file", str(self.log_path)]
        roles = [self.role, *self.also]
        return [sys.executable, "-m", "metrics_ai", "worker", *roles, "--port", "0", *files, *self.arguments]


class Child:
    """A role's process, from its start to its end.

    Parameters
    ----------
    spec
        How it is started; the process starts at once, in its own group, and dies with the thread that started it.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.started_s = time.monotonic()
        self._port: int | None = None
        self._log_start = spec.log_path.stat().st_size if spec.log_path.exists() else 0
        spec.run_dir.mkdir(parents=True, exist_ok=True)
        spec.report_path.unlink(missing_ok=True)
        with spec.output_path.open("wb") as output:
            self._process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
                spec.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(spec.environment),
                # Ctrl-C goes to the supervisor alone, which ends its children in order.
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509  # one foreign call, loaded before
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def exit_text(self) -> str:
        """How it ended."""
        code = self._process.poll()
        if code is None:
            return "running"
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"

    @property
    def age_s(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.started_s

    @property
    def rss_bytes(self) -> int:
        """Memory it holds."""
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(self.pid).memory_info().rss)
        return 0

    @property
    def port(self) -> int | None:
        """Its health port, once it has reported one."""
        if self._port is None:
            with contextlib.suppress(OSError, ValueError, KeyError):
                self._port = int(json.loads(self.spec.report_path.read_bytes())["port"])
        return self._port

    def ask(self, path: str) -> tuple[int, bytes] | None:
        """Status and body of one of its pages; None while it does not answer."""
        if self.port is None or not self.is_alive:
            return None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_ASK_TIMEOUT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def status(self) -> dict[str, Any] | None:
        """What it says of itself; None while it does not answer."""
        answer = self.ask("/readyz")
        if answer is None:
            return None
        with contextlib.suppress(ValueError):
            body = json.loads(answer[1])
            return body if isinstance(body, dict) else None
        return None

    def last_words(self) -> str:
        """Why it ended, as far as it said: the last line of its output, else the last error in its log."""
        said = _lines_of(self.spec.output_path, 0)
        if said:
            return said[-1][:_MAX_WORDS]
        return next(filter(None, map(_error_in, reversed(_lines_of(self.spec.log_path, self._log_start)))), "")

    def terminate(self) -> None:
        """Ask it to drain and end."""
        if self.is_alive:
            self._process.terminate()

    def finish(self, timeout_s: float) -> None:
        """Wait for its end; after the time, end it and whatever it started."""
        try:
            self._process.wait(max(0.0, timeout_s))
        except subprocess.TimeoutExpired:
            pass
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self.spec.report_path.unlink(missing_ok=True)


def _lines_of(path: Path, start: int) -> list[str]:
    with contextlib.suppress(OSError), path.open("rb") as file:
        # A log that has rolled over since begins anew.
        file.seek(start if start <= path.stat().st_size else 0)
        return file.read().decode(errors="replace").strip().splitlines()
    return []


def _error_in(line: str) -> str:
    """What a line of a JSON log says of an error; empty where it says something else."""
    with contextlib.suppress(ValueError):
        body = json.loads(line)
        if isinstance(body, dict) and body.get("level") in ("error", "critical"):
            cause = str(body.get("error", "")).strip().splitlines()[-1:]
            return ": ".join([str(body.get("event", "")), *cause])[:_MAX_WORDS]
    return ""
