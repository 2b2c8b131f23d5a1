"""What anomalies say of where their score comes from: does it add up, is the planted thing first, is it stable.

``python -m benchmarks.contributions`` writes ``benchmarks/results/contributions.json``. Everything planted is generated
from seeds and goes through the real ``DetectOperator`` with the settings as they ship. Shares come with Wilson's 95 %
intervals (``..._low``, ``..._high``).

``adds_up``
    ``error_max``: the largest difference of base plus contributions from the score, over every state of every anomaly
    of the planted cases and of NAB, where its data is (``anomalies``: how many).

``first_KIND``
    The share of cases, among those whose fault was told of within its time (``told`` of ``cases``), in which what was
    planted ranks first in the first word of it. What counts as planted:

    - ``spike``: 8 sigma for 30 s on samples every 10 s after three quiet hours. First must be 5m.
    - ``drop``: the same downwards.
    - ``shift``: 3 sigma for two hours, every 15 s, after a quiet day. First must be 15m or 1h: which of them is the
      first to speak is chance.
    - ``week``: a day that does not cool down: from 14:00 of the ninth day of a daily cycle on, its level stays. Only
      the hour of the week makes that odd. First must be 7d.
    - ``signal``: six signals of one node, half of whose variance is common to them. One shifts by 8 sigma for ten
      minutes, and 30 to 60 % of that leaks into two others. Its anomaly must score highest of the node's during that
      time.

``importance``
    Each window's share over all planted cases (``importance_of``, as ``metrics-ai replay --json`` has it), over all
    seeds; and Spearman's correlation of the windows' ranking between each two of the seeds: its least, its mean, and
    the share of pairs at 0.9 or above.
"""
