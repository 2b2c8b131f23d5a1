"""What was written by an older release is read; what a newer one writes is neither rejected nor guessed at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.base import Event
from schemas.batch import SampleBatch, decode_batch, encode_batch
from schemas.errors import NewerVersionError
from schemas.events import Setting, Tick
from schemas.topics import CATALOGUE

EVENTS = sorted({topic.model for topic in CATALOGUE if topic.model is not None}, key=lambda model: model.__name__)


@pytest.mark.parametrize("model", EVENTS, ids=lambda model: model.__name__)
def test_an_event_of_a_newer_version_is_told_apart_from_garbage(model: type[Event]) -> None:
    with pytest.raises(NewerVersionError, match="Upgrade"):
        model.from_bytes(b'{"v": 99}')


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (Tick, b'{"v":1,"stage":"detect","partition":3,"at_ms":5000}'),
        (Setting, b'{"v":1,"subject":"correlation","valid_from_ms":5,"body":{}}'),
    ],
)
def test_what_version_1_first_wrote_is_read(model: type[Event], data: bytes) -> None:
    event = model.from_bytes(data)
    assert data[:-1] in event.to_bytes()


@pytest.mark.parametrize("line", (Path(__file__).parent / "events_v1.jsonl").read_text().splitlines())
def test_events_as_version_1_wrote_them_are_read_with_all_that_they_say(line: str) -> None:
    golden = json.loads(line)
    (model,) = (one for one in EVENTS if one.__name__ == golden["model"])
    event = model.from_bytes(json.dumps(golden["event"]).encode())
    assert _of_then(json.loads(event.to_bytes()), golden["event"]) == golden["event"]


def _of_then(said: Any, golden: Any) -> Any:
    """What is said, without the fields that came since."""
    if isinstance(golden, dict):
        return {name: _of_then(said[name], value) for name, value in golden.items()}
    if isinstance(golden, list):
        assert len(said) == len(golden)
        return [_of_then(one, other) for one, other in zip(said, golden, strict=True)]
    return said


def test_a_batch_of_a_newer_version_is_told_apart_from_garbage() -> None:
    batch = SampleBatch("t", np.array([1], np.uint64), ["x"], np.zeros(1, np.int32), np.ones(1, np.int64), np.ones(1))
    table = pa.ipc.open_stream(encode_batch(batch)).read_all()
    newer = table.replace_schema_metadata({**table.schema.metadata, b"metrics_ai.version": b"99"})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, newer.schema) as writer:
        writer.write_table(newer)
    with pytest.raises(NewerVersionError, match="version 99"):
        decode_batch(sink.getvalue().to_pybytes())
