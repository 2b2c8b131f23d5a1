"""What a client is told of the command that its request became."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from fastapi import Response
from pydantic import BaseModel

from console.asking import Outcome
from console.problems import RequestError


class Done(BaseModel):
    """What became of a request."""

    command_id: str
    status: Literal["done", "accepted"]
    subject: str = ""


def answered(outcome: Outcome, response: Response, is_known: Callable[[], bool], created: bool = False) -> Done:
    """The answer to a request that became a command.

    Parameters
    ----------
    outcome
        What became of it.
    response
        Whose status and headers are set: 202, and where to ask again, while nobody has done it.
    is_known
        Whether what it is about exists, if it was not done.
    created
        Whether something new is made.

    Raises
    ------
    RequestError
        404 or 409 if it was not done.
    """
    command_id = outcome.command.id
    if outcome.result is None:
        response.status_code = 202
        response.headers["Location"] = f"/api/v1/commands/{command_id}"
        return Done(command_id=command_id, status="accepted")
    if not outcome.result.ok:
        raise RequestError(409 if is_known() else 404, outcome.result.reason)
    if created:
        response.status_code = 201
    return Done(command_id=command_id, status="done", subject=outcome.result.subject)
