"""Where figures of SLOs are written to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS: Final = frozenset({"authorization", "content-encoding", "content-length", "content-type", "host"})


def checked_url(text: str) -> str:
    """An address to write to, as it was given.

    Raises
    ------
    ValueError
        If it is not one of HTTP, or has a password in it.

    Examples
    --------
    >>> checked_url("http://prometheus:9090/api/v1/write")
    'http://prometheus:9090/api/v1/write'
    """
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or any(one.isspace() or not one.isprintable() for one in text):
        raise ValueError("a URL is wanted, as http://prometheus:9090/api/v1/write")
    if "@" in parts.netloc:
        raise ValueError("a URL with a password in it; set username and password_file instead")
    return text


def checked_labels(labels: dict[str, str]) -> dict[str, str]:
    """Labels of Prometheus, as they were given.

    Raises
    ------
    ValueError
        If one has a name that Prometheus refuses or keeps for itself.
    """
    for name in labels:
        if not _LABEL.fullmatch(name) or name.startswith("__"):
            raise ValueError(f"{name!r} is no name of a label: letters, digits and _, none of Prometheus' own __")
    return labels


def checked_headers(headers: dict[str, SecretStr]) -> dict[str, SecretStr]:
    """Headers of HTTP, as they were given.

    Raises
    ------
    ValueError
        If one cannot be sent, or is set by another setting.
    """
    for name, value in headers.items():
        if not _HEADER.fullmatch(name) or name.lower() in _OURS:
            raise ValueError(f"{name!r} is no header to set here")
        if not value.get_secret_value().isprintable() or not value.get_secret_value().isascii():
            raise ValueError(f"the value of {name} has signs that a header cannot have")
    return headers


class RemoteWriteSettings(BaseModel):
    """Where figures of objectives are written to, in the remote write protocol of Prometheus.

    Examples
    --------
    >>> settings = RemoteWriteSettings(url="https://mimir/api/v1/push", headers={"X-Scope-OrgID": "acme"})
    >>> "acme" in repr(settings)
    False
    """

    # A validation error must not repeat what it was given: it may be a password.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    url: Annotated[
        str | None,
        AfterValidator(lambda text: text if text is None else checked_url(text)),
        Field(description="Such as http://prometheus:9090/api/v1/write; where absent nothing is written."),
    ] = None
    every_s: Annotated[float, Field(ge=1, le=300, description="A series gets a sample so often, of event time.")] = 15.0
    timeout_s: Annotated[float, Field(gt=0, le=30, description="For which an answer is waited.")] = 5.0
    max_samples: Annotated[
        int, Field(ge=100, le=100_000, description="In one request; the far end has a limit of its own.")
    ] = 2000
    external_labels: Annotated[
        dict[str, str],
        AfterValidator(checked_labels),
        Field(description="Added to every series that has no label of that name, as {cluster: eu-1}."),
    ] = {}  # pydantic copies defaults
    headers: Annotated[
        dict[str, SecretStr],
        AfterValidator(checked_headers),
        Field(description="Added to every request, as {X-Scope-OrgID: acme}."),
    ] = {}
    bearer_token_file: Annotated[Path | None, Field(description="Read at each request, so it may rotate.")] = None
    username: Annotated[str | None, Field(description="For basic authentication.")] = None
    password: Annotated[SecretStr | None, Field(description="Better from the environment or from password_file.")] = (
        None
    )
    password_file: Annotated[Path | None, Field(description="Read at each request, so it may rotate.")] = None
    ca_file: Annotated[Path | None, Field(description="PEM; the system's authorities where absent.")] = None
    cert_file: Annotated[Path | None, Field(description="PEM; our certificate, where the far end asks.")] = None
    key_file: Annotated[Path | None, Field(description="PEM; our key.")] = None
    verify_tls: Annotated[bool, Field(description="Whether the far end must prove its name; false is for trials.")] = (
        True
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file are given; one of them is wanted")
        has_password = self.password is not None or self.password_file is not None
        if has_password != (self.username is not None):
            raise ValueError("username goes together with password_file or password")
        if self.username is not None and self.bearer_token_file is not None:
            raise ValueError("username and bearer_token_file are given; one of them is wanted")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        return self
