"""What a long series of trials has come to so far, in a file, so that it may be interrupted."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tally:
    """Kills by broker and role.

    Parameters
    ----------
    path
        Of the file; made when the first trial is over.
    """

    path: Path
    kills: dict[str, Counter[str]] = field(default_factory=dict)
    trials: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.path.exists():
            told = json.loads(self.path.read_text())
            self.kills = {broker: Counter(roles) for broker, roles in told["kills"].items()}
            self.trials = Counter(told["trials"])

    def left(self, broker: str, role: str, goal: int) -> int:
        """Kills that are still to be made."""
        return max(0, goal - self.kills.get(broker, Counter())[role])

    def add(self, broker: str, roles: Counter[str]) -> None:
        """Count a trial that lost nothing."""
        self.kills.setdefault(broker, Counter()).update(roles)
        self.trials[broker] += 1
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"kills": self.kills, "trials": self.trials}, indent=1))
        part.replace(self.path)
