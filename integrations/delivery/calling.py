"""One call over HTTP, bounded in time and in size, that never raises for what the far end does."""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from integrations.delivery.adapter import Memory, Outcome, SecretUnreadableError
from integrations.delivery.limits import cut, one_line
from integrations.delivery.rates import Limiter, Rate
from integrations.delivery.retry import COMMON, RetryTable, asked_wait_s, verdict
from integrations.delivery.settings import HttpConfig, secret, without_secrets
from schemas.errors import MachineError

MAX_ANSWER_BYTES: Final = 64 * 1024
_SHOWN_CHARS: Final = 300
# A connection serves one request: what comes twice, or late, on one that is used again would be taken for the answer to
# another request; and whether a request was sent into a connection that just closed nobody can tell.
_HEADERS: Final = {
    "User-Agent": "metrics-ai",
    "Accept": "application/json",
    # Packed, a small answer may be a very large one.
    "Accept-Encoding": "identity",
    "Accept-Language": "en",
    "Connection": "close",
}
_OK, _REDIRECT, _TOO_MANY = 200, 300, 429
_FIXABLE: Final = frozenset({401, 403, 407})


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Parameters
    ----------
    status
        None where no answer came.
    headers
        Names in lower case.
    body
        At most 64 KiB of it, where the call allows no more.
    failure
        What went wrong with the network: before an answer came, or in its midst.
    is_sent
        Whether the far end may have taken the request although no answer came.
    hidden
        Secrets of the call, which must not be repeated.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    failure: str = ""
    is_sent: bool = False
    hidden: tuple[str, ...] = ()

    @property
    def is_ok(self) -> bool:
        """Whether it was taken; an answer that breaks off after its status counts."""
        return self.status is not None and _OK <= self.status < _REDIRECT

    def json(self) -> Any:
        """The body's value; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def mapping(self) -> dict[str, Any]:
        """The body's object; an empty one where it is none."""
        found = self.json()
        return found if isinstance(found, dict) else {}

    @property
    def said(self) -> str:
        """What the far end says, in a line."""
        said = one_line(self.body.decode(errors="replace")) or self.failure
        return cut(without_secrets(said, *self.hidden), _SHOWN_CHARS)


class Clients:
    """Clients of HTTP, one for each way of calling.

    Parameters
    ----------
    default
        For all that say nothing of proxies and TLS. One that verifies and follows no redirect, where absent.
    """

    def __init__(self, default: httpx.AsyncClient | None = None) -> None:
        self._by_config: dict[str, httpx.AsyncClient] = {}
        if default is not None:
            self._by_config[_key(HttpConfig())] = default

    def of(self, config: HttpConfig) -> httpx.AsyncClient:
        """The client of a way of calling.

        Raises
        ------
        MachineError
            If the file of authorities cannot be read.
        """
        key = _key(config)
        if key not in self._by_config:
            self._by_config[key] = httpx.AsyncClient(
                verify=_tls(config),
                proxy=config.proxy_url,
                trust_env=config.proxy_from_environment,
                follow_redirects=False,
                timeout=None,  # noqa: S113 (each call has a limit in all)
            )
        return self._by_config[key]

    async def aclose(self) -> None:
        """Hang up everywhere."""
        for client in self._by_config.values():
            await client.aclose()
        self._by_config.clear()


def _key(config: HttpConfig) -> str:
    return f"{config.proxy_url}|{config.proxy_from_environment}|{config.tls_config!r}"


def _tls(config: HttpConfig) -> ssl.SSLContext:
    tls = config.tls_config
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise MachineError(f"cannot read the authorities of TLS: {error}", "Check tls_config.ca_file") from error
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What adapters are given from outside.

    Parameters
    ----------
    clients
        Of HTTP.
    limiter
        Of rates, one for all adapters.
    now
        Seconds since the epoch.
    external_url
        Where people find this system; empty where nowhere.
    """

    clients: Clients
    limiter: Limiter = field(default_factory=Limiter)
    now: Callable[[], float] = time.time
    external_url: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to make.

    Parameters
    ----------
    url
        Where to.
    body
        Sent as JSON; bytes as they are, with a ``Content-Type`` among the headers.
    method
        Of HTTP.
    headers
        Beside those that every call has.
    limit
        Whose rate it counts for, and what that allows.
    secrets
        That stand in the body; those in the address and in ``Authorization`` are known.
    most_bytes
        As much of an answer is read.
    """

    url: str
    body: Any = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    limit: tuple[str, Rate] | None = None
    secrets: tuple[str, ...] = ()
    most_bytes: int = MAX_ANSWER_BYTES


