"""Time to limit: how far off it is, how often its intervals hold, and what is taken for a trend that is none.

``python -m benchmarks.eta`` writes ``benchmarks/results/eta.json``. Everything is generated from seeds, time is the
samples' own, one sample in five minutes, and all of it goes through the real ``DetectOperator``. Nothing here tunes
anything: the seed of the results was used for nothing else. Four parts:

``fills``
    Disks that fill within 54 hours to 24 days, in the ways that ``fills.FILLS`` names. At a third, a half and two
    thirds of the way (never before 36 hours) the estimate is held against the time at which the disk really was full.
    ``eta_...`` over all, ``eta_KIND_...`` of each:

    - ``fills``, ``moments``: how many; ``told_share``: moments at which there was a sure estimate. All else is about
      those.
    - ``error_p50``, ``error_p90``: of the median, as a share of the time that was really left; ``bias_p50``: its sign.
    - ``coverage_80``, ``coverage_95``: how often the true time lay within the interval; over all with the ends of a
      95 % interval by resampling fills, ``..._low`` and ``..._high``.
    - ``paged_share``: fills of which a shipped rule paged before they were full; ``page_lead_h_p50`` and ``_p10``: how
      long before; ``paged_24h_share``: a day before, or earlier.

``six_hours``
    Even fills, six hours after their first sample. ``even_6h_...`` as above.

``drifts``
    +1 % a day: hours until the first word of it, from the first sample on (``fresh``) or after four quiet days.

``quiet``
    What never fills, by ``quiets.QUIETS``. ``false_KIND_...``: ``pages_a_month``, ``notices_a_month`` (episodes a
    series and 30 days by the shipped rules), ``series_paged``: the share of series that ever paged.
"""
