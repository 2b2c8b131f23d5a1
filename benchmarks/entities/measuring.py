"""The parts, each a generator of named numbers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.entities import forest, ours, peers
from benchmarks.entities.worlds import A_DAY, FAULTS, QUIETS, Array, World, faulty, random_of
from benchmarks.parts import Keys
from benchmarks.planted.intervals import Estimate, poisson, wilson
from models.detect import DetectOperator, DetectSettings
from models.entities.bank import EntityBank
from models.entities.layout import ENTITY
from schemas.batch import SampleBatch
from schemas.series import Series

SERIES: Final = 15
DAYS: Final = 6
QUIET_DAYS: Final = 30
_KNOWN: Final = (DAYS - 1) * A_DAY
_GRACE: Final = 5
"""Minutes after a fault in which it may still be told."""


def _interval(name: str, estimate: Estimate) -> Keys:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def measure_faults(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Planted faults, ours and others."""
    for kind in FAULTS:
        worlds = [faulty(kind, DAYS * A_DAY, SERIES, random_of(seed, kind, at)) for at in range(cases)]
        yield kind, _ours(kind, worlds) | _peers(kind, worlds, seed)


def _ours(kind: str, worlds: list[World]) -> Keys:
    told = ours.run([world.values for world in worlds]).found
    hits: dict[int, ours.Found] = {}
    for one in told:
        if worlds[one.entity].start <= one.told <= worlds[one.entity].end + _GRACE:
            hits.setdefault(one.entity, one)
    ranked = sum(hit.first in worlds[at].planted for at, hit in hits.items())
    delays = [hit.told - worlds[at].start for at, hit in hits.items()]
    return {
        **_interval(f"entities_{kind}_detected", wilson(len(hits), len(worlds))),
        f"entities_{kind}_ranked_first": ranked / max(len(hits), 1),
        f"entities_{kind}_delay_min_p50": float(np.median(delays)) if delays else -1.0,
    }


def _peers(kind: str, worlds: list[World], seed: int) -> Keys:
    alone = [peers.first_alarm(peers.alone(world.values), world, _KNOWN) for world in worlds]
    few = worlds[: max(2, len(worlds) // 5)]
    trees = [peers.first_alarm(peers.half_space_trees(world.values, seed).scores, world, _KNOWN) for world in few]
    return {
        **_interval(f"alone_{kind}_detected", wilson(sum(one is not None for one in alone), len(alone))),
        **_interval(f"hst_{kind}_detected", wilson(sum(one is not None for one in trees), len(trees))),
        f"hst_{kind}_cases": len(trees),
    }


def measure_quiet(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """False alarms."""
    for kind, make in QUIETS.items():
        alarms = 0
        for start in range(0, cases, 20):
            part = range(start, min(cases, start + 20))
            values = [make(QUIET_DAYS * A_DAY, SERIES, random_of(seed, kind, at)) for at in part]
            alarms += len(ours.run(values).found)
        yield kind, _interval(f"entities_false_{kind}_a_month", poisson(alarms, cases * QUIET_DAYS / 30))


def measure_cost(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Time and room."""
    values = [QUIETS["daily"](2 * A_DAY, 30, random_of(seed, "cost", at)) for at in range(min(cases, 40))]
    ours.run([one[:60] for one in values])
    found: Keys = {"entities_us_a_minute": ours.run(values).us_a_minute, "entities_bytes": ENTITY.itemsize}
    trees = peers.half_space_trees(values[0], seed)
    yield "cost", found | {"hst_us_a_minute": trees.us_a_minute, "hst_pickle_bytes": trees.bytes}
    whole, part = _stage_us()
    yield "stage", {"stage_us_a_sample": whole, "stage_entities_us": part, "stage_loss": part / (whole - part)}


_STAGE_SERIES: Final = 50_000
_STAGE_EACH: Final = 30
_STAGE_WARM_MINUTES: Final = 150
_STAGE_MINUTES: Final = 20


class _Timed(EntityBank):
    """Knows its own CPU time."""

    spent_s = 0.0

    def learn(self, closed: npt.NDArray[Any], sizes: npt.NDArray[Any], first_ms: npt.NDArray[Any]) -> Iterator[Any]:
        begin_s = time.process_time()
        found = list(super().learn(closed, sizes, first_ms))
        self.spent_s += time.process_time() - begin_s
        return iter(found)


def _stage_us() -> tuple[float, float]:
    """CPU time of the detect operator a sample of 15 s, once every entity is judged; and that of the entities in it."""
    settings = DetectSettings.model_validate({"entities": {"warmup_s": 3600}})
    operator, random = DetectOperator(settings, 0, 1), np.random.default_rng(1)
    operator.entities = timed = _Timed(settings.entities)
    fleet = [
        Series("t", f"m{at % _STAGE_EACH}", {"host": f"h{at // _STAGE_EACH}"}, {"node": f"h{at // _STAGE_EACH}"})
        for at in range(_STAGE_SERIES)
    ]
    parts = [slice(start, start + 4000) for start in range(0, _STAGE_SERIES, 4000)]
    ids, texts = np.array([one.id for one in fleet], np.uint64), [one.text for one in fleet]
    spent_s, taken = 0.0, 0
    for minute in range(_STAGE_WARM_MINUTES + _STAGE_MINUTES):
        if minute == _STAGE_WARM_MINUTES:
            timed.spent_s = 0.0
        steps = 4 if minute >= _STAGE_WARM_MINUTES else 1
        for step in range(steps):
            at_ms = 1_700_000_100_000 + 60_000 * minute + 15_000 * step
            shared = np.repeat(random.standard_normal(-(-_STAGE_SERIES // _STAGE_EACH)), _STAGE_EACH)[:_STAGE_SERIES]
            row = 10.0 + shared + 0.3 * random.standard_normal(_STAGE_SERIES)
            for part in parts:
                count = len(ids[part])
                batch = SampleBatch(
                    "t", ids[part], texts[part], np.arange(count, dtype=np.int32), np.full(count, at_ms), row[part]
                )
                begin_s = time.process_time()
                operator.step_batch(batch)
                if minute >= _STAGE_WARM_MINUTES:
                    spent_s += time.process_time() - begin_s
                    taken += count
    return spent_s / taken * 1e6, timed.spent_s / taken * 1e6


def measure_challenger(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """An isolation forest over 24 hours against what was seen online."""
    odd = [
        faulty("does_not_follow", DAYS * A_DAY, SERIES, random_of(seed, "odd", at), 360).values for at in range(cases)
    ]
    usual = [QUIETS["daily"](DAYS * A_DAY, SERIES, random_of(seed, "usual", at)) for at in range(cases)]
    features = [forest.day_features(values) for values in (*odd, *usual)]
    before: Array = np.concatenate([one[:-1] for one in features])
    trees = forest.IsolationForest(before, random_of(seed, "forest"))
    scores = trees.score(np.array([one[-1] for one in features]))
    online = ours.run([*odd, *usual]).scores[-A_DAY:].max(axis=0)
    yield (
        "challenger",
        {
            "forest_auc": forest.auc(scores[:cases], scores[cases:]),
            "online_auc": forest.auc(online[:cases], online[cases:]),
        },
    )
