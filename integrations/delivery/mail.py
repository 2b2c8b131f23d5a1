"""E-mail by SMTP.

=================================  =========  =====================================================
what came                          outcome    source: https://www.rfc-editor.org/rfc/rfc5321
=================================  =========  =====================================================
250 after the text                 delivered
4yz                                retry      for now
5yz                                refused    for good; some recipients refused and others not: delivered
530, 534, 535, 538 (who we are)    retry      a password that is rotated, or must be put right
no STARTTLS, though it is wanted   retry      the password is not said aloud
no answer                          retry      a mail that was taken all the same has the same Message-ID
=================================  =========  =====================================================
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self

from pydantic import Field, SecretStr, model_validator

from integrations.delivery.adapter import Memory, Outcome
from integrations.delivery.calling import Surroundings, safely
from integrations.delivery.limits import cut, one_line
from integrations.delivery.mail_message import mail
from integrations.delivery.rates import Rate
from integrations.delivery.settings import DeliverySettings, TlsConfig, at_most_one, secret, without_secrets
from schemas.notification_events import Notification

RATE: Final = Rate(per_s=5.0, burst=10)
_WHO_WE_ARE: Final = frozenset({530, 534, 535, 538})
_IMPLICIT_TLS_PORT: Final = 465
_GREETED: Final = 250
_FIRST_PERMANENT: Final = 500
_SHOWN_CHARS: Final = 300


class EmailSettings(DeliverySettings):
    """An entry of ``email_configs``."""

    UNUSED: ClassVar[frozenset[str]] = frozenset({"html", "text", "auth_secret", "auth_secret_file", "threading"})

    to: Annotated[str, Field(min_length=3, description="Addresses, with commas between them.")]
    from_: Annotated[str, Field(alias="from", min_length=3, description="Who sends.")]
    smarthost: Annotated[str, Field(pattern=r"^.+:\d{1,5}$", description="Host and port of the server.")]
    hello: Annotated[str, Field(min_length=1, description="How we name this machine.")] = "localhost"
    auth_username: Annotated[str | None, Field(description="Who we are; nobody where absent.")] = None
    auth_password: Annotated[SecretStr | None, Field(description="Better in a file.")] = None
    auth_password_file: Annotated[Path | None, Field(description="Read at each delivery.")] = None
    auth_identity: Annotated[str, Field(description="Read and not obeyed.")] = ""
    require_tls: Annotated[bool, Field(description="Whether nothing is said without TLS.")] = True
    tls_config: TlsConfig = TlsConfig()
    headers: Annotated[dict[str, str], Field(description="More of them, as {Reply-To: sre@example.com}.")] = {}  # noqa: RUF012

    @model_validator(mode="after")
    def _whole(self) -> Self:
        at_most_one(self, "auth_password", "auth_password_file")
        for name, value in (("to", self.to), ("from", self.from_)):
            if not addresses(value) or any("@" not in one for one in addresses(value)):
                raise ValueError(f"{name}: no address of mail")
        return self

    @property
    def host(self) -> str:
        """Of the server."""
        return self.smarthost.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Of the server."""
        return int(self.smarthost.rpartition(":")[2])


def addresses(text: str) -> list[str]:
    """The addresses in a header's value.

    Examples
    --------
    >>> addresses("SRE <sre@example.com>, ops@example.com")
    ['sre@example.com', 'ops@example.com']
    """
    return [address for _, address in getaddresses([text]) if address]


class Email:
    """Sends mails.

    Parameters
    ----------
    settings
        Of the integration.
    surroundings
        Rates, and where people find this system.
    """

    kind = "email"
    settle_s = 0.0

    def __init__(self, settings: EmailSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._surroundings = surroundings

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Send a mail."""
        return await safely(self._deliver(notification, memory))

    async def _deliver(self, notification: Notification, memory: Memory) -> Outcome:
        settings = self._settings
        wait_s = await self._surroundings.limiter.take(f"email/{settings.smarthost}", RATE, notification.id)
        if wait_s > 0:
            return Outcome("retry", text="held back to stay below the rate", retry_after_s=wait_s)
        password = secret(settings.auth_password, settings.auth_password_file, "auth_password")
        try:
            written = mail(
                notification,
                settings.from_,
                settings.to,
                settings.headers,
                self._surroundings.external_url,
                settings.max_alerts,
            )
            async with asyncio.timeout(settings.timeout + 1):
                refused = await asyncio.to_thread(_send, settings, password, written)
        except TimeoutError:
            return Outcome("retry", text=f"no whole answer within {settings.timeout:g} s")
        except (smtplib.SMTPException, OSError, ValueError) as error:
            return _outcome_of(error, password)
        text = f"recipients that were refused: {len(refused)}" if refused else ""
        return Outcome("delivered", 250, text, reference=dict(memory))


def _send(settings: EmailSettings, password: str, written: EmailMessage) -> Mapping[str, tuple[int, bytes]]:
    context = _tls(settings.tls_config)
    with _connected(settings, context) as server:
        _greet(server, settings.hello)
        if settings.port != _IMPLICIT_TLS_PORT and (settings.require_tls or server.has_extn("starttls")):
            server.starttls(context=context)
            _greet(server, settings.hello)
        if settings.auth_username is not None:
            server.login(settings.auth_username, password)
        sender, to = addresses(settings.from_)[0], addresses(settings.to)
        return dict(server.send_message(written, sender, to))


def _greet(server: smtplib.SMTP, hello: str) -> None:
    code, said = server.ehlo(hello)
    if code != _GREETED:
        raise smtplib.SMTPHeloError(code, said)


def _connected(settings: EmailSettings, context: ssl.SSLContext) -> smtplib.SMTP:
    if settings.port == _IMPLICIT_TLS_PORT:
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.timeout, context=context)
    return smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout)


def _tls(config: TlsConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=config.ca_file)
    if config.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _outcome_of(error: Exception, password: str) -> Outcome:
    code, said = _reply_of(error)
    text = cut(without_secrets(one_line(said), password), _SHOWN_CHARS)
    if code is None or code in _WHO_WE_ARE or code < _FIRST_PERMANENT:
        return Outcome("retry", code, text)
    return Outcome("refused", code, text)


def _reply_of(error: Exception) -> tuple[int | None, str]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # One that may be taken later makes all of it worth another attempt.
        code, said = min(error.recipients.values(), key=lambda reply: reply[0])
        return code, said.decode(errors="replace")
    if isinstance(error, smtplib.SMTPResponseException):
        reply: bytes | str = error.smtp_error
        return error.smtp_code, reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return None, f"{type(error).__name__}: {error}"
