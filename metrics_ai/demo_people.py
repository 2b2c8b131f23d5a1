"""Who is told in the demonstration: a receiver of webhooks on this machine, and routes that lead to it."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import shorten
from types import TracebackType
from typing import Any, Final, Self

import yaml

from integrations.delivery.webhook import SIGNATURE, TIMESTAMP, signature
from metrics_ai.config import ENVIRONMENT_PREFIX, Config
from metrics_ai.console_client import ConsoleClient
from schemas.errors import MetricsAIError

PAGE: Final = "page"
TICKET: Final = "ticket"
SECOND: Final = "second-line"
RECEIVERS: Final = (PAGE, SECOND, TICKET)
# While nobody acknowledges a page, somebody else is told after this long.
ESCALATION_S: Final = 15
# As it ships a ticket waits 30 s for others to join; a demonstration is over by then.
GROUP_WAIT_S: Final = 3
_MOST_BYTES: Final = 1 << 20
_READ_S: Final = 5.0
_MOST_CHARS: Final = 100


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a receiver was told.

    Parameters
    ----------
    at_ms
        When it came.
    receiver
        Who was told.
    body
        The webhook's body.
    """

    at_ms: int
    receiver: str
    body: dict[str, Any]

    @property
    def action(self) -> str:
        """Of the dedup key: open, update, resolve or digest."""
        return str(self.body["action"])

    @property
    def incident_id(self) -> str | None:
        """Of the incident that it is about."""
        return self.body.get("incident_id")

    @property
    def line(self) -> str:
        """What it says, for people.

        Examples
        --------
        >>> alert = {"status": "firing", "labels": {}, "annotations": {"summary": "CPU of node n1 is up"}}
        >>> body = {"action": "open", "severity_route": "P0", "reason": "it is new", "alerts": [alert]}
        >>> Told(0, "page", body).line
        'page is told (open, P0), since it is new: CPU of node n1 is up'
        """
        alerts = self.body["alerts"]
        lead = alerts[0] if alerts else {}
        what = lead.get("annotations", {}).get("summary") or lead.get("labels", {}).get("alertname", "")
        what = shorten(what, _MOST_CHARS, placeholder=" ...")
        more = f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""
        about = f"{self.action}, {self.body['severity_route']}"
        return f"{self.receiver} is told ({about}), since {self.body['reason']}: {what}{more}"


class LocalReceiver:
    """Takes webhooks on the loopback interface, each path for a receiver; what is not signed by our secret is refused.

    A notification that comes again, as after a kill, is taken once: it has the same ``notification_id``.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_hex(16)
        self._told: list[Told] = []
        self._seen: set[str] = set()
        self._new = 0
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def told(self) -> list[Told]:
        """All that came, in order."""
        with self._lock:
            return [*self._told]

    def news(self) -> Sequence[Told]:
        """What came since the last call."""
        with self._lock:
            new, self._new = self._told[self._new :], len(self._told)
            return new

    def take(self, receiver: str, headers: dict[str, str], body: bytes) -> int:
        """Take a request; the status of the answer."""
        right = signature(self.secret, headers.get(TIMESTAMP.lower(), ""), body)
        if not hmac.compare_digest(headers.get(SIGNATURE.lower(), ""), right):
            return 401
        try:
            said = json.loads(body)
            notification = str(said["notification_id"])
            told = Told(time.time_ns() // 1_000_000, receiver, said)
            _ = told.line
        except (ValueError, KeyError, TypeError, AttributeError):
            return 400
        with self._lock:
            if notification not in self._seen:
                self._seen.add(notification)
                self._told.append(told)
        return 200

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(receiver: LocalReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = _READ_S

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            name = self.path.strip("/")
            status = 413
            if length <= _MOST_BYTES:
                headers = {key.lower(): value for key, value in self.headers.items()}
                body = self.rfile.read(length)
                status = receiver.take(name, headers, body) if name in RECEIVERS else 404
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
            """Say nothing: what is told is shown."""

    return Handler


def routes(url: str, secret: str) -> dict[str, Any]:
    """The file of routes: what is urgent pages, the rest is a ticket, all by webhooks to the receiver.

    Parameters
    ----------
    url, secret
        Of the receiver.
    """
    receivers = [{"name": name, "webhook_configs": [{"url": f"{url}/{name}", "secret": secret}]} for name in RECEIVERS]
    escalation = {"escalation": {"after": [f"{ESCALATION_S}s"], "receivers": [SECOND]}}
    return {
        "route": {
            "receiver": TICKET,
            "group_by": ["incident_id"],
            "group_wait": f"{GROUP_WAIT_S}s",
            "group_interval": "10s",
            "repeat_interval": "4h",
            "routes": [{"matchers": ['priority=~"P0|P1"'], "receiver": PAGE}],
        },
        "receivers": [one | escalation if one["name"] == PAGE else one for one in receivers],
    }


def people_changes(receiver: LocalReceiver, folder: Path) -> dict[str, str]:
    """Environment variables with which the roles tell the receiver; writes the file of routes that they name."""
    file = folder / "alerting.yaml"
    file.write_text(yaml.safe_dump(routes(receiver.url, receiver.secret), sort_keys=False), encoding="utf-8")
    return {
        f"{ENVIRONMENT_PREFIX}ROUTING__FILE": str(file),
        # As shipped; `up` ticks less often on its own broker, which would keep every tick for a week.
        f"{ENVIRONMENT_PREFIX}TICKS__ROUTE_INTERVAL_S": "1",
    }


class Acknowledger:
    """Says, in the name of whoever watches, that somebody looks after the incident that paged.

    Parameters
    ----------
    config
        Of the stack.
    url
        Where its API is.
    """

    def __init__(self, config: Config, url: str) -> None:
        self._settings = config.console.model_copy(update={"url": url})
        self._thread: threading.Thread | None = None
        self.said = ""

    def acknowledge(self, incident_id: str) -> None:
        """Ask for it; the answer, which may take seconds, is ``said`` then."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._ask, args=(incident_id,), name="acknowledge", daemon=True)
            self._thread.start()

    def take_said(self) -> str:
        """What became of it, once."""
        said, self.said = self.said, ""
        return said

    def _ask(self, incident_id: str) -> None:
        try:
            with ConsoleClient(self._settings) as client:
                body = {"note": "seen in the demonstration", "by": "demo"}
                client.send("POST", f"/incidents/{incident_id}/acknowledge", body)
        except MetricsAIError as error:
            self.said = f"incident {incident_id} was not acknowledged: {error}"
        else:
            self.said = f"demo acknowledges incident {incident_id}: nobody else is told while it lasts"
