"""What series of a metric family are usually like: the priors that new ones start from.

They ship as data (``models/priors.json``), and the ``settings`` subject ``priors`` replaces them from an event time on.
A series is judged by the ones that held at its first sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.rules import read_setting
from schemas.errors import ConfigurationError
from schemas.events import Setting
from streams.priors import PRIORS

PRIORS_SUBJECT: Final = "priors"
SHIPPED: Final = Path(__file__).with_name("priors.json")
SHIPPED_SHA256: Final = "76c5da7ef88e3fa90b5f07fbba581a35dee061f50dc18c8775005b957f2c06fc"
"""Of the file that ships; ``python -m benchmarks.cold_start --ship`` writes both."""
_NEVER_MS: Final = 2**62


class Prior(BaseModel):
    """How far series of a family lie from an hour's center: the larger of the two; two zeros are no prior."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    spread: Annotated[
        float, Field(ge=0, le=1e100, description="Standard deviation within an hour, in the metric's unit.")
    ] = 0.0
    relative: Annotated[float, Field(ge=0, le=1e6, description="The same, as a share of the level.")] = 0.0


class Priors(BaseModel):
    """A fleet's priors, by name of the metric family; a family that is not named has none.

    Examples
    --------
    >>> Priors(version="fleet-7", families={"node_cpu": {"spread": 0.05}}).families["node_cpu"].spread
    0.05
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    version: Annotated[str, Field(min_length=1, max_length=100, description="What to call them.")]
    source: Annotated[str, Field(description="What they were learned from.")] = ""
    families: Annotated[dict[str, Prior], Field(description="By name of the metric family.")] = {}


_PRIORS: Final[TypeAdapter[Priors]] = TypeAdapter(Priors)


def read_priors(path: Path, sha256: str) -> Priors:
    """Priors out of a file that must be the one expected.

    Raises
    ------
    ConfigurationError
        If it is another one, or cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path.name}: {error.strerror or error}", "Install again") from error
    if (found := hashlib.sha256(data).hexdigest()) != sha256:
        raise ConfigurationError(
            f"{path.name} is not the one of this release: its SHA-256 is {found[:12]}..., {sha256[:12]}... is due",
            "Install again; detect.shipped_priors: false goes without",
        )
    try:
        return _PRIORS.validate_json(data)
    except ValidationError as error:
        raise ConfigurationError(f"{path.name}: {error.errors()[0]['msg']}", "Install again") from error


@lru_cache(maxsize=1)
def shipped_priors() -> Priors:
    """Those that ship.

    Raises
    ------
    ConfigurationError
        If the file is not the one that this release came with.
    """
    return read_priors(SHIPPED, SHIPPED_SHA256)


def priors_of(setting: Setting) -> Priors:
    """The priors that a setting brings.

    Raises
    ------
    SchemaError
        If they cannot be read.
    """
    return read_setting(_PRIORS, setting.body, PRIORS_SUBJECT)


class Entry(NamedTuple):
    """Priors, and the event time from which they hold."""

    from_ms: int
    priors: Priors


class PriorBook:
    """Which priors held when: those that ship, and the last few that settings brought.

    Examples
    --------
    >>> book = PriorBook(Priors(version="shipped"))
    >>> book.replace(Priors(version="ours", families={"any": {"relative": 0.1}}), from_ms=5_000)
    >>> [entry.priors.version for entry in book.entries], book.columns(["any"])[0][1][:2]
    (['shipped', 'ours'], [(0.0, 0.0), (0.0, 0.1)])
    """

    def __init__(self, first: Priors | None) -> None:
        self.entries = [Entry(0, first or Priors(version="none"))]

    def replace(self, priors: Priors, from_ms: int) -> None:
        """From an event time on these hold, whatever was to hold then."""
        kept = [entry for entry in self.entries[1:] if entry.from_ms < from_ms]
        self.entries = [self.entries[0], *[*kept, Entry(from_ms, priors)][-(PRIORS - 1) :]]

    def columns(self, families: Sequence[str]) -> list[tuple[list[int], list[tuple[float, float]]]]:
        """For each family, from when on which spreads hold; as many as a record has room for."""
        room = PRIORS - len(self.entries)
        times = [entry.from_ms for entry in self.entries] + [_NEVER_MS] * room
        rows = []
        for name in families:
            held = [entry.priors.families.get(name, Prior()) for entry in self.entries]
            rows.append((times, [(one.spread, one.relative) for one in held] + [(0.0, 0.0)] * room))
        return rows

    def state(self) -> list[Any]:
        """For a checkpoint: what settings brought."""
        return [(entry.from_ms, entry.priors.model_dump(mode="json")) for entry in self.entries[1:]]

    def load(self, state: Sequence[Sequence[Any]]) -> None:
        """From a checkpoint."""
        self.entries = [self.entries[0], *(Entry(at_ms, Priors.model_validate(one)) for at_ms, one in state)]


def as_setting(priors: Priors, valid_from_ms: int) -> Setting:
    """What the ``settings`` topic takes."""
    body: Mapping[str, Any] = priors.model_dump(mode="json")
    return Setting(subject=PRIORS_SUBJECT, valid_from_ms=valid_from_ms, body=dict(body))
