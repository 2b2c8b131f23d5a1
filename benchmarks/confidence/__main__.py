"""Run it: ``python -m benchmarks.confidence [--cases N] [--seed N] [--data FOLDER] [--results FILE] [--ship]``.

The package's docstring says what it measures. With another seed, nothing is written unless a file is named.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import machine
from benchmarks.confidence import drifts, shipping
from benchmarks.confidence.fitting import (
    KNOWN_SIGNS,
    Bin,
    bins_of,
    brier,
    calibration_error,
    chance_error,
    crossfitted,
    fit,
)
from benchmarks.confidence.plotting import draw
from benchmarks.confidence.population import NAB, PLANTED, Word, columns, labelled, planted, precision_of
from benchmarks.planted.intervals import Estimate
from benchmarks.planted.signals import Floats
from models.confidence import FEATURES

ROOT: Final = Path(__file__).parents[2]
RESULTS: Final = ROOT / "benchmarks" / "results" / "confidence.json"
DIAGRAM: Final = ROOT / "docs" / "guides" / "confidence.svg"
CASES: Final = 300
# Of the results. Whoever changes the model looks at others.
HELD_OUT_SEED: Final = 31_337
CHOSEN: Final = ("records", "gaussian_scorer")
Keys = dict[str, Any]


def main(arguments: list[str]) -> int:
    """Fit, measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.confidence", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help="series in proportion to this")
    parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="for work on the model: any other")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "nab", help="NAB's folder")
    parser.add_argument("--results", type=Path, help=f"instead of {RESULTS.name}")
    parser.add_argument("--ship", action="store_true", help="write the weights that ship, too")
    given = parser.parse_args(arguments)
    if given.cases < 10:
        parser.error("--cases: ten at the least")
    commit = shipping.commit()
    words = list(_heard(given.seed, given.cases, given.data))
    inputs, real, counts = columns(words)
    weights = dict(zip(FEATURES, fit(inputs, real, counts, KNOWN_SIGNS).tolist(), strict=True))
    said = crossfitted(inputs, real, counts, [one.group for one in words], KNOWN_SIGNS)
    found: Keys = {"confidence_seed": given.seed, "confidence_cases": given.cases}
    tables = dict(_measured(words, said, real))
    for name, keys in tables.items():
        found |= {f"confidence_{name}_{key}": value for key, value in keys.items()}
    found |= _by_group(words, said, real)
    others = _others(given.seed, given.cases, given.data)
    for name, one in others.items():
        found |= {
            f"confidence_{name}": one.value,
            f"confidence_{name}_low": one.low,
            f"confidence_{name}_high": one.high,
        }
    found = _rounded(found)
    print(json.dumps(found, indent=2))
    if path := given.results or (RESULTS if given.seed == HELD_OUT_SEED else None):
        machine.write(path, found)
        print(f"\n{len(found)} values in {path}", file=sys.stderr)
        if path == RESULTS:
            draw(tables, DIAGRAM)
    if given.ship:
        precision = {name: one.value for name, one in others.items()}
        shipping.write(weights, precision, shipping.origin(given.seed, words, commit))
    return 0


def _heard(seed: int, cases: int, data: Path) -> Iterator[Word]:
    """Both populations, with progress on the way."""
    begin_s = time.monotonic()
    for name, words in planted(seed, cases):
        print(f"{time.monotonic() - begin_s:5.0f} s  {name}", file=sys.stderr, flush=True)
        yield from words
    if not (data / "windows.json").is_file():
        print(f"       no NAB in {data}: planted series only", file=sys.stderr)
        return
    for _, words in labelled(data):
        yield from words
    print(f"{time.monotonic() - begin_s:5.0f} s  nab", file=sys.stderr, flush=True)


def _measured(words: Sequence[Word], said: Floats, real: Floats) -> Iterator[tuple[str, Keys]]:
    """How well the probabilities hold, population by population."""
    states = np.array([one.state for one in words])
    populations = np.array([one.population for one in words])
    for population in (PLANTED, NAB, "pooled"):
        for state in ("start", "end"):
            part = (states == state) & ((populations == population) | (population == "pooled"))
            if part.sum() >= 20:
                yield f"{population}_{state}", _keys_of(said[part], real[part])


def _keys_of(said: Floats, real: Floats) -> Keys:
    bins = bins_of(said, real)
    base = real.mean()
    return {
        "count": len(real),
        "real": float(base),
        "ece": calibration_error(bins),
        "ece_by_chance": chance_error(said, seed=1),
        "brier": brier(said, real),
        "brier_of_base": float(base * (1.0 - base)),
        "reliability": [_row(one) for one in bins],
    }


def _row(one: Bin) -> Keys:
    return {"count": one.count, "said": round(one.said, 4), "real": round(one.real, 4)}


def _by_group(words: Sequence[Word], said: Floats, real: Floats) -> Keys:
    """What a model that never saw a generator, or a fold, says of it."""
    groups = np.array([one.group if one.state == "start" else "" for one in words])
    keys: Keys = {}
    for group in sorted(set(groups) - {""}):
        name, part = group.replace(" ", "_"), groups == group
        keys |= {
            f"confidence_group_{name}_count": int(part.sum()),
            f"confidence_group_{name}_said": float(said[part].mean()),
            f"confidence_group_{name}_real": float(real[part].mean()),
        }
    return keys


def _others(seed: int, cases: int, data: Path) -> Mapping[str, Estimate]:
    """The precision of detectors that have no model of their own."""
    found = {"drift": drifts.measure(seed, cases)}
    if (data / "windows.json").is_file():
        found |= {name: precision_of(name, data) for name in CHOSEN}
    return found


def _rounded(keys: Keys) -> Keys:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in keys.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
