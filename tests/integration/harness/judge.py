"""Whether what came out is what an undisturbed run makes of the same log: to the bit, none lost, none twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from agents.checkpoints import Restored
from agents.stage import Stage
from schemas.errors import SchemaError
from streams.operator import Operator
from tests.integration.harness.log import BrokerLog


def whole_state(operator: Operator) -> dict[str, bytes]:
    """All blocks, those too that are written seldom."""
    mark_all = getattr(operator, "mark_all", None)
    if mark_all is not None:
        mark_all()
    blocks = {name: block for name, block in operator.take_blocks() if block is not None}
    if "meta" in blocks:  # when the clock last moved on its own is nothing that the samples decide
        blocks["meta"] = json.dumps(json.loads(blocks["meta"]) | {"anchor": None}).encode()
    return blocks


def restored_state(stage: Stage, restored: Restored) -> dict[str, bytes]:
    """What a worker makes of the blocks that lie there."""
    operator = stage.operator(restored.partition)
    for name, value in restored.blocks.items():
        operator.load_block(name, value)
    operator.finish_load()
    if not hasattr(operator, "mark_all"):
        return restored.blocks
    return whole_state(operator)


@dataclass
class Reference:
    """A stage over a log, in one process, never disturbed."""

    outputs: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[int, dict[str, bytes]] = field(default_factory=dict)

    @classmethod
    def over(cls, stage: Stage, records: Mapping[int, Iterable[bytes | None]]) -> Reference:
        found = cls()
        for number, values in records.items():
            operator = stage.operator(number)
            for value in values:
                found._step(operator, stage.source.name, value)
            found.blocks[number] = whole_state(operator)
        return found

    def _step(self, operator: Operator, topic: str, value: bytes | None) -> None:
        try:
            outputs = operator.step(topic, value)
        except (SchemaError, ArithmeticError):
            return
        for output in outputs:
            self.outputs[output.id] = output.value


def differences(log: BrokerLog, stages: Callable[[str], Stage]) -> list[str]:
    """What is wrong with detect and decide, as sentences; empty if nothing is."""
    return [*stage_differences(log, stages("detect")), *stage_differences(log, stages("decide"))]


def stage_differences(log: BrokerLog, stage: Stage) -> list[str]:
    """State and outputs of a stage against a run over the very log that it read."""
    inputs = {number: [record.value for record in records] for number, records in log.records(stage.source).items()}
    reference = Reference.over(stage, inputs)
    output = stage.operator(0).output  # type: ignore[attr-defined]  # the small operator's
    found = []
    if stage.precious and log.kafka.profile == "kafka" and (twice := log.count(output) - len(log.by_id(output))):
        found.append(f"{output.name}: {twice} records came twice, in spite of transactions")
    return [
        *found,
        *_output_differences(output.name, log.by_id(output), reference.outputs),
        *state_differences(stage, log, reference),
    ]


def _output_differences(name: str, actual: Mapping[str, set[bytes]], expected: Mapping[str, bytes]) -> list[str]:
    found = []
    if not expected:
        found.append(f"{name}: the reference is empty, nothing was compared")
    if lost := expected.keys() - actual.keys():
        found.append(f"{name}: {len(lost)} of {len(expected)} lost")
    if invented := actual.keys() - expected.keys():
        found.append(f"{name}: {len(invented)} that the reference does not have")
    if changed := [one for one in expected.keys() & actual.keys() if actual[one] != {expected[one]}]:
        found.append(f"{name}: {len(changed)} differ in value")
    return found


def state_differences(stage: Stage, log: BrokerLog, reference: Reference) -> list[str]:
    """Where the state at the last manifest is not, bit for bit, the reference's."""
    found = []
    states = log.states(stage.checkpoints)
    ends = log.ends(stage.source)
    for number, end in ends.items():
        manifest = states[number].manifest
        if manifest is None or manifest.offsets[stage.source.name] != end:
            found.append(f"{stage.name}/{number}: the state ends at {manifest}, the log at {end}")
            continue
        ours, theirs = restored_state(stage, states[number]), reference.blocks[number]
        if ours != theirs:
            names = [name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)]
            found.append(f"{stage.name}/{number}: the state differs in {len(names)} blocks, {sorted(names)[:5]}")
    return found
