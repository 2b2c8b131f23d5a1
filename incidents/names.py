"""What a key that comes back from a pager or a ticket names: an incident, an alert or a group of alerts.

=============================  ==================================
key                            names
=============================  ==================================
``<fingerprint>-<start ms>``   an alert: it is on the safety list
``{...}:{...}``                a group by labels
any of them + /escalation-N    the same, told at a later step
any other                      an incident
=============================  ==================================
"""

from __future__ import annotations

import re
from typing import Final, Literal

Named = Literal["alert", "group", "incident"]
_ALERT: Final = re.compile(r"[0-9a-f]{16}-[0-9]+", re.ASCII)
_STEP: Final = re.compile(r"/escalation-[0-9]+\Z", re.ASCII)


def without_step(key: str) -> str:
    """A key without the step of its escalation.

    Examples
    --------
    >>> without_step("3c5a/escalation-2"), without_step("3c5a")
    ('3c5a', '3c5a')
    """
    return _STEP.sub("", key)


def named_by(key: str) -> Named:
    """What a key without a step names.

    Examples
    --------
    >>> named_by("71ff7d6d4e351cee-1795446000000"), named_by("{}:{alertname='Disk'}"), named_by("0b9c1e5d2f")
    ('alert', 'group', 'incident')
    """
    if _ALERT.fullmatch(key):
        return "alert"
    return "group" if key.startswith("{") else "incident"
