"""Confidence: how likely an anomaly is a real one, fitted, and held against what is true.

``python -m benchmarks.confidence`` writes ``benchmarks/results/confidence.json`` and the reliability diagram of
``docs/guides``; with ``--ship`` also the weights that ship, ``models/confidence_fit.py``. Two populations, in which
each anomaly of the five windows is known to be real or not:

``planted``
    Series from their first sample on, of twelve generators at four intervals, with a fault (a step up or down of 2 to
    16 sigma for minutes or hours, a ramp, a wider spread) once a week on average, and no fewer than one in two lives.
    What starts during a fault, in its direction, is real; what starts within half an hour after one, or in the other
    direction, counts for neither.

``nab``
    The files of the Numenta Anomaly Benchmark, where they are at hand (``--data``): what starts within a labelled
    window is real; in NAB's probation, only that counts.

Both count the same in the fit. All figures are cross-fitted: each generator, and each fifth of the files, is judged by
a model that was fitted to all others. The seed was used for nothing else; the features were chosen on seed 1.

``confidence_POPULATION_STATE_...`` for ``planted``, ``nab`` and both (``pooled``), at an anomaly's ``start`` and
``end``:

- ``count``: anomalies; ``real``: the share that is real.
- ``ece``: expected calibration error over ten bins of as many anomalies each; ``ece_by_chance``: what a perfectly
  calibrated model would show with so few.
- ``brier``: mean squared error; ``brier_of_base``: of always saying the share that is real.
- ``reliability``: each bin's ``count``, mean of what was ``said``, share that was ``real``.

``confidence_group_GROUP_said`` and ``_real``: means at the start. ``confidence_drift``, ``confidence_records``,
``confidence_gaussian_scorer``: the precision of what other detectors tell, with 95 % intervals: of drifts on planted
changes of level, of chosen detectors on NAB.
"""
