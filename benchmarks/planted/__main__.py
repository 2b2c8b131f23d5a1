"""Run it: ``python -m benchmarks.planted [PART...] [--cases N] [--seed N] [--results FILE]``.

The package's docstring says what the parts are. With some parts only, or another seed than ``held-out``, nothing is
written unless a file is named.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from benchmarks.parts import DEVELOPMENT_SEED, Benchmark, Keys
from benchmarks.planted import cases, comparison, quiet, show, weeks
from benchmarks.planted.plans import PLANS

RESULTS = Path(__file__).parents[1] / "results" / "planted.json"


def _cases(seed: int, count: int) -> Iterator[tuple[str, Keys]]:
    return chain(cases.measure(PLANS, seed, count), weeks.measure(seed, count))


BENCHMARK = Benchmark(
    "planted",
    RESULTS,
    {"cases": _cases, "quiet": quiet.measure, "peers": comparison.measure},
    __doc__,
    cases=300,
    least=10,
    seed=DEVELOPMENT_SEED,
    shown=show.tables,
)

if __name__ == "__main__":
    sys.exit(BENCHMARK.run(sys.argv[1:]))
