"""Protobuf's wire format, compiled: fields one after the other, without their meaning."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True)
def varint(data: Any, at: Any, end: Any) -> Any:
    """A varint and where it ends; that is -1 if it does not end in time."""
    value = np.uint64(0)
    shift = np.uint64(0)
    while at < end and shift < np.uint64(70):
        byte = np.uint64(data[at])
        at += 1
        value |= (byte & np.uint64(0x7F)) << shift if shift < np.uint64(64) else np.uint64(0)
        if byte < np.uint64(0x80):
            return value, at
        shift += np.uint64(7)
    return value, -1


@njit(cache=True)
def _size(data: Any, at: Any, end: Any, wire: Any) -> Any:
    """How many bytes a field's contents take, and where they begin (-1 if that cannot be)."""
    if wire == 2:
        length, at = varint(data, at, end)
        return (np.int64(length), at) if at >= 0 and length <= np.uint64(end - at) else (0, -1)
    if wire == 1:
        return 8, at
    return (4, at) if wire == 5 else (0, -1)


@njit(cache=True)
def next_field(data: Any, at: Any, end: Any) -> Any:
    """The field at a position: number, wire type, where its contents begin and end, where the next one begins.

    A varint's contents are its value (as int64) instead of a place. The last number is -1 if the field is broken.
    """
    tag, at = varint(data, at, end)
    field, wire = np.int64(tag >> np.uint64(3)), np.int64(tag & np.uint64(7))
    if at < 0 or field < 1 or field > 536_870_911:
        return field, wire, 0, 0, -1
    if wire == 0:
        value, at = varint(data, at, end)
        return field, wire, np.int64(value), 0, at
    size, at = _size(data, at, end, wire)
    if at < 0 or at + size > end:
        return field, wire, 0, 0, -1
    return field, wire, at, at + size, at + size


@njit(cache=True)
def fixed64(data: Any, at: Any) -> Any:
    """Eight bytes, little-endian."""
    word = np.uint64(0)
    for shift in range(8):
        word |= np.uint64(data[at + shift]) << np.uint64(8 * shift)
    return word
