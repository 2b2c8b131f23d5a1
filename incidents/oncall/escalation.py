"""Who is told next while nobody acknowledges; what is acknowledged holds for the episode that fires, and no other."""

from __future__ import annotations

import itertools
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.bounds import LONGEST_S

Seconds = Annotated[float, Field(gt=0, le=LONGEST_S)]


class EscalationChain(BaseModel):
    """When each step is due after the first telling.

    Examples
    --------
    >>> chain = EscalationChain(after_s=(300, 900, 1800))
    >>> [chain.due_step(0, None, now_ms) for now_ms in (0, 300_000, 899_999, 5_000_000)]
    [0, 1, 1, 3]
    >>> chain.due_step(0, 60_000, now_ms=5_000_000), chain.next_due_ms(0, None, now_ms=300_000)
    (0, 900000)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    after_s: Annotated[
        tuple[Seconds, ...], Field(max_length=20, description="Seconds after the first telling, rising.")
    ] = (300, 900, 1800)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if any(later <= sooner for sooner, later in itertools.pairwise(self.after_s)):
            raise ValueError("each step must come after the one before")
        return self

    def due_step(self, opened_ms: int, acked_ms: int | None, now_ms: int) -> int:
        """The last step that is due; 0 is none.

        Parameters
        ----------
        opened_ms
            When people were first told of the episode that fires.
        acked_ms
            When somebody acknowledged; what was said of an earlier episode holds no more.
        now_ms
            Event time.
        """
        until_ms = now_ms if acked_ms is None or acked_ms < opened_ms else min(now_ms, acked_ms)
        return sum(opened_ms + round(after_s * 1000) <= until_ms for after_s in self.after_s)

    def next_due_ms(self, opened_ms: int, acked_ms: int | None, now_ms: int) -> int | None:
        """When the next step is due; None if none is, or somebody looks after it."""
        if acked_ms is not None and acked_ms >= opened_ms:
            return None
        step = self.due_step(opened_ms, None, now_ms)
        return opened_ms + round(self.after_s[step] * 1000) if step < len(self.after_s) else None
