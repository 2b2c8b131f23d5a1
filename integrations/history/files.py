"""Parquet files in folders of a kind, a tenant and a day: written whole or not at all.

A new file is written beside its place, made safe on the disk, and renamed. Its name says of which records it is made:
``<partition>-<first offset>-<last offset>-<digest>.parquet``. The digest is of what they say, since a topic that was
made anew counts from 0 again; the same records always come to the same name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq

from integrations.history.kinds import Kind
from integrations.history.newest import newest

SUFFIX: Final = ".parquet"
TEMPORARY: Final = ".part"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# File systems take names of 255 bytes.
_LONGEST: Final = 200
Write = Callable[[pa.Table, Path], None]


def day_text(day: int) -> str:
    """A day since the epoch as it is written.

    Examples
    --------
    >>> day_text(20_718)
    '2026-09-22'
    """
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")


def day_number(text: str) -> int:
    """The day that is written so.

    Raises
    ------
    ValueError
        If it is none.
    """
    return (datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) - _EPOCH).days


def tenant_folder(tenant: str) -> str:
    """The name of a tenant's folder.

    Examples
    --------
    >>> tenant_folder("team/a"), len(tenant_folder("x" * 1000))
    ('tenant=team%2Fa', 200)
    """
    name = f"tenant={quote(tenant, safe='')}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(tenant.encode()).hexdigest()[:16]
    return f"{name[: _LONGEST - 17]}-{digest}"


def day_folder(root: Path, kind: str, tenant: str, day: int) -> Path:
    """Where the files of a day lie."""
    return root / kind / tenant_folder(tenant) / f"day={day_text(day)}"


def file_name(partition: int, rows: Sequence[dict[str, Any]]) -> str:
    """What rows of a partition are called, by their offsets."""
    offsets = [int(row["offset"]) for row in rows]
    said = json.dumps(list(rows), sort_keys=True).encode()
    digest = hashlib.sha256(said).hexdigest()[:12]
    return f"{partition}-{min(offsets)}-{max(offsets)}-{digest}{SUFFIX}"


def write_table(table: pa.Table, path: Path) -> None:
    """Write a file whole, safe on the disk before it has its name.

    Raises
    ------
    OSError
        If that is not possible; nothing is left of it.
    """
    made = [one for one in (path.parent, *path.parent.parents) if not one.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        with beside.open("wb") as file:
            pq.write_table(table, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        for folder in (path.parent, *(one.parent for one in made)):
            _sync_folder(folder)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def files_in(folder: Path) -> list[Path]:
    """The files of a day, by name; what is half written is none."""
    try:
        return sorted(one for one in folder.iterdir() if one.suffix == SUFFIX and not one.name.startswith("."))
    except FileNotFoundError:
        return []


def days_in(root: Path, kind: str, tenant: str | None = None) -> Iterator[tuple[int, Path]]:
    """The days of a kind, of one tenant or of all, and their folders, by tenant and day."""
    for folder in sorted(_folders(root / kind, "tenant=")):
        if tenant is None or folder.name == tenant_folder(tenant):
            for one in sorted(_folders(folder, "day=")):
                with contextlib.suppress(ValueError):
                    yield day_number(one.name.removeprefix("day=")), one


def tenants_in(root: Path, kind: str) -> list[str]:
    """Tenants of whom there is something."""
    return [unquote(one.name.removeprefix("tenant=")) for one in sorted(_folders(root / kind, "tenant="))]


def _folders(root: Path, prefix: str) -> Iterable[Path]:
    try:
        return [one for one in root.iterdir() if one.name.startswith(prefix) and one.is_dir()]
    except FileNotFoundError:
        return []


def make_one(kind: Kind, folder: Path, write: Write = write_table) -> bool:
    """Make a day's files one; whether there was anything to do.

    Another worker may do the same at the same time: each deletes only what it has read, after its own file is safe.

    Raises
    ------
    OSError
        If it is not possible now; nothing is lost.
    """
    files = files_in(folder)
    if len(files) < 2:
        return False
    try:
        tables = [pq.read_table(one, schema=kind.schema, partitioning=None) for one in files]
    except FileNotFoundError:
        return False
    table = newest(pa.concat_tables(tables), kind)
    names = hashlib.sha256("\n".join(one.name for one in files).encode()).hexdigest()[:12]
    write(table, folder / f"whole-{len(table)}-{names}{SUFFIX}")
    for one in files:
        one.unlink(missing_ok=True)
    return True


def delete_day(folder: Path) -> None:
    """Delete a day's files, and its folder if nothing else lies there."""
    for one in files_in(folder):
        one.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()


def delete_unfinished(folder: Path) -> None:
    """Delete what a process that was killed had half written there."""
    for one in list(folder.glob(f".*{TEMPORARY}")) if folder.is_dir() else []:
        one.unlink(missing_ok=True)
