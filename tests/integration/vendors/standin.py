"""A far end on loopback: real HTTP, with a script of what goes wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request.

    Parameters
    ----------
    kind
        ``status``: another answer, nothing is taken. ``reset``: hung up on, nothing is taken. ``slow``: taken, and
        answered after ``seconds``. ``cut``: taken, and the answer breaks off in its midst. ``silent``: taken, and hung
        up on before an answer. ``duplicate``: taken, and answered twice.
    """

    kind: Literal["status", "reset", "slow", "cut", "silent", "duplicate"]
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Its body's value; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Reply:
    """What is answered."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        """The bytes; JSON, where the body is neither text nor bytes."""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return b"" if self.body is None else json.dumps(self.body).encode()


class StandIn:
    """The base: it listens on a free port from ``start`` to ``stop``, and may be away between.

    Parameters
    ----------
    tls
        With which it speaks TLS, where it does.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.requests: list[Request] = []
        self.unanswered = 0
        self._faults: list[tuple[str, str, Fault]] = []
        self._tls = tls
        self._port = 0
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self.stopping = threading.Event()

    def answer(self, request: Request) -> Reply:
        """What the far end does with a request that nothing is wrong with; called under the lock."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> Self:
        """Listen; on the same port as before, if it did before."""
        self.stopping.clear()
        self._server = _Server(("127.0.0.1", self._port), self, self._tls)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Hang up on everybody, and free the port."""
        self.stopping.set()
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.hang_up()
            self._thread.join()
            self._server = None

    def fail_next(self, *faults: Fault, method: str = "", path: str = "") -> None:
        """Let the next requests go wrong, in this order.

        Parameters
        ----------
        method, path
            Only requests of this method, whose path ends so; any where empty.
        """
        with self.lock:
            self._faults += [(method, path, fault) for fault in faults]

    def wait_for(self, requests: int, limit_s: float = 20.0) -> bool:
        """Wait until so many requests came; whether they did."""
        with self.lock:
            return self.lock.wait_for(lambda: len(self.requests) >= requests, limit_s)

    @property
    def faults_left(self) -> int:
        """How many of them did not come to pass yet."""
        with self.lock:
            return len(self._faults)

    def take(self, request: Request) -> tuple[Fault | None, Reply | None]:
        """What goes wrong, and what is answered where the request is taken."""
        with self.lock:
            self.requests.append(request)
            index = next((at for at, one in enumerate(self._faults) if _fits(request, *one[:2])), None)
            fault = self._faults.pop(index)[2] if index is not None else None
            self.lock.notify_all()
            if fault is not None and fault.kind in {"status", "reset"}:
                return fault, None
            return fault, self.answer(request)

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """A request is counted as unanswered while it is dealt with."""
        with self.lock:
            self.unanswered += 1
        try:
            yield
        finally:
            with self.lock:
                self.unanswered -= 1

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _fits(request: Request, method: str, path: str) -> bool:
    return method in {"", request.method} and request.path.endswith(path)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], standin: StandIn, tls: ssl.SSLContext | None) -> None:
        self._open: set[socket.socket] = set()
        self._tls = tls
        super().__init__(address, type("Handler", (_Handler,), {"standin": standin}))

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    standin: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def _any(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qs(parts.query), headers, body)
        with self.standin.answering():
            fault, reply = self.standin.take(request)
            if fault is None:
                assert reply is not None
                self._send(reply)
            else:
                self._go_wrong(fault, reply)

    do_GET = do_POST = do_PUT = _any  # noqa: N815

    def _go_wrong(self, fault: Fault, reply: Reply | None) -> None:
        if reply is None:
            if fault.kind == "status":
                self._send(Reply(fault.status, {"status": "fault", "message": "a fault"}, fault.headers))
            else:
                self._reset()
        elif fault.kind == "slow":
            self.standin.stopping.wait(fault.seconds)
            self._send(reply)
        elif fault.kind == "duplicate":
            self.wfile.write(2 * self._bytes_of(reply))
        else:
            if fault.kind == "cut":
                whole = self._bytes_of(reply)
                self.wfile.write(whole[: max(12, len(whole) // 3)])
            self._reset()

    def _send(self, reply: Reply) -> None:
        self.wfile.write(self._bytes_of(reply))

    def _bytes_of(self, reply: Reply) -> bytes:
        payload = reply.payload()
        kind = "text/html" if isinstance(reply.body, str) else "application/json"
        headers = {"Content-Type": kind, "Content-Length": str(len(payload)), **reply.headers}
        lines = [f"HTTP/1.1 {reply.status} Standin", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with contextlib.suppress(OSError):
            self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Requests are kept, not printed."""
