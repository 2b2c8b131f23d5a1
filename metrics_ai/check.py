"""What one look of ``doctor`` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["OK", "WARN", "FAIL"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one look found.

    Parameters
    ----------
    name
        What was looked at.
    level
        How it is.
    found
        What was found.
    way_out
        What to do about it; empty when it is fine.
    """

    name: str
    level: Level
    found: str
    way_out: str = ""

    def as_dict(self) -> dict[str, str]:
        """For programs."""
        return {"name": self.name, "level": self.level, "found": self.found, "way_out": self.way_out}
