"""Hands requests on to another server of this machine, as they come and as they are answered."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from typing import Final

# Longer than any answer takes that is no stream; a stream says something four times a minute.
_ANSWER_S: Final = 90.0
_CHUNK_BYTES: Final = 64 * 1024
# Of one line between two machines, not of the message: https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1
_OF_THE_LINE: Final = frozenset(
    {"connection", "expect", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
_BODILESS: Final = frozenset({204, 304})


class Forwarder:
    """Takes requests to a server whose port may change.

    Parameters
    ----------
    port
        Where it listens on this machine; None while it does not.
    takes
        Whether it is meant by a path.
    max_body_bytes
        A larger request is refused with 413.
    """

    def __init__(self, port: Callable[[], int | None], takes: Callable[[str], bool], max_body_bytes: int) -> None:
        self._port = port
        self.takes = takes
        self._max_body_bytes = max_body_bytes

    def handle(self, request: BaseHTTPRequestHandler) -> tuple[int, str] | None:
        """Hand a request on and its answer back; else the status to answer with, and why."""
        length = request.headers.get("Content-Length", "0")
        if request.headers.get("Transfer-Encoding") or not length.isdigit():
            return 411, "say Content-Length"
        if int(length) > self._max_body_bytes:
            return 413, f"a request holds at most {self._max_body_bytes} bytes"
        body = request.rfile.read(int(length))
        port = self._port()
        if port is None:
            return 503, "the API starts; try again"
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
        try:
            line.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
            for name, value in _passed_on(request):
                line.putheader(name, value)
            line.endheaders(body or None)
            answer = line.getresponse()
        except (OSError, http.client.HTTPException, ValueError):
            line.close()
            return 503, "the API does not answer; try again"
        with contextlib.closing(line):
            _hand_back(request, answer)
        return None


def _passed_on(request: BaseHTTPRequestHandler) -> Iterator[tuple[str, str]]:
    for name, value in request.headers.items():
        if name.lower() not in _OF_THE_LINE and not name.lower().startswith("x-forwarded-"):
            yield name, value
    yield "X-Forwarded-For", str(request.client_address[0])


def _hand_back(request: BaseHTTPRequestHandler, answer: http.client.HTTPResponse) -> None:
    """Send an answer on; what has no length goes in chunks as it comes."""
    has_body = request.command != "HEAD" and answer.status not in _BODILESS
    is_chunked = has_body and answer.getheader("Content-Length") is None
    request.send_response_only(answer.status)
    for name, value in answer.getheaders():
        if name.lower() not in _OF_THE_LINE:
            request.send_header(name, value)
    if is_chunked:
        request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()
    if not has_body:
        return
    try:
        while data := answer.read1(_CHUNK_BYTES):
            request.wfile.write(b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data)
        if is_chunked:
            request.wfile.write(b"0\r\n\r\n")
    except (OSError, http.client.HTTPException):
        # It is cut off at one end; whoever still listens must not take it for whole.
        request.close_connection = True
