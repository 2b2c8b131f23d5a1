"""All that the route stage of a partition knows, and which blocks of it changed since they were last copied out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from incidents.dispatch.fatigue import TokenBucket
from incidents.dispatch.silences import SilenceBook
from incidents.dispatch.subjects import Subject
from incidents.dispatch.threads import Thread, thread_key
from incidents.packing import pack, unpack
from schemas.command_events import Silence
from schemas.errors import CheckpointError
from schemas.incident_events import Incident

_ALERT, _INCIDENT, _THREAD, _SILENCE, _FLAP = "alert/", "incident/", "thread/", "silence/", "flap/"
_BUCKET, _QUIET, _COMMAND, _DIGEST, _SETTING = "bucket/", "quiet/", "command/", "digest/", "setting/"
_CHANGE: Final = "change/"
_CLOCK: Final = "clock"


@dataclass
class DispatchBook:
    """Alerts, incidents, threads, silences and everything that holds back.

    Parameters
    ----------
    subjects, threads
        By key.
    incidents, survivors
        By tenant and id; of one that was merged, what it became part of.
    silences
        By key.
    flaps
        When an alert that flaps last began or ended, by tenant and fingerprint.
    buckets
        By what they count: tenant, team, series.
    quiet
        When a signal of an entity was last told, and how urgent that was.
    commands
        When a command was done, so that one that comes again is not.
    digests
        Keys of the threads with news for a receiver's next digest.
    changes
        By tenant and id: when a change was, and itself while it waits to be told.
    now_ms
        The newest tick.
    settings
        What the newest settings said, by subject, as they came.
    """

    subjects: dict[str, Subject] = field(default_factory=dict)
    threads: dict[str, Thread] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    survivors: dict[str, str] = field(default_factory=dict)
    silences: SilenceBook = field(default_factory=SilenceBook)
    flaps: dict[str, int] = field(default_factory=dict)
    buckets: dict[str, TokenBucket] = field(default_factory=dict)
    quiet: dict[str, tuple[int, int]] = field(default_factory=dict)
    commands: dict[str, int] = field(default_factory=dict)
    digests: dict[str, list[str]] = field(default_factory=dict)
    changes: dict[str, tuple[int, str]] = field(default_factory=dict)
    now_ms: int = 0
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    _threads_of: dict[str, set[str]] = field(default_factory=dict)
    _subjects_of: dict[str, set[str]] = field(default_factory=dict)
    _about: dict[str, set[str]] = field(default_factory=dict)
    _episodes: dict[str, set[str]] = field(default_factory=dict)
    _home_of: dict[str, str] = field(default_factory=dict)
    _dirty: set[str] = field(default_factory=set)

    # What is known of whom

    def incident_of(self, subject: Subject) -> Incident | None:
        """The incident that an alert is in now, as far as anything was said of it."""
        incident_id = self.incident_id_of(subject)
        return None if incident_id is None else self.incidents.get(f"{subject.alert.tenant}/{incident_id}")

    def incident_id_of(self, subject: Subject) -> str | None:
        """The id of the incident that an alert is in now, merges followed."""
        if subject.alert.incident_id is None:
            return None
        return self.current(f"{subject.alert.tenant}/{subject.alert.incident_id}").partition("/")[2]

    def current(self, incident_key: str) -> str:
        """The key that an incident goes by now."""
        seen = {incident_key}
        while (survivor := self.survivors.get(incident_key)) is not None and survivor not in seen:
            seen.add(survivor)
            incident_key = survivor
        return incident_key

    def threads_of(self, subject_key: str) -> list[Thread]:
        """Those that an alert is in."""
        return [self.threads[key] for key in sorted(self._threads_of.get(subject_key, ()))]

    def subjects_of(self, incident_key: str) -> list[Subject]:
        """Alerts of an incident, by the id that they name."""
        return [self.subjects[key] for key in sorted(self._subjects_of.get(incident_key, ()))]

    def members_of(self, incident: Incident) -> list[Subject]:
        """Alerts of an incident, those of incidents that became part of it included."""
        names = sorted({incident.id, *incident.aliases})
        return [one for name in names for one in self.subjects_of(f"{incident.tenant}/{name}")]

    def episodes(self, flap_key: str) -> list[Subject]:
        """All episodes of an alert, by tenant and fingerprint."""
        return [self.subjects[key] for key in sorted(self._episodes.get(flap_key, ()))]

    def threads_about(self, incident_key: str) -> list[Thread]:
        """Those that are of an incident."""
        return [self.threads[key] for key in sorted(self._about.get(incident_key, ()))]

    def members(self, thread: Thread) -> list[Subject]:
        """A thread's alerts, the most urgent and earliest first."""
        found = (self.subjects.get(key) for key in thread.members)
        return sorted((one for one in found if one is not None), key=lambda one: one.rank)

    # Changes

    def put_subject(self, subject: Subject) -> None:
        """Know an alert, and where it is now."""
        self.subjects[subject.key] = subject
        self._episodes.setdefault(subject.flap_key, set()).add(subject.key)
        incident_id = subject.alert.incident_id
        self._move(subject.key, "" if incident_id is None else f"{subject.alert.tenant}/{incident_id}")
        self.touch(_ALERT + subject.key)

    def drop_subject(self, subject: Subject) -> None:
        """Forget an alert."""
        for thread in self.threads_of(subject.key):
            self.leave(thread, subject.key)
        del self.subjects[subject.key]
        _discard(self._episodes, subject.flap_key, subject.key)
        self._move(subject.key, "")
        self.touch(_ALERT + subject.key)

    def _move(self, subject_key: str, home: str) -> None:
        was = self._home_of.pop(subject_key, "")
        if was and was != home:
            _discard(self._subjects_of, was, subject_key)
        if home:
            self._home_of[subject_key] = home
            self._subjects_of.setdefault(home, set()).add(subject_key)

    def put_thread(self, thread: Thread) -> Thread:
        """Know a thread."""
        self.threads[thread.key] = thread
        for key in thread.members:
            self._threads_of.setdefault(key, set()).add(thread.key)
        if thread.incident_id is not None:
            self._about.setdefault(f"{thread.tenant}/{thread.incident_id}", set()).add(thread.key)
        self.touch(_THREAD + thread.key)
        return thread

    def beside(self, thread: Thread, receiver: str, escalation: int, created_ms: int) -> Thread:
        """The thread of the same group for another receiver or step, made if it is new, with all its alerts."""
        key = thread_key(thread.tenant, receiver, thread.group_key, escalation)
        other = self.threads.get(key)
        if other is None:
            group = thread.group_key, thread.group_labels, thread.incident_id
            other = self.put_thread(Thread(thread.tenant, receiver, *group, created_ms, escalation=escalation))
        for subject_key, route_id in thread.members.items():
            self.join(other, subject_key, route_id)
        return other

    def drop_thread(self, thread: Thread) -> None:
        """Forget a thread."""
        del self.threads[thread.key]
        for key in thread.members:
            _discard(self._threads_of, key, thread.key)
        if thread.incident_id is not None:
            _discard(self._about, f"{thread.tenant}/{thread.incident_id}", thread.key)
        self.touch(_THREAD + thread.key)

    def join(self, thread: Thread, subject_key: str, route_id: str) -> bool:
        """Put an alert into a thread; whether that is news."""
        if thread.members.get(subject_key) == route_id:
            return False
        thread.members[subject_key] = route_id
        self._threads_of.setdefault(subject_key, set()).add(thread.key)
        self.touch(_THREAD + thread.key)
        return True

    def leave(self, thread: Thread, subject_key: str) -> None:
        """Take an alert out of a thread."""
        thread.members.pop(subject_key, None)
        for keys in (thread.told, thread.told_over, thread.spent):
            keys.discard(subject_key)
        _discard(self._threads_of, subject_key, thread.key)
        self.touch(_THREAD + thread.key)

    def touch(self, block: str) -> None:
        """Say that a block changed, or is gone."""
        self._dirty.add(block)

    def touch_subject(self, subject: Subject) -> None:
        """Say that an alert changed."""
        self._dirty.add(_ALERT + subject.key)

    def touch_thread(self, thread: Thread) -> None:
        """Say that a thread changed."""
        self._dirty.add(_THREAD + thread.key)

    def put_incident(self, incident: Incident) -> None:
        """Know an incident as it is now."""
        key = f"{incident.tenant}/{incident.id}"
        self.incidents[key] = incident
        if incident.state == "merged" and incident.merged_into is not None:
            self.survivors[key] = f"{incident.tenant}/{incident.merged_into}"
        self.touch(_INCIDENT + key)

    def drop_incident(self, key: str) -> None:
        """Forget an incident."""
        self.incidents.pop(key, None)
        self.survivors.pop(key, None)
        self.touch(_INCIDENT + key)

    def set(self, kind: str, key: str, value: Any) -> None:
        """Remember a small thing: of ``flap``, ``bucket``, ``quiet``, ``command``, ``digest``, ``change``, ``setting``.

        None forgets it.
        """
        store: dict[str, Any] = getattr(self, _STORES[f"{kind}/"])
        if value is None:
            store.pop(key, None)
        else:
            store[key] = value
        self.touch(f"{kind}/{key}")

    def pass_time(self, at_ms: int) -> None:
        """Take a tick's time."""
        self.now_ms = at_ms
        self.touch(_CLOCK)

    # Blocks

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        dirty, self._dirty = self._dirty, set()
        return [(key, self._block(key)) for key in sorted(dirty)]

    def _block(self, block: str) -> bytes | None:
        if block == _CLOCK:
            return pack({"now_ms": self.now_ms})
        kind, key = _split(block)
        if kind in _STORES:
            value = getattr(self, _STORES[kind]).get(key)
            return None if value is None else pack({"value": _plain(value)})
        if kind in (_INCIDENT, _SILENCE):
            event = self.incidents.get(key) if kind == _INCIDENT else self.silences.silences.get(key)
            return None if event is None else event.to_bytes()
        held = self.subjects.get(key) if kind == _ALERT else self.threads.get(key)
        return None if held is None else pack(held.pack())

    def load_block(self, block: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        if block == _CLOCK:
            self.now_ms = unpack(value)["now_ms"]
            return
        kind, key = _split(block)
        match kind:
            case "alert/":
                self.put_subject(Subject.unpack(unpack(value)))
            case "thread/":
                self.put_thread(Thread.unpack(unpack(value)))
            case "incident/":
                self.put_incident(Incident.from_bytes(value))
            case "silence/":
                self.silences.put(Silence.from_bytes(value))
            case _:
                getattr(self, _STORES[kind])[key] = _READ.get(kind, lambda one: one)(unpack(value)["value"])

    def finish_load(self) -> None:
        """Call everything unchanged."""
        self._dirty.clear()

    def all_subjects(self) -> Iterator[Subject]:
        """In the order of their keys."""
        return (subject for _, subject in sorted(self.subjects.items()))


_STORES: Final = {
    _FLAP: "flaps",
    _BUCKET: "buckets",
    _QUIET: "quiet",
    _COMMAND: "commands",
    _DIGEST: "digests",
    _CHANGE: "changes",
    _SETTING: "settings",
}
_READ: Final[dict[str, Any]] = {
    _BUCKET: lambda one: TokenBucket(**one),
    _QUIET: tuple,
    _CHANGE: tuple,
}


def _discard(index: dict[str, set[str]], name: str, key: str) -> None:
    held = index.get(name, set())
    held.discard(key)
    if not held:
        index.pop(name, None)


def _split(block: str) -> tuple[str, str]:
    kind, slash, key = block.partition("/")
    if f"{kind}/" not in {_ALERT, _INCIDENT, _THREAD, _SILENCE, *_STORES} or not slash:
        raise CheckpointError(f"a block named {block!r}", "Run the release that wrote it, or a newer one")
    return f"{kind}/", key


def _plain(value: Any) -> Any:
    return {name: getattr(value, name) for name in value.__slots__} if hasattr(value, "__slots__") else value
