"""Run it: ``python -m benchmarks.planted [PART...] [--cases N] [--results FILE]``.

The package's docstring says what the parts are. With some parts only, nothing is written unless a file is named.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from benchmarks import machine
from benchmarks.planted import cases, comparison, quiet, show, weeks
from benchmarks.planted.plans import PLANS

RESULTS = Path(__file__).parents[1] / "results" / "planted.json"
CASES = 300

Keys = dict[str, float | int | str]
PARTS: dict[str, Callable[[int], Iterator[tuple[str, Keys]]]] = {
    "cases": lambda count: chain(cases.measure(PLANS, count), weeks.measure(count)),
    "quiet": quiet.measure,
    "peers": comparison.measure,
}


def main(arguments: list[str]) -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--cases", type=int, default=CASES, help="of each kind; the other parts in proportion")
    parser.add_argument("--results", type=Path, help=f"instead of {RESULTS.name}")
    given = parser.parse_args(arguments)
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if given.cases < 10:
        parser.error("--cases: ten at the least")
    found = _measured(given.parts or list(PARTS), given.cases)
    print(show.tables(found))
    path = given.results or (None if given.parts else RESULTS)
    if path:
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}
        machine.write(path, rounded)
        print(f"\n{len(found)} numbers in {path}")
    return 0


def _measured(parts: list[str], count: int) -> Keys:
    begin_s = time.monotonic()
    found: Keys = {"planted_cases": count}
    for part in parts:
        for name, keys in PARTS[part](count):
            found |= keys
            _progress(f"{time.monotonic() - begin_s:5.0f} s  {name}")
    _progress("")
    return found | {"planted_s": time.monotonic() - begin_s}


def _progress(text: str) -> None:
    """One line that is written anew; a line each where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r{text:60}", end="" if text else "\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
