"""The priors that ship: learned from the labelled real series of NAB, which are no part of this repository."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.nab.data import Recording, read_recordings
from models.families import family_of
from models.prior_learning import PriorLearner
from models.priors import SHIPPED, Prior, Priors
from models.settings import DetectSettings

VERSION: Final = "1"
SOURCE: Final = "Numenta Anomaly Benchmark 1.1 (MIT), its real series, hours within labelled windows left out"
# What files of NAB are like: the names and units of metrics that are so, too.
_METRICS: Final = (
    (r"cpu_util|grok_asg", (("cpu_percent", "%"), ("node_cpu_ratio", "1"))),
    (r"network_in|NetworkIn", (("node_network_receive_bytes", "By"),)),
    (r"request_count|Twitter", (("requests", ""),)),
)
_COUNTS: Final = ("rate", "delta")
"""Families of what is counted; requests and tweets are."""
_MODULE: Final = Path(__file__).parents[2] / "models" / "priors.py"


def learned(folder: Path) -> Priors:
    """The priors of the families that NAB has series of; of all of them together for the family of the rest."""
    families = DetectSettings().all_families()
    learner = PriorLearner()
    for number, one in enumerate(one for one in read_recordings(folder) if not one.name.startswith("artificial")):
        odd = _odd(one)
        names = {families[-1].name}
        for pattern, metrics in _METRICS:
            if re.search(pattern, one.name):
                names |= {families[family_of(families, metric, unit, "gauge")].name for metric, unit in metrics}
                names |= set(_COUNTS) if metrics[0][0] == "requests" else set()
        for name in names:
            learner.add(name, number, one.times_ms, one.values, odd)
    return _of_any_size(learner.priors(VERSION, SOURCE))


def _of_any_size(priors: Priors) -> Priors:
    """A spread in NAB's units says nothing of series in others; a share of the level does."""
    families = {name: Prior(relative=one.relative) for name, one in priors.families.items() if one.relative > 0.0}
    return priors.model_copy(update={"families": families})


def _odd(one: Recording) -> np.ndarray:
    odd = np.zeros(len(one), bool)
    for first, last in one.windows:
        odd[first : last + 1] = True
    return odd


def ship(priors: Priors) -> str:
    """Write the file, and its hash into the module that checks it."""
    data = (priors.model_dump_json(indent=2) + "\n").encode()
    SHIPPED.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    _MODULE.write_text(
        re.sub(r'SHIPPED_SHA256: Final = "\w+"', f'SHIPPED_SHA256: Final = "{sha256}"', _MODULE.read_text())
    )
    return sha256
