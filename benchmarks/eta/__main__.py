"""Run it: ``python -m benchmarks.eta [PART...] [--cases N] [--seed N] [--results FILE]``.

The package's docstring says what the parts are. With some parts only, or another seed, nothing is written unless a file
is named.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.eta import measuring
from benchmarks.parts import Benchmark

RESULTS = Path(__file__).parents[1] / "results" / "eta.json"
BENCHMARK = Benchmark(
    "eta",
    RESULTS,
    {
        "fills": measuring.measure_fills,
        "six_hours": measuring.measure_six_hours,
        "drifts": measuring.measure_drifts,
        "quiet": measuring.measure_quiets,
    },
    __doc__,
)

if __name__ == "__main__":
    sys.exit(BENCHMARK.run(sys.argv[1:]))
