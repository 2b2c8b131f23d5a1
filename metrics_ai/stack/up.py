"""``up``: start the stack, say where it is, look after it until told to end."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from metrics_ai.config import Config
from metrics_ai.logs import set_up_logs
from metrics_ai.ready_file import clear_ready_file, write_ready_file
from metrics_ai.routing_files import routing_config
from metrics_ai.stack.stack import Stack, StackOptions

LOG = logging.getLogger("metrics_ai.up")
_LOOK_EVERY_S: Final = 0.5
# The first start of a release compiles; whoever waits should see for what.
_TELL_EVERY_S: Final = 15.0
_LOOK_EVERY_S_AT_START: Final = 0.1


@contextmanager
def ending_signals() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; the handlers before come back afterwards."""
    stop = threading.Event()
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def run_up(config: Config, options: StackOptions, ready_file: Path | None = None) -> None:
    """Run the stack until Ctrl-C or SIGTERM.

    Raises
    ------
    MetricsAIError
        If it cannot start: a file of routes that does not hold is told before anything is started.
    """
    routing_config(config.routing)
    set_up_logs(config.log.level, config.log.format, {"role": "up"})
    began_s = time.monotonic()
    if ready_file:
        clear_ready_file(ready_file)
    with ending_signals() as stop, Stack(config, options, LOG.warning) as stack:
        try:
            _watch(stack, stop, ready_file, began_s)
        finally:
            if ready_file:
                ready_file.unlink(missing_ok=True)
            LOG.info("ending: every role drains")
    LOG.info("ended")


def _watch(stack: Stack, stop: threading.Event, ready_file: Path | None, began_s: float) -> None:
    addresses = stack.addresses()
    LOG.info("starting", extra={**addresses, "logs": str(stack.options.data_dir / "run")})
    if not stack.config.console.tokens:
        LOG.info("the API needs no token, and only this machine reaches it")
    was_ready, told_s = False, began_s
    while not stop.wait(_LOOK_EVERY_S if was_ready else _LOOK_EVERY_S_AT_START):
        stack.poll()
        if stack.is_ready and not was_ready:
            was_ready = True
            LOG.info("ready", extra={**addresses, "after_s": round(time.monotonic() - began_s, 1)})
            if ready_file:
                write_ready_file(ready_file, addresses)
        elif not was_ready and time.monotonic() - told_s >= _TELL_EVERY_S:
            told_s = time.monotonic()
            LOG.info("waiting", extra={"for": ", ".join(stack.unready_roles()), "after_s": round(told_s - began_s)})
