"""Compiled functions: one decorator, and a cache that notices when a callee changed.

Numba's cache looks at the file of the function that it compiled, not at the files of the functions called from
there. Entry points therefore take ``source_digest`` of all those files into their closure, which is part of the
cache's key. Where no folder can hold the cache (a read-only tree), every process compiles anew.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numba

LOG = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile a function that entry points call."""
    return cast(F, numba.njit(nogil=True, error_model="numpy")(function))


def entry_point(function: F) -> F:
    """Compile a function that Python calls; kept on disk where that can be written, see the module."""
    try:
        return cast(F, numba.njit(nogil=True, error_model="numpy", cache=True)(function))
    except RuntimeError as error:  # numba has no other word for a cache that nobody may write
        LOG.info("kernels are not kept on disk", extra={"reason": str(error)})
        return kernel(function)


def source_digest(*files: str) -> int:
    """A number that changes whenever one of the files does.

    Examples
    --------
    >>> source_digest(__file__) == source_digest(__file__)
    True
    """
    digest = hashlib.blake2b(digest_size=7)
    for file in files:
        digest.update(Path(file).read_bytes())
    return int.from_bytes(digest.digest(), "big")
