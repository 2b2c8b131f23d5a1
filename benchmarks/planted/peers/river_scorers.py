"""River's own anomaly detectors, as its documentation sets them up."""

from __future__ import annotations

import math

import numpy as np
from river import anomaly, compose, linear_model, optim, preprocessing, time_series

from benchmarks.planted.peers.base import learned
from benchmarks.planted.signals import Floats, Signal, Times

_THREE_SIGMA_TAIL = math.log(0.0027)
_QUANTILE = 0.999
_SEED = 1


class Gaussian:
    """``GaussianScorer``: its score is a two-sided probability; three sigma is 1.0 here, and tails add up as logs."""

    name = "river_gaussian"

    def score(self, _signal: Signal, times_ms: Times, values: Floats) -> Floats:
        """Nothing on the first day (its grace period)."""
        scorer = anomaly.GaussianScorer(grace_period=learned(times_ms))
        scores = np.empty(len(values))
        for at, value in enumerate(values.tolist()):
            scores[at] = math.log(max(1.0 - scorer.score_one(None, value), 1e-16)) / _THREE_SIGMA_TAIL
            scorer.learn_one(None, value)
        return scores


class Trees:
    """``HalfSpaceTrees`` at its default size, on values scaled to 0 to 1.

    1.0 is what one sample in a thousand of the first day scores.
    """

    name = "river_half_space_trees"

    def score(self, _signal: Signal, times_ms: Times, values: Floats) -> Floats:
        """Nothing on the first day."""
        model = compose.Pipeline(preprocessing.MinMaxScaler(), anomaly.HalfSpaceTrees(seed=_SEED))
        scores = np.empty(len(values))
        for at, value in enumerate(values.tolist()):
            scores[at] = model.score_one({"value": value})
            model.learn_one({"value": value})
        first = learned(times_ms)
        scores /= max(float(np.quantile(scores[:first], _QUANTILE)), 1e-9)
        scores[:first] = 0.0
        return scores


class Predictive:
    """``PredictiveAnomalyDetection`` over a small ``SNARIMAX``; its score ends at 1.0, which is its alarm."""

    name = "river_predictive"

    def score(self, _signal: Signal, _times_ms: Times, values: Floats) -> Floats:
        """Nothing in the first two hours (its warm-up), as far as the samples come every minute."""
        regressor = preprocessing.StandardScaler() | linear_model.LinearRegression(optimizer=optim.SGD(0.005))
        model = time_series.SNARIMAX(p=4, d=0, q=1, regressor=regressor)
        detector = anomaly.PredictiveAnomalyDetection(model, horizon=1, n_std=3.0, warmup_period=120)
        scores = np.zeros(len(values))
        for at, value in enumerate(values.tolist()):
            if at:
                scores[at] = detector.score_one(None, value)
            detector.learn_one(None, value)
        return np.where(scores >= 1.0, 1.001, scores)
