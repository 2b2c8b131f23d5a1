"""Reports of incidents: written as Markdown, HTML or JSON, to a file or to standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from incidents.review import Report
from incidents.review.markdown import markdown_of
from incidents.review.page import page_of
from schemas.errors import ConfigurationError, MachineError

Form = Literal["md", "json", "html"]
_SUFFIXES: Final[dict[str, Form]] = {".html": "html", ".htm": "html", ".md": "md", ".json": "json"}
WRITERS: Final[dict[Form, Callable[[Report], str]]] = {
    "html": page_of,
    "md": markdown_of,
    "json": lambda report: report.model_dump_json(indent=1, exclude_none=True) + "\n",
}


def form_of(given: Form | None, out: Path | None) -> Form:
    """What to write: as it was said, else by the file's suffix, else Markdown.

    Raises
    ------
    ConfigurationError
        If the suffix names no format.

    Examples
    --------
    >>> form_of(None, None), form_of(None, Path("i1.html")), form_of("json", Path("i1.txt"))
    ('md', 'html', 'json')
    """
    if given is not None:
        return given
    suffix = ".md" if out is None else out.suffix.lower()
    if suffix not in _SUFFIXES:
        raise ConfigurationError(f"--out {out}: its suffix names no format", "Name it FILE.html, or give --format")
    return _SUFFIXES[suffix]


def write(text: str, out: Path | None) -> None:
    """Write a text to a file, or to standard output.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    if out is None:
        sys.stdout.write(text)
        return
    try:
        out.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise MachineError(f"{out} cannot be written ({error.strerror})", "Choose another file") from error
