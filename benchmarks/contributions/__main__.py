"""Run it: ``python -m benchmarks.contributions [--data NAB] [--cases N] [--seeds N] [--results FILE]``.

The package's docstring says what is measured. With other cases or seeds nothing is written unless a file is named.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from benchmarks import machine
from benchmarks.contributions.cases import Outcome, outcomes
from benchmarks.contributions.measuring import GOAL_SUM, Keys, error_of, first_keys, importance_keys, of_nab
from schemas.events import Anomaly

RESULTS = Path(__file__).parents[1] / "results" / "contributions.json"
CASES, SEEDS, A_SEED = 300, 8, 60


def _first(cases: int) -> tuple[Keys, list[Anomaly]]:
    """The planted cases of the first seed, kind by kind."""
    found: Keys = {}
    anomalies: list[Anomaly] = []
    for name, outcome in outcomes(cases, 0):
        found |= first_keys(name, cases, outcome)
        anomalies += outcome.anomalies
        print(f"{name}: {outcome.first} of {outcome.told} told", file=sys.stderr, flush=True)
    return found, anomalies


def _of_seed(seed: int, cases: int) -> list[Anomaly]:
    told: list[Outcome] = [outcome for _, outcome in outcomes(cases, seed)]
    return [one for outcome in told for one in outcome.anomalies]


def main(arguments: list[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contributions", description=__doc__)
    parser.add_argument("--data", type=Path, help="NAB's folder; without it the planted cases alone")
    parser.add_argument("--cases", type=int, default=CASES, help="of each kind")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"of the ranking, with {A_SEED} cases of each kind")
    parser.add_argument("--results", type=Path, help=f"instead of {RESULTS.name}")
    given = parser.parse_args(arguments)
    begin_s = time.monotonic()
    found, anomalies = _first(given.cases)
    found |= importance_keys([_of_seed(seed, min(A_SEED, given.cases)) for seed in range(1, given.seeds + 1)])
    nab = of_nab(given.data) if given.data else []
    error = error_of([*anomalies, *nab])
    sums: Keys = {"adds_up_planted": len(anomalies), "adds_up_nab": len(nab), "adds_up_error_max": error}
    found = sums | {"adds_up_goal": GOAL_SUM, "adds_up_met": int(error <= GOAL_SUM)} | found
    found["contributions_s"] = time.monotonic() - begin_s
    rounded = {key: float(f"{one:.4g}") if isinstance(one, float) else one for key, one in found.items()}
    print(json.dumps(rounded, indent=2))
    is_default = (given.cases, given.seeds) == (CASES, SEEDS)
    if path := given.results or (RESULTS if is_default else None):
        machine.write(path, rounded)
        print(f"\n{len(rounded)} numbers in {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
