"""Text cut to what a far end takes, and cleared of signs that none of them takes."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

MORE: Final = "…"
# Tab and line feed are text; the rest of C0, DEL and lone surrogates are refused by XML, by JSON or by both.
_REFUSED: Final = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), " ") | {13: None}
_BASIC_PLANE: Final = 0xFFFF


def units(text: str) -> int:
    """How long a text is in UTF-16, which is what Java and JavaScript count; never less than its characters.

    Examples
    --------
    >>> units("disk"), units("🔥")
    (4, 2)
    """
    return len(text) + sum(ord(one) > _BASIC_PLANE for one in text)


def plain(text: str) -> str:
    r"""A text without signs that some far end refuses.

    Examples
    --------
    >>> plain("a\x00b\r\nc")
    'a b\nc'
    """
    return text.translate(_REFUSED).encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    r"""A text as one line.

    Examples
    --------
    >>> one_line("  disk\n full ")
    'disk full'
    """
    return " ".join(plain(text).split())


def cut(text: str, most: int) -> str:
    """A text of at most so many units, with a sign at its end where something is missing.

    Examples
    --------
    >>> cut("disk full", 6), cut("🔥🔥🔥", 4), cut("disk", 4)
    ('disk …', '🔥…', 'disk')
    """
    text = plain(text)
    if len(text) * 2 <= most or units(text) <= most:
        return text
    kept, used = 0, 1  # of the sign
    for one in text[:most]:
        used += 2 if ord(one) > _BASIC_PLANE else 1
        if used > most:
            break
        kept += 1
    return (text[:kept] + MORE) if most > 0 else ""


def web_address(text: str, most: int = 2000) -> str | None:
    """An address that people can follow, or none.

    Examples
    --------
    >>> web_address("https://grafana/d/1"), web_address("javascript:alert(1)")
    ('https://grafana/d/1', None)
    """
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname)
    if not is_whole or len(text) > most or any(one.isspace() or not one.isprintable() for one in text):
        return None
    return text
