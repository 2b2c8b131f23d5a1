"""Metricbeat's JSON: nested numbers become dotted names (``system.cpu.user.pct``), booleans 0 and 1.

What describes the event or the shipper (``agent``, ``ecs``, ``event``, ``metricset``, ``@metadata`` ...) is neither a
metric nor a label. What tells one row of a metric set from another is a label under its dotted name: names and ids
(``system.network.name``, ``system.core.id``, ``process.pid``), mount points, devices, namespaces, what users named
(``labels``, ``fields``, ``kubernetes.labels`` ...), and what the source's ``label_fields`` lists; of ``host`` only the
name. Other text (a state, a status, a command line: it changes) and text over 128 characters is skipped and counted as
``string_field``, arrays as ``array``, numbers that are no quantity (a port, a parent's pid) as ``no_quantity``. Totals
that are known to accumulate or that the source's ``counters`` lists are counters, the rest gauges.
"""

from __future__ import annotations

import re
from typing import Any, Final

from integrations.formats.json_reading import ObjectDecoder, Reading, number_of
from integrations.formats.nested import leaves

_NOT_DATA: Final = frozenset(
    {"@timestamp", "@metadata", "agent", "beat", "ecs", "event", "input", "metricset", "tags", "error", "message"}
)
_LABELS_ONLY: Final = frozenset({"cloud", "container", "labels", "orchestrator", "service", "fields"})
_MAX_LABEL_CHARS: Final = 128
# Fields that tell one row of a metric set from another, by the last part of their name.
_IDENTIFYING: Final = frozenset(
    [
        "name",
        "id",
        "pid",
        "uid",
        "namespace",
        "mount_point",
        "device",
        "device_name",
        "interface",
        "hostname",
        "vhost",
        "database",
        "db",
        "topic",
        "queue",
        "keyspace",
        "instance",
    ]
)
# Objects whose fields somebody else named: each is a label.
_NAMED_BY_USERS: Final = ("labels.", "fields.", "kubernetes.labels.", "prometheus.labels.", "aws.dimensions.")
_CLOUD: Final = frozenset({"cloud.provider", "cloud.region", "cloud.availability_zone"})
# Numbers that are no quantities.
_NO_QUANTITY: Final = frozenset(["id", "pid", "ppid", "pgid", "uid", "gid", "oid", "port"])
# Metric sets of the system and Kubernetes modules whose documentation says "total since" or "counter".
_COUNTERS: Final = re.compile(
    r"system\.network\.(in|out)\.(bytes|packets|errors|dropped)"
    r"|system\.diskio\.(read|write)\.(bytes|count|time)|system\.diskio\.io\.time"
    r"|system\.(cpu|process\.cpu)\..*ticks"
    r"|kubernetes\.pod\.network\.(rx|tx)\.(bytes|errors)"
    r"|kubernetes\.(node|container)\.cpu\.usage\.core\.ns"
    r"|.*(_total|\.total\.count)"
)


class Metricbeat(ObjectDecoder):
    """Decoder of Metricbeat's JSON."""

    name = "metricbeat"

    def _read(self, body: dict[str, Any], reading: Reading) -> None:
        at_ms = reading.time(body.get("@timestamp"), self.options.time_unit, "@timestamp")
        labels: dict[str, str] = {}
        numbers: list[tuple[str, float]] = []
        for root, branch in body.items():
            if root not in _NOT_DATA:
                self._branch(root, branch, labels, numbers, reading)
        for name, number in numbers:
            guess = "counter" if _COUNTERS.fullmatch(name) else "gauge"
            reading.add(name, labels, self.options.type_of(name, guess), at_ms, number)

    def _branch(
        self, root: str, branch: object, labels: dict[str, str], numbers: list[tuple[str, float]], reading: Reading
    ) -> None:
        for name, value in leaves({root: branch}):
            quantity = isinstance(value, int | float) and name.rpartition(".")[2] not in _NO_QUANTITY
            if value is None or isinstance(value, list):
                reading.skip("null_value" if value is None else "array")
            elif not quantity and self._is_label(name, text := str(value), reading):
                labels[name] = text
            elif isinstance(value, str):
                reading.skip("string_field")
            elif not quantity or root in _LABELS_ONLY:
                reading.skip("no_quantity")
            else:
                numbers.append((name, float(value) if isinstance(value, bool) else number_of(value, name)))

    def _is_label(self, name: str, value: str, reading: Reading) -> bool:
        if not value or len(value) > _MAX_LABEL_CHARS:
            return False
        if name.startswith("host."):
            return name == "host.name"
        return (
            name.rpartition(".")[2] in _IDENTIFYING
            or name in _CLOUD
            or name in reading.table.recognise.names
            or name in self.options.label_fields
            or name.startswith(_NAMED_BY_USERS)
        )
