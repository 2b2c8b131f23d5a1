"""Definitions on the topic ``settings``: a record for each objective, so that all partitions know the same ones."""

from __future__ import annotations

from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas.errors import SchemaError
from schemas.events import Setting
from slo.definition import Slo

SUBJECT: Final = "slo"


class Announced(NamedTuple):
    """An objective from an event time on; None says that it is no more."""

    key: str
    slo: Slo | None
    from_ms: int


def announce(key: str, slo: Slo | None, from_ms: int) -> Setting:
    """What tells all partitions of an objective, or of its end.

    Parameters
    ----------
    key
        Tenant and name.
    from_ms
        From which event time on it holds: 0 for one that is new, so that whatever comes is counted.
    """
    body = {"key": key, "slo": None if slo is None else slo.model_dump(mode="json", exclude_none=True)}
    return Setting(subject=SUBJECT, valid_from_ms=from_ms, body=body)


def record_key(key: str) -> str:
    """The key of an objective's record: later ones replace it."""
    return f"{SUBJECT}/{key}"


def announced(setting: Setting) -> Announced:
    """What a setting of this subject says.

    Raises
    ------
    SchemaError
        If it is no definition.

    Examples
    --------
    >>> announced(announce("default/checkout", None, 5000))
    Announced(key='default/checkout', slo=None, from_ms=5000)
    """
    key, body = setting.body.get("key"), setting.body.get("slo")
    if not isinstance(key, str):
        raise SchemaError("a setting of an objective without its key", "Let metrics-ai write it")
    try:
        slo = None if body is None else Slo.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise SchemaError(f"not an objective: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if slo is not None and slo.key != key:
        raise SchemaError(f"a setting of {key} that defines {slo.key}")
    return Announced(key, slo, setting.valid_from_ms)
