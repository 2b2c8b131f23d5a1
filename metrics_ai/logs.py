"""Logs as events with keys: lines for people, or a JSON object a line."""

from __future__ import annotations

import json
import logging
import logging.handlers
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from schemas.errors import MachineError

# What every record has; the rest came by ``extra`` and is the event's keys.
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_FILE_BYTES: Final = 10_000_000
_FILES_KEPT: Final = 2
LIBRDKAFKA: Final = "agents.librdkafka"

LogFormat = Literal["text", "json"]


class JsonFormatter(logging.Formatter):
    """A JSON object a line: ``time``, ``level``, ``logger``, ``event``, then the event's keys.

    Parameters
    ----------
    keys
        Added to every line, e.g. the worker's role.

    Examples
    --------
    >>> record = logging.makeLogRecord({"msg": "restarted %s", "args": ("ingest",), "created": 0.0, "attempt": 2})
    >>> JsonFormatter({"role": "up"}).format(record)
    '{"time": "1970-01-01T00:00:00.000+00:00", "level": "notset", "logger": null, "event": "restarted ingest", \
"role": "up", "attempt": 2}'
    """

    def __init__(self, keys: dict[str, str] | None = None) -> None:
        super().__init__()
        self._keys = keys or {}

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        body: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower() if record.levelno else "notset",
            "logger": record.name,
            "event": record.getMessage(),
            **self._keys,
            **_keys_of(record),
        }
        if record.exc_info and record.exc_info[0] is not None:
            body["error"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(body, default=str)


class TextFormatter(logging.Formatter):
    """A line for people: time, level, event, keys.

    Examples
    --------
    >>> TextFormatter().format(logging.makeLogRecord({"msg": "ready", "created": 0.0, "levelname": "INFO", "port": 1}))
    '1970-01-01T00:00:00Z info ready port=1'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, and a traceback below it if it has one."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        keys = "".join(f" {name}={value}" for name, value in _keys_of(record).items())
        line = f"{at} {record.levelname.lower()} {record.getMessage()}{keys}"
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + self.formatException(record.exc_info)
        return line


def _keys_of(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Not a client's word that it tries again, as while a broker's coordinator starts: that it failed is an error."""
    is_retry = record.levelno <= logging.WARNING and record.getMessage().endswith(": retrying")
    return not is_retry or logging.getLogger().level <= logging.DEBUG


def set_up_logs(level: str, form: LogFormat, keys: dict[str, str] | None = None, file: Path | None = None) -> None:
    """Send every logger's records, the libraries' too, to standard error or to a file that rolls over.

    Parameters
    ----------
    level, form
        The least that is logged, and how it looks.
    keys
        Added to every JSON line.
    file
        Instead of standard error.

    Raises
    ------
    MachineError
        If the file cannot be written.
    """
    handler: logging.Handler
    if file is None:
        handler = logging.StreamHandler()
    else:
        try:
            handler = logging.handlers.RotatingFileHandler(file, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT)
        except OSError as error:
            raise MachineError(f"cannot write {file} ({error.strerror})", "Choose another with --log-file") from error
    handler.setFormatter(JsonFormatter(keys) if form == "json" else TextFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # At info they tell of every metadata refresh, every inner service that starts, every request.
    for library in ("aiokafka", "faust", "mode", "numba", "alembic", "httpx", "uvicorn"):
        logging.getLogger(library).setLevel(logging.WARNING if root.level >= logging.INFO else root.level)
    logging.getLogger(LIBRDKAFKA).addFilter(_is_worth_a_line)
    logging.captureWarnings(True)
