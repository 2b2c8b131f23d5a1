"""Broker processes: ports that are taken, programs that end or are missing."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import psutil
import pytest

from integrations.kafka.embedded import EmbeddedBroker
from integrations.kafka.process import BrokerProcess, free_port, require_free
from schemas.errors import MachineError


def test_a_taken_port_is_a_clear_error(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(MachineError, match=f"port {port} of 127.0.0.1 is taken"):
            require_free(port)
        with pytest.raises(MachineError, match="is taken"):
            EmbeddedBroker(port, tmp_path / "log").start()


def test_a_free_port_can_be_had() -> None:
    require_free(free_port())


def test_a_program_that_ends_at_once_tells_its_last_words(tmp_path: Path) -> None:
    process = BrokerProcess("the broker", tmp_path / "log")
    process.start([sys.executable, "-c", "print('out of luck')"])
    with pytest.raises(MachineError, match="out of luck"):
        process.await_answer(EmbeddedBroker(free_port(), tmp_path / "x").settings, 20)
    assert not process.is_alive
    assert process.rss_bytes == 0


def test_a_program_that_is_missing_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="does not start"):
        BrokerProcess("the broker", tmp_path / "log").start([str(tmp_path / "nowhere")])


def test_a_program_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    process = BrokerProcess("the broker", tmp_path / "log")
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    process.start([sys.executable, "-c", code])
    child = psutil.Process(process.pid)
    while process.last_words() != "up":
        assert process.is_alive
    process.stop(timeout_s=0.2)
    assert not child.is_running()
