"""Deterministic identifiers: the same input names the same thing, live, after a kill and in a replay."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
_MASK_64 = 0xFFFFFFFFFFFFFFFF
_MASK_32 = 0xFFFFFFFF


def alert_fingerprint(labels: Mapping[str, str]) -> str:
    """Fingerprint of a label set, equal to Alertmanager's.

    FNV-1a-64 over the labels sorted by name, each as ``name 0xFF value 0xFF``.

    Examples
    --------
    >>> alert_fingerprint({})
    'cbf29ce484222325'
    >>> alert_fingerprint({"severity": "warning", "job": "foo"})
    '9266ef3da838ad95'

    References
    ----------
    Vectors: prometheus/alertmanager ``template/template_test.go``.
    """
    digest = FNV_OFFSET
    for name in sorted(labels):
        for byte in b"%b\xff%b\xff" % (name.encode(), labels[name].encode()):
            digest = ((digest ^ byte) * FNV_PRIME) & _MASK_64
    return f"{digest:016x}"


def series_id(tenant: str, metric: str, labels: Mapping[str, str]) -> int:
    """64-bit identity of a series: BLAKE2b over tenant, metric and sorted labels.

    Type and unit are attributes of a series, not part of its identity.

    Examples
    --------
    >>> series_id("default", "up", {"b": "2", "a": "1"}) == series_id("default", "up", {"a": "1", "b": "2"})
    True
    """
    parts = [tenant, metric]
    for name in sorted(labels):
        parts += (name, labels[name])
    text = "\xff".join(parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def event_id(*parts: object) -> str:
    """A short, stable id of an event from whatever makes it unique.

    Examples
    --------
    >>> event_id("incident", 1) == event_id("incident", 1)
    True
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()


def murmur2(data: bytes) -> int:
    """Kafka's murmur2 (the Java client's default partitioner), as an unsigned 32-bit number.

    Examples
    --------
    >>> murmur2(b"21") == -973932308 & 0xFFFFFFFF
    True

    References
    ----------
    Vectors: apache/kafka ``UtilsTest.testMurmur2``.
    """
    length = len(data)
    m = 0x5BD1E995
    h = (0x9747B28C ^ length) & _MASK_32
    for at in range(0, length - length % 4, 4):
        k = (int.from_bytes(data[at : at + 4], "little") * m) & _MASK_32
        k = ((k ^ (k >> 24)) * m) & _MASK_32
        h = ((h * m) & _MASK_32) ^ k
    tail = data[length - length % 4 :]
    if tail:
        h = ((h ^ int.from_bytes(tail, "little")) * m) & _MASK_32
    h = ((h ^ (h >> 13)) * m) & _MASK_32
    return h ^ (h >> 15)


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: murmur2 modulo the count, as Kafka's own clients choose it."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def samples_partition(tenant: str, entity: str, partitions: int) -> int:
    """Where the samples of an entity live on ``metrics.samples``."""
    return partition_of(f"{tenant}/{entity}", partitions)


def decide_partition(tenant: str, partitions: int) -> int:
    """Where all that is decided about a tenant lives, from ``metrics.anomalies`` on."""
    return partition_of(tenant, partitions)
