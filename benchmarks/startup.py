"""From ``metrics-ai up`` to the ready file: everything consumes."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TIMES = 3
LIMIT_S = 60.0


def measure() -> dict[str, float]:
    """The median of a few starts, embedded broker and collector included."""
    seconds = []
    for _ in range(TIMES):
        with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
            seconds.append(once(Path(folder)))
    print(f"  ready after {', '.join(f'{one:.1f}' for one in seconds)} s", flush=True)
    return {"up_ready_s": round(statistics.median(seconds), 2)}


def once(folder: Path) -> float:
    """One start, and its end."""
    ready = folder / "ready.json"
    options = ["--broker-port", "0", "--port", "0", "--data-dir", str(folder / "data"), "--ready-file", str(ready)]
    begin = time.monotonic()
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "metrics_ai", "up", *options], stdout=log, stderr=log)
    try:
        while not ready.exists():
            if process.poll() is not None or time.monotonic() - begin > LIMIT_S:
                raise RuntimeError(f"up is not ready: {(folder / 'up.log').read_text()[-500:]}")
            time.sleep(0.02)
        return time.monotonic() - begin
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)
