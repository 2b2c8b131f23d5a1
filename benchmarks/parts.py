"""Benchmarks that have parts and a seed: one way to run them, to show their numbers and to keep them."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from benchmarks import machine

Keys = dict[str, float | int | str]
CASES: Final = 40
HELD_OUT_SEED: Final = 486_187_739
"""Of the results. Whoever changes the detector looks at others."""
DEVELOPMENT_SEED: Final = 1
"""For whoever changes the detector."""
_HELD_OUT: Final = "held-out"
_Task = TypeVar("_Task")
_Found = TypeVar("_Found")


def on_all_cores(work: Callable[[_Task], _Found], tasks: Sequence[_Task]) -> Iterator[_Found]:
    """Work done by as many processes as there are cores; what was found comes in the tasks' order."""
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, tasks)


def as_json(found: Keys) -> str:
    """Numbers for people who read JSON."""
    return json.dumps(found, indent=2)


def _seed(text: str) -> int:
    return HELD_OUT_SEED if text == _HELD_OUT else int(text)


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
    cases, least
        How many of each kind, and the fewest that make sense.
    seed
        Where none is given.
    shown
        What is printed.
    """

    name: str
    results: Path
    parts: Mapping[str, Callable[[int, int], Iterator[tuple[str, Keys]]]]
    doc: str | None
    cases: int = CASES
    least: int = 2
    seed: int = HELD_OUT_SEED
    shown: Callable[[Keys], str] = as_json

    def run(self, arguments: Sequence[str]) -> int:
        """Measure, show, write."""
        given = self._parsed(arguments)
        found = self._measured(given)
        print(self.shown(found))
        print(f"\n{found[f'{self.name}_s']:,.0f} s on {len(os.sched_getaffinity(0))} cores", file=sys.stderr)
        default = self.results if not given.parts and given.seed == HELD_OUT_SEED else None
        if path := given.results or default:
            machine.write(path, found)
            print(f"{len(found)} numbers in {path}", file=sys.stderr)
        return 0

    def _parsed(self, arguments: Sequence[str]) -> argparse.Namespace:
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{self.name}", description=self.doc)
        parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(self.parts))
        parser.add_argument("--cases", type=int, default=self.cases, help="of each kind")
        told = f"{_HELD_OUT}: that of the results; for work on the detector any other (this time {self.seed})"
        parser.add_argument("--seed", type=_seed, default=self.seed, help=told)
        parser.add_argument("--results", type=Path, help=f"instead of {self.results.name}")
        given = parser.parse_args(arguments)
        if unknown := set(given.parts) - set(self.parts):
            parser.error(f"no such part: {', '.join(sorted(unknown))}")
        if given.cases < self.least:
            parser.error(f"--cases: {self.least} at the least")
        return given

    def _measured(self, given: argparse.Namespace) -> Keys:
        begin_s = time.monotonic()
        found: Keys = {
            f"{self.name}_seed": given.seed,
            f"{self.name}_seed_held_out": HELD_OUT_SEED,
            f"{self.name}_seed_development": DEVELOPMENT_SEED,
            f"{self.name}_cases": given.cases,
        }
        for part in given.parts or self.parts:
            for name, keys in self.parts[part](given.seed, given.cases):
                found |= keys
                _progress(f"{time.monotonic() - begin_s:5.0f} s  {name}")
        _progress("")
        found[f"{self.name}_s"] = time.monotonic() - begin_s
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}


def _progress(text: str) -> None:
    """One line that is written anew; a line each where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r{text:60}", end="" if text else "\r", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)
