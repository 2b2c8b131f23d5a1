"""A block of state: a msgpack map with the version of its layout, whichever stage keeps it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from schemas.errors import CheckpointError

VERSION: Final = 1


def pack(body: dict[str, Any]) -> bytes:
    """A block of a map.

    Examples
    --------
    >>> unpack(pack({"now_ms": 1}))
    {'now_ms': 1}
    """
    return msgspec.msgpack.encode({"v": VERSION, **body})


def unpack(value: bytes) -> dict[str, Any]:
    """The map of a block.

    Raises
    ------
    CheckpointError
        If it is none, or of a version that is not known here.
    """
    try:
        body = msgspec.msgpack.decode(value, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise CheckpointError(f"a block that cannot be read: {error}") from error
    if body.pop("v", None) != VERSION:
        raise CheckpointError("a block of an unknown version", "Run the release that wrote it, or a newer one")
    return body
