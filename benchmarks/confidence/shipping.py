"""The weights that ship, written as the module that reads them."""

from __future__ import annotations

import datetime as dt
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.confidence.population import NAB, Word

MODULE: Final = Path(__file__).parents[2] / "models" / "confidence_fit.py"
_HEAD: Final = '''"""The weights of ``models.confidence``, as ``python -m benchmarks.confidence --ship`` wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VERSION: Final = 1
ORIGIN: Final = (
{origin})
"""The data, the commit that was measured, and the day."""
WEIGHTS: Final[Mapping[str, float]] = MappingProxyType(
    {{
{weights}    }}
)
"""By feature, in log odds."""
PRECISION: Final[Mapping[str, float]] = MappingProxyType(
    {{
{precision}    }}
)
"""Of what other detectors tell, the share that is real: of drifts on planted changes, of chosen detectors on NAB."""
'''


def commit() -> str:
    """What is measured; to be asked before results are written."""
    run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return run.stdout.strip()


def origin(seed: int, words: Sequence[Word], measured: str) -> list[str]:
    """Where the weights come from."""
    files = sum(one.population == NAB for one in words)
    return [
        f"planted lives of seed {seed} ({len(words) - files} states)",
        f"NAB 1.1 ({files} states)" if files else "no NAB",
        f"commit {measured}",
        dt.datetime.now(dt.UTC).date().isoformat(),
    ]


def write(weights: Mapping[str, float], precision: Mapping[str, float], source: Sequence[str]) -> None:
    """Overwrite the module."""
    MODULE.write_text(
        _HEAD.format(
            origin="".join(f'    "{part}",\n' for part in source),
            weights="".join(f'        "{name}": {value:.4f},\n' for name, value in weights.items()),
            precision="".join(f'        "{name}": {value:.2f},\n' for name, value in precision.items()),
        )
    )
