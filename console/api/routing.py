"""``/api/v1/routes``: where alerts go."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from console.access import Viewer
from console.asking import Desk
from console.ports import Routing
from console.times import given_ms


class RouteQuestion(BaseModel):
    """Labels of an alert, and when it comes."""

    model_config = ConfigDict(extra="forbid")
    labels: Annotated[dict[str, str], Field(max_length=200)]
    at: datetime | None = Field(None, description="Now, where absent.")


class RoutingRoutes:
    """The paths.

    Parameters
    ----------
    routing
        Where alerts go.
    desk
        Who knows the time.
    """

    def __init__(self, routing: Routing, desk: Desk) -> None:
        self._routing = routing
        self._desk = desk

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(prefix="/routes", tags=["routes"])
        router.add_api_route("", self.routes, methods=["GET"])
        router.add_api_route("/test", self.test, methods=["POST"])
        return router

    def routes(self, caller: Viewer) -> dict[str, Any]:
        """The tree of routes with receivers, time intervals and inhibitions; no secrets."""
        del caller
        return self._routing.tree()

    def test(self, caller: Viewer, body: RouteQuestion) -> list[dict[str, Any]]:
        """Who would be told of an alert with these labels, when, and why."""
        at_ms = given_ms(body.at)
        labels = {"tenant": caller.tenant, **body.labels}
        return self._routing.explained(labels, self._desk.now_ms() if at_ms is None else at_ms)
