"""Nodes and their critical anomalies: what ``node_health`` counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.rules import matchers_of
from schemas.events import Anomaly
from schemas.series import Series
from slo.counting.layout import NEVER_MS, IntArray

LEFT_AFTER_MS: Final = 300_000
"""A node that said nothing for so long has left the cluster, and is none of its nodes any more."""
_PREFIX: Final = "node:"
_WASTE: Final = 1024


@dataclass(slots=True)
class _Node:
    tenant: str
    entity: str
    labels: Mapping[str, str]
    open: dict[str, int] = field(default_factory=dict)
    over: list[tuple[int, int]] = field(default_factory=list)

    def was_critical(self, start_ms: int, end_ms: int) -> bool:
        """Whether it had a critical anomaly within a slice."""
        spans = [*((began, NEVER_MS) for began in self.open.values()), *self.over]
        return any(began < end_ms and ended > start_ms for began, ended in spans)


class NodeBook:
    """When each node was heard of last, and when it had critical anomalies."""

    def __init__(self) -> None:
        self.of_slot: npt.NDArray[np.int32] = np.full(64, -1, np.int32)
        self.heard_ms: IntArray = np.zeros(64, np.int64)
        self.nodes: list[_Node] = []
        self._numbers: dict[tuple[str, str], int] = {}
        self._ill: set[int] = set()
        self._members: dict[tuple[str, str], IntArray] = {}
        self._members_at = 0

    def watch(self, slot: int, series: Series) -> None:
        """A series of a node has a slot now."""
        if slot >= len(self.of_slot):
            wider = np.full(max(slot + 1, 2 * len(self.of_slot)), -1, np.int32)
            wider[: len(self.of_slot)] = self.of_slot
            self.of_slot = wider
        is_one = series.entity.startswith(_PREFIX)
        self.of_slot[slot] = self._number(series.tenant, series.entity, series.dims) if is_one else -1

    def forget(self, slot: int) -> None:
        """A slot is nobody's any more."""
        if slot < len(self.of_slot):
            self.of_slot[slot] = -1

    def compact(self, now_ms: int) -> None:
        """Let go of nodes without series that left long ago, if they are most of all."""
        held = np.unique(self.of_slot)
        if len(self.nodes) <= 2 * len(held) + _WASTE:
            return
        recent = np.flatnonzero(self.heard_ms[: len(self.nodes)] > now_ms - 2 * LEFT_AFTER_MS)
        kept = sorted({*held[held >= 0].tolist(), *recent.tolist(), *self._ill})
        moved = np.full(len(self.nodes) + 1, -1, np.int32)
        moved[kept] = np.arange(len(kept))
        self.of_slot = moved[self.of_slot]
        self.heard_ms[: len(kept)] = self.heard_ms[kept]
        self.heard_ms[len(kept) :] = 0
        self.nodes = [self.nodes[number] for number in kept]
        self._ill = {int(moved[number]) for number in self._ill}
        self._numbers = {(one.tenant, one.entity): number for number, one in enumerate(self.nodes)}
        self._members = {}

    def absorb(self, anomalies: Iterable[Anomaly]) -> None:
        """Note when critical anomalies began and ended, as they are told."""
        for one in anomalies:
            number = self._numbers.get((one.tenant, one.entity))
            if number is None:
                continue
            node = self.nodes[number]
            if one.severity == "critical" and one.state != "end":
                node.open.setdefault(one.id, one.at_ms)
            elif one.id in node.open:
                node.over.append((node.open.pop(one.id), one.at_ms))
            else:
                continue
            self._ill.add(number)

    def count(self, tenant: str, selector: str, start_ms: int, end_ms: int) -> tuple[int, list[str]]:
        """How many nodes of a tenant there are in a slice, and which of them are critical."""
        members = self._members_of(tenant, selector)
        present = self.heard_ms[members] > start_ms - LEFT_AFTER_MS
        ill = [number for number in sorted(self._ill) if self.nodes[number].was_critical(start_ms, end_ms)]
        there = set(members[present].tolist()) if ill else set()
        return int(present.sum()), [self.nodes[number].entity for number in ill if number in there]

    def _members_of(self, tenant: str, selector: str) -> IntArray:
        """The nodes of a tenant that a selector is about; found anew when there are more nodes."""
        if self._members_at != len(self.nodes):
            self._members, self._members_at = {}, len(self.nodes)
        known = self._members.get((tenant, selector))
        if known is None:
            matchers = matchers_of(selector) if selector != "{}" else ()
            known = self._members[tenant, selector] = np.array(
                [
                    number
                    for number, node in enumerate(self.nodes)
                    if node.tenant == tenant and all(one.holds(node.labels) for one in matchers)
                ],
                np.int64,
            )
        return known

    def prune(self, before_ms: int) -> None:
        """Let go of anomalies that ended before a time."""
        for number in list(self._ill):
            node = self.nodes[number]
            node.over = [one for one in node.over if one[1] >= before_ms]
            if not node.open and not node.over:
                self._ill.discard(number)

    def state(self) -> list[Any]:
        """For a checkpoint."""
        heard = self.heard_ms[: len(self.nodes)].tolist()
        return [
            (one.tenant, one.entity, one.labels, at_ms, one.open, one.over)
            for one, at_ms in zip(self.nodes, heard, strict=True)
        ]

    def load(self, state: Iterable[Any]) -> None:
        """From a checkpoint, after all slots are watched."""
        for tenant, entity, labels, heard_ms, opened, over in state:
            number = self._number(tenant, entity, labels)
            node = self.nodes[number]
            self.heard_ms[number], node.open, node.over = heard_ms, dict(opened), [(a, b) for a, b in over]
            if opened or over:
                self._ill.add(number)

    def _number(self, tenant: str, entity: str, labels: Mapping[str, str]) -> int:
        known = self._numbers.get((tenant, entity))
        if known is not None:
            self._learn(known, labels)
            return known
        number = self._numbers[tenant, entity] = len(self.nodes)
        self.nodes.append(_Node(tenant, entity, dict(labels)))
        if number >= len(self.heard_ms):
            wider = np.zeros(2 * len(self.heard_ms), np.int64)
            wider[: len(self.heard_ms)] = self.heard_ms
            self.heard_ms = wider
        return number

    def _learn(self, number: int, dims: Mapping[str, str]) -> None:
        """What another series says of where a node is."""
        node = self.nodes[number]
        if not dims.items() <= node.labels.items():
            node.labels = {**dims, **node.labels}
            self._members = {}
