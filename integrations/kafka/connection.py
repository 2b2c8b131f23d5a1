"""One place for every client's connection: addresses, TLS, SASL and timeouts."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.errors import ConfigurationError, MachineError
from schemas.topics import Topic

Profile = Literal["auto", "kafka", "embedded"]
SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
# Joining a group of the embedded broker takes half the session timeout.
EMBEDDED_SESSION_S: Final = 2.0
KAFKA_SESSION_S: Final = 10.0
# Options of confluent-kafka that are written with an underscore.
_UNDERSCORED: Final = frozenset({"log_level", "on_commit", "error_cb", "stats_cb", "throttle_cb", "logger"})


class ClientOptions(dict[str, Any]):
    """A client's options; shows no secret when printed or logged."""

    def __repr__(self) -> str:
        return repr({key: "***" if "password" in key else value for key, value in self.items()})

    __str__ = __repr__


def checked_addresses(text: str) -> str:
    """Addresses of a broker, as they were given.

    Raises
    ------
    ValueError
        If one of them is not HOST:PORT.

    Examples
    --------
    >>> checked_addresses("k1:9092,k2:9092")
    'k1:9092,k2:9092'
    """
    for address in text.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or "/" in host or not port.isdecimal() or not 0 < int(port) < 2**16:
            raise ValueError("an address is HOST:PORT, without a protocol before it, as k1:9092,k2:9092")
    return text


