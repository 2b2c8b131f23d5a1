"""Score the shipped detector on NAB: ``python -m benchmarks.nab --data FOLDER [--results FILE]``.

Three figures a profile, side by side: ``crossfit`` (settings and threshold chosen on the other folds), ``insample``
(shipped settings, the best threshold for these very labels), ``preset`` (shipped settings, threshold 1.0, from the
files that ``metrics-ai score`` writes). The shipped settings were chosen with the labels in view, and the choice of
``crossfit`` starts from them; ``standard_crossfit_from_a_far_start`` does not. What series of
another kind would score is told by neither alone. Every run adds a line to ``nab-log.jsonl``, which knows only runs
since it began.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.nab.crossfit import ALARM, CORNER, Crossfit, clean_alarms, scores_of
from benchmarks.nab.data import Floats, Recording, read_recordings
from benchmarks.nab.scoring import PROFILES, STANDARD, best, total_at
from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions
from metrics_ai.scoring import Scoring

RESULTS = Path(__file__).parents[1] / "results"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nab", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="The folder with windows.json.")
    parser.add_argument("--results", type=Path, default=RESULTS / "nab.json")
    given = parser.parse_args(arguments)
    if not (given.data / "windows.json").is_file():
        parser.error(f"{given.data} holds no windows.json: name NAB's data folder with --data")
    found = {**machine.describe(), **measure(given.data)}
    given.results.write_text(json.dumps(found, indent=2) + "\n")
    with (given.results.parent / "nab-log.jsonl").open("a") as file:
        file.write(json.dumps({"commit": _commit(), **found}) + "\n")
    near, far = found["standard_crossfit"], found["standard_crossfit_from_a_far_start"]
    print(f"standard, cross-fitted: {near} from the shipped settings, {far} from far ones")
    print(f"{len(found)} values in {given.results}")
    return 0


def measure(data: Path) -> dict[str, Any]:
    """All figures."""
    recordings = read_recordings(data)
    scores_of(recordings[0], {})
    begin = time.perf_counter()
    shipped = [scores_of(one, {}) for one in recordings]
    found: dict[str, Any] = {"us_per_sample": round((time.perf_counter() - begin) * 1e6 / sum(map(len, recordings)), 3)}
    written = written_scores(data, recordings)
    crossfit = Crossfit(recordings, scores_of)
    for profile in PROFILES:
        figures = crossfit.figures({}, profile)
        found[f"{profile.name}_crossfit"] = round(figures.score, 2)
        found[f"{profile.name}_crossfit_at_1"] = round(figures.at_one, 2)
        found[f"{profile.name}_insample"] = round(best(recordings, shipped, profile).score, 2)
        found[f"{profile.name}_preset"] = round(total_at(recordings, written, ALARM, profile), 2)
        print({name: value for name, value in found.items() if name.startswith(profile.name)}, flush=True)
        if profile is STANDARD:
            found["alarms_on_clean_files"] = figures.clean_alarms
            found["standard_crossfit_folds"] = figures.chosen
    corner = crossfit.figures(CORNER, STANDARD)
    found["standard_crossfit_from_a_far_start"] = round(corner.score, 2)
    found["alarms_on_clean_files_preset"] = clean_alarms(recordings, written, ALARM)
    return found


def written_scores(data: Path, recordings: list[Recording]) -> list[Floats]:
    """What ``metrics-ai score`` writes of the files, a score a row."""
    with tempfile.TemporaryDirectory(prefix="metrics-ai-nab-") as folder:
        files = [data / one.name for one in recordings]
        Scoring(Config(), RecordingOptions(), Path(folder)).run(files)
        return [_column(Path(folder) / f"{Path(one.name).stem}.csv", len(one)) for one in recordings]


def _column(path: Path, rows: int) -> Floats:
    with path.open() as file:
        scores = np.array([float(row["anomaly_score"]) for row in csv.DictReader(file)])
    if len(scores) != rows:
        raise RuntimeError(f"{path.name}: {len(scores)} rows out, {rows} in")
    return scores


def _commit() -> str:
    run = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return run.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
