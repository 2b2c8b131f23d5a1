"""Arrays as bytes and back: a header that names the layout, then LZ4."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.errors import CheckpointError

BLOCK_VERSION: Final = 1
_HEADER: Final = struct.Struct("<4sHI8sI")
_MAGIC: Final = b"MAIb"

Arrays = Sequence[npt.NDArray[Any]]


def _layout(parts: Arrays) -> bytes:
    text = repr([(part.dtype.descr, part.shape[1:]) for part in parts])
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def pack(parts: Arrays) -> bytes:
    """Rows of several arrays (all of one length) as one record.

    Examples
    --------
    >>> rows = np.arange(3.0)
    >>> unpack(pack([rows]), [rows], "x")[0].tolist()
    [0.0, 1.0, 2.0]
    """
    raw = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
    head = _HEADER.pack(_MAGIC, BLOCK_VERSION, len(parts[0]), _layout(parts), len(raw))
    body: bytes = pa.compress(raw, codec="lz4", asbytes=True)
    return head + body


def unpack(data: bytes, like: Arrays, name: str) -> list[npt.NDArray[Any]]:
    """Read what ``pack`` wrote from arrays of the same layout.

    Raises
    ------
    CheckpointError
        If it is something else, or of another version or layout.
    """
    try:
        magic, version, rows, layout, size = _HEADER.unpack_from(data)
        if (magic, version, layout) != (_MAGIC, BLOCK_VERSION, _layout(like)):
            raise CheckpointError(
                f"block {name} has another layout than this version's", "Start the stage with empty checkpoints"
            )
        raw = pa.decompress(data[_HEADER.size :], decompressed_size=size, codec="lz4", asbytes=True)
        found = []
        at = 0
        for part in like:
            shape = (rows, *part.shape[1:])
            count = int(np.prod(shape))
            found.append(np.frombuffer(raw, part.dtype, count, at).reshape(shape))
            at += count * part.dtype.itemsize
        return found
    except (struct.error, pa.ArrowException, ValueError, OSError) as error:
        raise CheckpointError(f"block {name} cannot be read: {error}") from error
