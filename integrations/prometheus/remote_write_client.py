"""Sends requests of remote write over HTTP, and says what to do where one is not taken."""

from __future__ import annotations

import base64
import email.utils
import http.client
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from schemas.errors import ConfigurationError, MachineError, MetricsAIError
from slo.remote_write_settings import RemoteWriteSettings

MAX_WAIT_S: Final = 300.0
_SHOWN_CHARS: Final = 200
_READ_BYTES: Final = 64 * 1024
_OK, _REDIRECT, _TOO_MANY, _SERVER_ERROR = 200, 300, 429, 500
_Answer = tuple[int, str, str | None]
_HEADERS: Final = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "metrics-ai",
}


class RemoteWriteRefusedError(MetricsAIError):
    """The far end of a remote write will never take this request.

    Parameters
    ----------
    status
        Of HTTP.
    said
        What the far end says of it.
    """

    blame = "outside"

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"remote write was refused with {status}: {said or 'without a reason'}")
        self.status = status
        self.said = said


class RemoteWriteAwayError(MetricsAIError):
    """The far end of a remote write is down, or has too much to do; it may take the same request later.

    Parameters
    ----------
    reason
        One word or a status, for metrics.
    said
        What happened.
    wait_s
        For how long the far end asks to be left alone.
    """

    blame = "outside"
    retry = True

    def __init__(self, reason: str, said: str, wait_s: float | None = None) -> None:
        super().__init__(f"remote write: {said}")
        self.reason = reason
        self.wait_s = wait_s


class RemoteWriteClient:
    """One connection, kept open.

    Parameters
    ----------
    settings
        Where to, and who we are.
    now
        Seconds since the epoch, for a date in ``Retry-After``.

    Raises
    ------
    ConfigurationError
        If there is no URL.
    MachineError
        If a file of TLS cannot be read.
    """

    def __init__(self, settings: RemoteWriteSettings, now: Callable[[], float] = time.time) -> None:
        if settings.url is None:
            raise ConfigurationError("remote write without a URL", "Set slo.remote_write.url")
        parts = urlsplit(settings.url)
        self._settings = settings
        self._now = now
        self._host = parts.hostname or ""
        self._port = parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = _tls(settings) if parts.scheme == "https" else None
        self._connection: http.client.HTTPConnection | None = None

    def send(self, body: bytes) -> None:
        """Have a request taken.

        Raises
        ------
        RemoteWriteRefusedError
            If it never will be.
        RemoteWriteAwayError
            If it may be later.
        """
        headers = self._headers()
        started_open = self._connection is not None
        try:
            answer = self._answer(body, headers)
        except (OSError, http.client.HTTPException) as first:
            self.close()
            if not started_open:
                raise _away(first) from first
            answer = self._again(body, headers)
        self._judge(*answer)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _again(self, body: bytes, headers: Mapping[str, str]) -> _Answer:
        """Once more, anew: a connection that lay idle may be closed, which says nothing of the far end's health."""
        try:
            return self._answer(body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise _away(error) from error

    def _answer(self, body: bytes, headers: Mapping[str, str]) -> _Answer:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.request("POST", self._path, body, dict(headers))
        response = self._connection.getresponse()
        text = response.read(_READ_BYTES).decode(errors="replace")
        if not response.isclosed():
            self.close()
        return response.status, text, response.headers.get("Retry-After")

    def _connect(self) -> http.client.HTTPConnection:
        timeout_s = self._settings.timeout_s
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=timeout_s, context=self._context)

    def _judge(self, status: int, text: str, retry_after: str | None) -> None:
        said = " ".join("".join(one if one.isprintable() else " " for one in text).split())[:_SHOWN_CHARS]
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            raise RemoteWriteAwayError(str(status), f"{status}: {said}", self._wait_s(retry_after))
        if not _OK <= status < _REDIRECT:
            raise RemoteWriteRefusedError(status, said)

    def _wait_s(self, retry_after: str | None) -> float | None:
        """What ``Retry-After`` says, in seconds from now; it may be a date."""
        if retry_after is None:
            return None
        if retry_after.strip().isdecimal():
            return min(float(retry_after), MAX_WAIT_S)
        try:
            until = email.utils.parsedate_to_datetime(retry_after).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(0.0, until - self._now()), MAX_WAIT_S)

    def _headers(self) -> dict[str, str]:
        settings = self._settings
        found = {name: value.get_secret_value() for name, value in settings.headers.items()} | _HEADERS
        if settings.bearer_token_file is not None:
            found["Authorization"] = f"Bearer {_secret(settings.bearer_token_file, 'bearer_token_file')}"
        if settings.username is not None:
            password = settings.password.get_secret_value() if settings.password else ""
            if settings.password_file is not None:
                password = _secret(settings.password_file, "password_file")
            pair = f"{settings.username}:{password}".encode()
            found["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return found


def _away(error: Exception) -> RemoteWriteAwayError:
    reason = "timeout" if isinstance(error, TimeoutError) else "connection"
    return RemoteWriteAwayError(reason, f"cannot reach the far end: {error or type(error).__name__}")


def _secret(path: Path, setting: str) -> str:
    """What a file holds; it may be away for a moment while it rotates."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not text"
        raise RemoteWriteAwayError("credentials", f"cannot read slo.remote_write.{setting}: {why}: {path}") from error
    if not text or not text.isprintable() or not text.isascii():
        raise RemoteWriteAwayError("credentials", f"slo.remote_write.{setting} holds no line of plain signs: {path}")
    return text


def _tls(settings: RemoteWriteSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file is not None:
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:
        way_out = "Check ca_file, cert_file and key_file of slo.remote_write"
        raise MachineError(f"cannot load the TLS files: {error}", way_out) from error
    if not settings.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
