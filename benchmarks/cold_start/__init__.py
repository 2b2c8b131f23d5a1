"""New series: how soon they are judged, and what that costs in false alarms.

``python -m benchmarks.cold_start`` writes ``benchmarks/results/cold_start.json``; with ``--ship`` it first learns the
priors that ship from NAB's real series anew (``models/priors.json``). Twelve generators, at 1, 15 and 60 s between
samples, through the real ``DetectOperator`` with the shipped settings. The seed was used for nothing else.

``cold_INTERVAL_...`` over all generators, ``cold_GENERATOR_INTERVAL_...`` for each:

- ``found``: steps of 8 sigma at a series' 30th to 60th sample that are told within two intervals, or within half a
  minute where that is longer; over all with ``found_low``, ``found_high`` (95 %, Wilson) and ``steps``, how many.
- ``found_without``: the same without priors (``detect.shipped_priors: false``).
- ``first_60_false``, ``first_hour_false``: anomalies of young series without a fault, in their first 60 samples and in
  their first hour; ``..._without`` likewise; ``..._expected``: those that as many mature series (older than a day) have
  in as much time.
- ``..._per_series``, ``..._per_series_day`` with ``..._low``: the same as rates; ``mature_per_series_day``.
"""
