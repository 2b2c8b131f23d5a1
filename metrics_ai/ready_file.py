"""The file that tells whoever started us that we are there, and where."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from schemas.errors import MachineError


def clear_ready_file(path: Path) -> None:
    """Remove what an earlier run left, and see before anything starts that it can be written; no folder is made for it.

    The file itself is never there and empty, not even for a moment: whoever waits for it reads it when it is there.

    Raises
    ------
    MachineError
        If it cannot.
    """
    try:
        path.unlink(missing_ok=True)
        part = _part_of(path)
        part.touch()
        part.unlink()
    except OSError as error:
        raise _not_written(path, error) from error


def write_ready_file(path: Path, addresses: Mapping[str, Any]) -> None:
    """Write it at once and whole: a reader sees nothing or everything.

    Raises
    ------
    MachineError
        If it cannot be written.
    """
    part = _part_of(path)
    try:
        part.write_text(json.dumps(dict(addresses)) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise _not_written(path, error) from error


def _part_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _not_written(path: Path, error: OSError) -> MachineError:
    return MachineError(f"cannot write {path} ({error.strerror})", "Choose another with --ready-file")
