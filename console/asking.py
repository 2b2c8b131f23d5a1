"""Asks a stage for something, over the log of truth, and waits to learn what became of it."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from fastapi import Depends, Header, Request
from pydantic import ValidationError

from console.access import Caller
from console.ports import Reads
from console.problems import RequestError
from integrations.commands import CommandWriter
from schemas.command_events import Command, CommandBody, CommandResult

_SPACE: Final = uuid5(NAMESPACE_URL, "metrics-ai/commands")
_LOOK_S: Final = 0.02
# What was done is seen soon after it is known: another topic, read by the same role.
_SETTLE_S: Final = 2.0
MAX_KEY_CHARS: Final = 255


@dataclass(frozen=True, slots=True)
class Once:
    """What makes a request the same as one before.

    Parameters
    ----------
    key
        As the client gave it.
    asked
        Hash of what is asked for.
    """

    key: str
    asked: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a command.

    Parameters
    ----------
    command
        It.
    result
        None while it is not known.
    """

    command: Command
    result: CommandResult | None

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return self.result is not None and self.result.ok


def _at_once(_: CommandResult) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for.

    Parameters
    ----------
    id
        Of the command.
    body
        What for.
    by
        In whose name, where it is not the caller's own.
    is_seen
        Whether what was done is to be read already; it is waited for a little.
    """

    id: str
    body: CommandBody
    by: str = ""
    is_seen: Callable[[CommandResult], bool] = _at_once


class Desk:
    """Takes what is asked for to the stages.

    Parameters
    ----------
    writer
        Where commands are written.
    reads
        Where results, and what they changed, are seen.
    wait_s
        How long a result is waited for.
    now_ms
        Milliseconds since the epoch.
    """

    def __init__(
        self,
        writer: CommandWriter,
        reads: Reads,
        wait_s: float,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._writer = writer
        self._reads = reads
        self._wait_s = wait_s
        self.now_ms = now_ms

    def new_id(self, caller: Caller, once: Once | None) -> str:
        """The id of a command: the same for the same request with the same key."""
        if once is None:
            return str(uuid4())
        return str(uuid5(_SPACE, f"{caller.tenant}/{caller.name}/{once.key}/{once.asked}"))

    def ask(self, caller: Caller, wish: Wish, once: Once | None = None) -> Outcome:
        """Write a command, and wait for what becomes of it.

        Parameters
        ----------
        caller
            Who asks.
        wish
            What for.
        once
            What makes the request the same as one before.

        Raises
        ------
        RequestError
            422 if the key came with another request before.
        BrokerError
            If it cannot be written.
        StoreError
            If its result cannot be read.
        """
        command = Command(
            id=wish.id, tenant=caller.tenant, at_ms=self.now_ms(), by=caller.acting(wish.by)[:200], body=wish.body
        )
        if (answer := self._answer_before(caller, once)) is not None:
            return Outcome(command, answer)
        self._writer.send(command)
        result = self._reads.command_result(caller.tenant, command.id, self._wait_s)
        if result is not None and result.ok:
            _until(lambda: wish.is_seen(result), min(_SETTLE_S, self._wait_s))
        if result is not None and once is not None:
            self._reads.requests.finish(caller.tenant, _who(caller, once), once.asked, result.to_bytes().decode())
        return Outcome(command, result)

    def incident_of(self, caller: Caller, alert_id: str) -> str | None:
        """The id of the incident that an alert is in, where both are known.

        Raises
        ------
        StoreError
            If that cannot be read.
        """
        standing = self._reads.alert(caller.tenant, alert_id)
        return None if standing is None else standing.alert.incident_id

    def _answer_before(self, caller: Caller, once: Once | None) -> CommandResult | None:
        """What the same request was answered before; one that is still under way is asked for again, as the same."""
        if once is None:
            return None
        before = self._reads.requests.begin(caller.tenant, _who(caller, once), once.asked)
        if before is None:
            return None
        if before.digest != once.asked:
            raise RequestError(
                422, f"the Idempotency-Key {once.key!r} came with another request", "Give each request its own"
            )
        return CommandResult.from_bytes(before.answer.encode()) if before.answer else None


def _who(caller: Caller, once: Once) -> str:
    return f"{caller.name}/{once.key}"


def _until(is_so: Callable[[], bool], limit_s: float) -> None:
    deadline, pause = time.monotonic() + limit_s, threading.Event()
    while not is_so() and time.monotonic() < deadline:
        pause.wait(_LOOK_S)


def silence_id_of(command_id: str) -> str:
    """The id of a silence that a command makes: the same if the command comes again.

    Examples
    --------
    >>> silence_id_of("c1")
    '32339cb7-a87d-521b-916a-60ca203bca10'
    """
    return str(uuid5(_SPACE, f"silence/{command_id}"))


def body_of(make: Callable[[], CommandBody]) -> CommandBody:
    """What is asked for, built and checked.

    Raises
    ------
    RequestError
        400 if it cannot hold.
    """
    try:
        return make()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the request"
        raise RequestError(400, f"{where}: {str(first['msg']).removeprefix('Value error, ')}") from error


async def once_of(
    request: Request,
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", max_length=MAX_KEY_CHARS, description="A repeat with the same key is one."),
    ] = None,
) -> Once | None:
    """What makes this request the same as one before, where the client says so."""
    if not key:
        return None
    asked = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    asked.update(await request.body())
    return Once(key, asked.hexdigest())


OnceKey = Annotated[Once | None, Depends(once_of)]
