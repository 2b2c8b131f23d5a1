"""The most that a setting may be, so that all that is made of it fits: milliseconds in 64 bits, squares in a float."""

from __future__ import annotations

from typing import Final

LONGEST_S: Final = 315_360_000.0
"""Ten years of 365 days: longer than anybody waits, and what "for ever" is to be written as."""
MOST_TIMES: Final = 1e6
"""Of factors, shares and scores."""
MOST: Final = 1e100
"""Of values of a series."""
