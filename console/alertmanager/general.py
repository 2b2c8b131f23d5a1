"""``/api/v2/status`` and ``/api/v2/receivers``."""

from __future__ import annotations

from fastapi import APIRouter

from console.access import Viewer
from console.alertmanager.bodies import ClusterStatus, ConfigBody, Receiver, Status, VersionInfo
from console.ports import Routing


class GeneralRoutes:
    """The two paths.

    Parameters
    ----------
    routing
        Whose receivers.
    version
        Ours.
    started_ms
        When we began.
    """

    def __init__(self, routing: Routing, version: str, started_ms: int) -> None:
        self._routing = routing
        self._version = version
        self._started_ms = started_ms

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(tags=["alertmanager"])
        router.add_api_route("/status", self.status, methods=["GET"])
        router.add_api_route("/receivers", self.receivers, methods=["GET"])
        return router

    def status(self, caller: Viewer) -> Status:
        """What answers here, and its configuration without secrets."""
        del caller
        return Status(
            cluster=ClusterStatus(),
            versionInfo=VersionInfo(version=self._version),
            config=ConfigBody(original=self._routing.original()),
            uptime=self._started_ms,
        )

    def receivers(self, caller: Viewer) -> list[Receiver]:
        """All receivers."""
        del caller
        return [Receiver(name=name) for name in self._routing.receivers()]
