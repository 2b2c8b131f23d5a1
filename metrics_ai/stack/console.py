"""The API beside the stack's own pages: a process of its own, which may end and come back while the pages stay."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from integrations.forwarding import Forwarder
from metrics_ai.stack.supervisor import Supervisor

CONSOLE: Final = "console"
_PATHS: Final = ("/api/", "/-/", "/feedback/")
_SECRET_BYTES: Final = 32


def console_beyond(supervisor: Supervisor, max_body_bytes: int) -> Forwarder:
    """Takes requests of the stack's port to the API's process, wherever that listens now.

    Parameters
    ----------
    supervisor
        Who knows the process.
    max_body_bytes
        A larger request is refused.
    """

    def port() -> int | None:
        child = next((role.child for role in supervisor.roles if role.name == CONSOLE), None)
        return child.port if child is not None and child.is_alive else None

    return Forwarder(port, lambda path: path.startswith(_PATHS), max_body_bytes)


def link_secret_file(data_dir: Path) -> Path:
    """The secret that signs links in messages: made once, so that links hold when the stack is started again."""
    path = data_dir.absolute() / "link.secret"
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(made, "w") as file:
        file.write(secrets.token_urlsafe(_SECRET_BYTES))
    return path
