"""The compose file: what it says, and that the very commands of its services work against a real broker.

No Docker engine is needed: a compose implementation's own ``config`` checks the file, and each service's command line
runs as a process here, with the service's environment, until the service's own health check passes.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from integrations.kafka import KafkaSettings
from integrations.kafka.process import dying_with_parent, free_port
from integrations.records import RecordsSettings
from integrations.serving.embedded import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]
ROLES = ("ingest", "detect", "burn", "decide", "route", "notify", "project", "console")
STORES = ("valkey", "postgres")
READY_LIMIT_S = 120.0


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    # As an implementation reads it where no variable is set.
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "docker-compose.yml").read_text())
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text()


def test_there_is_a_service_for_the_broker_its_topics_the_stores_and_each_role(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"kafka", "topics", *STORES, *ROLES}
    for role in ROLES:
        assert compose["services"][role]["command"] == ["worker", role]


def test_every_image_is_pinned(compose: dict[str, Any], dockerfile: str) -> None:
    images = [service["image"] for service in compose["services"].values()]
    images += re.findall(r"^FROM (\S+)", dockerfile, flags=re.MULTILINE)
    assert [image for image in images if not re.fullmatch(r"[a-z/-]+:\d+\.\d+(\.\d+)?[a-z.-]*", image)] == []


def test_every_service_has_limits_and_each_that_stays_up_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        limits = service["deploy"]["resources"]["limits"]
        assert {"memory", "cpus"} <= set(limits), name
        if name != "topics":
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_data_lies_on_named_volumes(compose: dict[str, Any]) -> None:
    mounts = [mount for service in compose["services"].values() for mount in service.get("volumes", [])]
    assert "kafka-data:/var/lib/kafka/data" in mounts
    assert {mount.split(":")[0] for mount in mounts} == set(compose["volumes"])


def test_compiled_kernels_can_be_kept_by_every_service_on_its_read_only_tree(
    compose: dict[str, Any], dockerfile: str
) -> None:
    (cache,) = re.findall(r"NUMBA_CACHE_DIR=(\S+)", dockerfile)
    for name in ("topics", *ROLES):
        service = compose["services"][name]
        assert service["read_only"], name
        mounts = [mount.split(":")[1] for mount in service["volumes"]]
        assert any(Path(cache).is_relative_to(mount) for mount in mounts), name


def test_the_brokers_health_check_brings_a_small_heap_of_its_own(compose: dict[str, Any]) -> None:
    (heap,) = [part for part in compose["services"]["kafka"]["healthcheck"]["test"] if "KAFKA_HEAP_OPTS" in part]
    (most_mb,) = re.findall(r"-Xmx(\d+)m", heap)
    assert int(most_mb) <= 128


def test_the_settings_of_every_service_exist(compose: dict[str, Any]) -> None:
    from metrics_ai.config import load_config

    for name in ROLES:
        config = load_config(environ=compose["services"][name]["environment"])
        assert config.kafka.bootstrap == "kafka:29092"
        assert config.http.host == "0.0.0.0"


def test_what_is_served_and_kept_lies_in_stores_that_only_services_reach(compose: dict[str, Any]) -> None:
    from metrics_ai.config import load_config

    config = load_config(environ=compose["services"]["project"]["environment"])
    assert config.serving.url is not None
    assert config.records.url is not None
    assert "@valkey:6379/" in config.serving.url.get_secret_value()
    assert "@postgres:5432/" in config.records.url.get_secret_value()
    for name in STORES:
        assert "ports" not in compose["services"][name]
        assert compose["services"]["project"]["depends_on"][name] == {"condition": "service_healthy"}


def test_the_api_is_reached_from_this_machine_with_a_token(compose: dict[str, Any]) -> None:
    from console.access import Keyring
    from metrics_ai.config import load_config

    service = compose["services"]["console"]
    config = load_config(environ=service["environment"])
    assert Keyring.of(config.console, config.tenant).caller("metricsai", None).role == "admin"
    assert service["ports"] == ["127.0.0.1:8080:8080"]


def test_the_broker_takes_the_largest_message_that_we_send(compose: dict[str, Any]) -> None:
    from schemas.topics import MAX_MESSAGE_BYTES

    assert int(compose["services"]["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) >= MAX_MESSAGE_BYTES


def test_the_image_runs_as_nobody_in_particular_from_hashed_requirements(dockerfile: str) -> None:
    users = re.findall(r"^USER (\S+)", dockerfile, flags=re.MULTILINE)
    assert users
    assert users[-1].split(":")[0] not in ("root", "0")
    assert "--require-hashes --no-deps -r requirements/core.txt" in dockerfile
    assert len(re.findall(r"^FROM ", dockerfile, flags=re.MULTILINE)) == 2


def test_what_the_image_copies_exists_and_is_not_ignored(dockerfile: str) -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, flags=re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert source in kept, source


def test_a_compose_implementation_accepts_the_file() -> None:
    command = _compose_command()
    if command is None:
        pytest.skip("neither docker-compose (a Debian package) nor docker compose is here")
    done = subprocess.run(
        [*command, "-f", ROOT / "docker-compose.yml", "config"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == {"kafka", "topics", *STORES, *ROLES}


def _compose_command() -> list[str] | None:
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
        return ["docker", "compose"] if asked.returncode == 0 else None
    return None


@pytest.fixture(scope="module")
def topics_made(compose: dict[str, Any], any_broker: KafkaSettings) -> KafkaSettings:
    done = subprocess.run(
        _command_of(compose, "topics"),
        env=_environment_of(compose, "topics", any_broker, 0),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return any_broker


def test_the_topics_service_makes_the_catalogue(compose: dict[str, Any], topics_made: KafkaSettings) -> None:
    check = subprocess.run(
        [*_command_of(compose, "topics")[:-1], "check"],
        env=_environment_of(compose, "topics", topics_made, 0),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert check.returncode == 0, check.stdout + check.stderr


@pytest.fixture(scope="module")
def stores(valkey: EmbeddedValkey, postgres: RecordsSettings) -> dict[str, str]:
    """Stores of this machine in place of the services."""
    assert postgres.url is not None
    serving, records = valkey.url.get_secret_value(), postgres.url.get_secret_value()
    return {"METRICS_AI__SERVING__URL": serving, "METRICS_AI__RECORDS__URL": records}


@pytest.mark.parametrize("role", ROLES)
def test_the_command_of_a_role_becomes_healthy_and_ends_at_sigterm(
    role: str, compose: dict[str, Any], topics_made: KafkaSettings, stores: dict[str, str], tmp_path: Path
) -> None:
    port = free_port()
    log = tmp_path / "log"
    given = _environment_of(compose, role, topics_made, port)
    given |= {name: url for name, url in stores.items() if name in given}
    with Running(_command_of(compose, role), given, log) as process:
        probe = [part.replace(":8080/", f":{port}/") for part in compose["services"][role]["healthcheck"]["test"][1:]]
        probe[0] = sys.executable
        deadline = time.monotonic() + READY_LIMIT_S
        while subprocess.run(probe, capture_output=True, check=False).returncode != 0:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, log.read_text()


def _command_of(compose: dict[str, Any], service: str) -> list[str]:
    """The image's entrypoint and the service's command, as this environment has it."""
    entrypoint = re.findall(r'^ENTRYPOINT \["(.+)"\]$', (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    installed = Path(sys.executable).with_name(entrypoint[0])
    assert installed.exists()
    return [str(installed), *compose["services"][service]["command"]]


def _environment_of(compose: dict[str, Any], service: str, kafka: KafkaSettings, port: int) -> dict[str, str]:
    """The service's environment, its broker and port replaced by those of the test."""
    given = {name: str(value) for name, value in compose["services"][service]["environment"].items()}
    given |= {
        "METRICS_AI__KAFKA__BOOTSTRAP": kafka.bootstrap,
        "METRICS_AI__KAFKA__PROFILE": kafka.profile,
        "METRICS_AI__HTTP__HOST": "127.0.0.1",
        "METRICS_AI__HTTP__PORT": str(port),
    }
    return {**os.environ, **given}


class Running:
    """A process that is over when the test is."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path) -> None:
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=env,
                stdout=output,
                stderr=output,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509
            )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self._process

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
