"""The API as the command line asks it: one line for what goes wrong, and a repeat that is done once."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote
from uuid import uuid4

import httpx

from console.settings import ConsoleSettings, secret_of
from schemas.errors import Blame, ConfigurationError, MachineError, MetricsAIError

# A write waits up to a minute for what becomes of it.
_TIMEOUT: Final = httpx.Timeout(90.0, connect=5.0)
_TRIES: Final = 3
_PAUSE_S: Final = 0.5
_AWAY: Final = frozenset({502, 503, 504})
_CANDIDATES: Final = 5
_SHORTEST_PREFIX: Final = 4


class ConsoleRefusalError(MetricsAIError):
    """The API does not do what was asked."""

    blame: ClassVar[Blame] = "user"


class ConsoleClient:
    """Asks the API.

    Parameters
    ----------
    settings
        Where it is, and the token.
    tenant
        Whom it is about; the token's own where left out.
    transport
        How requests travel; over the network, where left out.
    """

    def __init__(
        self, settings: ConsoleSettings, tenant: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"X-Tenant": tenant} if tenant else {}
        token = _token(settings)
        self._has_token = token is not None
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        self.url = settings.url.rstrip("/")
        self._client = httpx.Client(
            base_url=f"{self.url}/api/v1", headers=headers, timeout=_TIMEOUT, transport=transport
        )

    def get(self, path: str, **params: Any) -> Any:
        """What lies under a path.

        Raises
        ------
        ConsoleRefusalError
            If it is not there, or not for us.
        MachineError
            If the API cannot be reached.
        """
        given = {name: value for name, value in params.items() if value not in (None, [], "")}
        return self._asked("GET", path, params=given).json()

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask for a change; a repeat after a fault is done once.

        Raises
        ------
        ConsoleRefusalError
            If it is not done.
        MachineError
            If the API cannot be reached.
        """
        return self._asked(method, path, json=body, headers={"Idempotency-Key": str(uuid4())}).json()

    def listed(self, path: str, limit: int = 1000, **params: Any) -> Iterator[Any]:
        """Everything that a list has, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=limit, cursor=cursor, **params)
            yield from page["items"]
            cursor = page.get("cursor")
            if cursor is None:
                return

    def acting(self, by: str) -> str:
        """In whose name something is asked for: as given, else the token's, else whoever works here."""
        if by or self._has_token:
            return by
        try:
            return getpass.getuser()
        except (OSError, KeyError):  # a container's user without a name
            return ""

    def full_id(self, kind: str, given: str) -> str:
        """The id of an alert or incident that begins as given.

        Raises
        ------
        ConsoleRefusalError
            If there is none, or several.
        """
        answer = self._sent("GET", f"/{kind}s/{quote(given, safe='')}")
        if answer.status_code == httpx.codes.OK:
            return given
        found: list[dict[str, Any]] = []
        if answer.status_code == httpx.codes.NOT_FOUND and len(given) >= _SHORTEST_PREFIX:
            ones = (one["alert"] if kind == "alert" else one for one in self.listed(f"/{kind}s"))
            found = [one for one in ones if one["id"].startswith(given)]
        if len({one["id"].rpartition("-")[0] if kind == "alert" else one["id"] for one in found}) == 1:
            # Of one alert's episodes the one that fires, else the last.
            return str(max(found, key=lambda one: (one["state"] == "firing", one.get("started_ms", 0)))["id"])
        if found:
            ids = ", ".join(sorted(one["id"] for one in found)[:_CANDIDATES])
            raise ConsoleRefusalError(f"{len(found)} {kind}s begin with {given}: {ids}", "Give more of the id")
        _refuse(answer)
        return given

    def _asked(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self._sent(method, path, **more)
        if answer.is_error:
            _refuse(answer)
        return answer

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        for left in range(_TRIES - 1, -1, -1):
            try:
                answer = self._client.request(method, path, **more)
                if answer.status_code not in _AWAY or not left:
                    return answer
            except httpx.TransportError as error:
                if not left:
                    raise MachineError(
                        f"the API at {self.url} cannot be reached ({_reason(error)})",
                        "Is `metrics-ai up` running? Say where with --url or METRICS_AI__CONSOLE__URL",
                    ) from error
            time.sleep(_PAUSE_S)
        raise AssertionError("the last try answers or raises")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


def _token(settings: ConsoleSettings) -> str | None:
    if settings.token is not None:
        return settings.token.get_secret_value()
    return None if settings.token_file is None else secret_of(settings.token_file, "console.token_file")


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _refuse(answer: httpx.Response) -> None:
    try:
        body = answer.json()
        what = str(body["detail"] if isinstance(body, dict) and "detail" in body else body)
    except ValueError:
        what = f"the API answers with status {answer.status_code}"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise ConfigurationError(what, "Set METRICS_AI__CONSOLE__TOKEN or console.token_file")
    raise ConsoleRefusalError(what)
