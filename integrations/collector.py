"""Reads this machine's own metrics by psutil and produces them as native JSON: one message a tick, keyed by host."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import psutil
from confluent_kafka import KafkaException, Producer
from pydantic import BaseModel, ConfigDict, Field

from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas.errors import BrokerError

STAGE: Final = "collector"
# Interfaces that carry another interface's traffic a second time, or none of the machine's own.
_VIRTUAL: Final = (
    "lo",
    "veth",
    "docker",
    "br-",
    "virbr",
    "cni",
    "flannel",
    "cali",
    "tun",
    "tap",
    "dummy",
    "ifb",
    "sit",
)
_VIRTUAL_DISKS: Final = ("loop", "ram", "zram", "dm-", "md")
_PSEUDO_FILESYSTEMS: Final = ("squashfs", "iso9660", "tmpfs", "devtmpfs", "nsfs")


class CollectorSettings(BaseModel):
    """The collector of this machine's own metrics."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    interval_s: float = Field(10.0, ge=0.2, le=300, description="Seconds between two readings.")
    topic: str = Field("metrics", description="Source topic to write to.")
    node: str = Field("", description="Value of the label `node`; empty for this machine's host name.")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one series.

    Parameters
    ----------
    metric, value, unit, type, labels
        As in native JSON; the label ``node`` is added when it is sent.
    """

    metric: str
    value: float
    unit: str = "1"
    type: str = "gauge"
    labels: tuple[tuple[str, str], ...] = ()


class Machine:
    """Reads this machine; ratios of CPU time are over the time since the reading before.

    Examples
    --------
    >>> machine = Machine()
    >>> names = {reading.metric for reading in machine.read()}
    >>> {"node_memory_used_ratio", "node_load1"} <= names
    True
    """

    def __init__(self) -> None:
        self._cpu = psutil.cpu_times()
        self._mounts = _mounts()

    def read(self) -> list[Reading]:
        """Every reading of now."""
        sources = (self._cpu_ratios, _memory, self._disks, _disk_io, _network, _load, _pressure, _kernel)
        return [reading for source in sources for reading in _surviving(source)]

    def _cpu_ratios(self) -> Iterator[Reading]:
        before, now = self._cpu, psutil.cpu_times()
        spent = {name: max(0.0, getattr(now, name) - getattr(before, name)) for name in now._fields}
        # Linux counts a guest's time as user's, too.
        total = sum(value for name, value in spent.items() if not name.startswith("guest"))
        if total <= 0:
            return
        self._cpu = now
        idle = spent["idle"] + spent.get("iowait", 0.0)
        yield Reading("node_cpu_ratio", 1 - idle / total)
        for mode in ("user", "system", "iowait", "steal"):
            if mode in spent:
                yield Reading(f"node_cpu_{mode}_ratio", spent[mode] / total)

    def _disks(self) -> Iterator[Reading]:
        for mount in self._mounts:
            usage = psutil.disk_usage(mount)
            labels = (("mount", mount),)
            yield Reading("node_disk_used_ratio", usage.percent / 100, labels=labels)
            yield Reading("node_disk_free_bytes", float(usage.free), "By", labels=labels)


def _surviving(source: Callable[[], Iterator[Reading]]) -> Iterator[Reading]:
    """What a source gives; a part of the machine that is not there (or goes while it is read) gives nothing."""
    try:
        yield from source()
    except (OSError, psutil.Error):
        return


def _mounts() -> list[str]:
    """Mounts of real filesystems, one a device."""
    by_device: dict[str, str] = {}
    for part in psutil.disk_partitions(all=False):
        if part.fstype not in _PSEUDO_FILESYSTEMS and Path(part.mountpoint).is_dir():
            by_device.setdefault(part.device, part.mountpoint)
    # In a container the root is an overlay, which is not listed.
    return sorted({"/", *by_device.values()}) if os.name == "posix" else sorted(by_device.values())


def _memory() -> Iterator[Reading]:
    memory = psutil.virtual_memory()
    yield Reading("node_memory_used_ratio", 1 - memory.available / memory.total)
    yield Reading("node_memory_available_bytes", float(memory.available), "By")
    swap = psutil.swap_memory()
    if swap.total:
        yield Reading("node_swap_used_ratio", swap.used / swap.total)


def _disk_io() -> Iterator[Reading]:
    for disk, io in sorted((psutil.disk_io_counters(perdisk=True) or {}).items()):
        if disk.startswith(_VIRTUAL_DISKS) or not (io.read_count or io.write_count) or _is_partition(disk):
            continue
        labels = (("device", disk),)
        yield Reading("node_disk_read_bytes_total", io.read_bytes, "By", "counter", labels)
        yield Reading("node_disk_written_bytes_total", io.write_bytes, "By", "counter", labels)
        yield Reading("node_disk_reads_total", io.read_count, "1", "counter", labels)
        yield Reading("node_disk_writes_total", io.write_count, "1", "counter", labels)


def _is_partition(disk: str) -> bool:
    block = Path("/sys/block")
    return block.is_dir() and not (block / disk).exists()


def _network() -> Iterator[Reading]:
    links = psutil.net_if_stats()
    for interface, io in sorted(psutil.net_io_counters(pernic=True).items()):
        if interface.startswith(_VIRTUAL) or not (io.bytes_recv or io.bytes_sent):
            continue
        labels = (("interface", interface),)
        yield Reading("node_network_receive_bytes_total", io.bytes_recv, "By", "counter", labels)
        yield Reading("node_network_transmit_bytes_total", io.bytes_sent, "By", "counter", labels)
        yield Reading("node_network_receive_packets_total", io.packets_recv, "1", "counter", labels)
        yield Reading("node_network_transmit_packets_total", io.packets_sent, "1", "counter", labels)
        yield Reading("node_network_errors_total", io.errin + io.errout, "1", "counter", labels)
        if interface in links and links[interface].speed > 0:  # in Mbit/s; 0 where nobody knows
            yield Reading("node_network_speed_bytes", links[interface].speed * 125_000, "By/s", "gauge", labels)


def _load() -> Iterator[Reading]:
    for minutes, value in zip((1, 5, 15), os.getloadavg(), strict=True):
        yield Reading(f"node_load{minutes}", value)
    # A limit that fits every machine needs to know how many cores it has.
    yield Reading("node_load15_per_core", os.getloadavg()[2] / (os.cpu_count() or 1))
    yield Reading("node_processes", float(len(psutil.pids())))


def _pressure() -> Iterator[Reading]:
    """Time in which tasks waited for a resource (some of them, or all), as the kernel counts it."""
    for resource in ("cpu", "io", "memory"):
        for line in Path(f"/proc/pressure/{resource}").read_text(encoding="ascii").splitlines():
            who, *fields = line.split()
            # "full" of cpu is always zero for the whole machine.
            if resource == "cpu" and who == "full":
                continue
            waited_us = float(dict(field.split("=") for field in fields)["total"])
            state = "waiting" if who == "some" else "stalled"
            yield Reading(f"node_pressure_{resource}_{state}_seconds_total", waited_us / 1e6, "s", "counter")


def _kernel() -> Iterator[Reading]:
    wanted = {"procs_running": "node_processes_running", "procs_blocked": "node_processes_blocked"}
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name in wanted:
            yield Reading(wanted[name], float(value))
    for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(" ")
        if name == "oom_kill":
            yield Reading("node_oom_kills_total", float(value), "1", "counter")


def encode_readings(readings: list[Reading], node: str, at_ms: int) -> bytes:
    """One message of native JSON: an array of samples, all of one moment."""
    return msgspec.json.encode([_sample(reading, node, at_ms) for reading in readings])


def _sample(reading: Reading, node: str, at_ms: int) -> dict[str, Any]:
    return {
        "metric": reading.metric,
        "value": round(reading.value, 6),
        "timestamp": at_ms,
        "labels": {"node": node, **dict(reading.labels)},
        "unit": reading.unit,
        "type": reading.type,
    }


class Collector:
    """Reads this machine at an even pace and produces what it read.

    Parameters
    ----------
    settings, kafka
        What to do and where to.
    telemetry
        Where it says that it lives.
    now_ms
        Milliseconds since the epoch.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        kafka: KafkaSettings,
        telemetry: Telemetry,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._telemetry = telemetry
        self._now_ms = now_ms
        self._topic = settings.topic
        self._node = settings.node or socket.gethostname()

    def run(self, stop: threading.Event) -> None:
        """Read and produce until told to stop.

        Raises
        ------
        BrokerError
            If the broker refuses what is sent.
        """
        producer = Producer(self._kafka.librdkafka(**{"compression.type": "zstd", "enable.idempotence": False}))
        machine = Machine()
        interval_s = self._settings.interval_s
        due_s = time.monotonic() + interval_s
        self._telemetry.set_ready(STAGE)
        while not stop.wait(max(0.0, due_s - time.monotonic())):
            # A machine that slept does not make up for lost ticks.
            due_s = max(due_s + interval_s, time.monotonic())
            self._send(producer, machine.read())
        producer.flush(5)

    def _send(self, producer: Producer, readings: list[Reading]) -> None:
        at_ms = self._now_ms()
        try:
            producer.produce(
                self._topic,
                encode_readings(readings, self._node, at_ms),
                self._node,
                timestamp=at_ms,
                on_delivery=self._on_delivery,
            )
        except (BufferError, KafkaException) as error:
            raise BrokerError(f"the collector cannot produce to {self._topic} ({error})") from error
        producer.poll(0)
        self._telemetry.beat(STAGE)
        self._telemetry.samples.labels(STAGE).inc(len(readings))

    def _on_delivery(self, error: object, _message: object) -> None:
        if error is None:
            self._telemetry.outputs.labels(STAGE, self._settings.topic).inc()
        else:
            self._telemetry.rejected.labels(STAGE, self._settings.topic, "not_delivered").inc()
