"""The gateway: producers' records in, columnar batches on ``metrics.samples`` out, at least once.

It stands outside Faust because it meets single samples; all after it are batches. Nothing here detects anything.
"""

from integrations.gateway.gateway import Gateway
from integrations.gateway.settings import IngestSettings, SourceSettings

__all__ = ["Gateway", "IngestSettings", "SourceSettings"]
