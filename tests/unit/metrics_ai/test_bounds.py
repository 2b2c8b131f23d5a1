"""What is no number, or too large a one, is told as a mistake of the configuration; the largest allowed one works."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from annotated_types import Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from metrics_ai.config import Config, load_config, model_of
from models.detect import DetectOperator
from models.settings import DetectSettings
from schemas.errors import ConfigurationError
from schemas.series import Series
from tests.unit.models.streams import START_MS, batch_of, stream

KEYS = {"windows": "5m", "rules": 0, "families": 0, "detectors": 0, "maintenance": 0}
ITEMS: dict[str, dict[str, Any]] = {
    "rules": {"name": "r", "select": "m", "threshold": 1, "function": "eta", "comparison": "<", "limit": 9},
    "families": {"name": "m", "metric": "m"},
    "detectors": {"detector": "records", "select": "m"},
    "maintenance": {"name": "w", "start": "2026-01-01T00:00", "duration_s": 60},
}
Where = tuple[str | int, ...]


def float_fields(model: type[BaseModel], where: Where) -> Iterator[tuple[Where, FieldInfo]]:
    """Every float below a model, with its path; of lists and mappings in one item."""
    for name, field in model.model_fields.items():
        key = (KEYS[name],) if name in KEYS else ()
        if (inner := model_of(field.annotation)) is not None:
            yield from float_fields(inner, (*where, name, *key))
        elif typing.get_origin(field.annotation) is not dict and float in (
            field.annotation,
            *typing.get_args(field.annotation),
        ):
            yield (*where, name), field


FIELDS = dict(float_fields(DetectSettings, ("detect",)))


def document(where: Where, value: float) -> dict[str, Any]:
    """A configuration in which only that field is set, beside what its item needs."""
    *path, last = where
    tree: dict[str, Any] = {}
    here = tree
    for at, key in enumerate(path):
        if isinstance(key, int):
            continue
        if isinstance(path[at + 1] if at + 1 < len(path) else last, int):
            here[key] = [dict(ITEMS[key])]
            here = here[key][0]
        else:
            here = here.setdefault(key, {})
    here[str(last)] = value
    return tree


def loaded(folder: Path, tree: dict[str, Any]) -> Config:
    path = folder / "metrics-ai.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_config(path, {})


def test_the_fields_are_those_that_there_are() -> None:
    assert len(FIELDS) > 40
    assert {("detect", "forget_after_s"), ("detect", "windows", "5m", "patience"), ("detect", "rules", 0, "limit")} <= {
        *FIELDS
    }


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 1e300])
@pytest.mark.parametrize("where", FIELDS, ids=lambda where: ".".join(map(str, where)))
def test_no_float_of_detect_takes_what_nothing_can_hold(where: Where, value: float, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=str(where[-1])):
        loaded(tmp_path, document(where, value))


@pytest.mark.parametrize("where", FIELDS, ids=lambda where: ".".join(map(str, where)))
def test_the_largest_that_is_allowed_works(where: Where, tmp_path: Path) -> None:
    (bound,) = (one for one in FIELDS[where].metadata if isinstance(one, Le | Lt))
    most = float(bound.le if isinstance(bound, Le) else math.nextafter(bound.lt, 0.0))  # type: ignore[arg-type]
    operator = DetectOperator(loaded(tmp_path, document(where, most)).detect, 0, 1)
    operator.step_batch(batch_of(stream(Series("t", "m"), [1.0, 2.0, 1.0])))
    for after_ms in (0, 400_000_000_000):
        operator.on_tick(START_MS + after_ms)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (("detect", "forget_after_s"), "finite number, not inf"),
        (("detect", "confirm", "max_freeze_s"), "finite number, not inf"),
        (("detect", "drift", "options", "threshold"), "finite number, not inf"),
        (("decide", "retention_s"), "finite number, not inf"),
        (("checkpoint", "interval_s"), "finite number, not inf"),
    ],
)
def test_what_to_write_instead_of_infinity_is_said(where: Where, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said) as told:
        loaded(tmp_path, document(where, math.inf))
    assert told.value.way_out in {
        "The most that it can be is 315360000",
        "The most that it can be is 3600",
        "Write a number",
    }


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if (inner := model_of(field.annotation)) is not None:
            yield from models(inner)


def test_no_setting_takes_infinity() -> None:
    assert [one.__name__ for one in models(Config) if one.model_config.get("allow_inf_nan") is not False] == []


@pytest.mark.parametrize("start", ["2026-13-01", "2026-02-30T02:00:00"])
def test_a_date_that_the_calendar_does_not_have_is_one_line(tmp_path: Path, start: str) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(f"detect:\n  maintenance:\n    - {{name: a, start: {start}, duration_s: 60}}\n")
    with pytest.raises(ConfigurationError, match="a date that is none"):
        load_config(path)
