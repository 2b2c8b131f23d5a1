"""Run it: ``python -m benchmarks.entities [PART...] [--cases N] [--seed N] [--results FILE]``.

The package's docstring says what the parts are. With some parts only, or another seed, nothing is written unless a file
is named.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import machine
from benchmarks.entities import measuring
from benchmarks.entities.measuring import Keys

RESULTS = Path(__file__).parents[1] / "results" / "entities.json"
CASES = 40
# Of the results. Whoever changes the detector looks at others.
HELD_OUT_SEED = 486_187_739

PARTS: dict[str, Callable[[int, int], Iterator[tuple[str, Keys]]]] = {
    "faults": measuring.measure_faults,
    "quiet": measuring.measure_quiet,
    "cost": measuring.measure_cost,
    "challenger": measuring.measure_challenger,
}


def main(arguments: list[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.entities", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--cases", type=int, default=CASES, help="of each kind")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="for work on the detector: any other")
    parser.add_argument("--results", type=Path, help=f"instead of {RESULTS.name}")
    given = parser.parse_args(arguments)
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if given.cases < 2:
        parser.error("--cases: two at the least")
    begin_s = time.monotonic()
    found: Keys = {"entities_seed": given.seed, "entities_cases": given.cases}
    for part in given.parts or PARTS:
        for name, keys in PARTS[part](given.seed, given.cases):
            found |= keys
            print(f"{time.monotonic() - begin_s:5.0f} s  {name}", file=sys.stderr, flush=True)
    found["entities_s"] = time.monotonic() - begin_s
    found = {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}
    print(json.dumps(found, indent=2))
    default = RESULTS if not given.parts and given.seed == HELD_OUT_SEED else None
    if path := given.results or default:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(machine.describe() | found, indent=2) + "\n")
        print(f"\n{len(found)} numbers in {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
