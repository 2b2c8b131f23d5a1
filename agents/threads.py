"""Calls that block, in threads that never hold up the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from mode.threads import WorkerThread

P = ParamSpec("P")
T = TypeVar("T")
_JOIN_LIMIT_S: Final = 5.0


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a call that blocks, and wait for it.

    As ``asyncio.to_thread``, whose threads the interpreter joins at its end: a broker that does not answer would
    keep a worker that was told to stop.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            value = call(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001  # raised where it is awaited
            _tell(loop, result, None, error)
        else:
            _tell(loop, result, value, None)

    threading.Thread(target=run, daemon=True, name=getattr(call, "__name__", "call")).start()
    return await result


def _tell(
    loop: asyncio.AbstractEventLoop, result: asyncio.Future[Any], value: Any, error: BaseException | None
) -> None:
    def settle() -> None:
        if result.done():
            return
        if error is None:
            result.set_result(value)
        else:
            result.set_exception(error)

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop has ended, nobody waits
        return


class EndableThread(WorkerThread):
    """The thread of Faust's consumer, which likewise must not keep the process."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True

    def stop(self) -> None:
        """Wait for its end, but not for ever: mode calls this in the event loop, which stands still meanwhile."""
        self.is_stopped.wait(_JOIN_LIMIT_S)
