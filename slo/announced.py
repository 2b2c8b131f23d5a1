"""Definitions on the topic ``settings``: a record for each objective, so that all partitions know the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from pydantic import ValidationError

from schemas.errors import SchemaError
from schemas.events import Setting
from slo.definition import Slo
from slo.library import Library

SUBJECT: Final = "slo"
AHEAD_MS: Final = 5_000
"""So long before it holds a change is announced."""


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


def news(library: Library, known: Mapping[str, Announced], now_ms: int) -> list[Announced]:
    """What is to be announced of a library: what is new, is changed, or is no more.

    An objective that was never announced holds at once; what changes or ends does so in some seconds, so that all
    partitions have read it before it holds. While a file is bad of which nothing good is known (it was so when this
    process began), what holds of its tenant stays, but for what other files of the tenant say.

    Parameters
    ----------
    library
        What is to hold.
    known
        What was announced last, by key.
    now_ms
        The time of day.
    """
    bad = {problem.file for problem in library.problems}
    uncertain = {file.tenant for file in library.files if file.name in bad and not library.good.get(file.name)}
    certain = {one.slo.key for ones in library.good.values() for one in ones}
    wanted: dict[str, Slo | None] = dict(library.slos)
    wanted |= {key: None for key, one in known.items() if one.slo is not None and key not in wanted}
    found = []
    for key, slo in sorted(wanted.items()):
        before = known.get(key)
        is_kept = before is not None and before.slo is not None and key.rpartition("/")[0] in uncertain
        if before is None:
            found.append(Announced(key, slo, 0))
        elif before.slo != slo and (key in certain or not is_kept):
            found.append(Announced(key, slo, now_ms + AHEAD_MS))
    return found
