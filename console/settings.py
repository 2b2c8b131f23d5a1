"""Settings of the API, and of the commands that ask it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.errors import ConfigurationError

Role = Literal["viewer", "responder", "admin"]
MIB = 1024 * 1024
ALL_TENANTS = "*"


class TokenSettings(BaseModel):
    """A bearer token: who shows it, and what they may do."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: str = Field(min_length=1, max_length=200, description="Who it is, as it stands on timelines.")
    role: Role = Field(
        "viewer",
        description="viewer reads; responder also acknowledges, silences and posts alerts; admin also acts for others.",
    )
    tenants: Annotated[list[str], Field(min_length=1)] = Field(
        [ALL_TENANTS], description="Those that it may see and change; `*` is all."
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        None, description="SHA-256 of the token, in hexadecimal: `printf %s TOKEN | sha256sum`."
    )
    token_file: Path | None = Field(None, description="A file that holds the token itself, instead of its hash.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.sha256 is None) == (self.token_file is None):
            raise ValueError("a token needs sha256 or token_file, and not both of them")
        return self


class WebhookSecrets(BaseModel):
    """What tells a webhook of a vendor from a forged one."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    secrets: list[SecretStr] = Field([], description="Those that may sign; two while one is replaced.")
    secrets_file: Path | None = Field(None, description="One a line, beside those in `secrets`; read at each webhook.")
    tenant: str | None = Field(None, description="Whose incidents it tells of; the configured tenant where absent.")


class WebhookSettings(BaseModel):
    """Webhooks that come in; one without a secret is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    pagerduty: WebhookSecrets = Field(default_factory=WebhookSecrets, description="PagerDuty's V3 webhooks.")
    opsgenie: WebhookSecrets = Field(default_factory=WebhookSecrets, description="Opsgenie's and those of JSM.")
    slack: WebhookSecrets = Field(default_factory=WebhookSecrets, description="Slack's signing secrets.")
    jira: WebhookSecrets = Field(default_factory=WebhookSecrets, description="Jira's webhooks.")
    alertmanager_timeout_s: int = Field(
        86_400,
        ge=60,
        le=31_536_000,
        description="An alert that an Alertmanager's webhook says fires ends so long after it last said so; longer "
        "than its repeat_interval. That webhook shows a token.",
    )


class ConsoleSettings(BaseModel):
    """The API on the HTTP port, and how the command line reaches it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    tokens: list[TokenSettings] = Field(
        [], description="Who may ask. Without any, all may, and it listens on the loopback interface alone."
    )
    wait_s: float = Field(
        5.0, ge=0, le=60, description="How long a write waits to learn what became of it, before it answers 202."
    )
    requests_per_minute: int = Field(
        1200, ge=0, le=1_000_000, description="Of one token, or of one address without a token; 0 sets no limit."
    )
    max_body_bytes: int = Field(4 * MIB, ge=1024, le=64 * MIB, description="The largest request that is read.")
    resolve_timeout_s: int = Field(
        300, ge=1, le=86_400, description="Shown as the end of alerts that fire and say nothing of their end."
    )
    external_url: str = Field(
        "", max_length=2000, description="Under which people reach it, for links; the host of a request where empty."
    )
    link_secret: SecretStr | None = Field(None, description="Signs the one-click links for feedback.")
    link_secret_file: Path | None = Field(None, description="A file with that secret; `up` makes one.")
    webhooks: WebhookSettings = Field(default_factory=WebhookSettings, description="Webhooks of pagers and tickets.")
    url: str = Field(
        "http://127.0.0.1:8080", pattern=r"^https?://", description="Where the command line finds the API."
    )
    token: SecretStr | None = Field(None, description="What the command line shows; better from token_file.")
    token_file: Path | None = Field(None, description="A file with that token.")


def secret_of(path: Path, what: str) -> str:
    """What a file with a secret holds, without white space around it.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or is empty.
    """
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(f"{what}: cannot read {path} ({reason})", "Check the path and its rights") from error
    if not text:
        raise ConfigurationError(f"{what}: {path} is empty", "Write the secret into it")
    return text
