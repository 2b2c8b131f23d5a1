"""Benchmarks that have parts and a seed: one way to run them, to show their numbers and to keep them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import machine

Keys = dict[str, float | int | str]
CASES: Final = 40
HELD_OUT_SEED: Final = 486_187_739
"""Of the results. Whoever changes the detector looks at others."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What ``python -m benchmarks.NAME`` measures.

    Parameters
    ----------
    name
        Of its package, and in front of its seed, cases and seconds.
    results
        Where its numbers are kept, when all of it ran on the seed that is held out.
    parts
        By name: given a seed and how many cases of each kind, what was measured, and its keys.
    doc
        What ``--help`` says.
    """

    name: str
    results: Path
    parts: Mapping[str, Callable[[int, int], Iterator[tuple[str, Keys]]]]
    doc: str | None

    def run(self, arguments: Sequence[str]) -> int:
        """Measure, show, write."""
        given = self._parsed(arguments)
        found = self._measured(given)
        print(json.dumps(found, indent=2))
        default = self.results if not given.parts and given.seed == HELD_OUT_SEED else None
        if path := given.results or default:
            machine.write(path, found)
            print(f"\n{len(found)} numbers in {path}", file=sys.stderr)
        return 0

    def _parsed(self, arguments: Sequence[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{self.name}", description=self.doc)
        parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(self.parts))
        parser.add_argument("--cases", type=int, default=CASES, help="of each kind")
        parser.add_argument("--seed", type=int, default=HELD_OUT_SEED, help="for work on the detector: any other")
        parser.add_argument("--results", type=Path, help=f"instead of {self.results.name}")
        given = parser.parse_args(arguments)
        if unknown := set(given.parts) - set(self.parts):
            parser.error(f"no such part: {', '.join(sorted(unknown))}")
        if given.cases < 2:
            parser.error("--cases: two at the least")
        return given

    def _measured(self, given: argparse.Namespace) -> Keys:
        begin_s = time.monotonic()
        found: Keys = {f"{self.name}_seed": given.seed, f"{self.name}_cases": given.cases}
        for part in given.parts or self.parts:
            for name, keys in self.parts[part](given.seed, given.cases):
                found |= keys
                print(f"{time.monotonic() - begin_s:5.0f} s  {name}", file=sys.stderr, flush=True)
        found[f"{self.name}_s"] = time.monotonic() - begin_s
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}
