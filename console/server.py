"""The API's HTTP server, in a thread of its own."""

from __future__ import annotations

import errno
import socket
import threading
from types import TracebackType
from typing import Any, Final, Self

import uvicorn

from schemas.errors import MachineError

_START_S: Final = 20.0
_STOP_S: Final = 5.0
_BACKLOG: Final = 512


class ConsoleServer:
    """Serve an application on a port until closed.

    Parameters
    ----------
    app
        The application.
    host, port
        Where to listen; port 0 takes a free one, named by ``port`` afterwards.

    Raises
    ------
    MachineError
        If the port is taken or may not be used, or the server does not come up.
    """

    def __init__(self, app: Any, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="on",
            loop="asyncio",
            http="h11",
            ws="none",
            timeout_graceful_shutdown=1,
            # Longer than what asks us keeps a line open: the one that closes first must be the client.
            timeout_keep_alive=75,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)
        self._thread.start()
        self._await_start()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])

    def _await_start(self) -> None:
        waited = threading.Event()
        for _ in range(int(_START_S * 100)):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waited.wait(0.01)
        raise MachineError(f"the API does not come up on {self.url}", "Look at the log")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    def close(self) -> None:
        """Stop and free the port; who is still connected is cut off after a second."""
        self._server.should_exit = True
        self._thread.join(_STOP_S)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(_BACKLOG)
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            raise MachineError(
                f"port {port} of {host} is taken", "Stop what listens there, or choose another port"
            ) from error
        raise MachineError(
            f"cannot listen on {host}:{port} ({error.strerror})", "Choose another address or port"
        ) from error
    return found
