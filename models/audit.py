"""What detect writes down for the audit: levels that are normal now, and limits that moved."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from models import episodes as e
from models.explain import clock, number, subject_of
from models.rules import read_setting
from models.settings import WINDOW_NAMES
from models.verdict import Subject, Told
from models.versions import ACCEPTED, LIMIT_MOVED, ROLLED_BACK
from schemas.events import AuditAction, AuditEntry, Setting
from schemas.ids import event_id
from streams.bank import SeriesBank
from streams.layout import WARM_DIRTY

BASELINES_SUBJECT: Final = "baselines"
_ACTIONS: Final[dict[int, AuditAction]] = {
    ACCEPTED: "baseline_accepted",
    ROLLED_BACK: "baseline_rolled_back",
    LIMIT_MOVED: "limit_moved",
}


class BaselineRequest(BaseModel):
    """The body of a setting ``baselines``: take up the level that was normal before the last accepted shift."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    tenant: str
    series_id: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    action: Literal["rollback"]


_REQUEST: Final[TypeAdapter[BaselineRequest]] = TypeAdapter(BaselineRequest)


def request_of(setting: Setting) -> BaselineRequest:
    """What is asked for.

    Raises
    ------
    SchemaError
        If it cannot be read.
    """
    return read_setting(_REQUEST, setting.body, BASELINES_SUBJECT)


def ask_back(bank: SeriesBank, request: BaselineRequest, from_ms: int) -> None:
    """Ask a series for its older level; one that is not known here is somebody else's, or forgotten."""
    slot = int(bank.slots_of(np.array([int(request.series_id, 16)], np.uint64))[0])
    identity = bank.identities[slot] if slot >= 0 else None
    if identity is not None and identity.series.tenant == request.tenant:
        row = bank.slots[slot]
        row["rollback_ms"] = max(1, from_ms)
        row["dirty"] |= WARM_DIRTY


def audit_entry(told: Told, about: Subject) -> AuditEntry:
    """An entry for what the walk wrote down."""
    ints, code = told.ints, told.ints[e.I_CODE]
    before, after = told.floats[e.F_VALUE], told.floats[e.F_SCORE]
    limit = _limit_of(ints[e.I_LEAD]) if code == LIMIT_MOVED else None
    series_id = f"{about.series_id:016x}"
    return AuditEntry(
        id=event_id("audit", series_id, _ACTIONS[code], limit or "", ints[e.I_AT]),
        tenant=about.series.tenant,
        at_ms=ints[e.I_AT],
        stage="detect",
        action=_ACTIONS[code],
        entity=about.series.entity,
        series_id=series_id,
        subject=subject_of(about.series),
        of=limit,
        before=before,
        after=after,
        version=int(told.floats[e.F_PEAK]),
        why=_why(told, code, f"{number(before)} to {number(after)}"),
    )


def _limit_of(at: int) -> str:
    """A limit by its place: the window, and the side.

    Examples
    --------
    >>> _limit_of(0), _limit_of(7)
    ('15m low', '7d high')
    """
    return f"{WINDOW_NAMES[1 + at // 2]} {'high' if at % 2 else 'low'}"


def _why(told: Told, code: int, change: str) -> str:
    if code == ACCEPTED:
        return f"the level has been another one since {clock(told.ints[e.I_STARTED])}, and is normal now: {change}"
    if code == ROLLED_BACK:
        return f"somebody asked for the level that was normal before: {change}"
    return f"learned from what the series reached: {change}, a fifth of the range a day at the most"
