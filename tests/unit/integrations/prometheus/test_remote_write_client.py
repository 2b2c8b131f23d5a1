from __future__ import annotations

import email.utils
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from integrations.kafka.process import free_port
from integrations.prometheus.remote_write_client import (
    MAX_WAIT_S,
    RemoteWriteAwayError,
    RemoteWriteClient,
    RemoteWriteRefusedError,
)
from schemas.errors import MachineError
from slo.remote_write_settings import RemoteWriteSettings

NOW = 1_795_446_000.0


class Server:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.hangs_up = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.asked.append((self.path, dict(self.headers), body))
                status, headers, said = server.answers.pop(0) if server.answers else (204, {}, b"")
                self.send_response(status)
                for name, value in (headers | {"Content-Length": str(len(said))}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said)
                # Without a word of it in the answer.
                self.close_connection = server.hangs_up

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/api/v1/write?x=1"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def clients() -> Iterator[list[RemoteWriteClient]]:
    made: list[RemoteWriteClient] = []
    yield made
    for one in made:
        one.close()


class Make:
    def __init__(self, server: Server, clients: list[RemoteWriteClient]) -> None:
        self.server, self.clients = server, clients

    def __call__(self, **settings: Any) -> RemoteWriteClient:
        given: dict[str, Any] = {"url": self.server.url} | settings
        self.clients.append(RemoteWriteClient(RemoteWriteSettings(**given), lambda: NOW))
        return self.clients[-1]


@pytest.fixture
def client(server: Server, clients: list[RemoteWriteClient]) -> Make:
    return Make(server, clients)


def test_a_request_is_what_the_specification_wants(server: Server, client: Make) -> None:
    client().send(b"body")
    ((path, headers, body),) = server.asked
    assert (path, body) == ("/api/v1/write?x=1", b"body")
    assert headers["Content-Encoding"] == "snappy"
    assert headers["Content-Type"] == "application/x-protobuf"
    assert headers["X-Prometheus-Remote-Write-Version"] == "0.1.0"


def test_headers_and_credentials_go_along(server: Server, client: Make, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first\n")
    bearer = client(bearer_token_file=tmp_path / "token", headers={"X-Scope-OrgID": "acme"})
    bearer.send(b"")
    (tmp_path / "token").write_text("second\n")
    bearer.send(b"")
    (tmp_path / "word").write_text("open sesame")
    client(username="ali", password_file=tmp_path / "word").send(b"")
    client(username="ali", password="open sesame").send(b"")
    sent = [headers["Authorization"] for _, headers, _ in server.asked]
    assert sent == ["Bearer first", "Bearer second", *["Basic YWxpOm9wZW4gc2VzYW1l"] * 2]
    assert server.asked[0][1]["X-Scope-OrgID"] == "acme"


@pytest.mark.parametrize("content", [None, "", "two\nlines", "ü", b"\xff"])
def test_a_secret_that_cannot_be_sent_is_waited_for_and_not_told(
    client: Make, tmp_path: Path, content: str | bytes | None
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RemoteWriteAwayError) as caught:
        client(bearer_token_file=path).send(b"")
    assert caught.value.reason == "credentials"
    assert "lines" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "wait_s"),
    [
        ("7", 7.0),
        ("99999", MAX_WAIT_S),
        (email.utils.formatdate(NOW + 20, usegmt=True), 20.0),
        (email.utils.formatdate(NOW - 20, usegmt=True), 0.0),
        ("soon", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_to_be_sent_again(
    server: Server, client: Make, status: int, said: str | None, wait_s: float | None
) -> None:
    server.answers = [(status, {"Retry-After": said} if said else {}, b"too\nmuch")]
    with pytest.raises(RemoteWriteAwayError, match="too much") as caught:
        client().send(b"")
    assert (caught.value.reason, caught.value.wait_s) == (str(status), wait_s)


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413])
def test_what_will_not_pass_is_refused_with_the_reason(server: Server, client: Make, status: int) -> None:
    server.answers = [(status, {}, b"out of order sample\x1b[31m" + b"x" * 999)]
    with pytest.raises(RemoteWriteRefusedError, match="out of order") as caught:
        client().send(b"")
    assert caught.value.status == status
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_connection_that_was_closed_while_idle_is_made_anew(server: Server, client: Make) -> None:
    one = client()
    server.hangs_up = True
    for n in range(3):
        one.send(f"{n}".encode())
    assert [body for _, _, body in server.asked] == [b"0", b"1", b"2"]


def test_nobody_there_is_away(clients: list[RemoteWriteClient]) -> None:
    clients.append(RemoteWriteClient(RemoteWriteSettings(url=f"http://127.0.0.1:{free_port()}/")))
    for _ in range(2):
        with pytest.raises(RemoteWriteAwayError) as caught:
            clients[0].send(b"")
        assert caught.value.reason == "connection"


def test_a_server_that_does_not_speak_tls_is_away(server: Server, client: Make) -> None:
    with pytest.raises(RemoteWriteAwayError):
        client(url=server.url.replace("http://", "https://"), verify_tls=False).send(b"")


def test_a_file_of_tls_that_cannot_be_read_is_said_at_the_start(client: Make, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="TLS"):
        client(url="https://h/", ca_file=tmp_path / "none.pem")


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "prometheus:9090"},
        {"url": "ftp://h/"},
        {"url": "http://:9090/"},
        {"url": "http://h:99999/"},
        {"url": "http://ali:sesame@h/"},
        {"url": "http://h/\r\nX: sesame"},
        {"username": "ali"},
        {"password": "sesame"},
        {"username": "ali", "password": "sesame", "password_file": "sesame"},
        {"username": "ali", "password": "sesame", "bearer_token_file": "f"},
        {"cert_file": "sesame.pem"},
        {"headers": {"Authorization": "sesame"}},
        {"headers": {"X-A": "sesame\n"}},
        {"headers": {"X A": "sesame"}},
        {"external_labels": {"a-b": "c"}},
        {"external_labels": {"__name__": "c"}},
    ],
)
def test_settings_that_cannot_hold_are_refused_without_repeating_secrets(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        RemoteWriteSettings(**{"url": "http://h/"} | settings)
    assert "sesame" not in str(caught.value)


def test_no_secret_is_shown_or_logged(
    server: Server, client: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text("sesame")
    settings = {"bearer_token_file": tmp_path / "token", "headers": {"X-Key": "sesame"}}
    assert "sesame" not in repr(RemoteWriteSettings(**settings))
    server.answers = [(401, {}, b"")]
    with caplog.at_level(logging.DEBUG), pytest.raises(RemoteWriteRefusedError) as caught:
        client(**settings).send(b"")
    assert "sesame" not in str(caught.value) + caplog.text
