"""A mail server: SMTP as far as a mail is sent, with a script of what goes wrong."""

from __future__ import annotations

import contextlib
import email
import email.policy
import socket
import socketserver
import ssl
import struct
import threading
from base64 import b64decode
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Self

MAX_LINE = 998


class MailboxStandIn:
    """A mail server on loopback.

    Parameters
    ----------
    tls
        With which STARTTLS is offered.
    password
        That AUTH wants, with the user ``bot``; none is wanted where empty.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, password: str = "") -> None:
        self.lock = threading.Lock()
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, tuple[str, ...]]] = []
        self.tls = tls
        self.password = password
        # A reply to a verb in place of the usual one; "reset" hangs up after the verb was obeyed.
        self.faults: dict[str, list[str]] = {}
        self._port = 0
        self._server: socketserver.ThreadingTCPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def smarthost(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._port}"

    def fail_next(self, verb: str, *replies: str) -> None:
        """Answer the next of a verb with these: ``450 later``; ``reset`` hangs up after it was obeyed.

        ``nothing`` is no answer at all.
        """
        with self.lock:
            self.faults.setdefault(verb, []).extend(replies)

    def fault(self, verb: str) -> str:
        """What goes wrong now with a verb."""
        with self.lock:
            waiting = self.faults.get(verb)
            return waiting.pop(0) if waiting else ""

    def start(self) -> Self:
        """Listen; on the same port as before."""
        handler = type("Handler", (_Handler,), {"mailbox": self})
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", self._port), handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Free the port."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Handler(socketserver.StreamRequestHandler):
    mailbox: MailboxStandIn
    timeout = 10

    def handle(self) -> None:
        self._sender, self._to, self._is_known, self._is_tls = "", [], not self.mailbox.password, False
        self._say("220 standin ESMTP")
        while True:
            line = self.rfile.readline(2048)
            if not line:
                return
            verb, _, rest = line.decode(errors="replace").strip().partition(" ")
            if self._obey(verb.upper(), rest):
                return

    def finish(self) -> None:
        super().finish()
        self.connection.close()  # by now of TLS, perhaps, and no longer that which the server closes

    def _obey(self, verb: str, rest: str) -> bool:
        fault = self.mailbox.fault(verb)
        if fault and fault != "reset":
            if fault != "nothing":
                self._say(fault)
            return False
        done: Any = getattr(self, f"_{verb.lower()}", None)
        if done is None:
            self._say("502 no such verb")
            return False
        is_over = bool(done(rest, is_reset=fault == "reset"))
        return is_over or fault == "reset"

    def _ehlo(self, rest: str, *, is_reset: bool) -> None:
        offered = ["standin", "SIZE 10000000", "8BITMIME", "SMTPUTF8"]
        if self.mailbox.tls is not None and not self._is_tls:
            offered.append("STARTTLS")
        if self.mailbox.password:
            offered.append("AUTH PLAIN")
        self._say(*(f"250{'-' if at < len(offered) - 1 else ' '}{one}" for at, one in enumerate(offered)))

    def _starttls(self, rest: str, *, is_reset: bool) -> None:
        assert self.mailbox.tls is not None
        self._say("220 go ahead")
        self.connection = self.mailbox.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)  # type: ignore[assignment]
        self._is_tls = True

    def _auth(self, rest: str, *, is_reset: bool) -> None:
        given = b64decode(rest.partition(" ")[2]).decode().split("\0")
        self._is_known = given[1:] == ["bot", self.mailbox.password]
        self._say("235 welcome" if self._is_known else f"535 not {given[-1]}")

    def _mail(self, rest: str, *, is_reset: bool) -> None:
        self._sender = rest.partition("<")[2].partition(">")[0]
        self._say("250 ok" if self._is_known else "530 who are you")

    def _rcpt(self, rest: str, *, is_reset: bool) -> None:
        address = rest.partition("<")[2].partition(">")[0]
        if address.startswith("nobody@"):
            self._say("550 no such user")
            return
        self._to.append(address)
        self._say("250 ok")

    def _data(self, rest: str, *, is_reset: bool) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline(65_536)) not in {b".\r\n", b""}:
            lines.append(line[1:] if line.startswith(b".") else line)
        if any(len(line) > MAX_LINE + 2 for line in lines):
            self._say("500 a line is too long")
            return
        written = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        with self.mailbox.lock:
            self.mailbox.mails.append(written)  # type: ignore[arg-type]
            self.mailbox.envelopes.append((self._sender, tuple(self._to)))
        if is_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                self.connection.close()
            return
        self._say("250 taken")

    def _rset(self, rest: str, *, is_reset: bool) -> None:
        self._say("250 ok")

    def _quit(self, rest: str, *, is_reset: bool) -> bool:
        self._say("221 bye")
        return True

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())
