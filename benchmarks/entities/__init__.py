"""Several signals of one entity together: what is found, what is called so wrongly, and what it costs.

``python -m benchmarks.entities`` writes ``benchmarks/results/entities.json``. Everything is generated from seeds, a
value a series and minute. Entities have 15 series that follow three hidden causes with a daily cycle, each with noise
of its own. Parts:

``faults``
    One fault of an hour an entity, after five days. ``entities_KIND_...`` for each of ``worlds.FAULTS``: ``detected``
    (the share, with Wilson's 95 % interval), ``ranked_first`` (of those detected, how often the planted signal had the
    largest contribution), ``delay_min_p50``. ``alone_...``: a z-score of each series by itself. ``hst_...``: River's
    HalfSpaceTrees at their default size, fed the entity's minutes scaled to 0..1. Both have a limit from their own
    first five days (a thousandth of minutes lies beyond) and need as many minutes in a row; ``hst_KIND_cases``: on how
    many.

``quiet``
    30 days without a fault. ``entities_false_KIND_a_month``: episodes an entity and 30 days, with the exact 95 %
    interval, for each of ``worlds.QUIETS``; the first day, in which nothing is said, counts as a day.

``cost``
    ``entities_us_a_minute``: CPU time of an entity of 30 series, all that a minute brings; ``entities_bytes``.
    ``hst_...``: River's (pickled; as objects they are several times as large). ``stage_loss``: by how much the detect
    stage is slower for it, 50,000 series of 15 s, 30 an entity.

``challenger``
    Nodes that were faulty for six hours of their last day against nodes that were not. ``forest_auc``: an isolation
    forest over features of 24 hours, trained on all days before; ``online_auc``: the highest score that the online
    detector gave that day.
"""
