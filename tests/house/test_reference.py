"""The reference says what the code says: everything is in it, and nothing in it is old."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel

from integrations.telemetry import Telemetry
from metrics_ai import reference
from schemas.events import Tick
from schemas.topics import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def fresh() -> dict[str, str]:
    return reference.pages()


def test_the_reference_in_the_repository_is_what_the_code_says(fresh: dict[str, str]) -> None:
    lying = {path.relative_to(REFERENCE).as_posix(): path.read_text() for path in REFERENCE.rglob("*.*")}
    assert sorted(lying) == sorted(fresh), "run make docs"
    stale = [path for path, text in fresh.items() if lying[path] != text]
    assert stale == [], "run make docs"


def test_writing_the_reference_removes_pages_that_are_no_longer(tmp_path: Path, fresh: dict[str, str]) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "Gone.json").write_text("{}")
    reference.write(tmp_path)
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert written == set(fresh)


def test_every_topic_is_documented(fresh: dict[str, str]) -> None:
    missing = [topic.name for topic in CATALOGUE if f"\n## {topic.name}\n" not in fresh["topics.md"]]
    assert missing == []


def test_every_metric_is_documented(fresh: dict[str, str]) -> None:
    names = reference.label_names(Telemetry("test"))
    assert names
    assert [name for name in names if f"`{name}" not in fresh["metrics.md"]] == []


def test_every_error_is_documented(fresh: dict[str, str]) -> None:
    names = [error.__name__ for error in reference.error_classes()]
    assert "BrokerError" in names
    assert [name for name in names if f"`{name}`" not in fresh["errors.md"]] == []


def test_every_setting_is_documented_and_described(fresh: dict[str, str]) -> None:
    from metrics_ai.config import Config, model_of

    def paths(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
        for name, one in model.model_fields.items():
            below = model_of(one.annotation)
            mark = "[]" if below and typing.get_origin(one.annotation) in {list, tuple} else ""
            yield f"{prefix}{name}{mark}", one.description or ""
            if below:
                yield from paths(below, f"{prefix}{name}{mark}.")

    found = dict(paths(Config))
    assert len(found) > 50
    assert [path for path in found if f"`{path}`" not in fresh["configuration.md"]] == []


def test_every_command_format_and_detector_is_documented(fresh: dict[str, str]) -> None:
    from integrations.formats import FORMATS
    from metrics_ai.reference_pages import commands
    from models.registry import registry

    assert [path for path in commands() if f"\n## {path}\n" not in fresh["cli.md"]] == []
    assert [name for name in FORMATS if f"\n## {name}\n" not in fresh["formats.md"]] == []
    assert [name for name in registry() if f"\n## {name}\n" not in fresh["detectors.md"]] == []


def test_every_error_stands_in_the_tree_at_the_top_of_its_module() -> None:
    from schemas import errors

    tree = errors.__doc__ or ""
    ours = [error for error in reference.error_classes() if error.__module__ == errors.__name__]
    assert [error.__name__ for error in ours if error.__name__ not in tree] == []


def test_every_event_on_a_topic_has_a_schema_that_its_bytes_pass(fresh: dict[str, str]) -> None:
    named = {topic.model.__name__ for topic in CATALOGUE if topic.model is not None}
    assert named <= {path.removeprefix("schemas/").removesuffix(".json") for path in fresh if "schemas/" in path}
    schema = json.loads(fresh["schemas/Tick.json"])
    jsonschema.Draft202012Validator.check_schema(schema)
    tick = json.loads(Tick(stage="detect", partition=1, at_ms=1000).to_bytes())
    jsonschema.validate(tick, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tick | {"at_ms": "late"}, schema)


def test_the_command_refuses_anything_but_one_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main([]) == 2
    assert "usage" in capsys.readouterr().err
