"""Pages of lists, and the parameters with which they are asked for."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel

from integrations.stores import MOST_A_PAGE

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=MOST_A_PAGE, description="How many at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`cursor` of the page before.")]


class Listing(BaseModel, Generic[T]):
    """A page: ask with its ``cursor`` for the next one; without one it is the last."""

    items: list[T]
    cursor: str | None = None
