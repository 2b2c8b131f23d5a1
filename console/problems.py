"""What goes wrong with a request, as the client reads it: RFC 9457, or Alertmanager's plain text under its paths."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from schemas.errors import Blame, MetricsAIError

PROBLEM_TYPE: Final = "application/problem+json"
ALERTMANAGER: Final = "/api/v2/"
_MOST_ERRORS: Final = 20


class RequestError(MetricsAIError):
    """A request to the API that is not granted.

    Parameters
    ----------
    status
        Of HTTP.
    what, way_out
        As of every error.
    headers
        That go with the answer.

    Examples
    --------
    >>> str(RequestError(404, "there is no incident x", "metrics-ai incidents lists them"))
    'there is no incident x. metrics-ai incidents lists them'
    """

    blame: ClassVar[Blame] = "user"

    def __init__(self, status: int, what: str, way_out: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(what, way_out)
        self.status = status
        self.headers = dict(headers or {})


def not_found(kind: str, name: str) -> RequestError:
    """There is no such thing."""
    return RequestError(404, f"there is no {kind} {name}")


def problem(
    status: int, detail: str, request: Request, more: Mapping[str, Any] | None = None, headers: Any = None
) -> JSONResponse:
    """The answer for a request that failed.

    Parameters
    ----------
    status
        Of HTTP.
    detail
        What is wrong with this one, and what to do.
    request
        Which.
    more
        Further members of the problem.
    headers
        Of the answer.
    """
    if request.url.path.startswith(ALERTMANAGER):
        # Its clients read a failed answer as a JSON string.
        return JSONResponse(detail, status, headers=headers)
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        **(more or {}),
    }
    return JSONResponse(body, status, media_type=PROBLEM_TYPE, headers=headers)


def status_of(error: MetricsAIError) -> int:
    """The status of HTTP that an error of ours has.

    Examples
    --------
    >>> from schemas.errors import BrokerError, ConfigurationError
    >>> status_of(BrokerError("away")), status_of(ConfigurationError("no")), status_of(RequestError(409, "no"))
    (503, 400, 409)
    """
    if isinstance(error, RequestError):
        return error.status
    if error.retry:
        return 503
    return 400 if error.blame == "user" else 500


def answer_problems(app: FastAPI) -> None:
    """Let an application answer every failure so."""
    app.add_exception_handler(MetricsAIError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, MetricsAIError)
    headers = error.headers if isinstance(error, RequestError) else {}
    if error.retry:
        headers = {**headers, "Retry-After": "1"}
    return problem(status_of(error), str(error), request, headers=headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    found = [
        {"pointer": "/" + "/".join(map(str, one["loc"])), "detail": str(one["msg"]).removeprefix("Value error, ")}
        for one in error.errors()[:_MOST_ERRORS]
    ]
    first = found[0]
    return problem(400, f"{first['pointer']}: {first['detail']}", request, {"errors": found})


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), request, headers=error.headers)
