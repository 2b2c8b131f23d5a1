"""Reads schedules from the file of routes, and the calendars that it names, which lie beside it."""

from __future__ import annotations

from pathlib import Path

from incidents.oncall.book import OnCallBook
from incidents.oncall.calendar import MOST_CHARACTERS
from incidents.oncall.reading import Reading, read_schedules
from schemas.errors import ConfigurationError


def oncall_reading(path: Path) -> Reading:
    """The schedules of a file, and what is wrong with them.

    Raises
    ------
    ConfigurationError
        If the file cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})", "Name a file of routes") from error
    return read_schedules(content, str(path), lambda name: _calendar(path.parent / name))


def oncall_book(path: Path | None) -> OnCallBook:
    """The schedules of a file that have to hold; none without a file.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or one of its schedules does not hold; names the first problem.
    """
    if path is None:
        return OnCallBook()
    found = oncall_reading(path)
    if found.problems:
        raise found.problems[0]
    return OnCallBook(found.schedules)


def _calendar(path: Path) -> str:
    try:
        with path.open("rb") as file:
            # One byte more than there may be characters of four, to be refused for its length.
            content = file.read(4 * MOST_CHARACTERS + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})", "Name a calendar") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: the text is not UTF-8", "Export it anew as .ics") from error
