"""Which nodes there are: those that alerts or the health of entities tell of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_KIND: Final = "node:"
# Health is told once a day: what nobody told of for two is no more.
KEPT_MS: Final = 172_800_000


class Heard(NamedTuple):
    """What was told of a node; of two the greater holds.

    Parameters
    ----------
    by_health
        Whether its health was told, which counts for more than an alert.
    at_ms
        When it was so.
    gone
        Whether it was gone then.
    """

    by_health: bool
    at_ms: int
    gone: bool = False


def cluster_of(entity: str) -> str | None:
    """The cluster of a node, empty where it has none; None of what is no node.

    Examples
    --------
    >>> cluster_of("node:c1/h1"), cluster_of("node:h1"), cluster_of("service:web")
    ('c1', '', None)
    """
    if not entity.startswith(_KIND):
        return None
    cluster, slash, _ = entity.removeprefix(_KIND).partition("/")
    return cluster if slash else ""


@dataclass(slots=True)
class Nodes:
    """The nodes of each tenant's clusters.

    Examples
    --------
    >>> nodes = Nodes()
    >>> nodes.hear("t", "node:c1/h1", Heard(False, 5)), nodes.hear("t", "node:c1/h1", Heard(True, 4, gone=True))
    (True, True)
    >>> nodes.hear("t", "node:c1/h1", Heard(False, 6)), nodes.count("t", "c1"), nodes.count("t", "")
    (False, 0, 0)
    """

    _nodes: dict[tuple[str, str], Heard] = field(default_factory=dict)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def hear(self, tenant: str, entity: str, heard: Heard) -> bool:
        """Know what was told of an entity; whether that is worth writing down.

        That another alert speaks of a node that is known is not.
        """
        known = self._nodes.get((tenant, entity))
        if known is not None and (heard <= known or not heard.by_health):
            return False
        cluster = cluster_of(entity)
        if cluster is None:
            return False
        self._nodes[tenant, entity] = heard
        was = known is not None and not known.gone
        self._counts[tenant, cluster] += (not heard.gone) - was
        return True

    def heard(self, tenant: str, entity: str) -> Heard | None:
        """What was last told of a node."""
        return self._nodes.get((tenant, entity))

    def count(self, tenant: str, cluster: str) -> int:
        """How many nodes a cluster has."""
        return self._counts.get((tenant, cluster), 0)

    def forget(self, clock_ms: int) -> list[tuple[str, str]]:
        """Drop the nodes that nobody tells of any more; whose, and which."""
        before_ms = clock_ms - KEPT_MS
        gone = [node for node, heard in self._nodes.items() if heard.at_ms < before_ms]
        for tenant, entity in gone:
            line = tenant, cluster_of(entity) or ""
            self._counts[line] -= not self._nodes.pop((tenant, entity)).gone
            if not self._counts[line]:
                del self._counts[line]
        return gone
