"""Run it: ``python -m benchmarks.cold_start [--cases N] [--seed N] [--results FILE] [--data FOLDER --ship]``.

The package's docstring says what it measures. With another seed, nothing is written unless a file is named.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import machine
from benchmarks.cold_start import shipped
from benchmarks.cold_start.measuring import measure

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "cold_start.json"
CASES: Final = 300
# Of the results. Whoever changes the priors looks at others.
HELD_OUT_SEED: Final = 24_601


def main(arguments: list[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="series in proportion to this")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="for work on the priors: any other")
    parser.add_argument("--results", type=Path, help=f"instead of {RESULTS.name}")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "nab", help="NAB's folder")
    parser.add_argument("--ship", action="store_true", help="learn the priors that ship from it, and end")
    given = parser.parse_args(arguments)
    if given.ship:
        print(shipped.ship(shipped.learned(given.data)))
        return 0
    begin_s = time.monotonic()
    found: dict[str, Any] = {"cold_seed": given.seed, "cold_cases": given.cases}
    for name, keys in measure(given.seed, given.cases):
        found |= {key: round(value, 4) if isinstance(value, float) else value for key, value in keys.items()}
        print(f"{time.monotonic() - begin_s:5.0f} s  {name}", file=sys.stderr, flush=True)
    print(json.dumps(found, indent=2))
    if path := given.results or (RESULTS if given.seed == HELD_OUT_SEED else None):
        machine.write(path, found)
        print(f"\n{len(found)} values in {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
