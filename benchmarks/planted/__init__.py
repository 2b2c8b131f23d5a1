"""Planted cases: what the detect stage finds, how soon, and what it calls an anomaly that is none.

``python -m benchmarks.planted`` writes ``benchmarks/results/planted.json``. All is generated from a seed, time is the
the samples' own, and all of it goes through the real ``DetectOperator`` with the shipped settings. Nothing here tunes
anything, and whoever changes the detector looks at the development seed, which holds without ``--seed``; that of the
results is held out (``--seed held-out``, as ``make bench-planted`` has it). Results without a ``planted_seed`` are of
seeds that were looked at while settings were chosen. Three parts:

``cases``
    A fault in each of some hundred series. A case is found if an anomaly of the fault's direction starts after the
    onset; an episode that was already open counts for nothing. ``case_KEY_...``:

    - ``row``, ``what``: the roadmap's row, in words; ``cases``: how many.
    - ``found``: share found within the row's time (``within_s``), with the 95 % Wilson interval ``found_low``,
      ``found_high``; for what must not be flagged it is ``quiet``, ``quiet_low``, ``quiet_high``.
    - ``goal``: the least share that the row asks for, and ``met``, 1 or 0, by the share itself; absent without a goal.
    - ``by_chance``: share of cases in which an anomaly of that direction started in as long a time before the onset.
    - ``found_ever``: share found within all of the time that was watched (``watched_s``).
    - ``delay_s``: median time from the first faulty sample to the anomaly's start, with ``delay_s_low`` and
      ``delay_s_high`` (95 %, order statistics), the unfound counting as never; absent where it is never.
    - ``false_per_series_day``: anomalies that started before the onset.

``quiet``
    Noise without a fault. ``quiet_SIGNAL_INTERVAL_...``:

    - ``series_days``: counted time, after each series' first ``settle_days``.
    - ``per_30d``: episodes started per series and 30 days, with the 95 % Poisson interval ``per_30d_low``,
      ``per_30d_high`` (too narrow where few series make all the noise: ``series_with_any`` is their share).
    - ``kind_KIND``: episodes by kind; ``drift_per_90d``: those of kind drift per series and 90 days.
    - ``settling_per_series``: episodes a series during its first days, which the rates leave out.

``peers``
    The same series, with several faults each, for every program. ``peer_NAME_...``:

    - ``recall`` with ``recall_low``, ``recall_high``, and ``recall_FAULT``: share of planted faults during which an
      alarm started; ``delay_s``, ``delay_s_FAULT``: median time to it among those found.
    - ``precision``: faults found among faults found and false alarms; ``false_per_series_day``: false alarms.
    - ``false_at_our_recall``: false alarms per series and day if its limit were set, in hindsight, where it finds as
      much as ``ours`` does; absent where no limit does. A gift to the peer. ``ours_fewer``: the share of them that
      ``ours`` spares.
    - ``us_per_sample``: CPU time, a series at a time.

An alarm is the first sample with a score above 1.0 after thirty minutes without one; ``ours`` scores above 1.0 while an
anomaly is open.
"""
