"""All that the decide stage of one partition knows, and which blocks of it changed since they were last copied out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from incidents import blocks
from incidents.alerts import AlertRecord
from incidents.board import Board
from incidents.changes import ChangeBook, block_of
from incidents.done_commands import DoneCommands
from incidents.incident import IncidentRecord
from incidents.nodes import Heard, Nodes, cluster_of
from incidents.packing import pack, unpack
from incidents.patterns import least_nodes
from incidents.settings import CorrelationHistory, DecideSettings
from schemas.change_events import Change
from schemas.command_events import Command
from schemas.errors import CheckpointError


class State:
    """Alerts, incidents, changes, correlation settings and the times of a partition.

    Parameters
    ----------
    settings
        Windows and bounds.

    Examples
    --------
    >>> state = State(DecideSettings())
    >>> state.hear(5_000), state.now_ms, [key for key, _ in state.take_blocks()]
    (None, 0, ['clock'])
    """

    def __init__(self, settings: DecideSettings) -> None:
        self.history = CorrelationHistory(settings)
        self.changes = ChangeBook(round(settings.change_window_s * 1000))
        self.board = Board(self.history, settings.members_listed, round(settings.cause_window_s * 1000))
        self.commands = DoneCommands()
        self.nodes = Nodes()
        self._least = partial(least_nodes, settings=settings)
        self.now_ms = 0
        self.newest_ms = 0
        self._newest_came_ms = 0
        self._dirty: set[str] = set()
        self._loaders: dict[str, Callable[[str, bytes], object]] = {
            blocks.ALERT: lambda _, value: self.board.put(blocks.unpack_alert(value)),
            blocks.INCIDENT: self._load_incident,
            blocks.CHANGE: lambda _, value: self.changes.put(Change.from_bytes(value)),
            blocks.COMMAND: self._load_command,
            blocks.NODE: self._load_node,
            blocks.CLOCK: self._load_clock,
            blocks.CORRELATION: self._load_correlation,
        }
        self._makers: dict[str, Callable[[str], bytes | None]] = {
            blocks.ALERT: self._alert_block,
            blocks.INCIDENT: self._incident_block,
            blocks.CHANGE: self._change_block,
            blocks.COMMAND: self._command_block,
            blocks.NODE: self._node_block,
            blocks.CLOCK: self._clock_block,
            blocks.CORRELATION: lambda _: pack({"versions": self.history.dump()}),
        }

    def pass_time(self, at_ms: int) -> None:
        """Take a tick's time."""
        self.now_ms = at_ms
        self._dirty.add(blocks.CLOCK)

    def hear(self, at_ms: int) -> None:
        """Take note how far those have come that tell of alerts."""
        if at_ms > self.newest_ms:
            self.newest_ms, self._newest_came_ms = at_ms, self.now_ms
            self._dirty.add(blocks.CLOCK)

    @property
    def silent_until_ms(self) -> int:
        """How far event time is for what was silent: as far as so much time passed since the newest news came."""
        return min(self.now_ms, self.newest_ms + self.now_ms - self._newest_came_ms)

    @property
    def come_ms(self) -> int:
        """How far event time is for what may be forgotten."""
        return min(self.now_ms, self.newest_ms)

    def name_change(self, record: AlertRecord, told_anew: str | None = None) -> bool:
        """Name the change before an alert; one that is forgotten stays named, unless it is told anew and fits no more.

        Whether that is news.
        """
        if record.began_ms is None:
            return False
        found = self.changes.nearest(record.tenant, record.labels, record.began_ms)
        if found is None and record.change is not None and record.change.id != told_anew:
            return False
        return record.link(found)

    def touch_alert(self, record: AlertRecord) -> None:
        """Say that an alert changed, or is gone."""
        self._dirty.add(blocks.ALERT + record.key)

    def touch_incident(self, incident_id: str) -> None:
        """Say that an incident changed, or is gone."""
        self._dirty.add(blocks.INCIDENT + incident_id)

    def touch_change(self, block: str) -> None:
        """Say that a change is known, or forgotten."""
        self._dirty.add(blocks.CHANGE + block)

    def remember_command(self, command: Command) -> bool:
        """Know that a command was done; False if it was before."""
        if not self.commands.add(command.key, self.now_ms or command.at_ms):
            return False
        self._dirty.add(blocks.COMMAND + command.key)
        return True

    def hear_node(self, tenant: str, entity: str, heard: Heard) -> str | None:
        """Know a node; its cluster, if so many more or fewer nodes make a pattern there now."""
        cluster = cluster_of(entity)
        if cluster is None:
            return None
        before = self.nodes.count(tenant, cluster)
        if not self.nodes.hear(tenant, entity, heard):
            return None
        self._dirty.add(node_block(tenant, entity))
        return cluster if self._least(before) != self._least(self.nodes.count(tenant, cluster)) else None

    def forget_nodes(self, clock_ms: int) -> set[tuple[str, str]]:
        """Drop the nodes that nobody tells of any more; whose, and of which clusters."""
        gone = self.nodes.forget(clock_ms)
        self._dirty.update(node_block(tenant, entity) for tenant, entity in gone)
        return {(tenant, cluster_of(entity) or "") for tenant, entity in gone}

    def touch_correlation(self) -> None:
        """Say that the correlation settings changed."""
        self._dirty.add(blocks.CORRELATION)

    def forget_alert(self, record: AlertRecord) -> IncidentRecord | None:
        """Drop an alert; gives the incident back that has no member left, which is dropped too."""
        self.touch_alert(record)
        incident = self.board.incident_of(record)
        if incident is not None:
            self.touch_incident(incident.id)
        return self.board.forget_alert(record)

    def forget_before(self, clock_ms: int, retention_ms: int) -> None:
        """Drop settings that hold no longer, and changes that no alert will begin after any more."""
        if self.history.forget(clock_ms - retention_ms):
            self.touch_correlation()
        for block in self.changes.forget(clock_ms):
            self.touch_change(block)

    def forget_commands(self, before_ms: int) -> None:
        """Drop what is known of commands that were done before a time."""
        self._dirty.update(blocks.COMMAND + key for key in self.commands.forget(before_ms))

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        dirty, self._dirty = self._dirty, set()
        return [(key, self._block(key)) for key in sorted(dirty)]

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        load = self._loaders.get(f"{key.partition('/')[0]}/" if "/" in key else key)
        if load is None:
            raise CheckpointError(f"a block named {key!r}", "Run the release that wrote it, or a newer one")
        load(key, value)

    def _load_incident(self, _key: str, value: bytes) -> None:
        incident = blocks.unpack_incident(value)
        self.board.incidents[incident.id] = incident

    def _load_node(self, key: str, value: bytes) -> None:
        self.nodes.hear(*_node_of(key), Heard(**unpack(value)))

    def _load_command(self, key: str, value: bytes) -> None:
        self.commands.add(key.removeprefix(blocks.COMMAND), unpack(value)["done_ms"])

    def _load_clock(self, _key: str, value: bytes) -> None:
        clock = unpack(value)
        self.now_ms, self.newest_ms = clock["now_ms"], clock["newest_ms"]
        self._newest_came_ms = clock.get("newest_came_ms", self.now_ms)

    def _load_correlation(self, _key: str, value: bytes) -> None:
        for valid_from_ms, body in unpack(value)["versions"]:
            self.history.put(valid_from_ms, body)

    def put_change(self, change: Change) -> bool:
        """Know of a change; whether it is news."""
        if not self.changes.put(change):
            return False
        self.touch_change(block_of(change))
        return True

    def _block(self, key: str) -> bytes | None:
        kind, _, name = key.partition("/")
        return self._makers[f"{kind}/" if name else key](name)

    def _alert_block(self, name: str) -> bytes | None:
        record = self.board.alerts.get(name)
        return blocks.pack_alert(record) if record else None

    def _incident_block(self, name: str) -> bytes | None:
        incident = self.board.incidents.get(name)
        return blocks.pack_incident(incident) if incident else None

    def _change_block(self, name: str) -> bytes | None:
        change = self.changes.at(name)
        return change.to_bytes() if change else None

    def _command_block(self, name: str) -> bytes | None:
        done_ms = self.commands.done_ms(name)
        return None if done_ms is None else pack({"done_ms": done_ms})

    def _node_block(self, name: str) -> bytes | None:
        heard = self.nodes.heard(*_node_of(blocks.NODE + name))
        return heard and pack(heard._asdict())

    def _clock_block(self, _name: str) -> bytes:
        times = {"now_ms": self.now_ms, "newest_ms": self.newest_ms, "newest_came_ms": self._newest_came_ms}
        return pack(times)


def node_block(tenant: str, entity: str) -> str:
    """The name of a node's block; the tenant's length tells the two apart.

    Examples
    --------
    >>> node_block("a/b", "node:c1/h1"), _node_of(node_block("a/b", "node:c1/h1"))
    ('node/3/a/b/node:c1/h1', ('a/b', 'node:c1/h1'))
    """
    return f"{blocks.NODE}{len(tenant)}/{tenant}/{entity}"


def _node_of(block: str) -> tuple[str, str]:
    length, _, names = block.removeprefix(blocks.NODE).partition("/")
    return names[: int(length)], names[int(length) + 1 :]
