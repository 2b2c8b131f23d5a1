"""Counts requests and times them, by method, by the path as OpenAPI writes it, and by status."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from integrations.telemetry import Telemetry

# What a client makes up must not become a series.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"


class Meter:
    """Around an application.

    Parameters
    ----------
    app
        What it measures.
    telemetry
        Where it counts.
    clock
        Monotonic seconds.
    """

    def __init__(self, app: ASGIApp, telemetry: Telemetry, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._telemetry = telemetry
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and count it once its answer begins: a stream of events may never end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = self._clock()
        statuses: list[int] = []

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start" and not statuses:
                statuses.append(message["status"])
                self._count(scope, message["status"], self._clock() - began_s)
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            if not statuses:
                self._count(scope, 500, self._clock() - began_s)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        route = route_of(scope)
        self._telemetry.http_requests.labels(method, route, str(status)).inc()
        self._telemetry.http_seconds.labels(method, route).observe(seconds)


def route_of(scope: Scope) -> str:
    """The path of a request as OpenAPI writes it; ``other`` where nothing is there.

    A route of a router knows its path below the router's prefix alone: what stands before it is the request's own.

    Examples
    --------
    >>> route = Route("/alerts/{alert_id}", endpoint=print)
    >>> route_of({"path": "/api/v1/alerts/a7", "path_params": {"alert_id": "a7"}, "route": route})
    '/api/v1/alerts/{alert_id}'
    >>> route_of({"path": "/anything"})
    'other'
    """
    route: Route | None = scope.get("route")
    if route is None:
        return OTHER
    template = route.path_format
    below = template.format(**scope.get("path_params", {}))
    path = str(scope["path"])
    return (path.removesuffix(below) if path.endswith(below) else "") + template
