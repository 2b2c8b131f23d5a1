"""What stores of the serving side have in common: pages of what they list, and the error of one that is away."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from schemas.errors import ConfigurationError, MetricsAIError

T = TypeVar("T")
MOST_A_PAGE: Final = 1000


class StoreError(MetricsAIError):
    """A store does not answer, or not as it should; asking again later may help."""

    blame = "outside"
    retry = True


class CursorError(ConfigurationError):
    """A cursor that no page of ours ended with."""


class Mark(NamedTuple):
    """Where a page ended: lists go from late to early, ids of one time from last to first.

    Parameters
    ----------
    at_ms
        Time of the last one on the page.
    id
        Its id.

    Examples
    --------
    >>> Mark.read(Mark(1_790_035_200_000, "a/b").text())
    Mark(at_ms=1790035200000, id='a/b')
    >>> Mark.read("nonsense")
    Traceback (most recent call last):
    ...
    integrations.stores.CursorError: no page ended with the cursor 'nonsense'. Leave it out to begin at the start
    """

    at_ms: int
    id: str

    def text(self) -> str:
        """The cursor of the next page."""
        return base64.urlsafe_b64encode(f"{self.at_ms}:{self.id}".encode()).decode().rstrip("=")

    @classmethod
    def read(cls, cursor: str) -> Mark:
        """The end of the page that gave a cursor.

        Raises
        ------
        CursorError
            If it is none of ours.
        """
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
            at_ms, separator, identity = text.partition(":")
            if separator and at_ms.isascii():
                return cls(int(at_ms), identity)
        except (binascii.Error, ValueError):
            pass
        raise CursorError(f"no page ended with the cursor {cursor[:80]!r}", "Leave it out to begin at the start")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list.

    Parameters
    ----------
    items
        In the list's order.
    cursor
        What to ask for the next page with; None where this is the last.
    """

    items: list[T]
    cursor: str | None = None
