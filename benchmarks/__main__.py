"""Run the benchmarks: ``python -m benchmarks [NAME...] [--results FILE]``.

Without names all of them run; with names, the others' numbers stay in the file as they were, if this is the machine
that they were taken on.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import broker, machine, table

LATEST = Path(__file__).parent / "results" / "latest.json"
SAME_MACHINE = ("cpu_model", "cores", "memory_gib")

Numbers = dict[str, float | int | str]


def _alone(name: str) -> Callable[[Numbers], Numbers]:
    def measure(_found: Numbers) -> Numbers:
        return dict(importlib.import_module(f"benchmarks.{name}").measure())

    return measure


def _latency(found: Numbers) -> Numbers:
    from benchmarks import latency  # noqa: PLC0415  # only when it is asked for

    if "pipeline_native_json_samples_per_s" not in found:
        raise RuntimeError("latency is measured at a share of the pipeline's rate: run pipeline first")
    return dict(latency.measure(float(found["pipeline_native_json_samples_per_s"])))


STEPS: dict[str, Callable[[Numbers], Numbers]] = {
    "detect": _alone("detect"),
    "decode": _alone("decode"),
    "gateway": _alone("gateway"),
    "pipeline": _alone("pipeline"),
    "latency": _latency,
    "recovery": _alone("recovery"),
    "startup": _alone("startup"),
    "counting": _alone("counting"),
    "slo": _alone("slo"),
    "slo_latency": _alone("slo_latency"),
    "storm": _alone("storm"),
    "against": _alone("against"),
}
"""In the order in which they run."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(STEPS))
    parser.add_argument("--results", type=Path, default=LATEST)
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(STEPS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    here: Numbers = {**machine.describe(), "broker": broker.kind()}
    found = _kept(given.results, here) if given.names else {}
    failed = []
    begin = time.monotonic()
    for name in given.names or STEPS:
        print(f"{name} ({time.monotonic() - begin:.0f} s so far)", flush=True)
        try:
            found |= STEPS[name](found)
        except Exception as error:  # noqa: BLE001  # the other numbers are worth having; the exit status says it
            failed.append(name)
            print(f"  FAILED: {type(error).__name__}: {error}", flush=True)
        _write(given.results, here, found)
    if given.results == LATEST:
        table.write()
    print(f"{len(found)} numbers in {given.results} after {time.monotonic() - begin:.0f} s", flush=True)
    if failed:
        print(f"failed: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


def _kept(path: Path, here: Numbers) -> Numbers:
    """What an earlier run on this machine found."""
    if not path.exists():
        return {}
    earlier = json.loads(path.read_text())
    if any(earlier.get(name) != here[name] for name in SAME_MACHINE):
        return {}
    return {name: value for name, value in earlier.items() if name not in here}


def _write(path: Path, here: Numbers, found: Numbers) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rounded = {name: round(value, 2) if isinstance(value, float) else value for name, value in sorted(found.items())}
    path.write_text(json.dumps(here | rounded, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