class Caller:
    """Makes the calls of one integration.

    Parameters
    ----------
    surroundings
        Clients, rates and the time.
    config
        How its far end is called.
    timeout_s
        For all of one call: connecting, sending, and reading the answer.
    """

    def __init__(self, surroundings: Surroundings, config: HttpConfig, timeout_s: float) -> None:
        self._client = surroundings.clients.of(config)
        self._limiter = surroundings.limiter
        self._now = surroundings.now
        self._config = config
        self._timeout_s = timeout_s

    async def call(self, call: Call) -> Answer:
        """Make a call.

        Raises
        ------
        SecretUnreadableError
            If a file of credentials cannot be read.
        """
        headers = {**_HEADERS, **self._authorization(), **call.headers}
        content = None
        if call.body is not None:
            content = call.body if isinstance(call.body, bytes) else as_json(call.body)
            headers = {"Content-Type": "application/json", **headers}
        if call.limit is not None:
            wait_s = await self._limiter.take(*call.limit, _identity(call, content))
            if wait_s > 0:
                return Answer(failure="held back to stay below the rate", headers={"retry-after": f"{wait_s:.3f}"})
        answer = await self._bounded(call, headers, content)
        if call.limit is not None and answer.status == _TOO_MANY:
            self._limiter.pause(call.limit[0], asked_wait_s(answer.headers, self._now()) or 0.0)
        hidden = (call.url, headers.get("Authorization", "").rpartition(" ")[2], *call.secrets)
        return replace(answer, hidden=hidden)

    async def _bounded(self, call: Call, headers: Mapping[str, str], content: bytes | None) -> Answer:
        partial = _Partial()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._exchange(call, headers, content, partial)
        except TimeoutError:
            return partial.broken(f"no whole answer within {self._timeout_s:g} s", is_sent=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol) as error:
            return partial.broken(f"cannot connect: {one_line(str(error)) or type(error).__name__}", is_sent=False)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError) as error:
            return partial.broken(f"{type(error).__name__}: {one_line(str(error))}", is_sent=True)
        return partial.whole()

    async def _exchange(self, call: Call, headers: Mapping[str, str], content: bytes | None, partial: _Partial) -> None:
        request = self._client.build_request(call.method, call.url, headers=dict(headers), content=content)
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            partial.status = response.status_code
            partial.headers = {name.lower(): value for name, value in response.headers.items()}
            async for chunk in response.aiter_raw():
                partial.body += chunk
                if len(partial.body) >= call.most_bytes:
                    partial.body = partial.body[: call.most_bytes]
                    break
        finally:
            await response.aclose()

    def _authorization(self) -> dict[str, str]:
        basic, authorization = self._config.basic_auth, self._config.authorization
        if basic is not None:
            pair = f"{basic.username}:{secret(basic.password, basic.password_file, 'http_config.basic_auth.password')}"
            return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}
        if authorization is not None:
            given = secret(authorization.credentials, authorization.credentials_file, "http_config.authorization")
            return {"Authorization": f"{authorization.type} {given}"}
        return {}

    def outcome(self, answer: Answer, table: RetryTable = COMMON, reference: Memory | None = None) -> Outcome:
        """What an answer means.

        Parameters
        ----------
        table
            Of the vendor.
        reference
            To be remembered.
        """
        found = verdict(answer.status, table)
        text = "" if found == "delivered" else answer.said
        if answer.status in _FIXABLE and found == "retry":
            text = f"{text}; check the key, token or password of this receiver"
        wait_s = asked_wait_s(answer.headers, self._now()) if found == "retry" else None
        return Outcome(found, answer.status, text, wait_s, dict(reference or {}))


@dataclass(slots=True)
class _Partial:
    """An answer as far as it came."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def whole(self) -> Answer:
        return Answer(self.status, self.headers, self.body, is_sent=True)

    def broken(self, failure: str, *, is_sent: bool) -> Answer:
        return Answer(self.status, self.headers, self.body, failure, is_sent)


def _identity(call: Call, content: bytes | None) -> str:
    """The same for the same call: made again, it has kept its turn."""
    return hashlib.blake2b(f"{call.method} {call.url} ".encode() + (content or b""), digest_size=16).hexdigest()


def as_json(value: object) -> bytes:
    """A value in JSON, as it is sent.

    Examples
    --------
    >>> as_json({"summary": "⌀"}).decode()
    '{"summary":"⌀"}'
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8", "replace")


async def safely(work: Awaitable[Outcome]) -> Outcome:
    """The outcome of an attempt; where a secret cannot be read it is tried again, for somebody will put the file there.

    Examples
    --------
    >>> async def attempt():
    ...     raise SecretUnreadableError("cannot read token_file: no such file: t")
    >>> asyncio.run(safely(attempt())).outcome
    'retry'
    """
    try:
        return await work
    except SecretUnreadableError as error:
        return Outcome("retry", text=str(error))
