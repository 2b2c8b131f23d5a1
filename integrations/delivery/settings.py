"""What a receiver's integration is told by its configuration, in Alertmanager's shape.

Keys of Alertmanager that mean nothing here, templates above all, are taken and named by ``unused_keys()``; any other
key that is not known is an error. Each secret may lie in a file, read anew at each delivery, so that it may rotate.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)

from integrations.delivery.adapter import SecretUnreadableError
from integrations.delivery.limits import web_address
from schemas.errors import ConfigurationError

# https://prometheus.io/docs/prometheus/latest/configuration/configuration/: <duration>
_DURATION: Final = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_UNITS_S: Final = (31_536_000.0, 604_800.0, 86_400.0, 3600.0, 60.0, 1.0, 0.001)
_TEMPLATE: Final = "{{"


def duration_s(text: object) -> object:
    """A duration of Prometheus in seconds; what is no text is left as it is.

    Raises
    ------
    ValueError
        If it is none.

    Examples
    --------
    >>> duration_s("1h30m"), duration_s("500ms"), duration_s(3)
    (5400.0, 0.5, 3)
    """
    if not isinstance(text, str):
        return text
    found = _DURATION.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        if text.strip() == "0":
            return 0.0
        raise ValueError("no duration, as 10s or 1h30m")
    return sum(int(count) * unit for count, unit in zip(found.groups(), _UNITS_S, strict=True) if count)


def _address(text: str) -> str:
    if web_address(text) is None:
        raise ValueError("no address of HTTP")
    return text


def _secret_address(text: SecretStr) -> SecretStr:
    _address(text.get_secret_value())
    return text


Duration = Annotated[float, BeforeValidator(duration_s)]
Address = Annotated[str, AfterValidator(_address)]
SecretAddress = Annotated[SecretStr, AfterValidator(_secret_address)]


class _Part(BaseModel):
    # A validation error must not repeat what it was given: it may be a password.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class TlsConfig(_Part):
    """How the far end proves its name."""

    ca_file: Annotated[Path | None, Field(description="PEM; the system's authorities where absent.")] = None
    insecure_skip_verify: Annotated[bool, Field(description="Whether it need not; for trials alone.")] = False
    server_name: Annotated[None, Field(description="Not supported; leave it away.")] = None


class BasicAuth(_Part):
    """A user and a password."""

    username: Annotated[str, Field(description="Who we are.")]
    password: Annotated[SecretStr | None, Field(description="Better in a file.")] = None
    password_file: Annotated[Path | None, Field(description="Read at each delivery.")] = None


class Authorization(_Part):
    """A header of that name."""

    type: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", description="Its first word.")] = "Bearer"
    credentials: Annotated[SecretStr | None, Field(description="Its second; better in a file.")] = None
    credentials_file: Annotated[Path | None, Field(description="Read at each delivery.")] = None


class HttpConfig(_Part):
    """How a far end is called."""

    proxy_url: Annotated[Address | None, Field(description="Through which all calls go.")] = None
    proxy_from_environment: Annotated[bool, Field(description="Whether HTTPS_PROXY and the like say which.")] = False
    tls_config: TlsConfig = TlsConfig()
    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    follow_redirects: Annotated[bool, Field(description="Read and not obeyed: redirects are never followed.")] = True
    enable_http2: Annotated[bool, Field(description="Read and not obeyed: HTTP/1.1 is spoken.")] = True

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.basic_auth is not None and self.authorization is not None:
            raise ValueError("basic_auth beside authorization; leave one")
        if self.basic_auth is not None:
            at_most_one(self.basic_auth, "password", "password_file")
        if self.authorization is not None:
            at_most_one(self.authorization, "credentials", "credentials_file")
        return self


class DeliverySettings(_Part):
    """What all integrations have in common."""

    UNUSED: ClassVar[frozenset[str]] = frozenset()
    """Keys of Alertmanager that mean nothing here."""
    OTHER_NAMES: ClassVar[frozenset[str]] = frozenset()
    """Names of Alertmanager's for keys that are called otherwise here."""

    send_resolved: Annotated[
        bool | None, Field(description="Whether the end is told; read by the routing, not here.")
    ] = None
    timeout: Annotated[Duration, Field(gt=0, le=60, description="For all of one call.")] = 10.0
    max_alerts: Annotated[int, Field(ge=0, description="How many alerts are listed; 0 is as many as fit.")] = 0

    _unused: tuple[str, ...] = PrivateAttr(default=())

    def unused_keys(self) -> tuple[str, ...]:
        """Keys that were given and mean nothing here, in order."""
        return self._unused

    def _named(self, unused: tuple[str, ...]) -> Self:
        self._unused = unused
        return self


