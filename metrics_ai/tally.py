"""What of a recording became no sample, and how that is told: counted by reason, the first few of each by name."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn

import typer

TOLD: Final = 5


@dataclass(slots=True)
class Tally:
    """Rows and messages that became no sample, by reason; the first that were rejected with where they stand.

    Parameters
    ----------
    most
        How many of each reason are told; all where None.

    Examples
    --------
    >>> tally = Tally(most=1)
    >>> for line in (1, 2):
    ...     tally.reject("not_json", f"a.jsonl:{line}", "broken")
    >>> tally.rejected, tally.told
    (Counter({'not_json': 2}), ['a.jsonl:1: rejected, not_json: broken'])
    """

    most: int | None = TOLD
    rejected: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)
    noted: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str, where: str, detail: str) -> None:
        """Count one that cannot be read."""
        self.rejected[reason] += 1
        if self.most is None or self.rejected[reason] <= self.most:
            self.told.append(f"{where}: rejected, {reason}: {detail}")


def tell_rejected(told: Sequence[str], counts: Mapping[str, int]) -> None:
    """Name the first rows or messages that could not be read, and how many more there are."""
    for sentence in told:
        sys.stderr.write(sentence + "\n")
    if (more := sum(counts.values()) - len(told)) > 0:
        sys.stderr.write(f"and {more:,} more\n")


def end_without_samples(
    skipped: Mapping[str, int],
    rejected: Mapping[str, int],
    way_out: str = "Look at it with decode, or name its --format",
) -> NoReturn:
    """End with status 1: no sample came of it, which is no quiet recording."""
    if rejected:
        text = f"nothing of it could be read. {way_out}"
    elif skipped:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(skipped.items()))
        text = f"there is no usable sample in it: every value was skipped ({reasons})"
    else:
        text = "there is no sample in it: it is empty"
    sys.stderr.write(f"metrics-ai: {text}\n")
    raise typer.Exit(1)


def counted(count: int, noun: str) -> str:
    """A number and what it counts.

    Examples
    --------
    >>> counted(1, "sample"), counted(2000, "sample"), counted(0, "anomaly"), counted(2, "series")
    ('1 sample', '2,000 samples', '0 anomalies', '2 series')
    """
    if count != 1 and not noun.endswith("s"):
        noun = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun}"
