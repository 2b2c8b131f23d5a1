"""Every client gets the same connection, and nobody sees a secret."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from integrations.kafka import KafkaSettings
from schemas.errors import MachineError
from schemas.topics import SAMPLES

PASSWORD = "correct-horse"


def sasl(**other: object) -> KafkaSettings:
    given = {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "alice",
        "sasl_password": SecretStr(PASSWORD),
    }
    return KafkaSettings.model_validate(given | other)


def test_the_password_reaches_every_client() -> None:
    settings = sasl()
    assert settings.librdkafka()["sasl.password"] == PASSWORD
    assert settings.aiokafka()["sasl_plain_password"] == PASSWORD
    assert settings.faust_credentials().password == PASSWORD
    assert settings.faust()["broker_credentials"].mechanism.value == "SCRAM-SHA-512"


def test_the_password_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    settings = sasl()
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("%s %s", settings.librdkafka(), settings.aiokafka())
    shown = [
        repr(settings),
        str(settings),
        settings.model_dump_json(),
        json.dumps(settings.model_dump(mode="json")),
        repr(settings.librdkafka()),
        str(settings.librdkafka()),
        f"{settings.aiokafka()}",
        repr(settings.faust_credentials()),
        repr(settings.faust()),
        caplog.text,
    ]
    assert [text for text in shown if PASSWORD in text] == []


def test_a_validation_error_does_not_repeat_the_password() -> None:
    with pytest.raises(ValidationError) as caught:
        KafkaSettings.model_validate({"sasl_password": {"wrong": PASSWORD}, "partitions": 0})
    assert PASSWORD not in str(caught.value)
    with pytest.raises(ValidationError) as caught:
        KafkaSettings.model_validate({"security_protocol": "SASL_SSL", "sasl_password": PASSWORD})
    assert PASSWORD not in str(caught.value)


def test_a_password_file_is_read_at_each_connection(tmp_path: Path) -> None:
    path = tmp_path / "password"
    settings = sasl(sasl_password=None, sasl_password_file=path)
    path.write_text("first\n")
    assert settings.librdkafka()["sasl.password"] == "first"
    path.write_text("second\n")
    assert settings.librdkafka()["sasl.password"] == "second"
    path.unlink()
    with pytest.raises(MachineError, match="sasl_password_file"):
        settings.aiokafka()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"security_protocol": "SASL_SSL"}, "needs sasl_mechanism and sasl_username"),
        (
            {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "sasl_username": "a"},
            "needs sasl_password or sasl_password_file",
        ),
        ({"ssl_cert_file": "/cert.pem"}, "go together"),
        ({"topic_prefix": "a b"}, "topic_prefix"),
        ({"sasl_mechanism": "GSSAPI"}, "sasl_mechanism"),
        ({"bootstrap_servers": "x:1"}, "Extra inputs"),
    ],
)
def test_settings_that_cannot_hold_are_refused(given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        KafkaSettings.model_validate(given)


def test_a_missing_certificate_is_named_before_the_client_meets_it(tmp_path: Path) -> None:
    settings = KafkaSettings(security_protocol="SSL", ssl_ca_file=tmp_path / "ca.pem")
    with pytest.raises(MachineError, match=r"ca\.pem"):
        settings.librdkafka()
    with pytest.raises(MachineError, match="cannot load the TLS files"):
        settings.ssl_context()


def test_the_hostname_check_can_be_left_out_for_every_client() -> None:
    settings = KafkaSettings(security_protocol="SSL", ssl_check_hostname=False)
    assert settings.librdkafka()["ssl.endpoint.identification.algorithm"] == "none"
    assert settings.aiokafka()["ssl_context"].check_hostname is False
    assert settings.faust_credentials().context.check_hostname is False


def test_the_prefix_stands_before_topics_and_groups() -> None:
    settings = KafkaSettings(topic_prefix="staging.")
    assert settings.topic(SAMPLES) == "staging.metrics.samples"
    assert settings.group("detect") == "staging.detect"


def test_the_embedded_broker_has_short_sessions() -> None:
    assert KafkaSettings(profile="embedded").session_s == 2.0
    assert KafkaSettings(profile="kafka").session_s == 10.0
    assert KafkaSettings(profile="embedded", session_timeout_s=7).faust()["broker_session_timeout"] == 7.0


def test_options_are_named_as_librdkafka_names_them() -> None:
    options = KafkaSettings().librdkafka(group_id="g", log_level=3, **{"enable.idempotence": True})
    assert options["group.id"] == "g"
    assert options["log_level"] == 3
    assert options["enable.idempotence"] is True


def test_faust_gets_every_address() -> None:
    assert KafkaSettings(bootstrap="a:1, b:2").faust()["broker"] == "kafka://a:1;kafka://b:2"


def test_debug_lines_of_aiokafka_show_no_authentication(caplog: pytest.LogCaptureFixture) -> None:
    sasl().aiokafka()
    request = type("SaslAuthenticateRequest_v1", (), {"__repr__": lambda _: f"sasl_auth_bytes={PASSWORD}"})()
    with caplog.at_level(logging.DEBUG, logger="aiokafka.conn"):
        logging.getLogger("aiokafka.conn").debug("%s Request %d: %s", "broker", 1, request)
        logging.getLogger("aiokafka.conn").debug("%s Request %d: %s", "broker", 2, "Metadata")
    assert [record.args[1] for record in caplog.records if isinstance(record.args, tuple)] == [2]