class HttpDeliverySettings(DeliverySettings):
    """What all integrations over HTTP have in common."""

    http_config: HttpConfig = HttpConfig()


_Settings = TypeVar("_Settings", bound=DeliverySettings)


def settings_of(model: type[_Settings], raw: Mapping[str, Any], where: str) -> _Settings:
    """Read an integration's settings.

    Parameters
    ----------
    model
        Which integration's.
    raw
        As it stands in the file, with what ``global`` gives.
    where
        Which receiver's, for errors.

    Raises
    ------
    ConfigurationError
        If a key is not known, or its value cannot hold; the receiver and the key are named.
    """
    used, unused = _sorted_out(model, raw)
    known = {field.alias or name for name, field in model.model_fields.items()} | model.OTHER_NAMES
    unknown = [key for key in used if key not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], sorted(known), 1)
        raise ConfigurationError(
            f"{where}: {unknown[0]} is no key of it", f"Did you mean {near[0]}?" if near else "Take it out"
        )
    try:
        return model.model_validate(used)._named(tuple(sorted(unused)))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{where}: {key + ': ' if key else ''}{said}", "Correct the receiver") from None


def _sorted_out(model: type[DeliverySettings], raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What is used, and the names of what is not: keys without a meaning here, and templates wherever they stand."""
    used: dict[str, Any] = {}
    unused: list[str] = []
    for key, value in raw.items():
        field = model.model_fields.get(key)
        is_needed = field is not None and field.is_required()
        if value is None:
            continue
        if key in model.UNUSED or (isinstance(value, str) and _is_template(value) and not is_needed):
            unused.append(key)
        elif isinstance(value, Mapping):
            used[key] = {name: one for name, one in value.items() if not _is_template(one)}
            unused += [f"{key}.{name}" for name in value if name not in used[key]]
        elif isinstance(value, list | tuple):
            used[key] = [one for one in value if not _is_template(one)]
            unused += [f"{key}[{at}]" for at, one in enumerate(value) if _is_template(one)]
        else:
            used[key] = value
    return used, unused


def _is_template(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_template, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_is_template, value))
    return isinstance(value, str) and _TEMPLATE in value


def at_most_one(settings: BaseModel, *keys: str) -> None:
    """Check that not two of these are set.

    Raises
    ------
    ValueError
        If they are.
    """
    given = [key for key in keys if getattr(settings, key) is not None]
    if len(given) > 1:
        raise ValueError(f"{given[0]} beside {given[1]}; leave one")


def exactly_one(settings: BaseModel, *keys: str) -> None:
    """Check that one of these is set.

    Raises
    ------
    ValueError
        If none is, or two.
    """
    at_most_one(settings, *keys)
    if all(getattr(settings, key) is None for key in keys):
        raise ValueError(f"{' or '.join(keys)} is missing")


def secret(value: SecretStr | None, file: Path | None, key: str) -> str:
    """A secret as it is now.

    Raises
    ------
    SecretUnreadableError
        If its file cannot be read, or holds no line of plain signs.
    """
    if file is None:
        return value.get_secret_value().strip() if value is not None else ""
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise SecretUnreadableError(f"cannot read {key}_file: {why}: {file}", "Put the file there") from None
    if not text or not text.isprintable() or not text.isascii():
        raise SecretUnreadableError(f"{key}_file holds no line of plain signs: {file}", "Write the secret into it")
    return text


def without_secrets(text: str, *secrets: str) -> str:
    """A text in which no secret stands.

    Examples
    --------
    >>> without_secrets("POST https://hooks/T0/abc failed", "https://hooks/T0/abc")
    'POST *** failed'
    """
    for one in secrets:
        if one:
            text = text.replace(one, "***")
    return text
