"""Puts the API together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio.to_thread
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from console.access import Access, Keyring
from console.alertmanager import alerts as am_alerts
from console.alertmanager import general as am_general
from console.alertmanager import silences as am_silences
from console.api import (
    alertmanager_webhook,
    alerts,
    general,
    health,
    incidents,
    moves,
    routing,
    silences,
    updates,
    webhooks,
)
from console.asking import Desk
from console.feedback import FeedbackPages
from console.guard import Guard
from console.judging import Judging
from console.limits import Limits
from console.metering import Meter
from console.muting import Muting
from console.ports import Extras, Reads, Routing
from console.problems import answer_problems
from console.settings import ConsoleSettings
from integrations.commands import CommandWriter
from integrations.health_http import Route
from integrations.telemetry import Telemetry
from schemas.errors import MetricsAIError

V1: Final = "/api/v1"
V2: Final = "/api/v2"
_THREADS: Final = 128
_ABOUT: Final = (
    "Alerts, incidents and silences. `/api/v2` is Alertmanager's; `/api/v1` is ours. Failures of ours are problems of "
    "RFC 9457. A write waits for what becomes of it, and answers 202 where that takes longer."
)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the API stands on.

    Parameters
    ----------
    reads
        The latest state.
    writer
        Where commands are written.
    routing
        Where alerts go.
    tenant
        Whom a request is about that does not say so.
    version
        Ours.
    link_secret
        That signs the links for feedback; without one there are none.
    extras
        What is there only where it is configured.
    pages
        Further paths: health and metrics of the process.
    telemetry
        Where requests are counted; None counts none.
    """

    reads: Reads
    writer: CommandWriter
    routing: Routing
    tenant: str
    version: str
    link_secret: str | None = None
    extras: Extras = field(default_factory=Extras)
    pages: Mapping[str, Route] = field(default_factory=dict)
    telemetry: Telemetry | None = None


def make_app(parts: Parts, settings: ConsoleSettings, now_ms: Callable[[], int] | None = None) -> FastAPI:
    """The API as an ASGI application.

    Parameters
    ----------
    parts
        What it stands on.
    settings
        Who may ask, and how much.
    now_ms
        Milliseconds since the epoch; the clock's, where left out.

    Raises
    ------
    ConfigurationError
        If a token's file cannot be read.
    """
    keyring = Keyring.of(settings, parts.tenant)
    desk = Desk(parts.writer, parts.reads, settings.wait_s, *([now_ms] if now_ms else []))
    app = FastAPI(
        title="Metrics AI",
        version=parts.version,
        description=_ABOUT,
        openapi_url=f"{V1}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_with_threads,
    )
    _add_pages(app, parts)
    limits = Limits(parts.reads, settings.requests_per_minute)
    known = [Depends(Access(keyring).authenticate), Depends(limits.take)]
    judging = Judging(parts.writer, parts.reads, parts.extras.records, desk)
    muting = Muting(desk, parts.reads)
    for routes in _alertmanager(parts, desk, muting, settings):
        app.include_router(routes.router(), prefix=V2, dependencies=known)
    told = alertmanager_webhook.AlertmanagerWebhookRoutes(desk, settings.webhooks.alertmanager_timeout_s)
    for ours in (*_ours(parts, desk, muting, judging, keyring.is_open), told):
        app.include_router(ours.router(), prefix=V1, dependencies=known)
    unknown = [Depends(limits.take_unknown)]
    hooks = webhooks.WebhookRoutes(parts.extras.webhooks, settings.webhooks, desk, judging, parts.tenant)
    app.include_router(hooks.router(), prefix=V1, dependencies=unknown)
    app.include_router(FeedbackPages(judging, desk, parts.link_secret).router(), dependencies=unknown)
    answer_problems(app)
    app.add_middleware(
        Guard,
        max_body_bytes=settings.max_body_bytes,
        is_open=keyring.is_open,
        external_url=settings.external_url,
    )
    if parts.telemetry is not None:
        app.add_middleware(Meter, telemetry=parts.telemetry)
    return app


@contextlib.asynccontextmanager
async def _with_threads(_: FastAPI) -> AsyncIterator[None]:
    """A write that waits takes a thread: so many may wait before a read has to."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield


def _alertmanager(parts: Parts, desk: Desk, muting: Muting, settings: ConsoleSettings) -> list[Any]:
    return [
        am_alerts.AlertRoutes(parts.reads, parts.routing, desk, 1000 * settings.resolve_timeout_s),
        am_silences.SilenceRoutes(parts.reads, muting, desk),
        am_general.GeneralRoutes(parts.routing, parts.version, desk.now_ms()),
    ]


def _ours(parts: Parts, desk: Desk, muting: Muting, judging: Judging, is_open: bool) -> list[Any]:
    reads, extras = parts.reads, parts.extras
    return [
        general.GeneralRoutes(reads, parts.version, is_open),
        alerts.AlertRoutes(reads, extras.records, desk, judging),
        incidents.IncidentRoutes(reads, extras.records, extras.reports),
        moves.MoveRoutes(reads, desk),
        silences.SilenceRoutes(reads, muting, desk),
        routing.RoutingRoutes(parts.routing, desk),
        health.HealthRoutes(extras.records, desk),
        updates.UpdateRoutes(reads),
    ]


def _add_pages(app: FastAPI, parts: Parts) -> None:
    """Whether it lives and serves, as Alertmanager's paths say it; and the pages of the process."""

    def healthy() -> PlainTextResponse:
        return PlainTextResponse("OK\n")

    def ready() -> PlainTextResponse:
        try:
            parts.reads.ping()
        except MetricsAIError as error:
            return PlainTextResponse(f"{error}\n", 503)
        return PlainTextResponse("OK\n")

    for path, answer in (("/-/healthy", healthy), ("/-/ready", ready)):
        app.add_api_route(path, answer, methods=["GET", "HEAD"], include_in_schema=False, response_model=None)
    for path, route in parts.pages.items():
        app.add_route(path, _page(route), methods=["GET"], include_in_schema=False)


def _page(route: Route) -> Callable[[Request], Awaitable[Response]]:
    async def page(_: Request) -> Response:
        answer = route()
        return Response(answer.body, answer.status, media_type=answer.content_type)

    return page
