"""Brokers as child processes: ports, readiness, and an end that is certain."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from integrations.kafka.connection import KafkaSettings
from schemas.errors import MachineError

_PR_SET_PDEATHSIG: Final = 1
# Loaded before any fork: between fork and exec nothing may take a lock.
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def dying_with_parent() -> Callable[[], None] | None:
    """What a child runs before its program, so that the kernel ends it when the thread that started it ends.

    None where the system has no such thing (then only ``stop`` ends it).
    """
    if _LIBC is None:
        return None
    parent = os.getpid()

    def before_exec() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)

    return before_exec


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int, host: str = "127.0.0.1") -> None:
    """Refuse a port on which somebody listens.

    Raises
    ------
    MachineError
        If it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise MachineError(
                f"port {port} of {host} is taken", "End what listens there, or choose another"
            ) from error


class BrokerProcess:
    """A broker's process: started, waited for until it answers, ended.

    Parameters
    ----------
    name
        For messages.
    log_path
        Where its output goes.
    """

    def __init__(self, name: str, log_path: Path) -> None:
        self.name = name
        self.log_path = log_path
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.pid is not None

    @property
    def rss_bytes(self) -> int:
        """Memory it holds now; 0 when it does not run."""
        if (pid := self.pid) is None:
            return 0
        with contextlib.suppress(psutil.Error):
            return int(psutil.Process(pid).memory_info().rss)
        return 0

    def start(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start the program.

        Raises
        ------
        MachineError
            If it cannot be started.
        """
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603  # our own command line, no shell
                    list(command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=None if env is None else dict(env),
                    # Ctrl-C goes to us alone: we end it in order.
                    start_new_session=True,
                    preexec_fn=dying_with_parent(),  # noqa: PLW1509  # one foreign call, loaded before
                )
            except OSError as error:
                raise MachineError(f"{self.name} does not start: {error}") from error

    def await_answer(self, settings: KafkaSettings, timeout_s: float) -> None:
        """Wait until the broker answers a request for metadata.

        Raises
        ------
        MachineError
            If it ends or is still silent after ``timeout_s``.
        """
        deadline = time.monotonic() + timeout_s
        host, port = settings.bootstrap.rsplit(":", 1)
        while time.monotonic() < deadline:
            if not self.is_alive:
                raise MachineError(f"{self.name} ended at once: {self.last_words()}", f"See {self.log_path}")
            if _listens(host, int(port)) and _answers(settings):
                return
            time.sleep(0.03)
        raise MachineError(
            f"{self.name} did not answer within {timeout_s:g} s: {self.last_words()}", f"See {self.log_path}"
        )

    def last_words(self) -> str:
        """The last line of its log."""
        with contextlib.suppress(OSError):
            lines = self.log_path.read_text(errors="replace").strip().splitlines()
            return lines[-1][:300] if lines else "no output"
        return "no output"

    def stop(self, timeout_s: float = 20.0) -> None:
        """End it: ask, then insist."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """End it as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _listens(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def _answers(settings: KafkaSettings) -> bool:
    try:
        return bool(AdminClient(settings.librdkafka(log_level=0)).list_topics(timeout=5).brokers)
    except KafkaException:
        return False


def end_within(limit_s: float) -> None:
    """End the process after so long, wherever its threads then stand, and say where.

    For a process that was told to stop: what it holds is safe at its last checkpoint, and whoever supervises it
    must not wait for a client that never answers.
    """

    def end() -> None:
        time.sleep(limit_s)
        faulthandler.dump_traceback()
        os._exit(1)

    threading.Thread(target=end, daemon=True, name="last-resort").start()
