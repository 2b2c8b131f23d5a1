"""What all our events share: how one is written and read, and the numbers that any reader of JSON reads."""

from __future__ import annotations

import math
import sys
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from schemas.errors import NewerVersionError, SchemaError

TimeMs = Annotated[int, Field(ge=0, description="Event time, milliseconds since the epoch.")]
# Since 2001, and until 5138, seconds look so; as milliseconds that is January 1970 to 1973.
_SECONDS: Final = (1_000_000_000, 100_000_000_000)


def _no_seconds(at_ms: int) -> int:
    if _SECONDS[0] <= at_ms < _SECONDS[1]:
        raise ValueError("a time in seconds, where milliseconds are meant")
    return at_ms


GivenMs = Annotated[TimeMs, AfterValidator(_no_seconds)]
"""A time that people and their scripts write down."""


def _within_floats(value: float) -> float:
    """JSON has no infinity: the largest number stands for it. What is no number is refused."""
    if math.isnan(value):
        raise ValueError("not a number")
    return max(-sys.float_info.max, min(sys.float_info.max, value))


Finite = Annotated[float, AfterValidator(_within_floats)]
"""A number that any reader of JSON reads."""
Score = Annotated[Finite, Field(description="Above 1.0 = anomalous.")]


class Event(BaseModel):
    """The base of all JSON values on our topics."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")

    def to_bytes(self) -> bytes:
        """The record's value: JSON, fields in their order, nothing that is None."""
        return self.model_dump_json(exclude_none=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes | None) -> Self:
        """Read a record's value.

        Raises
        ------
        SchemaError
            If it is empty (a tombstone), not JSON, or lacks what this event must have.
        NewerVersionError
            If it is of a version that is not known here yet.
        """
        if not data:
            raise SchemaError(f"an empty record where a {cls.__name__} was expected")
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            found = error.errors()
            first = next((one for one in found if one["loc"] == ("v",)), found[0])
            if first["loc"] == ("v",) and isinstance(first["input"], int) and first["input"] > cls._version():
                raise NewerVersionError(
                    f"a {cls.__name__} of version {first['input']}, this reads {cls._version()}",
                    "Upgrade the readers first",
                ) from error
            where = ".".join(str(part) for part in first["loc"]) or "the value"
            raise SchemaError(f"not a {cls.__name__}: {where}: {first['msg']}") from error

    @classmethod
    def _version(cls) -> int:
        return int(cls.model_fields["v"].default)
