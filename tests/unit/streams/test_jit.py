"""Compiled functions where nothing can be kept on disk."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ROOMS = ("schemas", "streams", "models", "incidents", "integrations", "agents", "metrics_ai")


def test_the_command_line_runs_where_no_cache_can_be_written(tmp_path: Path) -> None:
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__"))
    # Root may write to any folder, but not into a file.
    for folder in ("streams", "models"):
        (tmp_path / folder / "__pycache__").touch()
    nowhere = {"NUMBA_CACHE_DIR": "/dev/null/numba", "XDG_CACHE_HOME": "/dev/null/cache", "HOME": "/dev/null"}
    code = (
        "import streams.jit, metrics_ai.config;"
        f"assert streams.jit.__file__.startswith({str(tmp_path)!r});"
        "print(streams.jit.entry_point(lambda x: x + 1)(1))"
    )
    for arguments, said in ((["-m", "metrics_ai", "topics", "--help"], "Usage:"), (["-c", code], "2\n")):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, **nowhere, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert said in done.stdout
