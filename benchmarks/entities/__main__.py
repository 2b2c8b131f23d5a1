"""Run it: ``python -m benchmarks.entities [PART...] [--cases N] [--seed N] [--results FILE]``.

The package's docstring says what the parts are. With some parts only, or another seed, nothing is written unless a file
is named.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.entities import measuring
from benchmarks.parts import Benchmark

RESULTS = Path(__file__).parents[1] / "results" / "entities.json"
BENCHMARK = Benchmark(
    "entities",
    RESULTS,
    {
        "faults": measuring.measure_faults,
        "quiet": measuring.measure_quiet,
        "cost": measuring.measure_cost,
        "challenger": measuring.measure_challenger,
    },
    __doc__,
)

if __name__ == "__main__":
    sys.exit(BENCHMARK.run(sys.argv[1:]))
