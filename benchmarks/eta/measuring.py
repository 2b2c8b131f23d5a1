"""From what the operator said to numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from benchmarks.eta.feed import PROBE, PROBED, SHIPPED, START_MS, told
from benchmarks.eta.fills import A_DAY, FILLS, HOUR_S, STEP_S, Fill, days_of, even, fills, random_of
from benchmarks.eta.quiets import QUIETS
from benchmarks.parts import Keys
from schemas.events import Anomaly, TimeToLimit

_FRACTIONS: Final = (0.33, 0.5, 0.67)
_EARLIEST_S: Final = 36 * HOUR_S
_QUIET_DAYS: Final = 14
_RESAMPLES: Final = 2000
_PAGES: Final = frozenset({"P0", "P1"})


class Answer(NamedTuple):
    """An estimate, if there was one, and the time that it really took."""

    left: TimeToLimit | None
    actual_s: float

    def holds(self, share: int) -> bool:
        """Whether the true time lies within an interval."""
        assert self.left is not None
        low, high = (
            (self.left.low_80_s, self.left.high_80_s) if share == 80 else (self.left.low_95_s, self.left.high_95_s)
        )
        return (low or 0.0) <= self.actual_s <= (np.inf if high is None else high)


class Watched(NamedTuple):
    """A fill, what was estimated of it on its way, and how long before its end somebody was paged."""

    fill: Fill
    answers: list[Answer]
    lead_s: float | None

    @property
    def sure(self) -> list[Answer]:
        """Moments at which there was an estimate."""
        return [one for one in self.answers if one.left is not None]


def watched(planted: Sequence[Fill]) -> list[Watched]:
    """Each fill, as far as it goes before it is full."""
    said = told([one.values[: one.full_at] for one in planted], PROBED)
    return [Watched(fill, _answers(fill, words), _lead(fill, words)) for fill, words in zip(planted, said, strict=True)]


def _since_s(one: Anomaly) -> float:
    return (one.at_ms - START_MS) / 1000


def _answers(fill: Fill, words: Sequence[Anomaly]) -> list[Answer]:
    known = {_since_s(one): one.time_to_limit for one in words if one.detector == PROBE}
    moments = [max(int(share * fill.full_at) * STEP_S, _EARLIEST_S) for share in _FRACTIONS]
    return [Answer(known.get(at_s), fill.full_at * STEP_S - at_s) for at_s in moments]


def _lead(fill: Fill, words: Sequence[Anomaly]) -> float | None:
    pages = [_since_s(one) for one in words if one.priority in _PAGES]
    return fill.full_at * STEP_S - min(pages) if pages else None


def score(found: Sequence[Watched]) -> Keys:
    """Error of the median, how often the intervals held, and how long before the end a page came."""
    sure = [answer for one in found for answer in one.sure]
    errors = np.array([one.left.p50_s / one.actual_s - 1.0 for one in sure if one.left])
    leads = np.array([one.lead_s for one in found if one.lead_s is not None]) / HOUR_S
    moments = sum(len(one.answers) for one in found)
    return {
        "fills": len(found),
        "moments": moments,
        "told_share": len(sure) / moments,
        "error_p50": float(np.median(np.abs(errors))),
        "error_p90": float(np.quantile(np.abs(errors), 0.9)),
        "bias_p50": float(np.median(errors)),
        "coverage_80": float(np.mean([one.holds(80) for one in sure])),
        "coverage_95": float(np.mean([one.holds(95) for one in sure])),
        "paged_share": len(leads) / len(found),
        "paged_24h_share": float(np.sum(leads >= 24.0)) / len(found),
        "page_lead_h_p50": float(np.median(leads)),
        "page_lead_h_p10": float(np.quantile(leads, 0.1)),
    }


def coverage_ends(found: Sequence[Watched], seed: int) -> Keys:
    """What the coverage may well be instead: a fill's moments are alike, so that fills are drawn anew, not moments."""
    drawn = random_of(seed, "resamples").integers(0, len(found), (_RESAMPLES, len(found)))
    counts = np.array([len(one.sure) for one in found])
    ends: Keys = {}
    for share in (80, 95):
        hits = np.array([sum(answer.holds(share) for answer in one.sure) for one in found])
        rates = hits[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
        low, high = np.quantile(rates, [0.025, 0.975])
        ends |= {f"coverage_{share}_low": float(low), f"coverage_{share}_high": float(high)}
    return ends


def measure_fills(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """All kinds; over all of them first."""
    found = watched(fills(seed, cases))
    yield "all fills", _named("eta", score(found) | coverage_ends(found, seed))
    for kind in FILLS:
        yield kind, _named(f"eta_{kind}", score([one for one in found if one.fill.kind == kind]))


def _named(prefix: str, keys: Keys) -> Keys:
    return {f"{prefix}_{name}": value for name, value in keys.items()}


def measure_six_hours(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Even fills of all speeds, looked at six hours after their first sample."""
    random = random_of(seed, "six hours")
    rates = np.exp(random.uniform(np.log(0.1), np.log(2.0), cases))
    paths = [0.3 + even(random, 90, rate) for rate in rates]
    errors = []
    for rate, said in zip(rates, told(paths, PROBED), strict=True):
        for one in said:
            if one.detector == PROBE and one.time_to_limit and _since_s(one) >= 6 * HOUR_S + STEP_S:
                actual_s = 0.7 / rate * A_DAY * STEP_S - _since_s(one)
                errors.append(abs(one.time_to_limit.p50_s / actual_s - 1.0))
                break
    yield (
        "six hours",
        {
            "even_6h_told_share": len(errors) / len(paths),
            "even_6h_error_p50": float(np.median(errors)),
            "even_6h_error_p90": float(np.quantile(errors, 0.9)),
        },
    )


def measure_drifts(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """+1 % a day, from the first sample on or after four quiet days."""
    for name, quiet_days in (("fresh", 0), ("after_quiet_days", 4)):
        random = random_of(seed, f"drifts {name}")
        days = days_of((quiet_days + 4) * A_DAY)
        paths = [
            random.uniform(0.5, 0.8)
            + 0.01 * np.maximum(0.0, days - quiet_days)
            + random.uniform(0.0, 0.003) * np.sin(2 * np.pi * (days + random.uniform()))
            + random.normal(0.0, 0.002, len(days))
            for _ in range(cases)
        ]
        hours = np.array(
            [min((_since_s(one) for one in said), default=len(days) * STEP_S) for said in told(paths, SHIPPED)]
        )
        hours = hours / HOUR_S - quiet_days * 24
        yield (
            f"drifts {name}",
            {
                f"drift_{name}_h_p50": float(np.median(hours)),
                f"drift_{name}_h_p90": float(np.quantile(hours, 0.9)),
                f"drift_{name}_within_36h": float(np.mean(hours <= 36.0)),
            },
        )


def measure_quiets(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Of what does not fill: episodes that page, and those that only inform."""
    months = cases * _QUIET_DAYS / 30
    for kind, make in QUIETS.items():
        random = random_of(seed, f"quiets {kind}")
        paths = [np.clip(make(random, days_of(_QUIET_DAYS * A_DAY)), 0.0, 1.0) for _ in range(cases)]
        said = told(paths, SHIPPED)
        words = [one for all_of in said for one in all_of]
        yield (
            f"quiet {kind}",
            {
                f"false_{kind}_pages_a_month": len({one.id for one in words if one.priority in _PAGES}) / months,
                f"false_{kind}_notices_a_month": len({one.id for one in words if one.priority == "P3"}) / months,
                f"false_{kind}_series_paged": float(
                    np.mean([any(one.priority in _PAGES for one in all_of) for all_of in said])
                ),
            },
        )
