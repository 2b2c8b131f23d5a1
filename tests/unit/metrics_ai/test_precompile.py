"""A worker compiles before it consumes, and not while it does."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
from metrics_ai.precompile import precompile_ingest
precompile_ingest()
from integrations.formats import dense_index, native_scan, otlp_walk, remote_write_walk
kernels = {
    "native": native_scan._scan, "otlp": otlp_walk._walk, "remote write": remote_write_walk._walk,
    "find": dense_index._find, "put": dense_index._put, "growth": dense_index._refill,
}
print(*[name for name, kernel in kernels.items() if not kernel.signatures])
"""


def test_every_kernel_of_ingest_is_compiled_beforehand() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == []
