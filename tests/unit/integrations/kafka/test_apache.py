"""What Apache Kafka is told, without starting it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from integrations.kafka.apache import (
    ApacheKafka,
    SecureListener,
    default_cache_dir,
    installation_jars,
    resolve_jars,
)
from schemas.errors import ConfigurationError, MachineError


def test_a_folder_without_jars_is_no_installation(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"libs/kafka_"):
        installation_jars(tmp_path)
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "kafka_2.13-4.3.1.jar").touch()
    assert installation_jars(tmp_path) == tmp_path / "libs"


def test_jars_in_the_cache_need_no_maven(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "kafka-4.3.1").mkdir()
    assert resolve_jars(tmp_path) == tmp_path / "kafka-4.3.1"


def test_a_missing_maven_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"Maven is missing.*--kafka-home"):
        resolve_jars(tmp_path)


def test_a_failing_maven_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / "mvn"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho '[ERROR] no route to host'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    cache = tmp_path / "cache"
    with pytest.raises(MachineError, match=r"no route to host.*--kafka-home"):
        resolve_jars(cache)
    assert list(cache.iterdir()) == []


def test_a_missing_java_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(MachineError, match=r"Java is missing.*Install Java 17"):
        ApacheKafka(tmp_path / "data").start()


def test_the_cache_follows_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "metrics-ai"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "metrics-ai"


def test_listeners_carry_their_users_in_a_file_that_only_we_read(tmp_path: Path) -> None:
    users = {"alice": SecretStr("wonder")}
    listener = SecureListener("SECRET", "SASL_PLAINTEXT", mechanisms=("PLAIN", "SCRAM-SHA-256"), users=users)
    broker = ApacheKafka(tmp_path, listeners=[listener], properties={"log.segment.bytes": "1048576"})
    path = broker._write_properties()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    assert (
        'plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="wonder";'
        in text
    )
    assert "log.segment.bytes=1048576" in text
    assert "auto.create.topics.enable=false" in text
    assert list(listener.scram_users()) == ["SCRAM-SHA-256=[name=alice,password=wonder]"]
    assert "wonder" not in repr(listener)
