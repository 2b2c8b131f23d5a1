"""Records that lie on a partition which is not their tenant's are sent on, once."""

from __future__ import annotations

import json

from schemas.errors import SchemaError


def sent_on(tenant: str, value: bytes) -> bytes:
    """A record's value on its way to the partition of its tenant.

    Raises
    ------
    SchemaError
        If it was sent on before: then two workers differ about the count of partitions, and would send it round.

    Examples
    --------
    >>> sent_on("shop", b'{"tenant": "shop"}')
    b'{"tenant":"shop","rerouted":true}'
    """
    body = json.loads(value)
    if body.get("rerouted"):
        raise SchemaError(
            f"a record of tenant {tenant!r} was rerouted and is misplaced still",
            "Give all workers the same kafka.partitions",
        )
    return json.dumps({**body, "rerouted": True}, separators=(",", ":")).encode()
