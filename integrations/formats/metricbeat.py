"""Metricbeat's JSON: nested numbers become dotted names (``system.cpu.user.pct``), booleans 0 and 1.

What describes the event or the shipper (``agent``, ``ecs``, ``event``, ``metricset``, ``@metadata`` ...) is neither a
metric nor a label. Text elsewhere tells one row of a metric set from another (``system.network.name``) and becomes a
label under its dotted name; of ``host`` only the name does. Long text (over 128 characters) and arrays are skipped and
counted as ``string_field`` and ``array``. Totals that are known to accumulate are counters, the rest gauges.
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
        host = body.get("host")
        if isinstance(host, dict) and isinstance(name := host.get("name"), str) and name:
            labels["host.name"] = name
        numbers: list[tuple[str, float]] = []
        for root, branch in body.items():
            if root in _NOT_DATA or root == "host":
                continue
            self._branch(root, branch, labels, numbers, reading)
        for name, number in numbers:
            kind = "counter" if _COUNTERS.fullmatch(name) else "gauge"
            reading.add(name, labels, kind, at_ms, number)

    @staticmethod
    def _branch(
        root: str, branch: object, labels: dict[str, str], numbers: list[tuple[str, float]], reading: Reading
    ) -> None:
        for name, value in leaves({root: branch}):
            if isinstance(value, str):
                if value and len(value) <= _MAX_LABEL_CHARS:
                    labels[name] = value
                else:
                    reading.skip("string_field")
            elif isinstance(value, list):
                reading.skip("array")
            elif value is None:
                reading.skip("null_value")
            elif root not in _LABELS_ONLY:
                numbers.append((name, float(value) if isinstance(value, bool) else number_of(value, name)))