class KafkaSettings(BaseModel):
    """How to reach the broker, and how our topics are laid out on it.

    Examples
    --------
    >>> settings = KafkaSettings(bootstrap="k1:9092,k2:9092", sasl_password=SecretStr("hidden"))
    >>> "hidden" in repr(settings)
    False
    >>> settings.librdkafka(acks="all")["bootstrap.servers"]
    'k1:9092,k2:9092'
    """

    # A validation error must not repeat what it was given: it may be a password.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    bootstrap: Annotated[
        str, AfterValidator(checked_addresses), Field(description="Addresses, HOST:PORT, joined by commas.")
    ] = "127.0.0.1:9092"
    profile: Annotated[
        Profile,
        Field(description="kafka: transactions fence zombies; embedded: the in-memory broker; auto: asked at start."),
    ] = "auto"
    topic_prefix: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9._-]*$", max_length=100, description="Before each topic and group of ours.")
    ] = ""
    partitions: Annotated[
        int, Field(ge=1, le=1000, description="Of each topic of ours; many more than workers. Cannot change later.")
    ] = 8
    replication_factor: Annotated[
        int, Field(ge=-1, le=9, description="Of topics that we create; -1 is the broker's default.")
    ] = -1
    client_id: Annotated[str, Field(min_length=1, description="As it shows in the broker's logs and quotas.")] = (
        "metrics-ai"
    )
    security_protocol: Annotated[SecurityProtocol, Field(description="What the listener speaks.")] = "PLAINTEXT"
    sasl_mechanism: Annotated[SaslMechanism | None, Field(description="For the SASL protocols.")] = None
    sasl_username: Annotated[str | None, Field(description="For the SASL protocols.")] = None
    sasl_password: Annotated[
        SecretStr | None, Field(description="Better from the environment or from sasl_password_file.")
    ] = None
    sasl_password_file: Annotated[Path | None, Field(description="Read at each connection, so it may rotate.")] = None
    ssl_ca_file: Annotated[Path | None, Field(description="PEM; the system's authorities where absent.")] = None
    ssl_cert_file: Annotated[Path | None, Field(description="PEM; our certificate, where the broker asks.")] = None
    ssl_key_file: Annotated[Path | None, Field(description="PEM; our key.")] = None
    ssl_check_hostname: Annotated[bool, Field(description="Whether the certificate must name the host.")] = True
    session_timeout_s: Annotated[
        float | None,
        Field(gt=0, le=300, description="A silent worker loses its partitions; 10 s, embedded 2 s, where absent."),
    ] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.security_protocol.startswith("SASL"):
            if self.sasl_mechanism is None or self.sasl_username is None:
                raise ValueError(f"{self.security_protocol} needs sasl_mechanism and sasl_username")
            if (self.sasl_password is None) == (self.sasl_password_file is None):
                raise ValueError(
                    f"{self.security_protocol} needs sasl_password or sasl_password_file, and not both of them"
                )
        if (self.ssl_cert_file is None) != (self.ssl_key_file is None):
            raise ValueError("ssl_cert_file and ssl_key_file go together")
        return self

    def topic(self, topic: Topic) -> str:
        """The name of a topic of the catalogue on this broker."""
        return self.topic_prefix + topic.name

    def group(self, stage: str) -> str:
        """The consumer group of a stage."""
        return self.topic_prefix + stage

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def uses_sasl(self) -> bool:
        """Whether connections carry a name and a password."""
        return self.security_protocol.startswith("SASL")

    @property
    def session_s(self) -> float:
        """After how many seconds of silence a member of a group is gone."""
        if self.session_timeout_s is not None:
            return self.session_timeout_s
        return EMBEDDED_SESSION_S if self.profile == "embedded" else KAFKA_SESSION_S

    def librdkafka(self, **extra: Any) -> ClientOptions:
        """Options of a confluent-kafka client; in ``extra`` an underscore stands for a dot.

        Raises
        ------
        MachineError
            If a password or certificate file cannot be read.
        """
        options = ClientOptions({"bootstrap.servers": self.bootstrap, "client.id": self.client_id})
        # A client that is told nothing writes every lost connection to standard error; errors reach us by callback.
        options["log.connection.close"] = False
        if self.security_protocol != "PLAINTEXT":
            options["security.protocol"] = self.security_protocol
        if self.uses_tls:
            options |= self._librdkafka_tls()
        if self.uses_sasl:
            options["sasl.mechanism"] = self.sasl_mechanism
            options["sasl.username"] = self.sasl_username
            options["sasl.password"] = self._password()
        options.update({key if key in _UNDERSCORED else key.replace("_", "."): extra[key] for key in extra})
        return options

    def _librdkafka_tls(self) -> dict[str, str]:
        files = {
            "ssl.ca.location": self.ssl_ca_file,
            "ssl.certificate.location": self.ssl_cert_file,
            "ssl.key.location": self.ssl_key_file,
        }
        for path in filter(None, files.values()):
            _must_exist(path)
        options = {key: str(path) for key, path in files.items() if path is not None}
        return options | {"ssl.endpoint.identification.algorithm": "https" if self.ssl_check_hostname else "none"}

    def aiokafka(self) -> ClientOptions:
        """Keyword arguments of an aiokafka producer, consumer or admin client.

        Raises
        ------
        MachineError
            If a password or certificate file cannot be read.
        """
        options = ClientOptions(
            bootstrap_servers=self.bootstrap.split(","),
            client_id=self.client_id,
            security_protocol=self.security_protocol,
        )
        if self.uses_tls:
            options["ssl_context"] = self.ssl_context()
        if self.uses_sasl:
            _keep_out_of_debug_logs()
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self._password()
        return options

    def faust_credentials(self) -> Any:
        """What Faust calls ``broker_credentials``; None for plain text.

        Raises
        ------
        MachineError
            If a password or certificate file cannot be read.
        """
        from faust import auth  # noqa: PLC0415  # a second of imports that only workers need

        context = self.ssl_context() if self.uses_tls else None
        if self.uses_sasl:
            _keep_out_of_debug_logs()
            return auth.SASLCredentials(
                username=self.sasl_username,
                password=self._password(),
                mechanism=self.sasl_mechanism,
                ssl_context=context,
            )
        return auth.SSLCredentials(context) if context else None

    def faust(self) -> dict[str, Any]:
        """Keyword arguments of a Faust application that concern the broker."""
        return {
            "broker": ";".join(f"kafka://{address.strip()}" for address in self.bootstrap.split(",")),
            "broker_credentials": self.faust_credentials(),
            "broker_client_id": self.client_id,
            "broker_session_timeout": self.session_s,
            "broker_heartbeat_interval": self.session_s / 4,
        }

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS side of the connection, for the clients in Python.

        Raises
        ------
        MachineError
            If a certificate file cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ssl_ca_file)
            if self.ssl_cert_file is not None:
                context.load_cert_chain(self.ssl_cert_file, self.ssl_key_file)
        except OSError as error:
            raise MachineError(
                f"cannot load the TLS files: {error}", "Check kafka.ssl_ca_file, ssl_cert_file and ssl_key_file"
            ) from error
        context.check_hostname = self.ssl_check_hostname
        return context

    def _password(self) -> str:
        if self.sasl_password is not None:
            return self.sasl_password.get_secret_value()
        if self.sasl_password_file is None:
            raise ConfigurationError("SASL without a password", "Set kafka.sasl_password_file")
        try:
            return self.sasl_password_file.read_text().strip()
        except OSError as error:
            raise MachineError(
                f"cannot read kafka.sasl_password_file: {error.strerror}: {self.sasl_password_file}"
            ) from error


def _keep_out_of_debug_logs() -> None:
    """Silence aiokafka's debug lines of authentication: they show the request, password and all."""
    logging.getLogger("aiokafka.conn").addFilter(_no_authentication)


def _no_authentication(record: logging.LogRecord) -> bool:
    return not any(type(argument).__name__.startswith("SaslAuthenticate") for argument in _arguments(record))


def _arguments(record: logging.LogRecord) -> tuple[object, ...]:
    return record.args if isinstance(record.args, tuple) else ()


def _must_exist(path: Path) -> None:
    if not path.is_file():
        raise MachineError(f"no such file: {path}", "Check kafka.ssl_ca_file, ssl_cert_file and ssl_key_file")
