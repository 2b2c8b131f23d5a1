"""``/api/v1/updates``: what changes, as it does, as server-sent events."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Final

import anyio
import anyio.to_thread
from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from console.access import Viewer
from console.ports import Reads
from console.problems import RequestError
from integrations.serving.store import Update
from schemas.errors import MetricsAIError

# Each takes a thread while it waits.
MOST_STREAMS: Final = 32
_WORD_S: Final = 15.0
_OVER: Final = object()


class UpdateRoutes:
    """The path.

    Parameters
    ----------
    reads
        Where changes are read.
    """

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._streams = 0
        # Threads of their own: who listens takes none from who asks.
        self._threads = anyio.CapacityLimiter(MOST_STREAMS)

    def router(self) -> APIRouter:
        """It, as FastAPI takes it."""
        router = APIRouter(tags=["updates"])
        router.add_api_route("/updates", self.updates, methods=["GET"], response_class=StreamingResponse)
        return router

    async def updates(
        self, caller: Viewer, last_id: Annotated[str | None, Header(alias="Last-Event-ID", max_length=100)] = None
    ) -> StreamingResponse:
        """What changes from now on, or since the event named: its kind (a topic) and the id of what changed."""
        if self._streams >= MOST_STREAMS:
            raise RequestError(503, f"{MOST_STREAMS} listen already", "Try again", {"Retry-After": "10"})
        found = self._reads.updates(caller.tenant, last_id or "$")
        return StreamingResponse(self._told(found), media_type="text/event-stream")

    async def _told(self, found: Iterator[Update | None]) -> AsyncIterator[str]:
        self._streams += 1
        said_s = time.monotonic()
        try:
            yield ": from now on\n\n"
            while True:
                update = await anyio.to_thread.run_sync(next, found, _OVER, limiter=self._threads)
                if update is _OVER:
                    return
                if isinstance(update, Update):
                    yield f"id: {update.id}\nevent: {update.kind}\ndata: {json.dumps({'id': update.subject})}\n\n"
                elif time.monotonic() - said_s < _WORD_S:
                    continue
                else:
                    yield ": nothing new\n\n"
                said_s = time.monotonic()
        except MetricsAIError as error:
            yield f"event: error\ndata: {json.dumps({'detail': str(error)})}\n\n"
        finally:
            self._streams -= 1
