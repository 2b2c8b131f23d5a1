"""What every request passes before anything looks at it: its size, where it comes from, how many came before."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.exposure import is_loopback
from console.problems import problem

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    # Without any referrer a browser would call the origin of our own forms "null".
    (b"referrer-policy", b"same-origin"),
)


class Guard:
    """Around an application.

    Parameters
    ----------
    app
        What it guards.
    max_body_bytes
        A larger request is refused with 413.
    is_open
        Whether no token is needed: then a page of another site in somebody's browser must not reach it through that
        browser, by whatever name it calls this machine.
    external_url
        Under which people reach it, where a proxy stands before it.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, is_open: bool, external_url: str = "") -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._is_open = is_open
        self._outside = urlsplit(external_url).netloc

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if refused := self._refusal(scope, headers):
            answer = problem(refused[0], refused[1], Request(scope))
            await answer(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), _with_headers(send))

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._max_body_bytes:
            return 413, self._too_large()
        host = _host(headers.get("host", ""))
        if self._is_open and not is_loopback(host):
            return 403, f"without tokens it is asked as localhost, not as {host or 'nobody'}. Set console.tokens"
        if scope["method"] not in _SAFE and not self._is_own(headers):
            return 403, "a page of another site may change nothing here"
        return None

    def _is_own(self, headers: Headers) -> bool:
        """Whether a change is asked for by a program, or by a page of ours."""
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        return urlsplit(origin).netloc in {headers.get("host", ""), self._outside} - {""}

    def _too_large(self) -> str:
        return f"a request holds at most {self._max_body_bytes} bytes. Send it in parts, or set console.max_body_bytes"

    def _counted(self, receive: Receive) -> Receive:
        """The body as it comes: one that says no length is measured."""
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max_body_bytes:
                raise HTTPException(413, self._too_large())
            return message

        return counted


def _host(text: str) -> str:
    try:
        return urlsplit(f"//{text}").hostname or ""
    except ValueError:
        return ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            given: list[Any] = list(message.get("headers", []))
            names = {name.lower() for name, _ in given}
            message["headers"] = given + [pair for pair in _HEADERS if pair[0] not in names]
        await send(message)

    return sending
