"""The configuration: where values come from, and what errors say."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from integrations.kafka.connection import KafkaSettings
from metrics_ai.config import Config, field_at, load_config, missing_files, read_config
from metrics_ai.config_text import config_markdown, config_yaml
from schemas.errors import ConfigurationError


def _file(folder: Path, text: str) -> Path:
    path = folder / "metrics-ai.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_commented_default_loads_back_to_the_same(tmp_path: Path) -> None:
    path = _file(tmp_path, config_yaml(Config()))
    assert load_config(path, {}) == Config()


def test_a_changed_configuration_loads_back_to_the_same(tmp_path: Path) -> None:
    text = "detect:\n  rules:\n  - {name: hot, select: temperature, threshold: 30}\n  windows: {5m: {warmup_s: 20}}\n"
    changed = load_config(_file(tmp_path, text + "kafka: {bootstrap: 'k1:9092,k2:9092'}\n"), {})
    assert load_config(_file(tmp_path, config_yaml(changed)), {}) == changed


def test_every_setting_has_a_line_and_nearly_every_one_a_comment() -> None:
    lines = config_yaml(Config()).splitlines()
    for name in Config.model_fields:
        assert any(line.startswith(f"{name}:") for line in lines), name
        assert field_at((name,)) is not None


def test_environment_is_stronger_than_the_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "kafka:\n  bootstrap: file:1\n  partitions: 4\n")
    config = load_config(path, {"METRICS_AI__KAFKA__BOOTSTRAP": "environment:1"})
    assert (config.kafka.bootstrap, config.kafka.partitions) == ("environment:1", 4)


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("METRICS_AI__DETECT__WINDOWS__5M__WARMUP_S", "20", "detect.windows.5m.warmup_s", 20.0),
        ("METRICS_AI__TENANT", "{shop}", "tenant", "{shop}"),
        ("METRICS_AI__KAFKA", '{"bootstrap": "a:1", "partitions": 2}', "kafka.partitions", 2),
        ("METRICS_AI__CHECKPOINT__INTERVAL_S", "null", "checkpoint.interval_s", None),
        ("METRICS_AI__INGEST__SOURCES", "[{topic: t, format: native}]", "ingest.sources.0.topic", "t"),
    ],
)
def test_a_variable_reaches_its_setting(name: str, value: str, path: str, expected: object) -> None:
    here: object = load_config(None, {name: value}).model_dump()
    for key in path.split("."):
        here = here[int(key)] if isinstance(here, list) else here[key]  # type: ignore[index]
    assert here == expected


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("kafka:\n  bootstap: x\n", 2, ["there is no such setting", "Did you mean bootstrap?"]),
        ("tenant: a\nkafka:\n  partitions: 0\n", 3, ["kafka.partitions", "greater than or equal to 1", "not 0"]),
        ("ingest:\n  sources:\n  - topic: a\n    format: natve\n", 4, ["ingest.sources[0].format", "'native'"]),
        ("tenant: a\ntenant: b\n", 2, ["tenant stands here and on line 1"]),
        ("ingest:\n  sources:\n  - topic: a\n    format: telegraf\n", 4, ["Did you mean telegraf_json?"]),
        ("kafka:\n  bootstrap: kafka\n", 2, ["HOST:PORT"]),
        ("kafka:\n  bootstrap: 'PLAINTEXT://k1:9092'\n", 2, ["without a protocol"]),
        ("kafka:\n  bootstrap: k1:70000\n", 2, ["HOST:PORT"]),
        ("kafka:\n  partitions: 4\n  security_protocol: SASL_SSL\n", 3, ["kafka: SASL_SSL needs sasl_mechanism"]),
        ("kafka:\n  partitions: 4\n  ssl_cert_file: a\n", 3, ["ssl_cert_file and ssl_key_file go together"]),
        ("kafka:\n\tpartitions: 4\n", 2, ["a tab", "Indent with spaces"]),
        ("tenant: [\n", 2, ["not YAML"]),
        ("- a\n", 1, ["no mapping"]),
        ("detect:\n  windows:\n    5m:\n      warmup_s: soon\n", 4, ["detect.windows.5m.warmup_s", "number"]),
    ],
)
def test_an_error_names_file_line_and_way_out(tmp_path: Path, text: str, line: int, words: list[str]) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_config(path, {})
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}:")
    assert caught.value.way_out
    for word in words:
        assert word in message


def test_an_error_in_the_environment_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match=r"METRICS_AI__HTTP__PORT: http\.port"):
        load_config(None, {"METRICS_AI__HTTP__PORT": "70000"})


def test_every_problem_of_a_file_is_found(tmp_path: Path) -> None:
    config, problems = read_config(_file(tmp_path, "tenant: ''\nkafka: {partitions: 0}\nnothing: 1\n"), {})
    assert config is None
    assert [problem.where.rpartition(":")[2] for problem in problems] == ["1", "2", "3"]


def test_problems_come_in_the_order_of_their_lines(tmp_path: Path) -> None:
    _, problems = read_config(_file(tmp_path, "nothing: 1\nlog: {level: loud}\nkafka: {partitions: 0}\n"), {})
    assert [problem.where.rpartition(":")[2] for problem in problems] == ["1", "2", "3"]


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    text = f"kafka:\n  ssl_ca_file: {tmp_path}/ca.pem\n  sasl_password_file: {tmp_path}/none\n"
    path = _file(tmp_path, text)
    config, _ = read_config(path, {})
    assert config is not None
    (problem,) = missing_files(config, path, {})
    assert str(problem) == f"{path}:3: kafka.sasl_password_file: {tmp_path}/none is no file that can be read"


def test_a_file_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_config(tmp_path / "none.yaml", {})


def test_secrets_show_nowhere(tmp_path: Path) -> None:
    kafka = KafkaSettings(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="PLAIN",
        sasl_username="u",
        sasl_password=SecretStr("hunter2"),
    )
    config = Config(kafka=kafka)
    assert "hunter2" not in config_yaml(config) + config.model_dump_json() + repr(config)
    with pytest.raises(ConfigurationError) as caught:
        load_config(_file(tmp_path, "kafka:\n  sasl_password: [hunter2]\n"), {})
    assert "hunter2" not in str(caught.value)


def test_a_mapping_comes_from_the_environment_whole_or_a_key_at_a_time() -> None:
    prefix = "METRICS_AI__SLO__REMOTE_WRITE__"
    given = {f"{prefix}EXTERNAL_LABELS": "{cluster: eu-1}", f"{prefix}HEADERS__X-TOKEN": "hunter2"}
    config = load_config(None, given)
    assert config.slo.remote_write.external_labels == {"cluster": "eu-1"}
    assert config.slo.remote_write.headers["x-token"].get_secret_value() == "hunter2"
    assert "hunter2" not in config_yaml(config) + config.model_dump_json() + repr(config)


@pytest.mark.parametrize("name", ["METRICS_AI__KAFKA", "METRICS_AI__INGEST", "METRICS_AI__INGEST__SOURCES"])
def test_what_cannot_be_read_as_settings_is_not_repeated(name: str, tmp_path: Path) -> None:
    broken = '{"sasl_password": "hunter2", '
    with pytest.raises(ConfigurationError) as caught:
        load_config(None, {name: broken})
    assert name in str(caught.value)
    assert "hunter2" not in str(caught.value)
    for text in ("kafka: 'sasl_password: hunter2'\n", "kafka: {sasl_password: *hunter2}", "kafka: {a: !hunter2 b}"):
        with pytest.raises(ConfigurationError) as caught:
            load_config(_file(tmp_path, text), {})
        assert "hunter2" not in str(caught.value)


def test_the_reference_names_every_setting() -> None:
    text = config_markdown()
    for name in KafkaSettings.model_fields:
        assert f"`kafka.{name}`" in text
    assert "`detect.confirm.evidence`" in text
