"""What changes, as it does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from console.access import Caller
from console.api.updates import MOST_STREAMS, UpdateRoutes
from console.memory import MemoryStore
from console.problems import RequestError
from integrations.serving.store import Update
from integrations.stores import StoreError

EYE = Caller("eye", "viewer", "default")


class Ending(MemoryStore):
    """A store that goes away."""

    def updates(self, tenant: str, after: str = "$", wait_s: float = 1.0) -> Iterator[Update | None]:
        yield Update("1-0", "alerts", "a1")
        raise StoreError("the store is gone")


def _told(routes: UpdateRoutes, count: int) -> list[str]:
    async def read() -> list[str]:
        answer = await routes.updates(EYE, None)
        found = []
        async for text in answer.body_iterator:
            found.append(str(text))
            if len(found) == count:
                break
        await answer.body_iterator.aclose()  # type: ignore[attr-defined]
        return found

    return asyncio.run(read())


def test_each_change_is_an_event_with_its_id_kind_and_subject() -> None:
    store = MemoryStore(told=[Update("1-0", "alerts", "a1"), Update("1-1", "incidents", "i1")])
    assert _told(UpdateRoutes(store), 3) == [
        ": from now on\n\n",
        'id: 1-0\nevent: alerts\ndata: {"id": "a1"}\n\n',
        'id: 1-1\nevent: incidents\ndata: {"id": "i1"}\n\n',
    ]


def test_a_store_that_goes_away_is_told_before_the_stream_ends() -> None:
    assert _told(UpdateRoutes(Ending()), 10)[2:] == ['event: error\ndata: {"detail": "the store is gone"}\n\n']


def test_so_many_may_listen_and_who_leaves_makes_room() -> None:
    routes = UpdateRoutes(MemoryStore(told=[Update("1-0", "alerts", "a1")]))

    async def crowd() -> str:
        streams = [(await routes.updates(EYE, None)).body_iterator for _ in range(MOST_STREAMS)]
        for one in streams:
            await anext(one)  # type: ignore[call-overload]
        with pytest.raises(RequestError) as refused:
            await routes.updates(EYE, None)
        await streams[0].aclose()  # type: ignore[attr-defined]
        await routes.updates(EYE, None)
        for one in streams:
            await one.aclose()  # type: ignore[attr-defined]
        return str(refused.value)

    assert asyncio.run(crowd()).startswith(f"{MOST_STREAMS} listen already")
