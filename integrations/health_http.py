"""A small HTTP server in a daemon thread: it answers while a worker's own loop is busy.

Every worker serves ``/metrics``, ``/healthz`` and ``/readyz`` from its ``Telemetry``; the supervisor serves the same
paths for the whole stack, and a page for people.
"""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import ClassVar, Final, Self

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from integrations.forwarding import Forwarder
from integrations.telemetry import Telemetry
from schemas.errors import MachineError

HTML_TYPE: Final = "text/html; charset=utf-8"
JSON_TYPE: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Response:
    """What a route answers.

    Parameters
    ----------
    body
        The bytes.
    content_type
        As it stands in the header.
    status
        HTTP status.
    """

    body: bytes
    content_type: str = JSON_TYPE
    status: int = 200

    @classmethod
    def of(cls, value: object, status: int = 200) -> Response:
        """A JSON answer."""
        return cls(json.dumps(value).encode() + b"\n", JSON_TYPE, status)


Route = Callable[[], Response]


def telemetry_routes(telemetry: Telemetry) -> dict[str, Route]:
    """The routes of one worker: its metrics, whether it lives, whether it consumes."""

    def metrics() -> Response:
        return Response(generate_latest(telemetry.registry), CONTENT_TYPE_LATEST)

    def health() -> Response:
        return Response.of(telemetry.status(), 200 if telemetry.is_healthy else 503)

    def ready() -> Response:
        return Response.of(telemetry.status(), 200 if telemetry.is_ready else 503)

    return {"/metrics": metrics, "/healthz": health, "/readyz": ready}


class HealthServer:
    """Serve routes on a port until closed.

    Parameters
    ----------
    routes
        Path to what answers it; ``/`` is a route like others.
    host, port
        Where to listen; port 0 takes a free one, named by ``port`` afterwards.
    beyond
        Who answers what is none of these routes, if somebody does.

    Raises
    ------
    MachineError
        If the port is taken or may not be used.
    """

    def __init__(
        self,
        routes: Mapping[str, Route],
        host: str = "127.0.0.1",
        port: int = 0,
        beyond: Forwarder | None = None,
    ) -> None:
        try:
            self._server = _Server((host, port), _handler(routes, beyond))
        except OSError as error:
            raise _refused(host, port, error) from error
        self.host = host
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="health", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        """Stop and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Only Windows would let two processes share the port by this; elsewhere it frees one in TIME_WAIT.
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


def _refused(host: str, port: int, error: OSError) -> MachineError:
    if error.errno == errno.EADDRINUSE:
        return MachineError(f"port {port} of {host} is taken", "Stop what listens there, or choose another port")
    return MachineError(f"cannot listen on {host}:{port} ({error.strerror})", "Choose another address or port")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    # Headers and body leave in a piece each: without this the second waits until the first has been acknowledged.
    disable_nagle_algorithm = True
    routes: ClassVar[Mapping[str, Route]]
    beyond: ClassVar[Forwarder | None]

    def do_GET(self) -> None:
        """Answer a page, or hand the request on."""
        route = self.routes.get(self._path)
        if route is not None:
            self._answer(route())
        elif not self._is_forwarded():
            self._answer(Response.of({"error": "no such page", "pages": sorted(self.routes)}, 404))

    def do_other(self) -> None:
        """Hand the request on; pages are only read."""
        if not self._is_forwarded():
            self.close_connection = True  # what it sent is not read
            self._answer(Response.of({"error": "nothing here is written to", "pages": sorted(self.routes)}, 405))

    @property
    def _path(self) -> str:
        return self.path.partition("?")[0]

    def _is_forwarded(self) -> bool:
        if self.beyond is None or not self.beyond.takes(self._path):
            return False
        if refused := self.beyond.handle(self):
            self.close_connection = True  # what it sent may not have been read
            self._answer(Response.of({"error": refused[1]}, refused[0]))
        return True

    def _answer(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests for health are not news."""


def _handler(routes: Mapping[str, Route], beyond: Forwarder | None) -> type[BaseHTTPRequestHandler]:
    others = {f"do_{method}": _Handler.do_other for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
    return type("Handler", (_Handler,), {"routes": routes, "beyond": beyond, **others})
