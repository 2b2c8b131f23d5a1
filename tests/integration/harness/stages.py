"""Stages around the small operator, on the real topics; and writers whose order is broken on purpose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from agents.checkpoints import CheckpointSettings, Manifest
from agents.decide import decide_stage
from agents.detect import detect_stage
from agents.outputs import SendableRecord
from agents.stage import Stage
from agents.writers import CheckpointTarget, CheckpointWriter, writer_for
from schemas import topics
from tests.integration.harness.sums import SumOperator

# Long enough to be seen and hit.
BROKEN_FOR_S = 1.0
SLOW_S = 4.0
# Partitions that are between the two halves of a checkpoint whose order is broken.
TORN: set[int] = set()


def sums_of_samples(partition: int) -> SumOperator:
    return SumOperator((topics.SAMPLES,), topics.ANOMALIES, partition)


def sums_of_anomalies(partition: int) -> SumOperator:
    return SumOperator((topics.ANOMALIES,), topics.ALERTS, partition, every=5, idempotent=True)


def sum_stage(role: str) -> Stage:
    if role == "detect":
        return detect_stage(sums_of_samples, 1)
    return decide_stage(sums_of_anomalies, 1)


def talkative_stage(role: str) -> Stage:
    """Decide, with an output for each record: it soon waits for its transactions."""
    assert role == "decide"
    return decide_stage(lambda partition: SumOperator((topics.ANOMALIES,), topics.ALERTS, partition), 1)


class SlowWriter:
    """A broker that takes its time for each checkpoint."""

    def __init__(self, sound: CheckpointWriter) -> None:
        self._sound = sound
        self.take_over, self.close = sound.take_over, sound.close

    def write(self, outputs: Sequence[SendableRecord], blocks: Mapping[str, bytes], manifest: Manifest) -> None:
        time.sleep(SLOW_S)
        self._sound.write(outputs, blocks, manifest)


def slow_writer(target: CheckpointTarget, settings: CheckpointSettings, transactions: bool) -> CheckpointWriter:
    return SlowWriter(writer_for(target, settings, transactions))


class ManifestFirst:
    """Says that the state is there before it is: what recovery then finds is older than its positions."""

    def __init__(self, sound: CheckpointWriter, partition: int) -> None:
        self._sound = sound
        self._partition = partition

    def take_over(self) -> None:
        self._sound.take_over()

    def write(self, outputs: Sequence[SendableRecord], blocks: Mapping[str, bytes], manifest: Manifest) -> None:
        self._write_first(blocks, manifest)
        TORN.add(self._partition)
        time.sleep(BROKEN_FOR_S)
        TORN.discard(self._partition)
        self._sound.write(outputs, blocks, manifest)

    def _write_first(self, blocks: Mapping[str, bytes], manifest: Manifest) -> None:
        self._sound.write((), {}, manifest)

    def close(self) -> None:
        self._sound.close()


class OutputsLast(ManifestFirst):
    """Says that the outputs were sent before they are."""

    def _write_first(self, blocks: Mapping[str, bytes], manifest: Manifest) -> None:
        self._sound.write((), blocks, manifest)


def manifest_first(target: CheckpointTarget, settings: CheckpointSettings, transactions: bool) -> CheckpointWriter:
    return ManifestFirst(writer_for(target, settings, transactions), target.partition)


def outputs_last(target: CheckpointTarget, settings: CheckpointSettings, transactions: bool) -> CheckpointWriter:
    return OutputsLast(writer_for(target, settings, transactions), target.partition)


WRITERS = {"sound": writer_for, "slow": slow_writer, "manifest_first": manifest_first, "outputs_last": outputs_last}
