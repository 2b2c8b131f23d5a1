"""The counter's state as named blocks: what changed goes out, and a fresh counter takes it back.

::

    slo/clock            event time, what is closed, tallies
    slo/place/P          a definition, from and until when it counts, and since when its series live
    slo/row/MS/R         counts of a slice, of slices so many ms long, and who spent what
    slo/watches/G        watched series and their samples, some of them in turn at every checkpoint
    slo/log/N/PART       samples that came between checkpoint N - 1 and N
    slo/silences         watched series of which samples were missing lately
    slo/nodes            nodes and their critical anomalies

Samples come a hundred times as fast as rings turn over, so rings are written in turn, and between their turns the log
says what came.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from schemas.errors import CheckpointError
from slo.counting.counter import SloCounter
from slo.counting.kernel import refill
from slo.counting.layout import NEVER_MS, ROWS, SPENT_ROWS, TO_SAVE, TO_TELL, WATCH
from slo.counting.rows import Lane, Spent
from slo.counting.watching import GROUP, Ring
from slo.definition import Slo
from slo.packing import COLUMNS

VERSION: Final = 1
_SIZE: Final = struct.Struct("<I")
TURNS: Final = 32
"""Checkpoints in which every ring is written once."""
_LIVES: Final = ("born_ms", "alive_ms")
_SILENCES: Final = ("missed_ms", "missed_until_ms", "missed_interval_ms")
_LOG_PART: Final = 200_000
"""Samples in one record of the log."""
Body = dict[str, Any]


class CounterBlocks:
    """The blocks of a counter.

    Parameters
    ----------
    counter
        Whose; to be restored it is fresh.
    """

    def __init__(self, counter: SloCounter) -> None:
        self._counter = counter
        self._number = 0
        self._saved_at: dict[int, int] = {}
        self._logs: set[tuple[int, int]] = set()
        self._rows: set[tuple[int, int]] = set()
        self._loaded: dict[str, bytes] = {}
        self._all = False

    def mark_all(self) -> None:
        """Let the next call bring the whole state."""
        self._all = True

    def take(self) -> list[tuple[str, bytes | None]]:
        """Copy out what changed since the last call; None says that what had the key is gone."""
        counter = self._counter
        counter.settle()
        if not counter.rows.held and not self._saved_at and not self._rows:
            return []
        self._number += 1
        found: dict[str, bytes | None] = {}
        found |= self._places()
        found |= self._row_blocks()
        found |= self._watches()
        found["slo/silences"] = _pack(self._silences())
        if counter.counts_nodes:
            found["slo/nodes"] = _pack({"nodes": counter.nodes.state()})
        found["slo/clock"] = _pack(self._clock())
        self._all = False
        return sorted(found.items())

    def load(self, key: str, value: bytes) -> None:
        """Keep a block until all are there."""
        self._loaded[key] = value

    def finish_load(self) -> None:
        """Make the counter of what was loaded; its series are watched already.

        Raises
        ------
        CheckpointError
            If a block cannot be read.
        """
        loaded, self._loaded = self._loaded, {}
        if "slo/clock" not in loaded:
            return
        clock = _unpack(loaded["slo/clock"])
        counter = self._counter
        self._number, counter.now_ms, counter.tick_ms = clock["number"], clock["now_ms"], clock["tick_ms"]
        counter.tallies[:] = clock["tallies"]
        named = {kind: _of_kind(loaded, kind) for kind in ("place", "row", "watches", "log")}
        for place, value in named["place"].items():
            self._load_place(int(place), _unpack(value))
        for slice_ms, closed, top in clock["lanes"]:
            lane = counter.rows.lanes[slice_ms]
            lane.closed, lane.top = closed, top
            counter.rows.slos["closed"][lane.members] = closed
            counter.rows.slos["top"][lane.members] = top
        counter.rows.finish_load()
        self._load_lives(clock["lives"])
        self._load_samples(named, loaded)
        counter.lay_anew()
        if "slo/nodes" in loaded:
            counter.nodes.load(_unpack(loaded["slo/nodes"])["nodes"])

    def _load_samples(self, named: dict[str, dict[str, bytes]], loaded: dict[str, bytes]) -> None:
        counter = self._counter
        for name, value in named["row"].items():
            self._load_row(name, _unpack(value))
        for group, value in sorted(named["watches"].items()):
            self._load_watches(int(group), _unpack(value))
        counter.watching.finish_load()
        for at, value in sorted((_log_place(name), value) for name, value in named["log"].items()):
            self._refill(at, _unpack(value))
        if "slo/silences" in loaded:
            self._load_silences(_unpack(loaded["slo/silences"]))

    def _clock(self) -> Body:
        rows = self._counter.rows
        lanes = [(lane.slice_ms, lane.closed, lane.top) for lane in rows.lanes.values()]
        places = sorted(rows.held)
        lives = [rows.slos[name][places].tobytes() for name in _LIVES]
        return {
            "number": self._number,
            "now_ms": self._counter.now_ms,
            "tick_ms": self._counter.tick_ms,
            "tallies": self._counter.tallies.tolist(),
            "lanes": lanes,
            "lives": [places, *lives],
        }

    def _places(self) -> dict[str, bytes | None]:
        rows = self._counter.rows
        dirty, rows.dirty_places = rows.dirty_places, set()
        found: dict[str, bytes | None] = {}
        for place in sorted(rows.held if self._all else dirty):
            slo = rows.held.get(place)
            body = None
            if slo is not None:
                one = rows.slos[place]
                body = {"slo": slo.model_dump_json().encode(), "times": [int(one["since_ms"]), int(one["until_ms"])]}
            found[f"slo/place/{place}"] = _pack(body) if body else None
        return found

    def _row_blocks(self) -> dict[str, bytes | None]:
        rows = self._counter.rows
        found: dict[str, bytes | None] = {}
        kept = set()
        for lane in rows.lanes.values():
            touched = rows.touched[lane.members]
            for row in range(lane.top - ROWS + 1, lane.top + 1):
                key = lane.slice_ms, row
                kept.add(key)
                dirty = bool((touched[:, row % ROWS] & TO_SAVE).any()) or key in rows.dirty_told
                if dirty or (self._all and rows.cells[lane.members, row % ROWS].any()):
                    found[_row_key(key)] = _pack(self._row(lane, key))
                    self._rows.add(key)
            rows.touched[lane.members] &= ~np.uint8(TO_SAVE)
        rows.dirty_told.clear()
        for gone in self._rows - kept:
            found[_row_key(gone)] = None
            self._rows.discard(gone)
        return found

    def _row(self, lane: Lane, key: tuple[int, int]) -> Body:
        rows, members, at = self._counter.rows, lane.members, key[1] % ROWS
        told = {name: [tuple(one) for one in spent] for name, spent in rows.told.get(key, {}).items()}
        return {
            "places": members.tobytes(),
            "cells": rows.cells[members, at].tobytes(),
            "to_tell": (rows.touched[members, at] & TO_TELL).tobytes(),
            "spent": rows.spending.named(rows.spent_in(lane, key[1])),
            "told": told,
        }

    def _watches(self) -> dict[str, bytes | None]:
        watching, number = self._counter.watching, self._number
        found: dict[str, bytes | None] = {}
        due = set(watching.changed)
        watching.changed.clear()
        for group in range(-(-watching.used // GROUP)):
            if group in due or self._all or group not in self._saved_at or (group + number) % TURNS == 0:
                found[f"slo/watches/{group}"] = _pack(self._group(group))
                self._saved_at[group] = number
        watches, times_ms, values = self._counter.take_log()
        for part, first in enumerate(range(0, len(watches), _LOG_PART)):
            some = slice(first, first + _LOG_PART)
            found[f"slo/log/{number}/{part}"] = _pack(
                {"watch": watches[some].tobytes(), "ms": times_ms[some].tobytes(), "value": values[some].tobytes()}
            )
            self._logs.add((number, part))
        oldest = min(self._saved_at.values(), default=number)
        for gone in [one for one in self._logs if one[0] <= oldest]:
            self._logs.discard(gone)
            found[f"slo/log/{gone[0]}/{gone[1]}"] = None
        return found

    def _silences(self) -> Body:
        watches = self._counter.watching.watches
        oldest_ms = (self._counter.now_ms or 0) - self._counter.rows.late_ms
        silent = np.flatnonzero(watches["missed_until_ms"] > oldest_ms)
        return {"watches": silent.tobytes(), **{name: watches[name][silent].tobytes() for name in _SILENCES}}

    def _load_silences(self, body: Body) -> None:
        watches = self._counter.watching.watches
        silent = np.frombuffer(body["watches"], np.int64)
        for name in _SILENCES:
            watches[name][silent] = np.frombuffer(body[name], WATCH[name])

    def _group(self, group: int) -> Body:
        watching = self._counter.watching
        first, end = group * GROUP, min((group + 1) * GROUP, watching.used)
        kept = watching.rings(first, end)
        return {
            "watches": watching.watches[first:end].tobytes(),
            "times": kept.times_ms.tobytes(),
            "values": kept.values.tobytes(),
            "number": self._number,
        }

    def _load_place(self, place: int, body: Body) -> None:
        rows = self._counter.rows
        slo = Slo.model_validate_json(body["slo"])
        since_ms, until_ms = body["times"]
        rows.put(place, slo, (since_ms, until_ms), self._counter.now_ms)
        if until_ms == NEVER_MS:
            rows.places[slo.key] = place
        rows.dirty_places.discard(place)

    def _load_lives(self, lives: list[Any]) -> None:
        places, *columns = lives
        for name, data in zip(_LIVES, columns, strict=True):
            self._counter.rows.slos[name][places] = np.frombuffer(data, np.int64)

    def _load_row(self, name: str, body: Body) -> None:
        rows = self._counter.rows
        slice_ms, row = map(int, name.split("/"))
        self._rows.add((slice_ms, row))
        lane = rows.lanes.get(slice_ms)
        if lane is None or row <= lane.top - ROWS:
            return
        places = np.frombuffer(body["places"], np.int64)
        there = np.isin(places, lane.members)
        at = row % ROWS
        rows.cells[places[there], at] = np.frombuffer(body["cells"]).reshape(-1, COLUMNS)[there]
        to_tell = np.frombuffer(body["to_tell"], np.uint8)[there]
        rows.touched[places[there], at] = to_tell
        if row < lane.closed:
            rows.slos["late"][places[there][to_tell > 0]] = 1
        is_new = row > lane.top - SPENT_ROWS
        for place, entity, bad in body["spent"] if is_new else ():
            if place in rows.held:
                rows.spending.spend(place, entity, row, bad)
        if body["told"]:
            rows.told[slice_ms, row] = {key: [Spent(*one) for one in spent] for key, spent in body["told"].items()}

    def _load_watches(self, group: int, body: Body) -> None:
        watching = self._counter.watching
        watches = np.frombuffer(body["watches"], WATCH)
        times, values = np.frombuffer(body["times"], np.int64), np.frombuffer(body["values"])
        first = 0
        for at, watch in enumerate(watches, group * GROUP):
            end = first + int(watch["count"])
            watching.load(at, watch, Ring(times[first:end], values[first:end]))
            first = end
        self._saved_at[group] = body["number"]

    def _refill(self, place: tuple[int, int], body: Body) -> None:
        self._logs.add(place)
        at = np.frombuffer(body["watch"], np.int32)
        groups = at // GROUP
        saved = np.array([self._saved_at.get(group, 0) for group in range(int(groups.max(initial=0)) + 1)])
        newer = saved[groups] < place[0]
        log = tuple(
            np.frombuffer(body[name], kind)[newer]
            for name, kind in (("watch", np.int32), ("ms", np.int64), ("value", np.float64))
        )
        watching = self._counter.watching
        refill(log, self._counter.rows.late_ms, watching.watches, (watching.times_ms, watching.values))


def _of_kind(loaded: dict[str, bytes], kind: str) -> dict[str, bytes]:
    head = f"slo/{kind}/"
    return {key.removeprefix(head): value for key, value in sorted(loaded.items()) if key.startswith(head)}


def _log_place(name: str) -> tuple[int, int]:
    number, part = name.split("/")
    return int(number), int(part)


def _row_key(key: tuple[int, int]) -> str:
    return f"slo/row/{key[0]}/{key[1]}"


def _pack(body: Body) -> bytes:
    raw = msgspec.msgpack.encode({"v": VERSION, **body})
    packed: bytes = pa.compress(raw, codec="lz4", asbytes=True)
    return _SIZE.pack(len(raw)) + packed


def _unpack(value: bytes) -> Body:
    try:
        (size,) = _SIZE.unpack_from(value)
        raw = pa.decompress(value[_SIZE.size :], decompressed_size=size, codec="lz4", asbytes=True)
        body = msgspec.msgpack.decode(raw, type=dict[str, Any])
    except (struct.error, pa.ArrowException, OSError, msgspec.MsgspecError) as error:
        raise CheckpointError(f"a block of counts cannot be read: {error}") from error
    if body.get("v") != VERSION:
        raise CheckpointError(f"a block of version {body.get('v')}", "Run the release that wrote it, or a newer one")
    return body
