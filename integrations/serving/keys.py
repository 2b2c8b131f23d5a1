"""Where things lie in the serving store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LAYOUT: Final = "v1"
"""Of keys and values; another layout lives beside it until it is no longer read."""


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """The keys of one tenant.

    Hashes of JSON documents by id: ``alerts``, ``statuses``, ``feedback``, ``incidents``, ``silences``,
    ``notifications``, ``outcomes``, ``slos``, ``health``. Sorted sets of ids by time: ``alerts.started``,
    ``alerts.firing``, ``alerts.ended``, ``incidents.updated``, ``incidents.ended``, ``silences.ends``,
    ``notifications.at``. Beside them ``aliases`` (ids of incidents that were merged, and into which), sorted
    sets of timeline entries and of alerts an incident, a string a command's result, and the stream ``updates``.

    Parameters
    ----------
    prefix
        Before everything of ours.
    tenant
        Whose.

    Examples
    --------
    >>> keys = TenantKeys("metrics-ai:", "shop")
    >>> keys.of("alerts"), keys.timeline("i1")
    ('metrics-ai:v1:t:shop:alerts', 'metrics-ai:v1:t:shop:timeline:i1')
    """

    prefix: str
    tenant: str

    @property
    def root(self) -> str:
        """Before each of them."""
        return f"{self.prefix}{LAYOUT}:t:{self.tenant}:"

    def of(self, name: str) -> str:
        """A hash, a sorted set, or the stream."""
        return self.root + name

    def timeline(self, incident_id: str) -> str:
        """The sorted set of an incident's entries, by their place in the log."""
        return f"{self.root}timeline:{incident_id}"

    def members(self, incident_id: str) -> str:
        """The sorted set of an incident's alerts, by start; of some that it no longer has, too."""
        return f"{self.root}of:{incident_id}"

    def result(self, command_id: str) -> str:
        """The string of a command's result."""
        return f"{self.root}result:{command_id}"

    def request(self, key: str) -> str:
        """The string of a request that must not be done twice."""
        return f"{self.root}request:{key}"


def applied_key(prefix: str) -> str:
    """The hash of how far each partition is applied: the next offset by ``topic/partition``.

    Examples
    --------
    >>> applied_key("metrics-ai:")
    'metrics-ai:v1:applied'
    """
    return f"{prefix}{LAYOUT}:applied"


def tenants_key(prefix: str) -> str:
    """The set of tenants."""
    return f"{prefix}{LAYOUT}:tenants"


def lock_key(prefix: str, name: str) -> str:
    """The string that who holds a lock has put there."""
    return f"{prefix}{LAYOUT}:lock:{name}"


def rate_key(prefix: str, name: str) -> str:
    """The hash of a bucket of tokens."""
    return f"{prefix}{LAYOUT}:rate:{name}"
